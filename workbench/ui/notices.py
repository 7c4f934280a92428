"""What the person is told in one line, and everything they have been told."""

from __future__ import annotations

import time
from collections import deque

MOST = 500
REFUSAL_SECONDS = 4.0


class Notices:
    """The last thing that happened. Whoever asked and was refused can read why before anything else is told."""

    def __init__(self, first: str) -> None:
        self._answer = self._news = first
        self._has_news = False
        self.all: deque[tuple[float, str]] = deque(maxlen=MOST)
        self._refused_at = -REFUSAL_SECONDS

    @property
    def latest(self) -> str:
        """The news, once a refusal has stood long enough."""
        may_be_told = self._has_news and time.monotonic() - self._refused_at >= REFUSAL_SECONDS
        return self._news if may_be_told else self._answer

    def answer(self, words: str) -> None:
        """What came of something the person did."""
        self._refused_at = time.monotonic() if words.startswith("✕") else -REFUSAL_SECONDS
        self._keep(words)
        self._answer, self._has_news = words, False

    def news(self, words: str) -> None:
        """What happened by itself."""
        self._keep(words)
        self._news, self._has_news = words, True

    def _keep(self, words: str) -> None:
        self.all.append((time.time(), words))
