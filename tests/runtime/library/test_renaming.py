"""Another name in a skill's files, whatever lies beside them, and however often the name stands there."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from workbench.model.errors import Conflict, MachineCannot, WrongUse
from workbench.model.skill import Scope, Skill
from workbench.runtime.formats import reader
from workbench.runtime.library import renaming
from workbench.runtime.library.renaming import rename_files


def skill_in(folder: Path, text: str) -> Skill:
    folder.mkdir()
    (folder / "skill.json").write_text(text)
    skill = reader.read_skill(str(folder), "skill.json", Scope.WORKSPACE)
    assert skill is not None
    return skill


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each reading of the skill, tried with the name in another place."""
    read: list[str] = []

    def reading(folder: str, entry: str, scope: Scope, *, single_file: bool = False) -> Skill | None:
        read.append(folder)
        return reader.read_skill(folder, entry, scope, single_file=single_file)

    monkeypatch.setattr(renaming, "read_skill", reading)
    return read


def test_a_name_that_stands_there_a_hundred_thousand_times_is_found_where_it_is_said_to_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "a " * 100_000
    skill = skill_in(tmp_path / "mine", json.dumps({"type": "prompt_inline", "prompt_template": words, "name": "a"}))
    read = counted(monkeypatch)
    rename_files(skill, "b")
    assert json.loads(Path(skill.path).read_text()) == {"type": "prompt_inline", "prompt_template": words, "name": "b"}
    assert len(read) <= renaming.MOST_TRIED


def test_a_name_that_is_nowhere_said_to_be_one_is_given_up_after_a_few_tries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = json.dumps({"type": "prompt_inline", "prompt_template": "a " * 100_000, "name": "here"})
    skill = skill_in(tmp_path / "mine", text.replace("here", "\\u0061"))
    read = counted(monkeypatch)
    with pytest.raises(WrongUse, match=r"is not written in skill\.json as plain text"):
        rename_files(skill, "b")
    assert len(read) <= renaming.MOST_TRIED


def test_a_pipe_beside_the_files_is_nothing_to_wait_for(tmp_path: Path) -> None:
    skill = skill_in(tmp_path / "greet", '{"name": "greet", "type": "prompt_inline", "prompt_template": "hi"}')
    os.mkfifo(tmp_path / "greet/pipe")
    assert rename_files(skill, "hail") == str(tmp_path / "hail")
    assert '"hail"' in (tmp_path / "hail/skill.json").read_text()
    assert (tmp_path / "hail/pipe").is_fifo()


def test_a_folder_that_cannot_be_copied_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skill = skill_in(tmp_path / "greet", '{"name": "greet", "type": "prompt_inline", "prompt_template": "hi"}')

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(MachineCannot, match="No space left"):
        rename_files(skill, "hail")
    Path(skill.path).unlink()
    with pytest.raises(MachineCannot, match="No such file"):
        rename_files(skill, "hail")


def test_what_is_saved_while_the_name_is_looked_for_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skill = skill_in(tmp_path / "greet", '{"name": "greet", "type": "prompt_inline", "prompt_template": "hi"}')

    def reading(folder: str, entry: str, scope: Scope, *, single_file: bool = False) -> Skill | None:
        Path(skill.path).write_text("typed just now")
        return reader.read_skill(folder, entry, scope, single_file=single_file)

    monkeypatch.setattr(renaming, "read_skill", reading)
    with pytest.raises(Conflict, match="saved at this moment"):
        rename_files(skill, "hail")
    assert Path(skill.path).read_text() == "typed just now"


def test_a_folder_that_cannot_be_moved_keeps_its_name_in_its_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = '{"name": "greet", "type": "prompt_inline", "prompt_template": "hi"}'
    skill = skill_in(tmp_path / "greet", text)

    def forbidden(*_: object) -> None:
        raise OSError(13, "Permission denied")

    monkeypatch.setattr(os, "rename", forbidden)
    with pytest.raises(MachineCannot, match="Permission denied"):
        rename_files(skill, "hail")
    assert Path(skill.path).read_text() == text
