"""A skill's files as an editor opens and saves them."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from workbench.model.errors import MachineCannot, NotEditable
from workbench.model.manifest import Manifest
from workbench.model.skill import SHARED, Kind, Scope, Skill, SkillFile
from workbench.runtime.devsessions.files import (
    ChangedOutside,
    copied_to_workspace,
    new_text_file,
    read_text_file,
    save_text_file,
)


def shipped_skill(root: Path, *, is_alone: bool) -> Skill:
    """One with a module that it shares."""
    paths = ("skill.py", *(() if is_alone else ("a.txt",)), f"{SHARED}/deep/words.py")
    return Skill(
        name="greet",
        kind=Kind.PYTHON,
        scope=Scope.BUILTIN,
        folder=str(root / "greet"),
        entry="skill.py",
        files=tuple(SkillFile(path=path, is_executable=False, sha256="") for path in paths),
        digest="",
        manifest=Manifest(name="greet"),
        single_file=is_alone,
        shared_root=str(root / "_shared"),
    )


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file grows beyond that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    "content",
    [b"one\ntwo\n", b"one\r\ntwo\r\n", b"\xef\xbb\xbfmarked\n", b"no end", b"", b"caf\xe9 in another coding\n"],
)
def test_a_file_is_written_back_byte_for_byte(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "skill.py"
    path.write_bytes(content)
    path.chmod(0o755)

    opened = read_text_file(str(path))
    saved = save_text_file(opened, opened.text)

    assert path.read_bytes() == content
    assert path.stat().st_mode & 0o777 == 0o755
    assert saved == opened


def test_a_file_that_was_changed_outside_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "skill.py"
    path.write_text("mine")
    opened = read_text_file(str(path))
    path.write_text("theirs")

    with pytest.raises(ChangedOutside) as refused:
        save_text_file(opened, "mine, longer")

    assert path.read_text() == "theirs"
    assert refused.value.theirs is not None
    assert save_text_file(refused.value.theirs, "mine after all").text == path.read_text()


def test_a_file_that_is_gone_is_put_back_only_where_nothing_stands(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "skill.py"
    path.parent.mkdir()
    path.write_text("mine")
    opened = read_text_file(str(path))
    path.unlink()
    path.parent.rmdir()

    with pytest.raises(ChangedOutside) as refused:
        save_text_file(opened, "more")
    assert refused.value.theirs is None

    assert new_text_file(str(path), opened, "back").text == "back"
    with pytest.raises(ChangedOutside):
        new_text_file(str(path), opened, "twice")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.py").write_text("one")
    link = tmp_path / "skill.py"
    link.symlink_to("real.py")

    save_text_file(read_text_file(str(link)), "two")

    assert link.is_symlink()
    assert (tmp_path / "real.py").read_text() == "two"


@pytest.mark.parametrize("what", ["folder", "binary", "huge", "missing", "fifo"])
def test_what_cannot_be_edited_says_why(tmp_path: Path, what: str) -> None:
    path = tmp_path / "thing"
    match what:
        case "folder":
            path.mkdir()
        case "binary":
            path.write_bytes(b"a\0b")
        case "huge":
            path.write_bytes(b"x" * 4_000_001)
        case "fifo":
            os.mkfifo(path)

    with pytest.raises(NotEditable) as refused:
        read_text_file(str(path))

    assert "thing" in refused.value.message
    assert refused.value.hint


def test_a_full_or_forbidden_folder_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "skill.py"
    path.write_text("one")
    opened = read_text_file(str(path))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(MachineCannot, match="No space left"):
        save_text_file(opened, "two")

    assert path.read_text() == "one"
    assert os.listdir(tmp_path) == ["skill.py"]


def test_a_file_that_cannot_be_put_back_whole_leaves_nothing_that_refuses_the_next_save(tmp_path: Path) -> None:
    path = tmp_path / "skill.py"
    path.write_text("one")
    opened = read_text_file(str(path))
    path.unlink()

    with room_for(1_000), pytest.raises(MachineCannot, match="File too large"):
        new_text_file(str(path), opened, "x" * 100_000)

    assert os.listdir(tmp_path) == []
    assert new_text_file(str(path), opened, "x" * 100_000).text == "x" * 100_000


@pytest.mark.parametrize("is_alone", [True, False], ids=["a single file", "a folder"])
def test_a_shipped_skill_is_copied_whole_or_not_at_all(tmp_path: Path, is_alone: bool) -> None:
    shipped, workspace = tmp_path / "shipped", tmp_path / "workspace"
    texts = {"_shared/deep/words.py": "WORDS = 1", "greet/a.txt": "short", "greet/skill.py": "long\n" * 1_000}
    for path, text in texts.items():
        (shipped / path).parent.mkdir(parents=True, exist_ok=True)
        (shipped / path).write_text(text)
    skill = shipped_skill(shipped, is_alone=is_alone)

    with room_for(1_000), pytest.raises(MachineCannot, match="cannot be copied to the workspace"):
        copied_to_workspace(skill, str(workspace))
    assert [path for path in workspace.rglob("*") if path.name != "skills"] == []

    home = Path(copied_to_workspace(skill, str(workspace)))
    assert (home / "skill.py").read_text() == "long\n" * 1_000
    assert (home / "a.txt").exists() is not is_alone
    assert (workspace / "skills/deep/words.py").read_text() == "WORDS = 1"
