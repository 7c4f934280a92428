"""An afternoon of saves, with runs in flight all the time: none fails for it, and each is what its revision says."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest
from anyio.abc import TaskGroup

from tests.author import Author, Said, function
from tests.runtime.devsessions.watched import Watched
from workbench.assembly import Workbench, open_workbench
from workbench.model.events import SkillHotReloaded, SkillReloadFailed, WatchStarted
from workbench.model.run import Status

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


def saying(number: int) -> str:
    return function("greet", f"import time\ntime.sleep(0.01)\nreturn {number}")


@dataclass
class Flight:
    """Runs that go on until somebody says that it is enough: on which revision each ran, and what it answered."""

    answers: list[tuple[str, int, object]] = field(default_factory=list)
    failures: list[object] = field(default_factory=list)
    is_over: bool = False

    async def by_api(self, workbench: Workbench, who: str) -> None:
        while not self.is_over:
            result = await workbench.run("greet")
            self._note(who, result.run.skill.revision, result.outcome.output)
            if result.outcome.status is not Status.COMPLETED:
                self.failures.append((who, result.outcome))

    async def by_shell(self, author: Author) -> None:
        while not self.is_over:
            said = await anyio.to_thread.run_sync(author.calls, "run", "greet", "--json")
            if said.code:
                self.failures.append(("shell", said))
            else:
                self._note("shell", said.json["revision"], said.json["output"])

    def _note(self, who: str, revision: int, output: object) -> None:
        self.answers.append((who, revision, output))

    def seen_by(self, who: str) -> set[object]:
        return {output for each, _, output in self.answers if each == who}

    async def until(self, who: str, output: object) -> None:
        """Until somebody was answered so."""
        with anyio.fail_after(10):
            while output not in self.seen_by(who):
                await anyio.sleep(0.01)


async def said(author: Author, *words: str) -> Said:
    done = await anyio.to_thread.run_sync(author.calls, *words)
    assert done.code == 0, done.err
    return done


@pytest.mark.exhaustive
async def test_edit_break_mend_roll_back_and_promote_while_it_runs(author: Author) -> None:
    author.saves("greet/skill.py", saying(1))
    flight = Flight()
    async with AsyncExitStack() as opened:
        workbench = await opened.enter_async_context(
            open_workbench(workspace=str(author.workspace), environ=author.environ)
        )
        events = opened.enter_context(workbench.bus.subscribe(capacity=100_000))
        watched = Watched(workbench, events)
        tasks = await opened.enter_async_context(anyio.create_task_group())
        await opened.enter_async_context(workbench.watching())
        await watched.hears(WatchStarted)
        await workbench.run("greet")
        for number in range(3):
            tasks.start_soon(flight.by_api, workbench, f"task {number}")
        tasks.start_soon(flight.by_shell, author)

        await edits(author, watched, flight)
        await in_a_session(author, watched, flight, tasks)
        await flight.until("shell", 30)
        flight.is_over = True
        kept = workbench.library.revisions
        texts = {
            each.number: Path(skill.path).read_text()
            for each in kept.history("greet")
            if (skill := kept.restored(each)) is not None
        }
    assert flight.failures == []
    assert [answer for answer in flight.answers if f"return {answer[2]}\n" not in texts[answer[1]]] == []
    for who in ("task 0", "task 1", "task 2"):
        assert flight.seen_by(who) == {1, 2, 3, 30}
    assert flight.seen_by("session") == {3, 20, 30}
    assert flight.seen_by("shell") <= {1, 2, 3, 30}
    messages = [each["message"] for each in author.calls("history", "greet", "--json").json["revisions"]]
    assert messages[0].startswith("promoted from try")
    assert "rolled back to r1" in messages


async def edits(author: Author, watched: Watched, flight: Flight) -> None:
    """Edit, break, mend, roll back and go on."""
    author.saves("greet/skill.py", saying(2))
    await watched.hears(SkillHotReloaded, "greet")
    for number in range(3):
        await flight.until(f"task {number}", 2)

    author.saves("greet/skill.py", "def greet(:")
    failed = await watched.hears(SkillReloadFailed, "greet")
    assert failed.answering_revision == 2
    author.saves("greet/skill.py", "import nowhere_to_be_found\n" + saying(9))
    assert (await watched.hears(SkillReloadFailed, "greet")).findings[0].place.line == 1

    author.writes("greet/skill.py", saying(2))
    await watched.until(lambda: not watched.workbench.find("greet").is_broken)
    assert (await said(author, "rollback", "greet", "1", "--json")).json["revision"] == 3
    await watched.until_it_answers("greet", 1)

    author.saves("greet/skill.py", saying(3))
    await watched.until_it_answers("greet", 3)
    for number in range(3):
        await flight.until(f"task {number}", 3)


async def in_a_session(author: Author, watched: Watched, flight: Flight, tasks: TaskGroup) -> None:
    """A session over it, an edit there, and what came of it is promoted."""
    await said(author, "dev", "open", "try")
    await said(author, "dev", "edit", "try", "greet")
    inside = watched.workbench.in_session("try")
    async with inside.watching():
        await watched.hears(WatchStarted)
        tasks.start_soon(flight.by_api, inside, "session")
        await flight.until("session", 3)
        Path(inside.find("greet").path).write_text(saying(20))
        await flight.until("session", 20)
        assert await watched.answers("greet") == 3
        Path(inside.find("greet").path).write_text(saying(30))
        await flight.until("session", 30)
        await said(author, "dev", "promote", "try")
        await watched.until_it_answers("greet", 30)
        for number in range(3):
            await flight.until(f"task {number}", 30)
