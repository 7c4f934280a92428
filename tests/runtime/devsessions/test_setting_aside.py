"""Of a file that is replaced the old one is there or the new one, never neither; nothing is written over unseen."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from workbench.model.errors import Conflict, MachineCannot
from workbench.runtime.devsessions.asides import replace_file
from workbench.runtime.devsessions.overlay import files_in, mark_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "skill.py"
    path.write_text("mine")
    (tmp_path / ".skill.py.000000000000").write_text("merged")
    return path


def replaced(file: Path) -> None:
    replace_file(str(file), mark_of(str(file)), str(file.with_name(".skill.py.000000000000")))


def test_it_is_what_replaces_it(file: Path) -> None:
    replaced(file)
    assert file.read_text() == "merged"


def test_where_the_new_one_cannot_have_the_name_the_old_one_keeps_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: str, target: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", target)

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(MachineCannot, match="No space left"):
        replaced(file)
    assert file.read_text() == "mine"


def test_what_is_saved_in_between_is_not_written_over(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def after_a_save(source: str, target: str) -> None:
        file.write_text("saved at this moment")
        link(source, target)

    monkeypatch.setattr(os, "link", after_a_save)
    with pytest.raises(Conflict, match="was saved at this moment"):
        replaced(file)
    assert file.read_text() == "saved at this moment"
    assert "mine" in {each.read_text() for each in file.parent.iterdir()}


def test_what_a_crash_left_aside_is_nobodys_file(file: Path) -> None:
    assert list(files_in(str(file.parent.parent), [file.parent.name])) == [f"{file.parent.name}/skill.py"]
