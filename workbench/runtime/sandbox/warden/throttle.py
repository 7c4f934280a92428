"""Holds a tree to a steady rate by stopping it while it is ahead and letting it go on once it is not."""

from __future__ import annotations

import signal
from collections.abc import Iterable

from workbench.runtime.sandbox.warden.processes import send_signal

AT_ONCE_SECONDS = 0.1


class Pace:
    """So much a second of something, a tenth of a second's worth of it at once; what was overdrawn is waited for."""

    __slots__ = ("_left", "_most", "_rate", "_then")

    def __init__(self, rate: float, now: float) -> None:
        self._rate, self._then = rate, now
        self._left = self._most = rate * AT_ONCE_SECONDS

    def is_ahead(self, used: float, now: float) -> bool:
        """Take off what was used since the last time; whether that was too much by now."""
        self._left = min(self._most, self._left + (now - self._then) * self._rate - used)
        self._then = now
        return self._left < 0


class Throttle:
    """Stops the processes of a tree and lets them go on."""

    __slots__ = ("_cpu", "_disk", "is_stopped")

    def __init__(self, cores: float, disk_bytes: float, now: float) -> None:
        self._cpu, self._disk = Pace(cores, now), Pace(disk_bytes, now)
        self.is_stopped = False

    def hold(self, pids: Iterable[int], cpu_seconds: float, disk_bytes: float, now: float) -> None:
        """Called at every look with what was used since the last; new processes are stopped like the others."""
        is_ahead = self._cpu.is_ahead(cpu_seconds, now) | self._disk.is_ahead(disk_bytes, now)
        if is_ahead or self.is_stopped:
            for pid in pids:
                send_signal(pid, signal.SIGSTOP if is_ahead else signal.SIGCONT)
        self.is_stopped = is_ahead

    def release(self, pids: Iterable[int]) -> None:
        """Let them go on, for good."""
        if self.is_stopped:
            for pid in pids:
                send_signal(pid, signal.SIGCONT)
        self.is_stopped = False
