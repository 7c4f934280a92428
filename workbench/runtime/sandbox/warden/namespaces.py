"""Tier A: a child behind bubblewrap's namespaces and a system-call filter.

Everything that bubblewrap opens is opened here first, as descriptors and without following links; its own environment
is the child's, so that /proc/1/environ holds no secret; `/proc/sys` is bound read-only after `/proc`, because real root
could otherwise write to it from inside.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import stat
from collections.abc import Callable

from workbench.runtime.sandbox.warden import networks, seccomp
from workbench.runtime.sandbox.warden.binding import bindings
from workbench.runtime.sandbox.warden.launch import Launch
from workbench.runtime.sandbox.warden.notices import Asked, Notices, Starter
from workbench.runtime.sandbox.warden.processes import children_of, send_signal

# Above every descriptor that we may hold ourselves: a number that is given to the child must never be one that is still
# to be copied, or the child would get somebody else's file.
FIRST_OWN_DESCRIPTOR = 600
TMP_BYTES = 64 << 20
SHARED_MEMORY_BYTES = 16 << 20
_PASSWD = b"skill:x:65534:65534:skill:/tmp:/bin/sh\n"
_programs: dict[tuple[bool, bool, bool], bytes] = {}


def filter_program(launch: Launch, asked: Asked) -> bytes:
    """The system-call filter for a launch, assembled once; what another one asks about it leaves to that."""
    has_network, may_spawn = bool(launch.proxy_port), launch.spawn or asked.spawns
    key = (has_network, may_spawn, asked.sockets)
    if key not in _programs:
        _programs[key] = seccomp.program(
            allow_network=has_network, allow_spawn=may_spawn, asks_about_sockets=asked.sockets
        )
    return _programs[key]


class Started:
    """A child in namespaces of its own: bubblewrap's pid, and that of the first process inside.

    `report` is the descriptor of bubblewrap's report: it reports the end too, and would die of a closed pipe, so it
    stays open until then. `listener` listens in the child's own network, where it has one that leads out. `starter`
    is there where the kernel asks about calls.
    """

    __slots__ = ("_report", "_starter", "first_pid", "listener", "pid")

    def __init__(self, pid: int, first_pid: int, report: int, listener: int, starter: Starter | None) -> None:
        self.pid, self.first_pid, self.listener = pid, first_pid, listener
        self._report, self._starter = report, starter

    @property
    def notices(self) -> Notices | None:
        return self._starter.notices if self._starter else None

    def close(self) -> None:
        """The child has ended."""
        os.close(self._report)
        if self._starter:
            self._starter.end()


def start(
    launch: Launch, descriptors: list[int], asked: Asked, starter: Starter | None, before_it_runs: Callable[[], None]
) -> Started:
    """Start a launch with its descriptors at 0, 1, 2, ….

    bubblewrap tells of its first process and waits with the command until that has got its limits, and a listener in
    its network: done from outside and before any of the skill's code runs, they are the namespace's alone.
    """
    opened: list[int] = []
    pid, listener = 0, -1
    status_read, status_write = os.pipe2(os.O_CLOEXEC)
    gate_read, gate_write = os.pipe2(os.O_CLOEXEC)
    try:
        arguments, passed = _arguments(launch, asked, opened)
        targets = range(FIRST_OWN_DESCRIPTOR, FIRST_OWN_DESCRIPTOR + len(passed) + 2)
        ours = [*passed, status_write, gate_read]
        if max(*ours, *descriptors) >= FIRST_OWN_DESCRIPTOR:
            raise OSError("too many children at once")
        actions = [(os.POSIX_SPAWN_DUP2, *pair) for pair in zip(ours, targets, strict=True)]
        actions += [(os.POSIX_SPAWN_DUP2, descriptor, target) for target, descriptor in enumerate(descriptors)]
        arguments += ["--json-status-fd", str(targets[-2]), "--block-fd", str(targets[-1])]

        def spawn() -> int:
            return os.posix_spawn(
                launch.bubblewrap,
                [launch.bubblewrap, *arguments, "--", *launch.argv],
                launch.environment,
                file_actions=actions,
                setpgroup=0,
                setsigmask=(),
                setsigdef=(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD),
            )

        pid = starter.start(spawn) if starter else spawn()
        os.close(status_write)
        status_write = -1
        before_it_runs()
        if first := pid_in(_report(status_read, starter)):  # else it has ended, and its own words say why
            _limit(first, launch)
            listener = networks.listener_in(first, launch.proxy_port) if launch.proxy_port else -1
            os.write(gate_write, b"go")
    except BaseException:
        for each in (*children_of(pid), pid) if pid else ():  # a gate that is only closed is open to bubblewrap
            send_signal(each, signal.SIGKILL)
        os.close(status_read)
        if starter:
            starter.end()
        raise
    finally:
        for descriptor in (status_write, gate_read, gate_write, *opened):
            if descriptor >= 0:
                os.close(descriptor)
    if starter:
        starter.notices.allow(pid, first)
    return Started(pid, first, status_read, listener, starter)


def _report(status: int, starter: Starter | None) -> bytes:
    """What bubblewrap says first; until then whatever is asked is asked by itself, which sets up the walls."""
    if starter:
        poll = select.poll()
        for descriptor in (status, starter.notices.listener):
            poll.register(descriptor, select.POLLIN)
        while status not in (ready := [each for each, _ in poll.poll()]):
            if ready:
                starter.notices.answer_one(lambda: None, is_being_set_up=True)
    return os.read(status, 4096)


def pid_in(status: bytes) -> int:
    """The number behind "child-pid" in what bubblewrap says; 0 where it says nothing of it."""
    behind = status.partition(b'"child-pid":')[2].lstrip()
    digits = behind[: len(behind) - len(behind.lstrip(b"0123456789"))]
    return int(digits or b"0")


def _limit(pid: int, launch: Launch) -> None:
    for limit, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, launch.open_files),
        (resource.RLIMIT_NPROC, launch.processes),
        (resource.RLIMIT_FSIZE, launch.file_bytes),
        (resource.RLIMIT_CPU, launch.cpu_seconds),
    ):
        resource.prlimit(pid, limit, (most, most))


def _arguments(launch: Launch, asked: Asked, opened: list[int]) -> tuple[list[str], list[int]]:
    """bubblewrap's options, and the descriptors they speak of, in the order of their numbers."""
    passed: list[int] = []

    def passing(descriptor: int) -> str:
        opened.append(descriptor)
        passed.append(descriptor)
        return str(FIRST_OWN_DESCRIPTOR + len(passed) - 1)

    arguments = ["--unshare-user", "--unshare-all", "--disable-userns", "--die-with-parent"]
    arguments += ["--cap-drop", "ALL", "--uid", "65534", "--gid", "65534"]
    arguments += _system()
    arguments += ["--ro-bind-data", passing(_pipe_of(_PASSWD)), "/etc/passwd"]
    arguments += ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev"]
    arguments += ["--size", str(SHARED_MEMORY_BYTES), "--tmpfs", "/dev/shm"]
    arguments += ["--size", str(TMP_BYTES), "--tmpfs", "/tmp"]
    read = [path for path in launch.read if not path.startswith("/usr/")]
    arguments += bindings(read, launch.write, open_path, passing)
    arguments += ["--remount-ro", "/dev", "--remount-ro", "/"]
    arguments += ["--chdir", launch.cwd, "--seccomp", passing(_pipe_of(filter_program(launch, asked)))]
    return arguments, passed


def _system() -> list[str]:
    """The system's programs and libraries, read-only, laid out as they are here."""
    arguments = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib64", "lib32"):
        path = f"/{name}"
        if os.path.islink(path):
            arguments += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            arguments += ["--ro-bind", path, path]
    for path in ("/etc/ld.so.cache", "/etc/alternatives"):
        arguments += ["--ro-bind-try", path, path]
    return arguments


def open_path(path: str) -> int:
    """A descriptor of a path in which no part but the system's own is a link.

    Raises OSError. The real path is opened part by part, so that a link put there in between is refused.
    """
    real = os.path.realpath(path)
    if real != os.path.normpath(path):
        raise OSError(f"{path} leads through a link")
    descriptor = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in real.split("/")[1:]:
        if not part:
            continue
        try:
            below = os.open(part, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = below
        if stat.S_ISLNK(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(f"{path} leads through a link")
    return descriptor


def _pipe_of(data: bytes) -> int:
    """The reading end of a pipe that already holds these bytes; they are few enough to fit."""
    read, write = os.pipe2(os.O_CLOEXEC)
    try:
        os.write(write, data)
    finally:
        os.close(write)
    return read
