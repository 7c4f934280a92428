"""What many cost: warm workers' memory, a write among a hundred readers, saves without end."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.to_thread
import psutil

from bench.figures import Figure, at_most, clean_environ, percentile_ms
from bench.reloading import followed, reloaded, save
from workbench.assembly import Workbench, open_workbench
from workbench.configuration import read_settings
from workbench.model.frozen import replace

WARM = 50
READERS, READING_THREADS, WRITES = 100, 8, 300
SAVES, SETTLED_AFTER = 1_000, 100


async def measure(folder: str) -> AsyncIterator[Figure]:
    yield await _warm(f"{folder}/warm", folder)
    yield await _writing(f"{folder}/writing", folder)
    yield await _saving(f"{folder}/saving", folder)


async def _warm(workspace: str, folder: str) -> Figure:
    """Everything below the warden, shared pages counted in parts: each worker with the sandbox around it."""
    names = [f"warm-{number}" for number in range(WARM)]
    for name in names:
        os.makedirs(f"{workspace}/skills/{name}")
        save(f"{workspace}/skills/{name}/skill.py", name, 0)
    environ = clean_environ(folder)
    settings = read_settings(workspace, environ)
    settings = replace(settings, performance=replace(settings.performance, max_workers=WARM))
    async with open_workbench(settings, environ=environ) as workbench:
        for name in names:
            assert (await workbench.run(name)).outcome.is_ok
        whole = sum(map(_pss_mb, psutil.Process().children(recursive=True)))
        inside = [_pss_mb(each) for each in psutil.Process().children(recursive=True) if "child.py" in _command(each)]
    detail = {"the Python processes alone (MB)": round(sum(inside) / WARM, 2)}
    return at_most("warm_worker_pss_mb", whole / WARM, 12, "MB", detail=detail)


async def _writing(workspace: str, folder: str) -> Figure:
    """A write that waits for its turn while others read without a pause."""
    os.makedirs(f"{workspace}/skills/greet")
    save(f"{workspace}/skills/greet/skill.py", "greet", 0)
    async with open_workbench(workspace=workspace, environ=clean_environ(folder)) as workbench:
        await workbench.run("greet")
        database, limiter = workbench.library.database, anyio.CapacityLimiter(READING_THREADS)

        async def read() -> None:
            while True:
                await anyio.to_thread.run_sync(workbench.library.history.runs, limiter=limiter)

        waits = []
        async with anyio.create_task_group() as tasks:
            for _ in range(READERS):
                tasks.start_soon(read)
            for _ in range(WRITES):
                began = time.perf_counter()
                await database.write(_write)
                waits.append(time.perf_counter() - began)
            tasks.cancel_scope.cancel()
    p50, p99 = percentile_ms(waits, 50), percentile_ms(waits, 99)
    return at_most("writer_wait_ms_p99", p99, 50, "ms", detail={"p50 (ms)": p50})


async def _saving(workspace: str, folder: str) -> Figure:
    """A thousand saves in a row: what is more than after the first hundred."""
    os.makedirs(f"{workspace}/skills/greet")
    save(f"{workspace}/skills/greet/skill.py", "greet", 0)
    async with followed(workspace, folder) as (workbench, events):
        before: tuple[float, int, int, int] = (0.0, 0, 0, 0)
        for number in range(1, SAVES + 1):
            save(f"{workspace}/skills/greet/skill.py", "greet", number)
            await reloaded(events, "greet")
            if number == SETTLED_AFTER:
                before = await _held(workbench)
        after = await _held(workbench)
    grown = [now - then for now, then in zip(after, before, strict=True)]
    names = ("memory (MB)", "processes", "descriptors", "scratch folders")
    detail = dict(zip(names, grown, strict=True))
    return at_most("growth_of_900_saves_mb", round(grown[0], 1), 16, "MB", detail=detail)


async def _held(workbench: Workbench) -> tuple[float, int, int, int]:
    """Memory, processes, descriptors and scratch folders, once what is ending has ended."""
    await anyio.sleep(2.0)
    own = psutil.Process()
    scratch = Path(workbench.library.database.path).parent / "scratch" / workbench.library.scratch.owner
    return own.memory_info().rss / 2**20, len(own.children(recursive=True)), own.num_fds(), len(list(scratch.iterdir()))


def _write(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT OR REPLACE INTO metadata (digest, document) VALUES ('x', ?)", (os.urandom(8).hex(),))


def _pss_mb(process: psutil.Process) -> float:
    if "warden.main" in _command(process):
        return 0.0
    try:
        with open(f"/proc/{process.pid}/smaps_rollup", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024
    except (OSError, StopIteration):
        return 0.0


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
