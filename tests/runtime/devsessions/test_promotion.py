"""A session's files become the workspace's: nothing of anybody's is lost, whatever happens in between."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from tests.author import REPOSITORY, Author, function
from tests.runtime.devsessions.test_sessions import edit, opened, said
from workbench.assembly import Workbench, open_workbench
from workbench.model.devsession import Standing
from workbench.model.errors import Conflict, MachineCannot, WrongUse
from workbench.model.skill import Scope
from workbench.runtime.atomic import write_atomically
from workbench.runtime.devsessions import promotion
from workbench.runtime.devsessions.overlay import Overlay

pytestmark = pytest.mark.anyio
BODY = "# first\n\n\n\n# last\nreturn {!r}"


@pytest.fixture
def author(author: Author) -> Author:
    """Somebody whose skill has room for changes of two people."""
    author.has_function("greet", BODY.format("hello"))
    return author


@pytest.fixture
async def workbench(author: Author) -> AsyncIterator[Workbench]:
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        yield workbench


def howdy(workbench: Workbench) -> Path:
    return edit(workbench, "greet", function("greet", BODY.format("howdy")))


async def test_what_was_made_in_a_session_answers_in_the_workspace_and_its_history_says_whence(
    workbench: Workbench,
) -> None:
    assert await said(workbench) == "hello"
    inside = await opened(workbench, "one", "greet")
    howdy(inside)
    assert await said(inside) == "howdy"
    promoted = await inside.promote()

    assert [stand.path for stand in promoted.files] == ["skills/greet/skill.py"]
    assert await said(workbench) == "howdy"
    assert workbench.history("greet")[0].message == "promoted from one r2"
    assert inside.find("greet").scope is Scope.WORKSPACE
    with pytest.raises(WrongUse, match="nothing that the workspace does not have"):
        await inside.promote()


async def test_files_that_came_and_went_come_and_go_there_and_what_is_not_the_sessions_stays(
    author: Author, workbench: Workbench
) -> None:
    author.writes("greet/data/old.txt", "old")
    author.writes("greet/run.sh", "true").chmod(0o755)
    inside = await opened(workbench, "one", "greet")
    home = Path(inside.find("greet").folder)
    author.writes("greet/data/theirs.txt", "theirs")
    (home / "data/old.txt").unlink()
    (home / "run.sh").chmod(0o644)
    (home / "deep/er").mkdir(parents=True)
    (home / "deep/er/new.txt").write_text("new")
    (home / "tests").mkdir()
    (home / "tests/a.yaml").write_text("cases: [{name: a, expect: {output: hello}}]")
    await inside.promote()

    there = author.skills / "greet"
    assert sorted(path.name for path in (there / "data").iterdir()) == ["theirs.txt"]
    assert not os.access(there / "run.sh", os.X_OK)
    assert (there / "deep/er/new.txt").read_text() == "new"
    assert (there / "tests/a.yaml").exists()


async def test_a_skill_deleted_in_a_session_is_deleted_and_a_new_one_is_there(
    author: Author, workbench: Workbench
) -> None:
    inside = await opened(workbench, "one", "greet")
    home = Path(inside.find("greet").folder)
    shutil.copytree(home, home.with_name("welcome"))
    (home.with_name("welcome") / "skill.py").write_text(function("welcome", "return 'welcome'"))
    shutil.rmtree(home)
    inside.refresh()
    await inside.promote()

    assert [path.name for path in author.skills.iterdir()] == ["welcome"]
    assert await said(workbench, "welcome") == "welcome"
    assert "greet" not in workbench.snapshot.skills


async def test_what_both_changed_is_refused_and_nothing_is_written(author: Author, workbench: Workbench) -> None:
    author.writes("greet/a.txt", "a")
    inside = await opened(workbench, "one", "greet")
    Path(howdy(inside)).with_name("a.txt").write_text("mine")
    author.writes("greet/a.txt", "theirs")
    with pytest.raises(Conflict, match=r"greet/a.txt; nothing was promoted"):
        await inside.promote()

    assert await said(workbench) == "hello"
    stands = {stand.path: stand.standing for stand in await inside.exchange.compared()}
    assert stands == {"skills/greet/a.txt": Standing.BOTH, "skills/greet/skill.py": Standing.HERE}
    assert inside.exchange.texts("skills/greet/a.txt") == ("a", "mine", "theirs")


async def test_changes_that_keep_apart_are_merged_and_others_are_somebodys_to_decide(
    author: Author, workbench: Workbench
) -> None:
    author.writes("greet/a.txt", "a\n")
    inside = await opened(workbench, "one", "greet")
    mine = howdy(inside)
    mine.with_name("a.txt").write_text("mine\n")
    path = author.skills / "greet/skill.py"
    path.write_text(path.read_text().replace("# first", "# the very first"))
    author.writes("greet/a.txt", "theirs\n")
    author.writes("greet/b.txt", "new there")

    left = await inside.exchange.update()
    assert [stand.path for stand in left] == ["skills/greet/a.txt"]
    assert "# the very first" in mine.read_text()
    assert await said(inside) == "howdy"
    assert mine.with_name("b.txt").read_text() == "new there"
    assert await inside.exchange.update(prefer="mine") == []
    await inside.promote()
    assert (author.skills / "greet/a.txt").read_text() == "mine\n"
    assert "# the very first" in path.read_text()
    assert await said(workbench) == "howdy"


async def test_theirs_can_be_preferred_too(author: Author, workbench: Workbench) -> None:
    inside = await opened(workbench, "one", "greet")
    howdy(inside)
    author.saves("greet/skill.py", function("greet", BODY.format("bye")))
    assert await inside.exchange.update(prefer="theirs") == []
    assert await said(inside) == "bye"


async def test_only_what_is_wanted_is_promoted(author: Author, workbench: Workbench) -> None:
    author.has_function("other", "return 1")
    workbench.refresh()
    inside = await opened(workbench, "one", "greet", "other")
    howdy(inside)
    edit(inside, "other", function("other", "return 2"))
    await inside.promote(["other"])

    assert (await said(workbench, "other"), await said(workbench)) == (2, "hello")
    assert (await said(inside, "other"), await said(inside)) == (2, "howdy")


async def test_neither_a_broken_skill_nor_one_whose_tests_are_red_is_promoted(
    author: Author, workbench: Workbench
) -> None:
    author.writes("greet/tests/a.yaml", "cases: [{name: says hello, expect: {output: hello}}]")
    inside = await opened(workbench, "one", "greet")
    edit(inside, "greet", "def greet(:")
    with pytest.raises(Conflict, match="does not load"):
        await inside.promote()
    howdy(inside)
    with pytest.raises(Conflict, match=r"tests of 'greet' are red: says hello"):
        await inside.promote()
    assert await said(workbench) == "hello"


async def test_a_disk_that_is_full_in_the_middle_leaves_everything_as_it_was(
    author: Author, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    author.writes("greet/a.txt", "a")
    inside = await opened(workbench, "one", "greet")
    howdy(inside).with_name("a.txt").write_text("mine")
    before = (author.skills / "greet/skill.py").read_bytes()
    real = write_atomically

    def full(path: str, data: bytes, *, mode: int) -> None:
        if path.endswith("skill.py"):
            raise OSError(28, "No space left on device")
        real(path, data, mode=mode)

    monkeypatch.setattr(promotion, "write_atomically", full)
    with pytest.raises(MachineCannot, match="No space left"):
        await inside.promote()
    assert (author.skills / "greet/a.txt").read_text() == "a"
    assert (author.skills / "greet/skill.py").read_bytes() == before
    monkeypatch.undo()
    await inside.promote()
    assert await said(workbench) == "howdy"


async def test_a_file_that_changes_at_the_last_moment_stops_it_and_what_was_written_is_taken_back(
    author: Author, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    author.writes("greet/a.txt", "a")
    inside = await opened(workbench, "one", "greet")
    howdy(inside).with_name("a.txt").write_text("mine")
    real = write_atomically

    def with_somebody_else(path: str, data: bytes, *, mode: int) -> None:
        real(path, data, mode=mode)
        author.saves("greet/skill.py", function("greet", "return 'theirs'"))

    monkeypatch.setattr(promotion, "write_atomically", with_somebody_else)
    with pytest.raises(Conflict, match="changed in the workspace meanwhile"):
        await inside.promote()
    monkeypatch.undo()
    assert (author.skills / "greet/a.txt").read_text() == "a"
    workbench.refresh()
    assert await said(workbench) == "theirs"


async def test_a_folder_that_has_become_a_link_is_not_written_through(
    author: Author, workbench: Workbench, tmp_path: Path
) -> None:
    author.writes("greet/data/a.txt", "a")
    inside = await opened(workbench, "one", "greet")
    (Path(inside.find("greet").folder) / "data/new.txt").write_text("new")
    shutil.move(author.skills / "greet/data", tmp_path / "elsewhere")
    (author.skills / "greet/data").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MachineCannot, match="leads elsewhere"):
        await inside.promote()
    assert not (tmp_path / "elsewhere/new.txt").exists()


DIES = """
import asyncio, os, signal, sys
from workbench.assembly import open_workbench
from workbench.runtime.devsessions import promotion

