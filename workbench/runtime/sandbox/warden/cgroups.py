"""A cap on how many processes one child may become, where control groups can be written.

For root there is no other: the kernel does not hold root's processes to RLIMIT_NPROC, not even inside a user namespace.
"""

from __future__ import annotations

import os
import signal

from workbench.runtime.sandbox.warden.processes import send_signal

V1_FOLDER = "/sys/fs/cgroup/pids"
# bubblewrap and its first process, or the guard, live in the group too, and the warden for a moment.
SPARE_PLACES = 6


class ProcessCaps:
    """Makes a group for each child. The warden steps into it, starts the child there, and steps out again."""

    def __init__(self) -> None:
        self._parent = _own_group()
        self._own = self._parent
        self._count = 0
        if self._parent and not _can_hold(self._parent):
            self._parent = ""
        _sweep(self._parent)

    def enter(self, processes: int) -> str:
        """Step into a new group that holds so many processes; returns it, or '' where there is none."""
        if not self._parent:
            return ""
        self._count += 1
        group = f"{self._parent}/workbench-{os.getpid()}-{self._count}"
        try:
            os.mkdir(group)
            _write(f"{group}/pids.max", str(processes + SPARE_PLACES))
            _write(f"{group}/cgroup.procs", "0")
        except OSError:
            self.leave()
            remove(group)
            return ""
        return group

    def leave(self) -> None:
        """Step back to where we came from."""
        if self._parent:
            _write(f"{self._own}/cgroup.procs", "0")


def remove(group: str) -> bool:
    """Forget a group whose processes have ended; whether it is gone."""
    try:
        if group:
            os.rmdir(group)
    except OSError:
        return not os.path.isdir(group)
    return True


def _sweep(parent: str) -> None:
    """Forget the groups of wardens that are gone."""
    if parent:
        for name in os.listdir(parent):
            owner = name.split("-")[1] if name.startswith("workbench-") else ""
            if owner.isdigit() and not os.path.isdir(f"/proc/{owner}"):
                _end_all(f"{parent}/{name}")
                remove(f"{parent}/{name}")


def _end_all(group: str) -> None:
    """End what a warden that was killed left running."""
    try:
        with open(f"{group}/cgroup.procs", encoding="ascii") as file:
            pids = [int(line) for line in file]
    except OSError:
        return
    for pid in pids:
        send_signal(pid, signal.SIGKILL)


def _own_group() -> str:
    """The folder of the group that we are in, of the hierarchy that counts processes; '' where there is none."""
    try:
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            lines = [line.rstrip("\n").split(":", 2) for line in file]
    except OSError:
        return ""
    for _, controllers, path in lines:
        if "pids" in controllers.split(",") and os.path.isdir(V1_FOLDER):
            return V1_FOLDER + path.rstrip("/")
    return ""


def _can_hold(parent: str) -> bool:
    probe = f"{parent}/workbench-{os.getpid()}-probe"
    try:
        os.mkdir(probe)
        _write(f"{probe}/pids.max", "64")
    except OSError:
        return False
    finally:
        remove(probe)
    return True


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii", opener=_existing) as file:
        file.write(text)


def _existing(path: str, flags: int) -> int:
    return os.open(path, os.O_WRONLY | os.O_CLOEXEC)
