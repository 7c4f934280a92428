"""Measures how late the event loop is: what a person feels as a screen that hangs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import anyio

BEAT_SECONDS = 0.5
HURTS_SECONDS = 0.05
BEATS_SHOWN = 6


class Heartbeat:
    """The lateness of the last few beats. `worst_ms` is what the footer shows while it hurts."""

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=BEATS_SHOWN)

    @property
    def worst_ms(self) -> float:
        return max(self._late, default=0.0) * 1000

    @property
    def hurts(self) -> bool:
        return max(self._late, default=0.0) > HURTS_SECONDS

    async def beat(self, tell: Callable[[], None]) -> None:
        """Beat until cancelled; tells when it begins to hurt, while it does, and when it is over."""
        while True:
            hurt_before = self.hurts
            due = time.monotonic() + BEAT_SECONDS
            await anyio.sleep(BEAT_SECONDS)
            self._late.append(max(0.0, time.monotonic() - due))
            if hurt_before or self.hurts:
                tell()