real, left = promotion.write_atomically, int(sys.argv[2])

def dying(path, data, *, mode):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    real(path, data, mode=mode)

promotion.write_atomically = dying

async def main():
    async with open_workbench(workspace=sys.argv[1], dev="one") as inside:
        await inside.promote()

asyncio.run(main())
"""


async def killed_after(author: Author, written: int) -> None:
    """A process that promotes, and is killed when so many files are written."""
    environ = {**author.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", DIES, str(author.workspace), str(written)]
    done = await anyio.run_process(command, env=environ, check=False)
    assert done.returncode == -9, done.stderr.decode()


@pytest.mark.parametrize("written", [0, 1, 2])
async def test_what_kill_9_interrupts_is_finished_by_whoever_comes_next(author: Author, written: int) -> None:
    author.has_function("greet", BODY.format("hello"))
    author.writes("greet/a.txt", "a")
    author.writes("greet/b.txt", "b")
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        inside = await opened(workbench, "one", "greet")
        path = howdy(inside)
        path.with_name("a.txt").write_text("mine")
        path.with_name("b.txt").unlink()
        path.with_name("c.txt").write_text("new")
    await killed_after(author, written)
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        assert await said(workbench) == "howdy"
        assert (author.skills / "greet/a.txt").read_text() == "mine"
        assert not (author.skills / "greet/b.txt").exists()
        assert not list(author.workspace.glob(".workbench/promotions/*"))
        assert (author.skills / "greet/c.txt").read_text() == "new"
        stands = await workbench.in_session("one").exchange.compared()
        assert {stand.standing for stand in stands} == {Standing.SAME}


FILE, FOLDER = {"data": "a file"}, {"data/x": "in a folder", "data/y/z": "deeper"}


def has_instead(home: Path, before: dict[str, str], after: dict[str, str]) -> None:
    """These files are there, and those are not."""
    for path in before:
        (home / path).unlink()
    for folder in sorted((path for path in home.rglob("*") if path.is_dir()), reverse=True):
        folder.rmdir()
    for path, text in after.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text)


def told(home: Path) -> dict[str, str]:
    return {
        str(path.relative_to(home)): path.read_text()
        for path in (home / "data", *home.glob("data/**/*"))
        if path.is_file()
    }


@pytest.mark.parametrize(("before", "after"), [(FOLDER, FILE), (FILE, FOLDER)], ids=["a file now", "a folder now"])
async def test_a_file_may_become_a_folder_and_a_folder_a_file(
    author: Author, workbench: Workbench, monkeypatch: pytest.MonkeyPatch, before: dict[str, str], after: dict[str, str]
) -> None:
    for path, text in before.items():
        author.writes(f"greet/{path}", text)
    there = author.skills / "greet"
    if after is FILE:
        (there / "data/y/nothing").mkdir()
    inside = await opened(workbench, "one", "greet")
    has_instead(howdy(inside).parent, before, after)

    def full(path: str, data: bytes, *, mode: int) -> None:
        if path.endswith("skill.py"):
            raise OSError(28, "No space left on device")
        write_atomically(path, data, mode=mode)

    monkeypatch.setattr(promotion, "write_atomically", full)
    with pytest.raises(MachineCannot, match="No space left"):
        await inside.promote()
    assert told(there) == before
    monkeypatch.undo()

    await inside.promote()
    assert told(there) == after
    assert await inside.exchange.compared() == []


@pytest.mark.parametrize(("before", "after"), [(FOLDER, FILE), (FILE, FOLDER)], ids=["a file now", "a folder now"])
async def test_a_file_that_becomes_a_folder_when_kill_9_comes_does_so_afterwards(
    author: Author, before: dict[str, str], after: dict[str, str]
) -> None:
    for path, text in before.items():
        author.writes(f"greet/{path}", text)
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        inside = await opened(workbench, "one", "greet")
        has_instead(howdy(inside).parent, before, after)
    await killed_after(author, 0)
    assert told(author.skills / "greet") == {}
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        assert told(author.skills / "greet") == after
        stands = await workbench.in_session("one").exchange.compared()
        assert {stand.standing for stand in stands} == {Standing.SAME}


@pytest.mark.exhaustive
async def test_what_somebody_wrote_after_the_crash_is_not_written_over(author: Author) -> None:
    author.has_function("greet", BODY.format("hello"))
    author.writes("greet/a.txt", "a")
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        inside = await opened(workbench, "one", "greet")
        howdy(inside).with_name("a.txt").write_text("mine")
    await killed_after(author, 1)
    author.saves("greet/skill.py", function("greet", "return 'theirs'"))
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        assert await said(workbench) == "theirs"
        [stand] = [each for each in await workbench.in_session("one").exchange.compared() if "skill.py" in each.path]
        assert stand.standing is Standing.BOTH


async def test_a_shipped_skill_that_was_taken_becomes_the_workspaces_own(author: Author, workbench: Workbench) -> None:
    shipped = next(skill.name for skill in workbench.snapshot if skill.scope is Scope.BUILTIN)
    inside = await opened(workbench, "one", shipped)
    path = Path(inside.find(shipped).path)
    path.write_text(path.read_text() + "\n")
    inside.refresh()
    await inside.promote()
    assert workbench.find(shipped).scope is Scope.WORKSPACE


async def test_a_promotion_that_is_cancelled_is_finished_first_and_keeps_nobody_waiting(
    author: Author, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    author.writes("greet/a.txt", "a")
    inside = await opened(workbench, "one", "greet")
    howdy(inside).with_name("a.txt").write_text("mine")
    began, goes_on = threading.Event(), threading.Event()

    def slowly(path: str, data: bytes, *, mode: int) -> None:
        began.set()
        assert goes_on.wait(10)
        write_atomically(path, data, mode=mode)

    monkeypatch.setattr(promotion, "write_atomically", slowly)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(inside.promote)
        await anyio.to_thread.run_sync(began.wait)  # and the loop goes on meanwhile
        tasks.cancel_scope.cancel()
        goes_on.set()
    assert (author.skills / "greet/a.txt").read_text() == "mine"
    workbench.refresh()
    assert await said(workbench) == "howdy"
    assert workbench.library.database.read("SELECT * FROM promotion") == []


async def test_what_a_session_cannot_note_down_keeps_nobody_from_promoting(
    author: Author, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    inside = await opened(workbench, "one", "greet")
    howdy(inside)
    with monkeypatch.context() as disk:
        disk.setattr(Overlay, "settle", full)
        await inside.promote()
    assert await said(workbench) == "howdy"
    assert workbench.library.database.read("SELECT * FROM promotion") == []


async def test_who_is_interrupted_has_what_was_written_accepted_with_their_words(
    author: Author, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = await opened(workbench, "one", "greet")
    howdy(inside)
    with anyio.CancelScope() as scope:

        def interrupted(path: str, data: bytes, *, mode: int) -> None:
            anyio.from_thread.run_sync(scope.cancel)
            write_atomically(path, data, mode=mode)

        monkeypatch.setattr(promotion, "write_atomically", interrupted)
        await inside.promote(message="says howdy")
    assert workbench.history("greet")[0].message == "says howdy"
    assert not [each for each in await inside.exchange.compared() if each.standing is Standing.HERE]
