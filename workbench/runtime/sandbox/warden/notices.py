"""Calls that are refused are refused by us, one by one, where the kernel can ask: so they can be counted and said.

The filter that asks is put around a child from outside of it. Whoever asks too often waits for its answers, alone.
"""

from __future__ import annotations

import _thread
import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress

from workbench.runtime.sandbox.warden import seccomp
from workbench.runtime.sandbox.warden.launch import Launch
from workbench.runtime.sandbox.warden.syscalls import MACHINES, call, number_of
from workbench.runtime.sandbox.warden.throttle import Pace

RECEIVE, SEND = 0xC0502100, 0xC0182101
CONTINUE = 1
A_SECOND, PAUSE_SECONDS = 300.0, 0.1
FAMILIES = {1: "local socket", 2: "internet socket", 10: "internet socket", 16: "netlink socket"}
SOCKET = number_of("socket", os.uname().machine) if os.uname().machine in MACHINES else None
CLONE3 = 435
NEVER = float("inf")
FIRST_KERNEL = (5, 5)
# The first C library that starts programs by `clone3` on each machine.
FIRST_LIBRARY = {"x86_64": (2, 34), "aarch64": (2, 37)}


class Asked:
    """Which calls of a launch the kernel asks us about."""

    __slots__ = ("sockets", "spawns")
    sockets: bool
    spawns: bool

    def __init__(self, launch: Launch) -> None:
        is_namespaced = launch.tier.startswith("A")
        can_ask = launch.tier != "D" and _kernel_asks() and not (is_namespaced and _gains_rights(launch.bubblewrap))
        self.sockets = can_ask and not launch.proxy_port
        self.spawns = can_ask and not launch.spawn and (not is_namespaced or _starts_without_asking())

    def __bool__(self) -> bool:
        return self.sockets or self.spawns

    def forget(self) -> None:
        """Ask about nothing."""
        self.sockets = self.spawns = False

    @property
    def kind(self) -> tuple[bool, bool]:
        return self.sockets, self.spawns


class Notices:
    """What one child asks. `ours` are the processes of its walls: they set them up, and may."""

    __slots__ = ("_ours", "_pace", "goes_on_at", "listener", "untold")

    def __init__(self, listener: int) -> None:
        self.listener, self._ours, self._pace = listener, frozenset[int](), Pace(A_SECOND, time.monotonic())
        self.untold: dict[str, int] = {}
        """What was refused and not yet told of, and how often."""
        self.goes_on_at = NEVER
        """When to listen again to one that asked too often."""

    def allow(self, *pids: int) -> None:
        """Name the processes of the walls."""
        self._ours = frozenset(pids)

    def answer_one(self, tell: Callable[[], None], *, is_being_set_up: bool = False) -> None:
        """Answer one call that waits. What is refused is told first: whoever hears of its end has heard of that."""
        notice = bytearray(80)
        try:
            fcntl.ioctl(self.listener, RECEIVE, notice)
        except OSError as error:
            if error.errno != errno.ENOENT:  # else whoever asked has ended meanwhile
                self._pause()
            return
        pid, number = int.from_bytes(notice[8:12], "little"), int.from_bytes(notice[16:20], "little")
        if is_being_set_up or pid in self._ours:
            self._answer(notice[:8], 0, CONTINUE)
            return
        is_socket, family = number == SOCKET, int.from_bytes(notice[32:36], "little")
        what = FAMILIES.get(family, f"socket of family {family}") if is_socket else "process"
        self.untold[what] = self.untold.get(what, 0) + 1
        tell()
        self._answer(notice[:8], -(errno.EACCES if is_socket else errno.EPERM), 0)
        if self._pace.is_ahead(1, time.monotonic()):
            self._pause()

    def _pause(self) -> None:
        self.goes_on_at = time.monotonic() + PAUSE_SECONDS

    def _answer(self, call_id: bytes | bytearray, error: int, flags: int) -> None:
        answer = bytes(call_id) + bytes(8) + error.to_bytes(4, "little", signed=True) + flags.to_bytes(4, "little")
        with suppress(OSError):  # whoever asked has ended meanwhile
            fcntl.ioctl(self.listener, SEND, answer)

    def close(self) -> None:
        """Nobody listens from now on."""
        if self.listener >= 0:
            os.close(self.listener)
        self.listener = -1


class Starter:
    """Starts one child behind the filter that asks, from a thread that has nothing else to do.

    A filter is a thread's, and what that thread starts has it too. The thread lives as long as the child, because
    bubblewrap ends with the thread that started it. It is ready before it is needed, which spares each start time.
    """

    __slots__ = ("_failed", "_is_done", "_is_over", "_is_wanted", "_work", "notices", "pid")

    def __init__(self, asked: Asked) -> None:
        self.pid, self.notices, self._failed = 0, Notices(-1), list[BaseException]()
        self._work: Callable[[], int] | None = None
        self._is_wanted, self._is_done, self._is_over = (_closed() for _ in range(3))
        _thread.start_new_thread(self._live, (asked,))
        self._wait()

    def start(self, work: Callable[[], int]) -> int:
        """Start the child; its pid."""
        self._work = work
        self._is_wanted.release()
        self._wait()
        return self.pid

    def end(self) -> None:
        """The child has ended, or will never be."""
        self.notices.close()
        for lock in (self._is_over, self._is_wanted):
            if lock.locked():
                lock.release()

    def _live(self, asked: Asked) -> None:
        try:
            self.notices.listener = listening(asked)
            self._is_done.release()
            self._is_wanted.acquire()
            if self._work:
                self.pid = self._work()
        except BaseException as error:  # noqa: BLE001  whoever waits for us is told of it
            self._failed.append(error)
        self._is_done.release()
        self._is_over.acquire()

    def _wait(self) -> None:
        self._is_done.acquire()
        if self._failed:
            self.end()
            raise self._failed[0]


def _closed() -> _thread.LockType:
    lock = _thread.allocate_lock()
    lock.acquire()
    return lock


def listening(asked: Asked) -> int:
    """Put this thread, and all that it will ever start, behind a filter that asks; where its questions arrive."""
    return seccomp.listen(seccomp.asking_program(sockets=asked.sockets, spawns=asked.spawns))


def _kernel_asks() -> bool:
    numbers = os.uname().release.split("-")[0].split(".")[:2]
    return all(each.isdigit() for each in numbers) and tuple(map(int, numbers)) >= FIRST_KERNEL


def _starts_without_asking() -> bool:
    """Whether starting a program uses `clone3`, which the filter leaves alone: nobody could answer while it is made."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        first = FIRST_LIBRARY.get(os.uname().machine)
        if name != "glibc" or first is None or tuple(map(int, version.split("."))) < first:
            return False
        call("syscall", CLONE3, 0, 0)
    except OSError as error:
        return error.errno == errno.EINVAL  # it is there, and was asked for nothing; in some containers it is not
    except ValueError:
        return False
    return True


def _gains_rights(program: str) -> bool:
    """A program that runs as its owner would not any more behind a filter."""
    return bool(os.stat(program).st_mode & stat.S_ISUID)
