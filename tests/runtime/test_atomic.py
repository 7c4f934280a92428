"""Files that are opened only where they are files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.model.errors import NotEditable
from workbench.runtime.atomic import open_regular, remove_tree
from workbench.runtime.devsessions.files import read_text_file


@pytest.mark.parametrize("made", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/etc/hosts")])
def test_what_is_no_file_is_refused_and_no_descriptor_stays(tmp_path: Path, made: Callable[[Path], None]) -> None:
    made(tmp_path / "it")
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match="it"):
        open_regular(str(tmp_path / "it"))
    assert os.listdir("/proc/self/fd") == before


def test_a_folder_that_is_opened_in_an_editor_leaves_no_descriptor(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    with pytest.raises(NotEditable, match="is not a file"):
        read_text_file(str(tmp_path))
    assert os.listdir("/proc/self/fd") == before


def test_what_was_closed_is_removed_and_what_a_link_leads_to_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outside").mkdir(mode=0o500)
    (tmp_path / "tree/closed/below").mkdir(parents=True)
    (tmp_path / "tree/closed/below/link").symlink_to(tmp_path / "outside")
    (tmp_path / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "tree/closed").chmod(0)

    def refused(path: str) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(shutil, "rmtree", refused)  # root is refused nothing
    for name in ("tree", "link", "absent"):
        remove_tree(str(tmp_path / name))

    assert [path.name for path in tmp_path.iterdir()] == ["outside"]
    assert (tmp_path / "outside").stat().st_mode & 0o777 == 0o500
