"""Starts the warden: light enough to be done first, so that it gets ready while the rest is imported."""

from __future__ import annotations

import os
import signal
import socket
import sys

_PACKAGE_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
_BOOT = "import sys; sys.path.append(sys.argv[1]); from workbench.runtime.sandbox.warden.main import main; main()"


class WardenProcess:
    """A warden that was started: its pid and our end of the channel."""

    __slots__ = ("channel", "pid")

    def __init__(self, pid: int, channel: socket.socket) -> None:
        self.pid, self.channel = pid, channel


def interpreter() -> str:
    """The real program behind this Python: not a virtual environment's link to it."""
    return os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)


def spawn_warden() -> WardenProcess:
    """Start the warden with an empty environment."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    arguments = [interpreter(), "-I", "-S", "-c", _BOOT, _PACKAGE_ROOT, "3"]
    with theirs, open(os.devnull, "r+b", buffering=0) as nothing:
        pid = os.posix_spawn(
            arguments[0],
            arguments,
            {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, nothing.fileno(), 0),
                (os.POSIX_SPAWN_DUP2, nothing.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, nothing.fileno(), 2),
                (os.POSIX_SPAWN_DUP2, theirs.fileno(), 3),
            ],
            setsigdef=(signal.SIGPIPE,),
        )
    return WardenProcess(pid, ours)
