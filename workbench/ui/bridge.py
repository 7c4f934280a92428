"""The one subscriber of the bus: gathers what happens and hands it on, at most thirty times a second."""

from __future__ import annotations

import time
from collections.abc import Callable

import anyio

from workbench.model.events import Event
from workbench.runtime.bus import Bus

PER_SECOND = 30
CAPACITY = 5_000


async def bridge(bus: Bus, tell: Callable[[tuple[Event, ...], int], None]) -> None:
    """Tell of events in batches, and how many were lost because we were too slow."""
    with bus.subscribe(capacity=CAPACITY) as events:
        dropped = 0
        async for first in events:
            told_at = time.monotonic()
            tell((first, *events.drain()), events.dropped - dropped)
            dropped = events.dropped
            await anyio.sleep(max(0.0, 1 / PER_SECOND - (time.monotonic() - told_at)))
