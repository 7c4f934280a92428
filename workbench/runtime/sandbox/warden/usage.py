"""What processes use, by /proc alone: memory, processor time, and bytes on their way to a disk."""

from __future__ import annotations

import os

PAGE, TICKS_A_SECOND = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


def usage_of(pid: int) -> tuple[int, int]:
    """Resident bytes of one process, and clock ticks of it and of those it has waited for; nothing once it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            fields = file.read(1024).rpartition(b")")[2].split()
        return int(fields[21]) * PAGE, sum(map(int, fields[11:15]))
    except (OSError, IndexError, ValueError):
        return 0, 0


def proportional_of(pid: int) -> int:
    """A process's share of the memory that it has with others, so that forks do not count twice."""
    return _number_in(f"/proc/{pid}/smaps_rollup", b"Pss:") * 1024


def written_by(pid: int) -> int:
    """Bytes that a process, and those it has waited for, sent to a disk."""
    return _number_in(f"/proc/{pid}/io", b"write_bytes:")


def _number_in(path: str, label: bytes) -> int:
    try:
        with open(path, "rb") as file:
            for line in file:
                if line.startswith(label):
                    return int(line.split()[1])
    except (OSError, ValueError):
        return 0
    return 0
