"""What a figure is, and the few ways of measuring that they share."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PYTHON = sys.executable


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number, the gate it has to stay within, and what it was measured against."""

    name: str
    value: float
    unit: str
    gate: str
    holds: bool
    baseline: dict[str, float] = field(default_factory=dict)
    detail: dict[str, float] = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        return asdict(self)


def at_most(name: str, value: float, gate: float, unit: str = "x", **more: dict[str, float]) -> Figure:
    return Figure(name=name, value=round(value, 3), unit=unit, gate=f"≤ {gate:g}", holds=value <= gate, **more)


def at_least(name: str, value: float, gate: float, unit: str = "/s", **more: dict[str, float]) -> Figure:
    return Figure(name=name, value=round(value, 1), unit=unit, gate=f"≥ {gate:g}", holds=value >= gate, **more)


def median_ms(samples: Sequence[float]) -> float:
    return round(statistics.median(samples) * 1000, 4)


def percentile_ms(samples: Sequence[float], percent: float) -> float:
    ordered = sorted(samples)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000, 4)


def spawned(argv: Sequence[str], times: int, *, cwd: str = ".", environ: dict[str, str] | None = None) -> list[float]:
    """How long a whole process takes, so many times over."""
    samples = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run(argv, cwd=cwd, env=environ, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        samples.append(time.perf_counter() - began)
    return samples


def in_turns(first: Callable[[], float], second: Callable[[], float], times: int) -> tuple[list[float], list[float]]:
    """Two things measured by turns, so that the machine's moods meet both."""
    pairs = [(first(), second()) for _ in range(times)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


async def awaited(action: Callable[[], Awaitable[object]], times: int) -> list[float]:
    samples = []
    for _ in range(times):
        began = time.perf_counter()
        await action()
        samples.append(time.perf_counter() - began)
    return samples


def clean_environ(home: str) -> dict[str, str]:
    """The environment of somebody new, with our package in reach."""
    return {"PATH": os.environ["PATH"], "HOME": home, "PYTHONPATH": str(REPOSITORY), "LANG": "C.UTF-8"}
