"""How closely the sandbox holds what it only watches, and what a flood or four hogs cost everybody else."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel

from bench.figures import Figure, at_least, at_most, clean_environ, percentile_ms
from bench.walls import around
from workbench.assembly import open_workbench
from workbench.model.policy import Limits, Tier
from workbench.model.settings import SecuritySettings
from workbench.runtime.sandbox.client import Child, Warden, open_warden
from workbench.runtime.sandbox.spawning import interpreter
from workbench.runtime.sandbox.warden.processes import descendants_of
from workbench.runtime.sandbox.warden.usage import PAGE, usage_of

LIMIT_MB = 100.0
GROWS = "kept = []\nwhile True: kept.append(b'x' * 1_000_000)"
MANY = (
    "import os, time\nfor _ in range(12):\n  if not os.fork(): kept = b'x' * 30_000_000; time.sleep(20)\ntime.sleep(20)"
)
BURNS = "import os\nfor _ in range({}):\n  if not os.fork(): break\nwhile True: pass"
TICKS = os.sysconf("SC_CLK_TCK")


async def measure(folder: str) -> AsyncIterator[Figure]:
    workspace, out = f"{folder}/limits", f"{folder}/limits-out"
    os.makedirs(f"{workspace}/skills")
    os.makedirs(out)
    async with open_workbench(workspace=workspace, environ=clean_environ(folder)) as workbench:
        strongest = workbench.tier
    tier = Tier.A if strongest.has_namespaces else strongest  # the gates are those of a machine without control groups
    async with open_warden(bubblewrap=SecuritySettings().bubblewrap) as warden:
        for figure in (
            await _memory_peak(warden, tier, out),
            await _memory_of_many(warden, tier, out),
            *await _shares(warden, tier, out),
            await _beside_hogs(warden, tier, out),
        ):
            yield figure
        if strongest is Tier.A_PLUS:
            yield await _memory_of_many(warden, strongest, out, "memory_of_many_grouped_ms")
            for figure in await _shares(warden, strongest, out, "_grouped"):
                yield figure
    for figure in await _flood(workspace, folder):
        yield figure


@asynccontextmanager
async def _running(warden: Warden, tier: Tier, out: str, script: str, limits: Limits) -> AsyncIterator[Child]:
    policy = around(out, tier, SecuritySettings(max_cpu_percent=1000), limits)
    nothing = os.open(os.devnull, os.O_RDWR)
    argv = (interpreter(), "-I", "-S", "-c", script)
    child = await warden.start(argv, policy, cwd=out, descriptors=(nothing,) * 3)
    os.close(nothing)
    try:
        yield child
    finally:
        await child.stop(grace=0)


async def _memory_peak(warden: Warden, tier: Tier, out: str) -> Figure:
    peaks = []
    for _ in range(10):
        async with _running(warden, tier, out, GROWS, Limits(max_memory_mb=int(LIMIT_MB))) as child:
            peaks.append(max((await child.wait()).max_rss_mb or 0.0, 0.0))
    detail = {"least (MB)": min(peaks), "limit (MB)": LIMIT_MB}
    return at_most("memory_peak_mb", max(peaks), 1.6 * LIMIT_MB + 32, "MB", detail=detail)


async def _memory_of_many(warden: Warden, tier: Tier, out: str, name: str = "memory_of_many_ms") -> Figure:
    """From the moment that the tree is over its limit, seen from outside, to its end."""
    took = []
    for _ in range(5):
        async with _running(warden, tier, out, MANY, Limits(max_memory_mb=int(LIMIT_MB))) as child:
            crossed = 0.0
            while not child.has_ended:
                if not crossed and _held_below(child.pid) > LIMIT_MB * 1e6:
                    crossed = time.perf_counter()
                await anyio.sleep(0.001)
            took.append((time.perf_counter() - crossed) * 1000)
    return at_most(name, max(took), 100, "ms", detail={"least (ms)": round(min(took), 1)})


def _held_below(pid: int) -> int:
    """What they hold, without what lies in files: nobody is held up by being asked for that."""
    return sum(_anonymous_of(each) for each in descendants_of(pid))


def _anonymous_of(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            _, resident, shared, *_ = map(int, file.read().split())
    except OSError:
        return 0
    return (resident - shared) * PAGE


async def _shares(warden: Warden, tier: Tier, out: str, group: str = "") -> list[Figure]:
    """How far from its share a tree ends up in four seconds, and what holding it costs."""
    warden_pid, off, cost = warden.pid, 0.0, 0.0
    for others in (0, 3):
        for percent in (20, 50, 80):
            async with _running(warden, tier, out, BURNS.format(others), Limits(max_cpu_percent=percent)) as child:
                await anyio.sleep(0.5)
                before, own, then = _ticks_below(child.pid), usage_of(warden_pid)[1], time.monotonic()
                await anyio.sleep(4)
                seconds = time.monotonic() - then
                used = (_ticks_below(child.pid) - before) / TICKS / seconds * 100
                off = max(off, abs(used - percent))
                cost = max(cost, (usage_of(warden_pid)[1] - own) / TICKS / seconds * 100)
    return [
        at_most(f"cpu_share{group}_points", off, 3, "points"),
        at_most(f"cpu_limiter{group}_pct", cost, 5, "% of a core"),
    ]


def _ticks_below(pid: int) -> int:
    return sum(usage_of(each)[1] for each in descendants_of(pid))


async def _beside_hogs(warden: Warden, tier: Tier, out: str) -> Figure:
    """How fast a loop turns beside four skills that never stop, against how fast it turns alone."""
    alone = await _turns(2)
    async with _running(warden, tier, out, BURNS.format(3), Limits(max_cpu_percent=400)):
        await anyio.sleep(2)
        beside = await _turns(4)
    detail = {"turns a second alone": round(alone, 1), "beside four": round(beside, 1)}
    return at_least("loop_beside_hogs_pct", beside / alone * 100, 85, "%", detail=detail)


async def _turns(seconds: float) -> float:
    began, turns = time.perf_counter(), 0
    while (took := time.perf_counter() - began) < seconds:
        sum(range(200))
        await anyio.lowlevel.checkpoint()
        turns += 1
    return turns / took


async def _flood(workspace: str, folder: str) -> list[Figure]:
    """A gigabyte on stdout: how late the loop gets, and how much it adds to us."""
    os.makedirs(f"{workspace}/skills/flood", exist_ok=True)
    with open(f"{workspace}/skills/flood/skill.json", "w", encoding="utf-8") as file:
        file.write(
            '{"name": "flood", "version": "1.0.0", "description": "x", "type": "code_inline", "command": "head",'
            ' "args": ["-c", "1000000000", "/dev/zero"]}'
        )
    lags: list[float] = []
    async with open_workbench(workspace=workspace, environ=clean_environ(folder)) as workbench:
        await workbench.run("flood")
        before = usage_of(os.getpid())[0]
        most = before

        async def watch() -> None:
            nonlocal most
            while True:
                then = time.perf_counter()
                await anyio.sleep(0.001)
                lags.append(time.perf_counter() - then - 0.001)
                most = max(most, usage_of(os.getpid())[0])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            for _ in range(10):
                await workbench.run("flood")
            tasks.cancel_scope.cancel()
    worst = {"worst (ms)": percentile_ms(lags, 100)}
    return [
        at_most("flood_lag_ms", percentile_ms(lags, 99), 10, "ms", detail=worst),
        at_most("flood_mb", (most - before) / 1e6, 32, "MB"),
    ]
