"""Looks at what a whole tree uses: every 20 ms while it works, every second while it idles."""

from __future__ import annotations

import os
import signal
import sys

from workbench.runtime.sandbox.warden.allowance import Allowance
from workbench.runtime.sandbox.warden.folders import Folder
from workbench.runtime.sandbox.warden.launch import Launch
from workbench.runtime.sandbox.warden.processes import descendants_of, send_signal
from workbench.runtime.sandbox.warden.throttle import Throttle
from workbench.runtime.sandbox.warden.usage import TICKS_A_SECOND, proportional_of, usage_of, written_by

BUSY_SECONDS = 0.02
DISK_SECONDS = 0.1
IDLE_SECONDS = 1.0
LOOKS_UNTIL_IDLE = 10
WEIGHING_SECONDS, NEAR = 0.1, 0.7
CORES_OF_A_TREE = 0.25
NICENESS = 19
# A tree's own launchers count too: bubblewrap and its first process, or the guard.
LAUNCHERS = 3
MANY = 1e9


class TreeWatch:
    """One tree and its limits. `look` says what is over, if anything is.

    `first` is the namespace's first process, where there is one: it never stops, because it collects the dead.
    """

    __slots__ = (
        "_allowance",
        "_first",
        "_folder",
        "_memory",
        "_next_disk_look",
        "_next_weighing",
        "_nice",
        "_processes",
        "_quiet_looks",
        "_root",
        "_throttle",
        "_ticks",
        "_written",
        "cpu_seconds",
        "max_rss",
        "measured",
        "next_look",
        "used",
    )

    def __init__(self, root: int, first: int, launch: Launch, now: float) -> None:
        self._root, self._first, self._processes = root, first, launch.processes
        # Where the kernel holds a control group to them there is nothing left to be done about these two.
        is_grouped = launch.tier == "A+"
        self._memory = sys.maxsize if is_grouped else launch.memory
        self._ticks = self._written = self._quiet_looks = 0
        self._allowance, self._nice = Allowance(CORES_OF_A_TREE, now), frozenset[int]()
        self._next_disk_look = self._next_weighing = 0.0
        self._throttle = Throttle(MANY if is_grouped else launch.cores, launch.disk_bytes_a_second, now)
        self._folder = Folder(launch.write[0], launch.written_bytes, launch.files, now)
        self.used = self.cpu_seconds = 0.0
        self.next_look = now + BUSY_SECONDS
        self.max_rss = self.measured = 0

    def look(self, now: float, *, is_ending: bool) -> str:
        """What is over, or nothing; `measured` says how much it was, `used` what of the processor since."""
        pids = descendants_of(self._root)
        rss, ticks = 0, 0
        for pid in pids:
            its_rss, its_ticks = usage_of(pid)
            rss += its_rss
            ticks += its_ticks
        self.max_rss = max(self.max_rss, rss)
        self.used = max(0, ticks - self._ticks) / TICKS_A_SECOND
        since = self._written_since(pids, now)
        self.cpu_seconds += self.used
        self._allowance.spend(self.used, now)
        if self._allowance.is_spent:
            self._give_way(frozenset(pids))
        if is_ending:
            self._throttle.release(pids)
        else:
            self._throttle.hold((pid for pid in pids if pid != self._first), self.used, since, now)
        self._wait_until_next(now, is_busy=self.used > 0 or since > 0 or self._throttle.is_stopped)
        self._ticks = ticks
        return self._over(pids, rss, now)

    def _written_since(self, pids: list[int], now: float) -> int:
        """Bytes on their way to a disk since the last time that anybody asked, which is not at every look."""
        if now < self._next_disk_look:
            return 0
        self._next_disk_look = now + DISK_SECONDS
        before, self._written = self._written, sum(map(written_by, pids))
        return max(0, self._written - before)

    def _over(self, pids: list[int], rss: int, now: float) -> str:
        if len(pids) > self._processes + LAUNCHERS:
            self.measured = len(pids)
            return "processes"
        if rss > self._memory and now >= self._next_weighing and self._weighed(pids, now) > self._memory:
            return "memory"
        if self._folder.next_look <= now and (over := self._folder.look(now)):
            self.measured = self._folder.measured
            return over
        return ""

    def _weighed(self, pids: list[int], now: float) -> int:
        """What they hold, what they share counted once. They stand still meanwhile: a crowd would outrun the count.

        Who is far from the limit, because most is shared, is not held up again so soon.
        """
        for pid in pids:
            send_signal(pid, signal.SIGSTOP)
        self.measured = held = sum(map(proportional_of, pids))
        if held <= self._memory:
            self._next_weighing = now + (WEIGHING_SECONDS if held < self._memory * NEAR else 0)
            for pid in () if self._throttle.is_stopped else pids:
                send_signal(pid, signal.SIGCONT)
        return held

    def _give_way(self, pids: frozenset[int]) -> None:
        """For good: only root may take it back."""
        for pid in pids - self._nice:
            try:
                os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
            except OSError:
                continue
        self._nice = pids

    def _wait_until_next(self, now: float, *, is_busy: bool) -> None:
        self._quiet_looks = 0 if is_busy else self._quiet_looks + 1
        is_idle = self._quiet_looks >= LOOKS_UNTIL_IDLE
        self.next_look = now + (IDLE_SECONDS if is_idle else BUSY_SECONDS)
