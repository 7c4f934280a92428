"""Looks at what a whole tree uses: every 20 ms while it works, every second while it idles."""

from __future__ import annotations

import os

from workbench.runtime.sandbox.warden.allowance import Allowance
from workbench.runtime.sandbox.warden.processes import descendants_of

BUSY_SECONDS = 0.02
IDLE_SECONDS = 1.0
LOOKS_UNTIL_IDLE = 10
PAGE, TICKS_A_SECOND = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
CORES_OF_A_TREE = 0.25
NICENESS = 19
# A tree's own launchers count too: bubblewrap and its first process, or the guard.
LAUNCHERS = 3


class TreeWatch:
    """One tree and its limits. `look` says what is over, if anything is."""

    __slots__ = (
        "_allowance",
        "_memory",
        "_nice",
        "_processes",
        "_quiet_looks",
        "_root",
        "_ticks",
        "max_rss",
        "measured",
        "next_look",
        "used",
    )

    def __init__(self, root: int, memory: int, processes: int, now: float) -> None:
        self._root, self._memory, self._processes = root, memory, processes
        self._ticks, self._quiet_looks = 0, 0
        self._allowance, self._nice = Allowance(CORES_OF_A_TREE, now), frozenset[int]()
        self.used = 0.0
        self.next_look = now + BUSY_SECONDS
        self.max_rss = self.measured = 0

    def look(self, now: float) -> str:
        """'memory', 'processes' or nothing; `measured` says how much it was, `used` what of the processor since."""
        pids = descendants_of(self._root)
        rss, ticks = 0, 0
        for pid in pids:
            its_rss, its_ticks = usage_of(pid)
            rss += its_rss
            ticks += its_ticks
        self.max_rss = max(self.max_rss, rss)
        self.used = max(0, ticks - self._ticks) / TICKS_A_SECOND
        self._allowance.spend(self.used, now)
        if self._allowance.is_spent:
            self._give_way(frozenset(pids))
        self._pace(ticks, now)
        if len(pids) > self._processes + LAUNCHERS:
            self.measured = len(pids)
            return "processes"
        if rss > self._memory and (pss := sum(map(proportional_of, pids))) > self._memory:
            self.measured = pss
            return "memory"
        return ""

    def _give_way(self, pids: frozenset[int]) -> None:
        """For good: only root may take it back."""
        for pid in pids - self._nice:
            try:
                os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
            except OSError:
                continue
        self._nice = pids

    def _pace(self, ticks: int, now: float) -> None:
        self._quiet_looks = self._quiet_looks + 1 if ticks == self._ticks else 0
        self._ticks = ticks
        is_idle = self._quiet_looks >= LOOKS_UNTIL_IDLE
        self.next_look = now + (IDLE_SECONDS if is_idle else BUSY_SECONDS)


def usage_of(pid: int) -> tuple[int, int]:
    """Resident bytes and clock ticks of one process; nothing of one that is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            fields = file.read(1024).rpartition(b")")[2].split()
        return int(fields[21]) * PAGE, int(fields[11]) + int(fields[12])
    except (OSError, IndexError, ValueError):
        return 0, 0


def proportional_of(pid: int) -> int:
    """A process's share of the memory that it has with others, so that forks do not count twice."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        return 0
    return 0
