"""Tiers B and D: a child behind Landlock and a system-call filter, or behind nothing but limits.

Between the warden and the command stands one guard process per run: it adopts whatever the command leaves behind,
ends it when the command has ended, and passes the command's end on as its own.
"""

from __future__ import annotations

import os
import resource
import signal
import socket

from workbench.runtime.sandbox.warden import landlock, privileges, seccomp
from workbench.runtime.sandbox.warden.launch import Launch
from workbench.runtime.sandbox.warden.namespaces import filter_program, open_path
from workbench.runtime.sandbox.warden.notices import Asked, Notices, listening
from workbench.runtime.sandbox.warden.processes import kill_descendants

CANNOT_START = 126
NOT_FOUND = 127
FIRST_FREE_DESCRIPTOR = 64
MOST_DESCRIPTORS = 1024
DEVICES_READ = ["/dev/zero", "/dev/urandom", "/dev/random"]
SYSTEM_READ = [
    "/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/proc",
    "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/passwd", "/etc/group",
]  # fmt: skip


def start(launch: Launch, descriptors: list[int], asked: Asked) -> tuple[int, Notices | None]:
    """Start a launch with its descriptors at 0, 1, 2, …; the guard's pid, and what the kernel asks of the command."""
    warden = os.getpid()
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        status = CANNOT_START
        try:
            status = _guard(launch, descriptors, warden, asked, theirs)
        finally:
            os._exit(status)
    theirs.close()
    with ours:
        _, listeners, _, _ = socket.recv_fds(ours, 1, 1) if asked else (b"", [], 0, None)
    for listener in listeners:
        os.set_inheritable(listener, False)
    return pid, Notices(listeners[0]) if listeners else None


def _guard(launch: Launch, descriptors: list[int], warden: int, asked: Asked, asking: socket.socket) -> int:
    """Start the command, wait for it, leave nothing of it behind; returns the status to exit with."""
    os.setpgid(0, 0)
    _forget_the_warden()
    privileges.die_with_parent(warden)
    privileges.adopt_orphans()
    guard = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            _become(launch, descriptors, guard, asked, asking)
        except FileNotFoundError:
            os.write(2, f"{launch.argv[0]}: No such file or directory\n".encode())
            os._exit(NOT_FOUND)
        except BaseException as error:  # noqa: BLE001  nobody is above us to hear of it
            os.write(2, f"{launch.argv[0]}: cannot be started: {error}\n".encode())
        finally:
            os._exit(CANNOT_START)
    os.closerange(0, MOST_DESCRIPTORS)
    status = _wait_for(pid)
    kill_descendants(guard)
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)


def _forget_the_warden() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _wait_for(pid: int) -> int:
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == pid:
            return status


def _become(launch: Launch, descriptors: list[int], guard: int, asked: Asked, asking: socket.socket) -> None:
    """Turn this process into the command, never to return."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.setpgid(0, 0)
    privileges.die_with_parent(guard)
    if asked:
        try:
            socket.send_fds(asking, [b"-"], [listening(asked)])
        except OSError:  # somebody around us listens already: then the other filter refuses by itself
            asked.forget()
    asking.close()
    for target, descriptor in enumerate(descriptors):
        os.dup2(descriptor, target, inheritable=True)
    os.closerange(len(descriptors), MOST_DESCRIPTORS)
    os.chdir(launch.cwd)
    _limit(launch)
    if launch.tier == "B":
        privileges.drop_capabilities()
        landlock.restrict(
            read=[*SYSTEM_READ, *DEVICES_READ, *_opened(launch.read)],
            write=[*_opened(launch.write), "/dev/null"],
            list_only=launch.list_only,
        )
        seccomp.install(filter_program(launch, asked))
    else:
        privileges.no_new_privileges()
    os.execvpe(launch.argv[0], launch.argv, launch.environment)


def _opened(paths: list[str]) -> list[str | int]:
    """What lies at these paths at this moment; one that leads through a link is refused, as behind namespaces."""
    try:
        return [path if path.startswith("/usr/") else open_path(path) for path in paths]
    except FileNotFoundError as error:
        raise OSError(f"{error.filename} is not there any more") from None


def _limit(launch: Launch) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (launch.open_files, launch.open_files))
    resource.setrlimit(resource.RLIMIT_FSIZE, (launch.file_bytes, launch.file_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (launch.cpu_seconds, launch.cpu_seconds))
    mine = sum(1 for name in os.listdir("/proc") if name.isdigit() and _is_mine(name)) if os.getuid() else 0
    if mine:
        resource.setrlimit(resource.RLIMIT_NPROC, (mine + launch.processes, mine + launch.processes))


def _is_mine(pid: str) -> bool:
    try:
        return os.stat(f"/proc/{pid}").st_uid == os.getuid()
    except OSError:
        return False
