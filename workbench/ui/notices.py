"""What the person is told in one line, and everything they have been told."""

from __future__ import annotations

import time
from collections import deque

MOST = 500
REFUSAL_SECONDS = 4.0


class Notices:
    """The last thing that happened. Whoever asked and was refused can read why before anything else is told."""

    def __init__(self, first: str) -> None:
        self.latest = first
        self.all: deque[tuple[float, str]] = deque(maxlen=MOST)
        self._refused_at = -REFUSAL_SECONDS

    def answer(self, words: str) -> None:
        """What came of something the person did."""
        self._refused_at = time.monotonic() if words.startswith("✕") else -REFUSAL_SECONDS
        self._keep(words)
        self.latest = words

    def news(self, words: str) -> None:
        """What happened by itself."""
        self._keep(words)
        if time.monotonic() - self._refused_at >= REFUSAL_SECONDS:
            self.latest = words

    def _keep(self, words: str) -> None:
        self.all.append((time.time(), words))
