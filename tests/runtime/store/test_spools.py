"""Spools: what a run says is kept within bounds and told in time, and whatever goes wrong is the spool's own affair."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from workbench.model.events import Event, OutputReceived
from workbench.model.frozen import replace
from workbench.model.run import Run
from workbench.runtime.bus import Bus
from workbench.runtime.places import StatePlace
from workbench.runtime.store.instances import Instance, Scratch, open_instance, orphans
from workbench.runtime.store.spools import Spools
from workbench.testing.fakes import FakeClock, a_run

pytestmark = pytest.mark.anyio

SPEAKS_AND_DIES = """
import asyncio, os, signal, sys
from workbench.runtime.bus import Bus
from workbench.runtime.clock import SYSTEM_CLOCK
from workbench.runtime.places import StatePlace
from workbench.runtime.store.instances import Instance, Scratch
from workbench.runtime.store.spools import Spools
from workbench.testing.fakes import a_run

async def main():
    place = StatePlace(folder=sys.argv[1], is_in_workspace=False, reason="")
    spools = Spools(Scratch(place, Instance(place, "deceased")), Bus(), SYSTEM_CLOCK)
    with spools.of(a_run(), most=100) as spool:
        spool.write("stdout", b"last words")
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def place(folder: Path) -> StatePlace:
    return StatePlace(folder=str(folder), is_in_workspace=False, reason="")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    with open_instance(place(tmp_path), "speaking") as instance:
        yield instance


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def spools(tmp_path: Path, instance: Instance, bus: Bus) -> Spools:
    return Spools(Scratch(place(tmp_path), instance), bus, FakeClock(), most_runs=3, most_bytes=1_000)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process may grow past that size, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def said(spools: Spools, run: Run, words: bytes, *, most: int = 1_000) -> bytes:
    """What is kept of a run that says this and ends."""
    with spools.of(run, most=most) as spool:
        spool.write("stdout", words)
    return spools.read(run.id, "stdout", 0, 10_000)


def spans(events: tuple[Event, ...]) -> list[tuple[str, int, int]]:
    return [(event.stream, event.offset, event.length) for event in events if isinstance(event, OutputReceived)]


def notes_of(run: Run) -> list[str]:
    run.trail.leave(run.trail._open[-1])
    return [stage.note for stage in run.trail.stages()]


async def test_a_run_that_says_nothing_leaves_nothing(tmp_path: Path, spools: Spools, bus: Bus) -> None:
    with bus.subscribe() as events:
        assert said(spools, a_run(), b"") == b""
        assert events.drain() == ()
    assert not (tmp_path / "scratch").exists()


async def test_the_first_words_are_told_at_once_and_the_last_before_the_end(spools: Spools, bus: Bus) -> None:
    with bus.subscribe() as events:
        with spools.of(a_run(), most=100) as spool:
            spool.write("stdout", b"one")
            assert spans(events.drain()) == [("stdout", 0, 3)]
            spool.write("stdout", b"two")
            spool.write("stderr", b"oh")
            spool.write("stdout", b"three")
        assert spans(events.drain()) == [("stderr", 0, 2), ("stdout", 3, 8)]


async def test_what_comes_in_between_is_told_in_one_though_nothing_more_comes(spools: Spools, bus: Bus) -> None:
    with bus.subscribe() as events, spools.of(a_run(), most=100) as spool:
        for word in (b"one", b"two", b"three"):
            spool.write("stdout", word)
        told = [await anext(events), await anext(events)]
        assert spans(tuple(told)) == [("stdout", 0, 3), ("stdout", 3, 8)]


async def test_any_part_of_what_was_said_can_be_read(spools: Spools) -> None:
    run = a_run()
    said(spools, run, b"\xff\x00abc")

    parts = [spools.read(run.id, "stdout", *part) for part in ((0, 2), (2, 99), (5, 1), (99, 1))]

    assert parts == [b"\xff\x00", b"abc", b"", b""]
    assert spools.read(run.id, "stderr", 0, 9) == spools.read("../../instances/speaking", "stdout", 0, 9) == b""


async def test_of_a_stream_only_so_much_is_kept(spools: Spools) -> None:
    run = a_run()
    with spools.of(run, most=5) as spool:
        for word in (b"abc", b"def", b"ghi"):
            spool.write("stdout", word)
        spool.write("stderr", b"beside")
    assert spools.read(run.id, "stdout", 0, 99) == b"abcde"
    assert spools.read(run.id, "stderr", 0, 99) == b"besid"


