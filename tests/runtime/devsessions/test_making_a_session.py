"""A session is made whole or not at all, and keeps nobody waiting meanwhile."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path

import anyio
import pytest

from tests.author import Author
from tests.runtime.devsessions.test_sessions import said
from workbench.assembly import Workbench
from workbench.model.errors import MachineCannot, WrongUse
from workbench.runtime.devsessions.overlay import Overlay

pytestmark = pytest.mark.anyio


@pytest.fixture
def copy(author: Author, workbench: Workbench, tmp_path: Path) -> Path:
    """A folder that is built like the workspace."""
    shutil.copytree(author.skills, tmp_path / "copy/skills")
    return tmp_path / "copy"


def full(*_: object) -> None:
    raise shutil.Error([("a", "b", "No space left on device")])


async def test_a_disk_that_is_full_while_a_folder_is_noted_leaves_nothing_of_the_session(
    author: Author, workbench: Workbench, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Overlay, "remember", full)
    with pytest.raises(MachineCannot, match="No space left"):
        await workbench.sessions.create("one", folder=str(copy))
    assert not (author.workspace / ".workbench/dev/one").exists()
    assert (copy / "skills/greet/skill.py").exists()
    monkeypatch.undo()
    await workbench.sessions.create("one", folder=str(copy))
    assert await said(workbench.in_session("one")) == "hello"


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
async def test_a_disk_that_is_full_leaves_no_worktree(
    author: Author, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        command = ["git", *identity, "-C", str(author.workspace), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    git("init", "-q", "-b", "trunk")
    git("add", "skills")
    git("commit", "-q", "-m", "first")
    monkeypatch.setattr(Overlay, "remember", full)
    with pytest.raises(MachineCannot, match="No space left"):
        await workbench.sessions.create("try", worktree="idea")
    assert git("worktree", "list").count("\n") == 1
    assert not (author.workspace / ".workbench/dev/try").exists()
    monkeypatch.undo()
    await workbench.sessions.create("try", worktree="idea")
    assert await said(workbench.in_session("try")) == "hello"


async def test_the_loop_goes_on_while_a_folder_is_noted_and_a_second_of_its_name_waits_and_is_refused(
    workbench: Workbench, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, began, goes_on = Overlay.remember, threading.Event(), threading.Event()
    refused: list[WrongUse] = []

    def slowly(self: Overlay, homes: Iterable[str]) -> None:
        began.set()
        assert goes_on.wait(10)
        real(self, homes)

    async def create_another() -> None:
        with pytest.raises(WrongUse, match="there is a session 'one' already") as second:
            await workbench.sessions.create("one")
        refused.append(second.value)

    monkeypatch.setattr(Overlay, "remember", slowly)
    async with anyio.create_task_group() as tasks:

        async def create() -> None:
            await workbench.sessions.create("one", folder=str(copy))

        tasks.start_soon(create)
        await anyio.to_thread.run_sync(began.wait)
        tasks.start_soon(create_another)
        await anyio.wait_all_tasks_blocked()
        goes_on.set()
    assert len(refused) == 1
    assert workbench.sessions.notes.find("one").folder == str(copy)
