"""Control groups: how many processes one child may become, and on tier A+ how much memory and processor it gets.

For root there is no other cap on processes: the kernel does not hold root's to RLIMIT_NPROC, not even inside a user
namespace.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from workbench.runtime.sandbox.warden.launch import Launch
from workbench.runtime.sandbox.warden.processes import send_signal

MOUNTED, MEMBERSHIP = "/sys/fs/cgroup", "/proc/self/cgroup"
PROCESSES, MEMORY, CPU = EVERY = ("pids", "memory", "cpu")
# bubblewrap and its first process, or the guard, live in the group too.
SPARE_PROCESSES, SPARE_BYTES = 6, 4 << 20
PERIOD_MICROSECONDS, LEAST_QUOTA = 100_000, 1_000
NO_SWAP = (("memory.swap.max", "0"), ("memory.swappiness", "0"))


class Group:
    """One child's group: a folder for each controller, all of them the same one where the kernel has one hierarchy."""

    __slots__ = ("_memory", "folders")

    def __init__(self, folders: dict[str, str]) -> None:
        self.folders = folders
        self._memory = folders.get(MEMORY, "")

    def hold(self, launch: Launch) -> None:
        """To its limits, once the warden has left with its threads, which must not be what is counted or ended."""
        if PROCESSES in self.folders:
            _write(f"{self.folders[PROCESSES]}/pids.max", str(launch.processes + SPARE_PROCESSES))
        if not self._memory:
            return
        most = str(launch.memory + SPARE_BYTES)
        _write_first((f"{self._memory}/memory.max", most), (f"{self._memory}/memory.limit_in_bytes", most))
        for name, value in (*NO_SWAP, ("memory.memsw.limit_in_bytes", most), ("memory.oom.group", "1")):
            if os.path.exists(f"{self._memory}/{name}"):
                _write(f"{self._memory}/{name}", value)
        cpu, quota = self.folders[CPU], str(max(LEAST_QUOTA, int(launch.cores * PERIOD_MICROSECONDS)))
        if os.path.exists(f"{cpu}/cpu.max"):
            _write(f"{cpu}/cpu.max", f"{quota} {PERIOD_MICROSECONDS}")
        else:
            _write(f"{cpu}/cpu.cfs_period_us", str(PERIOD_MICROSECONDS))
            _write(f"{cpu}/cpu.cfs_quota_us", quota)

    @property
    def memory_that_ended_it(self) -> int:
        """The most bytes that it held, if the kernel had to end a process of it for them; else nothing."""
        if not self._memory:
            return 0
        for name in ("memory.events", "memory.oom_control"):
            for line in _read(f"{self._memory}/{name}").splitlines():
                if line.startswith("oom_kill ") and not line.endswith(" 0"):
                    return self._most_memory() - SPARE_BYTES
        return 0

    def _most_memory(self) -> int:
        names = ("memory.peak", "memory.max_usage_in_bytes", "memory.max")
        return next((int(text) for name in names if (text := _read(f"{self._memory}/{name}").strip())), SPARE_BYTES)

    def remove(self) -> bool:
        """Forget it, once its processes have ended; whether it is gone."""
        for folder in set(self.folders.values()):
            try:
                os.rmdir(folder)
            except OSError:
                if os.path.isdir(folder):
                    return False
        return True


NO_GROUP = Group({})


class Groups:
    """Makes a group for each child. The warden steps into it, starts the child there, and steps out again."""

    def __init__(self) -> None:
        self._parents, self._own = parents(), _own_folders()
        self._count = 0
        for parent in set(self._parents.values()):
            _sweep(parent)

    def enter(self, launch: Launch) -> Group:
        """Step into a new group; raises OSError where the tier needs one and there is none."""
        needs_all = launch.tier == "A+"
        wanted = EVERY if needs_all else (PROCESSES,)
        parents = {name: self._parents[name] for name in wanted if name in self._parents}
        if needs_all and len(parents) < len(EVERY):
            raise OSError("no control group can be made here for memory, processor and processes")
        self._count += 1
        group = Group({name: f"{parent}/workbench-{os.getpid()}-{self._count}" for name, parent in parents.items()})
        try:
            for folder in set(group.folders.values()):
                os.mkdir(folder)
            for folder in set(group.folders.values()):
                _write(f"{folder}/cgroup.procs", "0")
        except OSError:
            with suppress(OSError):
                self.leave(group)
            group.remove()
            if needs_all:
                raise
            return NO_GROUP
        return group

    def leave(self, group: Group) -> None:
        """Step back to where we came from."""
        for name in group.folders:
            _write(f"{self._own[name]}/cgroup.procs", "0")


def parents() -> dict[str, str]:
    """Where a group can be made, for each controller.

    Below our own; in the one hierarchy of newer kernels beside it: there no group has both processes and groups.
    """
    own, found = _own_folders(), {}
    for name, folder in own.items():
        if _is_of_one_hierarchy(folder):
            above = (folder, os.path.dirname(folder))
            folder = next((each for each in above if name in _read(f"{each}/cgroup.subtree_control").split()), "")
        if os.access(folder, os.W_OK | os.X_OK) and os.access(f"{folder}/cgroup.procs", os.W_OK):
            found[name] = folder
    return found


def _own_folders() -> dict[str, str]:
    """The folder of the group that we are in, for each controller that this machine has."""
    found: dict[str, str] = {}
    for line in _read(MEMBERSHIP).splitlines():
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(",") if controllers else EVERY:
            folder = f"{MOUNTED}/{name if controllers else ''}{path}".replace("//", "/").rstrip("/")
            if name in EVERY and os.path.isdir(folder) and (controllers or _is_of_one_hierarchy(folder)):
                found.setdefault(name, folder)
    return found


def _is_of_one_hierarchy(folder: str) -> bool:
    return os.path.exists(f"{folder}/cgroup.controllers")


def _sweep(parent: str) -> None:
    """Forget the groups of wardens that are gone."""
    for name in os.listdir(parent):
        owner = name.split("-")[1] if name.startswith("workbench-") else ""
        if owner.isdigit() and (int(owner) == os.getpid() or not os.path.isdir(f"/proc/{owner}")):
            _end_all(f"{parent}/{name}")
            Group({PROCESSES: f"{parent}/{name}"}).remove()


def _end_all(folder: str) -> None:
    """End what a warden that was killed left running."""
    for pid in map(int, _read(f"{folder}/cgroup.procs").split()):
        if pid:  # of another namespace
            send_signal(pid, signal.SIGKILL)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def _write_first(*choices: tuple[str, str]) -> None:
    """Write the first of these files that is there."""
    for path, text in choices:
        if os.path.exists(path):
            _write(path, text)
            return
    raise OSError(f"{choices[0][0]} is not there")


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii", opener=_existing) as file:
        file.write(text)


def _existing(path: str, flags: int) -> int:
    return os.open(path, os.O_WRONLY | os.O_CLOEXEC)
