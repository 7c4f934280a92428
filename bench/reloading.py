"""From a save to an answer: a warm python skill in its sandbox, the first save of one, and a bare interpreter."""

from __future__ import annotations

import itertools
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from unittest.mock import patch

import anyio

from bench import plainly
from bench.figures import Figure, at_most, clean_environ, median_ms, percentile_ms, spawned
from workbench.assembly import Workbench, open_workbench
from workbench.model.events import SkillHotReloaded, SkillTested, WatchStarted
from workbench.model.skill import Skill
from workbench.runtime.bus import Subscription
from workbench.runtime.library.library import Library
from workbench.runtime.sandbox.spawning import interpreter

SAVES = 150
COLD = 15
HOGGED_SAVES = 60
TESTED_SAVES = 30
BARE = "python3 -I -S -c pass (ms)"
BURST, BURST_SECONDS = 200, 0.005
MANY = 1_000
MANY_SAVES = 40
STORM_SKILLS, STORM_FILES = 100, 5
SOURCE = '''"""A skill of a usual size."""

from dataclasses import dataclass

from workbench.sdk import SkillInterface, SkillMetadata


@dataclass
class Counted:
    words: int
    lines: int


class Count(SkillInterface):
    def get_metadata(self):
        return SkillMetadata(skill_id="{name}", version="1.0.0", description="Counts.", author="bench")

    async def initialize(self, config):
        self.revision = {number}

    async def execute(self, input_data, context):
        text = input_data.get("text", "")
        counted = Counted(words=len(text.split()), lines=text.count("\\n"))
        return {{"words": counted.words, "lines": counted.lines, "revision": self.revision}}
'''


def save(path: str, name: str, number: int) -> None:
    plainly.save(path, SOURCE.format(name=name, number=number))


async def reloaded(events: Subscription, skill: str) -> SkillHotReloaded:
    async for event in events:
        if isinstance(event, SkillHotReloaded) and event.skill == skill:
            return event
    raise AssertionError


@asynccontextmanager
async def followed(workspace: str, folder: str) -> AsyncIterator[tuple[Workbench, Subscription]]:
    """An open workbench that watches, and an ear on its bus."""
    async with open_workbench(workspace=workspace, environ=clean_environ(folder)) as workbench:
        with workbench.bus.subscribe(capacity=10_000) as events:
            async with workbench.watching():
                async for event in events:
                    if isinstance(event, WatchStarted):
                        break
                yield workbench, events


async def a_bare_start(times: int = 15) -> float:
    """How long an interpreter takes to start at this moment: the machine is a share of a larger one."""
    command = [interpreter(), "-I", "-S", "-c", "pass"]
    return median_ms(await anyio.to_thread.run_sync(spawned, command, times))


async def measure(folder: str) -> AsyncIterator[Figure]:
    workspace = f"{folder}/reloading"
    names = ["warm", *(f"cold-{number}" for number in range(COLD))]
    for name in names:
        os.makedirs(f"{workspace}/skills/{name}")
        save(f"{workspace}/skills/{name}/skill.py", name, 0)
    bare_ms = await a_bare_start(40)
    async with followed(workspace, folder) as (workbench, events):
        warm, steps, stale = await _saves(workspace, workbench, events)
        cold = [await _first_save(workspace, name, events) for name in names[1:]]
        stale += await _in_a_burst(workspace, workbench, events)
        tested, own = await _tested(workspace, events)
        tested_beside = await a_bare_start()
    os.mkdir(f"{folder}/plain")
    baseline = {
        BARE: bare_ms,
        "importlib.reload of the same skill, no wall (ms)": await anyio.to_thread.run_sync(
            plainly.importlib_ms, f"{folder}/plain", SOURCE
        ),
        "the same skill in a fresh interpreter (ms)": await anyio.to_thread.run_sync(
            plainly.fresh_ms, f"{folder}/plain", SOURCE
        ),
    }
    stale_plainly = await anyio.to_thread.run_sync(plainly.stale_by_importlib, f"{folder}/plain", SOURCE, BURST)
    yield at_most("reload_ms_p50", median_ms(warm), 25, "ms", baseline=baseline, detail=steps)
    yield at_most("reload_ms_p99", percentile_ms(warm, 99), 60, "ms", baseline=baseline)
    yield at_most("reload_x", median_ms(warm) / bare_ms, 3, baseline=baseline)
    yield at_most("reload_first_ms", median_ms(cold), 90, "ms", detail={"max": percentile_ms(cold, 100)})
    detail = {"p50": median_ms(tested), "the tests alone": median_ms(own)}
    yield at_most(
        "reload_tested_ms_p95", percentile_ms(tested, 95), 150, "ms", baseline={BARE: tested_beside}, detail=detail
    )
    control = {f"importlib.reload, of {BURST}": float(stale_plainly)}
    detail = {"saves": SAVES, f"of one size, {BURST_SECONDS * 1000:.0f} ms apart": BURST}
    yield at_most("reload_stale", stale, 0, "answers", baseline=control, detail=detail)
    async for figure in beside_others(folder):
        yield figure


CASES = """cases:
  - {name: two words, inputs: {text: a b}, expect: {path: {words: 2}}}
  - {name: no words, inputs: {text: ""}, expect: {path: {words: 0, lines: 0}}}
  - {name: a schema, inputs: {text: a}, expect: {schema: {required: [words, lines]}}}
"""


