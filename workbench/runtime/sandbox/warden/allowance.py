"""Who starts, answers and is quiet again has the processor like anybody; who works on gives way to everybody else."""

from __future__ import annotations

AT_ONCE_SECONDS = 0.5


class Allowance:
    """Processor time at ordinary weight: half a second at once, and a part of every second again."""

    __slots__ = ("_cores", "_left", "_then", "is_spent")

    def __init__(self, cores: float, now: float) -> None:
        self._cores, self._then = cores, now
        self._left = AT_ONCE_SECONDS
        self.is_spent = False

    def spend(self, seconds: float, now: float) -> None:
        """Take off what was used since the last time; spent until half of it is there again."""
        again = (now - self._then) * self._cores
        self._left = max(0.0, min(AT_ONCE_SECONDS, self._left + again - seconds))
        self._then = now
        self.is_spent = self._left < AT_ONCE_SECONDS / 2 if self.is_spent else self._left == 0.0
