"""Proves each promise of a tier on this machine: tries to break it, and says what came of that."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing

import anyio

from workbench.model.errors import WorkbenchError
from workbench.model.frozen import frozen
from workbench.model.policy import Hold, Limits, Promise, Tier
from workbench.model.settings import SecuritySettings
from workbench.runtime.executors.output import OutputTooLarge, Pipe
from workbench.runtime.proofs.trial import Cell, Trial
from workbench.runtime.sandbox.bait import Bait, open_bait
from workbench.runtime.sandbox.client import Warden
from workbench.runtime.sandbox.policy import report_of

MEMORY_MB, CPU_PERCENT, TIME_SECONDS, OUTPUT_MB, FILE_MB = 64, 20.0, 0.2, 1, 1
FILES, PROCESSES = 50, 16
CPU_SECONDS = 0.5
# Launchers count too, and where the kernel counts all of a user's processes, what ended since it was told.
MOST_AT_ONCE = PROCESSES + PROCESSES // 2
# A watcher that comes late on a busy machine is not one that does not come.
MOST_CPU_PERCENT = 2 * CPU_PERCENT
MOST_TIME_SECONDS = 2.0
MOST_LEFT_SECONDS = 2.0


@frozen
class Measure:
    """What was allowed, and how much there was."""

    value: float
    limit: float
    unit: str


@frozen
class Proof:
    """What was tried against one promise, and what came of it."""

    tried: str
    result: str
    holds: bool
    measured: Measure | None = None


@frozen
class Proven:
    """One promise as a tier makes it, and its proof."""

    name: str
    promise: Promise
    proof: Proof

    @property
    def is_broken(self) -> bool:
        return self.promise.hold is not Hold.NOT_HELD and not self.proof.holds


Test = Callable[[Cell, Bait], Awaitable[Mapping[str, Proof]]]


async def prove(warden: Warden, security: SecuritySettings, tier: Tier, below: str | None) -> tuple[Proven, ...]:
    """Every promise of a tier, tried; what is set out for it lies in a new folder below that one."""
    with open_bait(below) as bait:
        cell = Cell(warden=warden, security=security, tier=tier, folder=bait.folder)
        proofs: dict[str, Proof] = {}

        async def at_once(*tests: Test) -> None:
            async with anyio.create_task_group() as group:
                for test in tests:
                    group.start_soon(into, test)

        async def into(test: Test) -> None:
            try:
                proofs.update(await test(cell, bait))
            except (WorkbenchError, TimeoutError) as error:
                why = f"could not be tried: {error or 'it did not end'}"
                proofs.update(dict.fromkeys(SHOWN[test], Proof(tried="to start", result=why, holds=False)))

        await at_once(_doors, _memory, _output, _files)
        await at_once(_cpu, _time, _leftovers)  # what is timed is not beside what works hard
    promises = report_of(tier, spawn=False).promises
    return tuple(Proven(name=name, promise=promise, proof=proofs[name]) for name, promise in promises.items())


async def _doors(cell: Cell, bait: Bait) -> dict[str, Proof]:
    found, crowd = await cell.tries("doors", bait.told()), await _crowd(cell)
    if not found.said.get("own folder"):
        last = (found.errors.strip().splitlines() or ["it said nothing"])[-1]
        return dict.fromkeys(SHOWN[_doors], Proof(tried="its own folder", result=last, holds=False))
    said, heard, changed = found.said, bait.heard(), bait.changed()
    return {
        "read": _through("a file of yours", said["read"], "{} ways to a file: none led to it"),
        "write": _judged("a file of yours", said["write"], changed, "{} ways to write outside: none did"),
        "network": _judged("listeners of this machine", said["network"], heard, "TCP, UDP, unix: nobody heard it"),
        "environment": _environment(said),
        "spawn": _spawn(said["spawn"], crowd),
    }


def _through(what: str, ways: Mapping[str, bool], none: str) -> Proof:
    through = [way for way, is_open in ways.items() if is_open]
    named = f"all {len(ways)} ways" if len(through) == len(ways) > 2 else ", ".join(through)
    result = f"got through: {named}" if through else none.format(len(ways))
    return Proof(tried=f"{what}: {', '.join(ways)}", result=result, holds=not through)


def _judged(what: str, ways: Mapping[str, bool], seen: list[str], none: str) -> Proof:
    """By what was seen from outside: inside, a place or a network of its own may take what it does."""
    named = f"all {len(ways)} ways" if len(seen) == len(ways) else ", ".join(seen)
    result = f"seen outside: {named}" if seen else none.format(len(ways))
    return Proof(tried=f"{what}: {', '.join(ways)}", result=result, holds=not seen)


def _environment(said: Mapping[str, object]) -> Proof:
    count, ways = said["processes seen"], said["environment"]
    assert isinstance(ways, dict)
    none = f"secret word: in 0 of {count} processes"
    return _through("a secret word in the environment", ways, none)


async def _crowd(cell: Cell) -> Trial:
    return await cell.tries("many", limits=Limits(max_processes=PROCESSES), spawns=True)


def _spawn(ways: Mapping[str, bool], crowd: Trial) -> Proof:
    """Refused where it is forbidden, and counted where it is not."""
    through = [way for way, is_open in ways.items() if is_open]
    was_ended = crowd.end.why == "processes"
    count = crowd.end.measured if was_ended else int(crowd.said.get("count", 0))
    is_counted = was_ended or (crowd.said.get("refused") is True and count <= MOST_AT_ONCE)
    refused = f"{' and '.join(through)} got through" if through else "no fork"
    return Proof(
        tried=f"{' and '.join(ways)} where they are forbidden; one process more than {PROCESSES} where they are not",
        result=f"{refused}; if allowed, {count} (limit {PROCESSES})",
        holds=not through and is_counted,
        measured=Measure(value=count, limit=PROCESSES, unit="processes"),
    )


async def _memory(cell: Cell, _: Bait) -> dict[str, Proof]:
    end = (await cell.tries("memory", limits=Limits(max_memory_mb=MEMORY_MB))).end
    holds, measure = end.why == "memory", Measure(value=round(end.measured / 1e6, 1), limit=MEMORY_MB, unit="MB")
    result = f"ended at {measure.value:.0f} MB (limit {MEMORY_MB})" if holds else "nothing ended it"
    return {"memory": Proof(tried="memory as fast as it comes", result=result, holds=holds, measured=measure)}


async def _cpu(cell: Cell, _: Bait) -> dict[str, Proof]:
    trial = await cell.tries("cpu", {"seconds": CPU_SECONDS}, limits=Limits(max_cpu_percent=CPU_PERCENT))
    percent = round(trial.said.get("share", 1.0) * 100, 1)
    return {
        "cpu": Proof(
            tried=f"all of a core for {CPU_SECONDS:g} s",
            result=f"{percent:.0f} % of a core (limit {CPU_PERCENT:g})",
            holds=percent <= MOST_CPU_PERCENT,
            measured=Measure(value=percent, limit=CPU_PERCENT, unit="% of a core"),
        )
    }


async def _time(cell: Cell, _: Bait) -> dict[str, Proof]:
    trial = await cell.tries("sleep", limits=Limits(max_execution_time=TIME_SECONDS))
    return {
        "time": Proof(
            tried="to sleep on",
            result=f"ended after {trial.seconds:.2f} s (limit {TIME_SECONDS:g})",
            holds=trial.end.why == "deadline" and trial.seconds < MOST_TIME_SECONDS,
            measured=Measure(value=round(trial.seconds, 3), limit=TIME_SECONDS, unit="s"),
        )
    }


async def _output(cell: Cell, _: Bait) -> dict[str, Proof]:
    came, is_cut = 0, False

    def count(chunk: bytes) -> None:
        nonlocal came
        came += len(chunk)

    with Pipe(most=OUTPUT_MB * 1_000_000, tell=count) as pipe:
        async with cell.started("flood", {}, (pipe.write_end, pipe.write_end)) as child:
            pipe.started()
            try:
                await pipe.read(child)
            except OutputTooLarge:
                is_cut = True
    return {
        "output": Proof(
            tried="to say more and more",
            result=f"cut at {came / 1e6:.1f} MB (limit {OUTPUT_MB})",
            holds=is_cut,
            measured=Measure(value=round(came / 1e6, 2), limit=OUTPUT_MB, unit="MB"),
        )
    }


async def _files(cell: Cell, _: Bait) -> dict[str, Proof]:
    trial = await cell.tries("files", limits=Limits(max_file_size_mb=FILE_MB), most_files=FILES)
    megabytes, was_ended = trial.said.get("size", 0) / 1e6, trial.end.why == "files"
    ended = f"ended at {trial.end.measured} ({FILES})" if was_ended else "no number of them ended it"
    return {
        "files": Proof(
            tried=f"a file of more than {FILE_MB} MB, then more than {FILES} files",
            result=f"cut at {megabytes:g} MB; {ended}",
            holds=was_ended and 0 < megabytes <= FILE_MB,
            measured=Measure(value=megabytes, limit=FILE_MB, unit="MB"),
        )
    }


async def _leftovers(cell: Cell, _: Bait) -> dict[str, Proof]:
    tried = "to leave a daemon behind in a session of its own"
    with closing(Ends()) as pipe:
        async with cell.started("daemon", {}, (pipe.write, pipe.write), spawns=True) as child:
            pipe.close_writing()
            await child.wait()
            ended = time.monotonic()
            with anyio.move_on_after(MOST_LEFT_SECONDS):
                await pipe.closed()
                milliseconds = (time.monotonic() - ended) * 1000
                measure = Measure(value=round(milliseconds, 1), limit=MOST_LEFT_SECONDS * 1000, unit="ms")
                result = f"a daemon was gone within {max(1, milliseconds):.0f} ms"
                return {"leftovers": Proof(tried=tried, result=result, holds=True, measured=measure)}
    result = f"a daemon was there {MOST_LEFT_SECONDS:g} s after the run"
    return {"leftovers": Proof(tried=tried, result=result, holds=False)}


class Ends:
    """The two ends of a pipe: it is closed once nobody is left who could write."""

    def __init__(self) -> None:
        self.read, self.write = os.pipe()
        os.set_blocking(self.read, False)

    def close_writing(self) -> None:
        if self.write >= 0:
            os.close(self.write)
        self.write = -1

    def close(self) -> None:
        self.close_writing()
        os.close(self.read)

    async def closed(self) -> None:
        while True:
            try:
                if not os.read(self.read, 4096):
                    return
            except BlockingIOError:
                await anyio.wait_readable(self.read)


SHOWN: Mapping[Test, tuple[str, ...]] = {
    _doors: ("read", "write", "network", "environment", "spawn"),
    _memory: ("memory",),
    _cpu: ("cpu",),
    _time: ("time",),
    _output: ("output",),
    _files: ("files",),
    _leftovers: ("leftovers",),
}
"""Which promises each of them is about."""
