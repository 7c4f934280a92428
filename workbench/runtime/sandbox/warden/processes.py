"""Looking at and ending whole trees of processes, by /proc alone."""

from __future__ import annotations

import os
import signal


def children_of(pid: int) -> list[int]:
    """The direct children of a process, of all its threads."""
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                found.extend(int(child) for child in file.read().split())
        except OSError:
            continue
    return found


def descendants_of(pid: int) -> list[int]:
    """Every process below one, parents before children."""
    found: list[int] = []
    stack = [pid]
    while stack:
        below = children_of(stack.pop())
        found.extend(below)
        stack.extend(below)
    return found


def send_signal(pid: int, number: int) -> bool:
    """Whether there was somebody to take the signal."""
    try:
        os.kill(pid, number)
    except OSError:
        return False
    return True


def kill_descendants(pid: int, *, rounds: int = 50) -> None:
    """End everything below a process: stopped first, so that nothing forks away while it is being counted.

    Only below ourselves are the dead collected too: elsewhere whoever owns them is to be told how they ended.
    """
    is_ours = pid == os.getpid()
    for _ in range(rounds):
        below = descendants_of(pid)
        if not below:
            return
        for child in below:
            send_signal(child, signal.SIGSTOP)
        for child in {*below, *descendants_of(pid)}:
            send_signal(child, signal.SIGKILL)
        if is_ours:
            reap_available()


def reap_available() -> list[tuple[int, int]]:
    """Collect every child of ours that has ended: its pid and its status."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append((pid, status))