async def _tested(workspace: str, events: Subscription) -> tuple[list[float], list[float]]:
    """Seconds from a save to its three tests' end, and of these the tests' own."""
    path = f"{workspace}/skills/warm/skill.py"
    os.makedirs(f"{workspace}/skills/warm/tests", exist_ok=True)
    with open(f"{workspace}/skills/warm/tests/cases.yaml", "w", encoding="utf-8") as file:
        file.write(CASES)
    await anyio.sleep(0.6)
    samples, own = [], []
    for number in range(TESTED_SAVES + 3):
        events.drain()
        began = time.perf_counter()
        save(path, "warm", 10_000 + number)
        async for event in events:
            if isinstance(event, SkillTested) and event.skill == "warm":
                assert event.passed == 3
                own.append(event.total_ms / 1000)
                break
        samples.append(time.perf_counter() - began)
        await anyio.sleep(0.2)
    return samples[3:], own[3:]


async def beside_others(folder: str) -> AsyncIterator[Figure]:
    """The same save where the machine or the workspace is full, and many files at once."""
    workspace = f"{folder}/many"
    names = ["warm", *(f"skill-{number}" for number in range(MANY - 1))]
    for name in names:
        os.makedirs(f"{workspace}/skills/{name}")
        save(f"{workspace}/skills/{name}/skill.py", name, 0)
    async with followed(workspace, folder) as (workbench, events):
        many, steps, _ = await _saves(workspace, workbench, events, MANY_SAVES)
        many_beside = await a_bare_start()
        with hogs(os.cpu_count() or 2):
            hogged, _, _ = await _saves(workspace, workbench, events, HOGGED_SAVES)
            hogged_beside = await a_bare_start()
        await anyio.sleep(0.5)
        seconds, reads = await _storm(workspace, workbench)
    yield at_most(
        "reload_many_ms_p50",
        median_ms(many),
        25,
        "ms",
        baseline={BARE: many_beside},
        detail={"skills": MANY, "p99": percentile_ms(many, 99), **steps},
    )
    baseline, p50 = {f"{BARE}, beside the hogs too": hogged_beside}, {"p50": median_ms(hogged)}
    yield at_most("reload_hogs_ms_p99", percentile_ms(hogged, 99), 120, "ms", baseline=baseline, detail=p50)
    detail: dict[str, float] = {"files": STORM_SKILLS * STORM_FILES, "reads of one skill": reads}
    yield at_most("reload_storm_s", seconds, 2, "s", detail=detail)


@contextmanager
def hogs(count: int) -> Iterator[None]:
    """Processes that take a core each for as long as the block lasts."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for hog in running:
            hog.kill()
            hog.wait()


async def _storm(workspace: str, workbench: Workbench) -> tuple[float, int]:
    """Seconds until the snapshot is as many files say that changed at once; how often the same skill was read."""
    names = [f"skill-{number}" for number in range(STORM_SKILLS)]
    read, reads = Library.read_below, Counter[str]()

    def counted(library: Library, owner: str) -> list[Skill]:
        reads[owner] += 1
        return read(library, owner)

    with patch.object(Library, "read_below", counted):
        began = time.perf_counter()
        for name in names:
            for number in range(1, STORM_FILES):
                with open(f"{workspace}/skills/{name}/data-{number}.txt", "w", encoding="utf-8") as file:
                    file.write(name)
            save(f"{workspace}/skills/{name}/skill.py", name, 99)
        wanted = dict.fromkeys(names, STORM_FILES)
        while {name: len(workbench.snapshot.skills[name].files) for name in names} != wanted:
            await anyio.sleep(0.005)
        return time.perf_counter() - began, max(reads.values())


async def _saves(
    workspace: str, workbench: Workbench, events: Subscription, saves: int = SAVES
) -> tuple[list[float], dict[str, float], int]:
    samples, stale = [], 0
    steps: dict[str, list[float]] = {}
    path = f"{workspace}/skills/warm/skill.py"
    for number in range(saves + 3):
        events.drain()
        began = time.perf_counter()
        save(path, "warm", number + 1)
        event = await reloaded(events, "warm")
        samples.append(time.perf_counter() - began)
        outcome = (await workbench.run("warm", {"text": "a b"})).outcome
        stale += outcome.output != {"words": 2, "lines": 0, "revision": number + 1}
        for name, ms in (*event.steps, ("reload", event.total_ms)):
            steps.setdefault(f"{name} (ms)", []).append(ms)
        await anyio.sleep(0.1)
    return samples[3:], {name: round(statistics.median(times), 3) for name, times in steps.items()}, stale


async def _in_a_burst(workspace: str, workbench: Workbench, events: Subscription) -> int:
    """How often an older text answers than one that has answered, while saves of one size come within a second."""
    path, first = f"{workspace}/skills/warm/skill.py", 10_000
    answers: list[int] = []

    async def run() -> None:
        output = (await workbench.run("warm", {"text": "a b"})).outcome.output
        assert isinstance(output, dict)
        answers.append(output["revision"])

    async def keep_saving() -> None:
        for number in range(first, first + BURST):
            save(path, "warm", number)
            await anyio.sleep(BURST_SECONDS)

    save(path, "warm", first)
    await reloaded(events, "warm")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keep_saving)
        while not answers or answers[-1] < first + BURST - 1:
            await run()
            await anyio.sleep(0.002)
    return sum(later < earlier for earlier, later in itertools.pairwise(answers))


async def _first_save(workspace: str, name: str, events: Subscription) -> float:
    events.drain()
    began = time.perf_counter()
    save(f"{workspace}/skills/{name}/skill.py", name, 1)
    await reloaded(events, name)
    took = time.perf_counter() - began
    await anyio.sleep(0.15)
    return took
