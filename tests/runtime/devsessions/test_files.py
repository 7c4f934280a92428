"""A skill's files as an editor opens and saves them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workbench.model.errors import MachineCannot, NotEditable
from workbench.runtime.devsessions.files import ChangedOutside, new_text_file, read_text_file, save_text_file


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
