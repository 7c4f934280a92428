"""Tier A: a child behind bubblewrap's namespaces and a system-call filter.

Everything that bubblewrap opens is opened here first, as descriptors and without following links; its own environment
is the child's, so that /proc/1/environ holds no secret; `/proc/sys` is bound read-only after `/proc`, because real root
could otherwise write to it from inside.
"""

from __future__ import annotations

import os
import signal
import stat

from workbench.runtime.sandbox.warden import seccomp
from workbench.runtime.sandbox.warden.launch import Launch

PRLIMIT = "/usr/bin/prlimit"
FIRST_OWN_DESCRIPTOR = 40
TMP_BYTES = 64 << 20
SHARED_MEMORY_BYTES = 16 << 20
_PASSWD = b"skill:x:65534:65534:skill:/tmp:/bin/sh\n"
_GROUP = b"skill:x:65534:\n"
_programs: dict[tuple[bool, bool], bytes] = {}


def filter_program(launch: Launch) -> bytes:
    """The system-call filter for a launch, assembled once."""
    key = (launch.network, launch.spawn)
    if key not in _programs:
        _programs[key] = seccomp.program(allow_network=launch.network, allow_spawn=launch.spawn)
    return _programs[key]


def start(launch: Launch, descriptors: list[int]) -> tuple[int, int]:
    """Start a launch with its descriptors at 0, 1, 2, …; returns the pid and where bubblewrap reports its child."""
    opened: list[int] = []
    status_read, status_write = os.pipe2(os.O_CLOEXEC)
    try:
        arguments, passed = _arguments(launch, opened)
        actions = [(os.POSIX_SPAWN_DUP2, descriptor, target) for target, descriptor in enumerate(descriptors)]
        status_target = FIRST_OWN_DESCRIPTOR + len(passed)
        for offset, descriptor in enumerate([*passed, status_write]):
            actions.append((os.POSIX_SPAWN_DUP2, descriptor, FIRST_OWN_DESCRIPTOR + offset))
        pid = os.posix_spawn(
            launch.bubblewrap,
            [launch.bubblewrap, *arguments, "--json-status-fd", str(status_target), "--", *_limited(launch)],
            launch.environment,
            file_actions=actions,
            setpgroup=0,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD),
        )
    except BaseException:
        os.close(status_read)
        raise
    finally:
        os.close(status_write)
        for descriptor in opened:
            os.close(descriptor)
    return pid, status_read


def child_pid(status_descriptor: int) -> int:
    """The pid, seen from outside, of the first process in the namespace; 0 while it is not known."""
    try:
        text = os.read(status_descriptor, 4096)
    except (BlockingIOError, OSError):
        return 0
    return pid_in(text)


def pid_in(status: bytes) -> int:
    """The number behind "child-pid" in what bubblewrap says; 0 where it says nothing of it."""
    behind = status.partition(b'"child-pid":')[2].lstrip()
    digits = behind[: len(behind) - len(behind.lstrip(b"0123456789"))]
    return int(digits or b"0")


def _limited(launch: Launch) -> list[str]:
    """The command under its limits, set inside the namespace so that they count only what is in it."""
    return [
        PRLIMIT,
        "--core=0",
        f"--nofile={launch.open_files}:{launch.open_files}",
        f"--nproc={launch.processes}:{launch.processes}",
        f"--fsize={launch.file_bytes}:{launch.file_bytes}",
        "--",
        *launch.argv,
    ]


def _arguments(launch: Launch, opened: list[int]) -> tuple[list[str], list[int]]:
    """bubblewrap's options, and the descriptors they speak of, in the order of their numbers."""
    passed: list[int] = []

    def passing(descriptor: int) -> str:
        opened.append(descriptor)
        passed.append(descriptor)
        return str(FIRST_OWN_DESCRIPTOR + len(passed) - 1)

    arguments = ["--unshare-user", "--unshare-all", "--disable-userns", "--die-with-parent"]
    arguments += ["--share-net"] if launch.network else []
    arguments += ["--cap-drop", "ALL", "--uid", "65534", "--gid", "65534"]
    arguments += _system()
    arguments += ["--ro-bind-data", passing(_pipe_of(_PASSWD)), "/etc/passwd"]
    arguments += ["--ro-bind-data", passing(_pipe_of(_GROUP)), "/etc/group"]
    arguments += ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev"]
    arguments += ["--size", str(SHARED_MEMORY_BYTES), "--tmpfs", "/dev/shm"]
    arguments += ["--size", str(TMP_BYTES), "--tmpfs", "/tmp"]
    for path in launch.read:
        if not path.startswith("/usr/"):
            arguments += ["--ro-bind-fd", passing(open_path(path)), path]
    for path in launch.write:
        arguments += ["--bind-fd", passing(open_path(path)), path]
    arguments += ["--remount-ro", "/dev", "--remount-ro", "/"]
    arguments += ["--chdir", launch.cwd, "--seccomp", passing(_pipe_of(filter_program(launch)))]
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
    for path in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"):
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
