"""Warm workers are looked after: who idles long, grows or is not well is ended; who falls again and again waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from tests.author import Author, function
from tests.runtime.devsessions.watched import Watched
from workbench.assembly import open_workbench
from workbench.configuration import read_settings
from workbench.model.errors import ErrorKind
from workbench.model.events import WorkerEnded
from workbench.model.frozen import replace

pytestmark = pytest.mark.anyio
CHECKED = """
import os
from workbench.sdk import SkillInterface, SkillMetadata

class Checked(SkillInterface):
    runs = 0

    def get_metadata(self):
        return SkillMetadata("checked", name="checked", version="1.0.0", description="it tells how it is")

    def execute(self, input_data, context):
        self.runs += 1
        return self.runs

    def health_check(self):
        {health}
"""


@asynccontextmanager
async def opened(author: Author, *, idle: float = 600.0, health: float = 30.0) -> AsyncIterator[Watched]:
    settings = read_settings(str(author.workspace), author.environ)
    performance = replace(settings.performance, worker_idle_seconds=idle, health_check_seconds=health)
    async with open_workbench(replace(settings, performance=performance), environ=author.environ) as workbench:
        with workbench.bus.subscribe(capacity=1_000) as events:
            yield Watched(workbench, events)


@pytest.mark.exhaustive
async def test_a_worker_that_idles_for_long_ends_and_the_next_run_starts_another(author: Author) -> None:
    author.has_function("greet", "global n\nn = globals().get('n', 0) + 1\nreturn n")
    async with opened(author, idle=2) as watched:
        assert [await watched.answers("greet"), await watched.answers("greet")] == [1, 2]
        watched.heard()
        event = await watched.hears(WorkerEnded)
        assert (event.skill, event.why) == ("greet", "was idle for 2 s")
        assert await watched.answers("greet") == 1


@pytest.mark.parametrize(
    ("health", "words"),
    [
        ('return {"status": "unhealthy"}', "its health_check says unhealthy"),
        ("return False", "its health_check says False"),
        ('raise ValueError("no connection")', "its health_check failed: ValueError: no connection"),
        ("os._exit(3)", "ended while it was asked how it is"),
    ],
)
async def test_a_worker_that_is_not_well_is_replaced(author: Author, health: str, words: str) -> None:
    author.writes("checked/skill.py", CHECKED.format(health=health))
    async with opened(author, health=0.1) as watched:
        assert await watched.answers("checked") == 1
        event = await watched.hears(WorkerEnded)
        assert words in event.why
        while await watched.answers("checked") != 1:  # it was replaced before it had run
            await watched.hears(WorkerEnded)


async def test_a_worker_that_is_well_goes_on_and_one_that_cannot_tell_is_never_asked(author: Author) -> None:
    health = 'open(os.environ["WORKBENCH_OUT"] + "/asked", "a").write("x"); return {"status": "healthy"}'
    author.writes("checked/skill.py", CHECKED.format(health=health))
    author.has_function("greet", "return 'hello'")
    async with opened(author, health=0.05) as watched:
        await watched.answers("greet")
        assert await watched.answers("checked") == 1
        out = watched.workbench.library.scratch
        folder = author.workspace / f".workbench/scratch/{out.owner}"
        await watched.until(lambda: any(len(path.read_text()) > 2 for path in folder.rglob("asked")))
        assert await watched.answers("checked") == 2
        assert not [event for event in watched.heard() if isinstance(event, WorkerEnded)]


async def test_who_comes_while_a_worker_is_asked_how_it_is_waits_for_that_one(author: Author) -> None:
    author.writes("checked/skill.py", CHECKED.format(health="import time; time.sleep(0.3); return True"))
    async with opened(author, health=0.05) as watched:
        assert await watched.answers("checked") == 1
        await anyio.sleep(0.2)  # it is being asked by now, and again and again
        for number in range(2, 5):
            assert await watched.answers("checked") == number


async def test_a_worker_that_holds_on_to_too_much_memory_is_replaced_after_its_run(author: Author) -> None:
    body = "global kept\nkept = globals().get('kept', []) + [bytearray(b'x') * 15_000_000]\nreturn len(kept)"
    author.has_function("hoard", body, options=', resource_limits={"max_memory_mb": 200}')
    async with opened(author) as watched:
        answers = [await watched.answers("hoard") for _ in range(12)]
        event = await watched.hears(WorkerEnded)
        assert event.why.startswith("holds ")
        assert answers[:3] == [1, 2, 3]
        assert 1 in answers[3:]
        assert None not in answers


async def test_a_revision_that_falls_again_and_again_is_not_started_each_time_until_it_is_saved(author: Author) -> None:
    author.has_function("falls", "import os\nos._exit(3)")
    async with opened(author) as watched:
        errors = [(await watched.workbench.run("falls")).outcome.error for _ in range(6)]
        assert all(error is not None and error.kind is ErrorKind.CRASHED for error in errors)
        last = errors[-1]
        assert last is not None
        assert "5 times in a row" in last.message
        author.saves("falls/skill.py", function("falls", "return 'well'"))
        watched.workbench.refresh()
        assert await watched.answers("falls") == "well"


@pytest.mark.exhaustive
async def test_an_answer_in_between_begins_the_count_anew(author: Author) -> None:
    author.has_function("falls", "import os\nif bad:\n    os._exit(3)\nreturn 'well'", parameters="bad: bool")
    async with opened(author) as watched:
        for _ in range(3):
            for bad in (True, True, True, False):
                outcome = (await watched.workbench.run("falls", {"bad": bad})).outcome
                assert outcome.is_ok is not bad


@pytest.mark.parametrize("way", ["python", "manifest"])
async def test_each_run_may_have_a_fresh_worker(author: Author, way: str) -> None:
    body = "global n\nn = globals().get('n', 0) + 1\nreturn n"
    if way == "python":
        author.has_function("fresh", body, options=', isolation="run"')
    else:
        author.has_function("fresh", body)
        manifest = {"name": "fresh", "type": "python", "isolation": "run"}
        author.writes("fresh/skill.json", manifest)
    async with opened(author) as watched:
        assert [await watched.answers("fresh") for _ in range(3)] == [1, 1, 1]
