"""Where state is kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workbench.model.errors import StoreUnavailable
from workbench.runtime.places import file_system_of, place_of_state


def test_state_lies_in_a_workspace_that_is_local_and_writable(workspace: Path, environ: dict[str, str]) -> None:
    place = place_of_state(str(workspace), environ)

    assert place.folder == f"{workspace}/.workbench"
    assert place.prepared() == place.folder
    assert (workspace / ".workbench/.gitignore").read_text() == "*\n"
    assert (workspace / ".workbench").stat().st_mode & 0o077 == 0


def test_a_state_folder_that_is_a_link_is_not_followed(
    workspace: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    (workspace / ".workbench").symlink_to(tmp_path / "home")

    place = place_of_state(str(workspace), environ)

    assert not place.is_in_workspace
    assert "link" in place.reason
    assert place.folder.startswith(environ["HOME"])


def test_the_users_state_folder_can_be_named(workspace: Path, environ: dict[str, str], tmp_path: Path) -> None:
    (workspace / ".workbench").symlink_to("/nowhere")
    chosen = {**environ, "WORKBENCH_STATE_HOME": str(tmp_path / "chosen")}

    assert place_of_state(str(workspace), chosen).folder.startswith(str(tmp_path / "chosen"))
    assert "/.local/state/skill-workbench/" in place_of_state(str(workspace), environ).folder


def test_two_workspaces_never_share_a_place(workspace: Path, environ: dict[str, str], tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for folder in (workspace, other):
        (folder / ".workbench").symlink_to("/nowhere")

    assert place_of_state(str(workspace), environ).folder != place_of_state(str(other), environ).folder


def test_where_nothing_can_be_made_the_error_says_which_folder(workspace: Path, environ: dict[str, str]) -> None:
    (workspace / ".workbench").symlink_to("/nowhere")
    place = place_of_state(str(workspace), {**environ, "WORKBENCH_STATE_HOME": os.devnull})

    with pytest.raises(StoreUnavailable, match="/dev/null"):
        place.prepared()


def test_the_file_system_is_told_by_its_mount() -> None:
    assert file_system_of("/proc/self") == "proc"


def test_a_state_folder_that_another_process_makes_at_this_moment_is_ours(
    workspace: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, listdir = place_of_state(str(workspace), environ), os.listdir

    def just_before(path: str) -> list[str]:
        try:
            return listdir(path)
        except FileNotFoundError:
            first.prepared()
            raise

    monkeypatch.setattr(os, "listdir", just_before)
    again = place_of_state(str(workspace), environ)
    assert (again.folder, again.is_in_workspace) == (first.folder, True)


def test_a_workspace_may_have_any_name_that_the_system_takes(workspace: Path, environ: dict[str, str]) -> None:
    named = os.fsdecode(os.fsencode(workspace) + b"/caf\xe9")
    os.mkdir(named)
    place_of_state(named, environ).prepared()
    assert place_of_state(named, environ).is_in_workspace
