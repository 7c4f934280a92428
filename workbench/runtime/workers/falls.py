"""Revisions whose processes end by themselves again and again: after a few times each start waits longer."""

from __future__ import annotations

from math import ceil
from time import monotonic

from workbench.runtime.workers.waiting import Key
from workbench.runtime.workers.wire import Said

MANY = 5
LONGEST_SECONDS = 60.0


class Falls:
    """How often in a row each revision's process ended, and when. One that answers begins anew."""

    def __init__(self) -> None:
        self._falls: dict[Key, tuple[int, float]] = {}

    def fell(self, key: Key) -> None:
        self._falls[key] = (self._falls.get(key, (0, 0.0))[0] + 1, monotonic())

    def answered(self, key: Key) -> None:
        self._falls.pop(key, None)

    def refusal(self, key: Key) -> Said | None:
        """What is said instead of starting one more, while that would only cost time."""
        count, at = self._falls.get(key, (0, 0.0))
        if count < MANY:
            return None
        left = at + min(LONGEST_SECONDS, 2.0 ** (count - MANY)) - monotonic()
        if left <= 0:
            return None
        words = f"its process ended by itself {count} times in a row"
        return Said(kind="crashed", message=f"{words}; the next is started in {ceil(left)} s, or on a save")