async def test_of_too_many_runs_the_one_that_ended_first_goes(tmp_path: Path, spools: Spools) -> None:
    runs = [a_run() for _ in range(5)]
    with spools.of(runs[0], most=100) as under_way:
        under_way.write("stdout", b"0")
        kept = [said(spools, run, b"x") for run in runs[1:]]
        under_way.write("stdout", b"0")

    assert kept == [b"x"] * 4
    assert [spools.read(run.id, "stdout", 0, 9) for run in runs] == [b"00", b"", b"", b"x", b"x"]
    assert len(list(tmp_path.glob("scratch/speaking/*/*"))) == 3


async def test_of_too_much_the_run_that_ended_first_goes(spools: Spools) -> None:
    first, second, third = a_run(), a_run(), a_run()
    said(spools, first, b"x" * 500)
    said(spools, second, b"y" * 500)
    said(spools, third, b"z" * 200)

    assert [len(spools.read(run.id, "stdout", 0, 999)) for run in (first, second, third)] == [0, 500, 200]


async def test_where_everything_is_still_under_way_the_newcomer_falls_silent_and_says_so(spools: Spools) -> None:
    talker, newcomer = a_run(), a_run()
    newcomer.trail.enter("run")
    with spools.of(talker, most=1_000) as talking, spools.of(newcomer, most=1_000) as coming:
        talking.write("stdout", b"x" * 900)
        coming.write("stdout", b"y" * 101)
        coming.write("stdout", b"y")

    assert [len(spools.read(run.id, "stdout", 0, 999)) for run in (talker, newcomer)] == [900, 0]
    assert notes_of(newcomer) == ["what it says is no longer kept: the runs that are under way have said too much"]


async def test_a_run_that_is_tried_again_goes_on_where_it_was(spools: Spools, bus: Bus) -> None:
    run = a_run()
    with bus.subscribe() as events:
        said(spools, run, b"once ")
        assert said(spools, run, b"again") == b"once again"
        assert spans(events.drain()) == [("stdout", 0, 5), ("stdout", 5, 5)]


async def test_a_disk_that_is_full_silences_the_spool_alone(spools: Spools, bus: Bus) -> None:
    run = a_run()
    run.trail.enter("run")
    with bus.subscribe() as events, largest_file(100), spools.of(run, most=1_000) as spool:
        spool.write("stdout", b"x" * 80)
        spool.write("stdout", b"y" * 80)
        spool.write("stdout", b"z" * 80)

    assert spools.read(run.id, "stdout", 0, 999) == b"x" * 80 + b"y" * 20
    assert sum(length for _, _, length in spans(events.drain())) == 100
    assert notes_of(run) == ["what it says is no longer kept: File too large"]


async def test_a_folder_that_is_gone_takes_its_words_along_and_a_new_one_is_made(
    tmp_path: Path, spools: Spools
) -> None:
    before, during, after = a_run(), a_run(), a_run()
    said(spools, before, b"before")
    with spools.of(during, most=100) as spool:
        spool.write("stdout", b"during")
        shutil.rmtree(tmp_path / "scratch")
        spool.write("stdout", b"still")
        spool.write("stderr", b"beside")

    assert [spools.read(run.id, "stdout", 0, 99) for run in (before, during)] == [b"", b""]
    assert spools.read(during.id, "stderr", 0, 99) == b"beside"
    assert said(spools, after, b"after") == b"after"


async def test_a_place_that_cannot_be_written_fails_nobody(bus: Bus) -> None:
    run = a_run()
    run.trail.enter("run")
    nowhere = place(Path("/proc/nowhere"))
    spools = Spools(Scratch(nowhere, Instance(nowhere, "nobody")), bus, FakeClock())

    assert said(spools, run, b"words") == b""
    assert "cannot be made" in notes_of(run)[0]


async def test_what_a_trial_says_is_kept_nowhere_and_told_to_nobody(tmp_path: Path, bus: Bus) -> None:
    run = replace(a_run(), is_trial=True)
    with open_instance(place(tmp_path), "trying") as instance, bus.subscribe() as events:
        spools = Spools(Scratch(place(tmp_path), instance), bus, FakeClock())
        assert said(spools, run, b"words") == b""
        assert events.drain() == ()


async def test_spools_are_gone_with_their_instance(tmp_path: Path, bus: Bus) -> None:
    run = a_run()
    with open_instance(place(tmp_path), "leaving") as instance:
        spools = Spools(Scratch(place(tmp_path), instance), bus, FakeClock())
        assert said(spools, run, b"words") == b"words"
    assert spools.read(run.id, "stdout", 0, 99) == b""
    assert os.listdir(tmp_path / "scratch") == []


def test_the_spools_of_a_process_that_was_killed_are_swept(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", SPEAKS_AND_DIES, str(tmp_path)], check=False)
    (left,) = tmp_path.glob("scratch/deceased/*/*.stdout")
    assert left.read_bytes() == b"last words"

    (orphan,) = orphans(place(tmp_path))
    orphan.settled()

    assert list(tmp_path.glob("scratch/*")) == []
