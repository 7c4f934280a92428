"""What a child must not get at, set out for it: files, listeners, and a process with a secret in its environment."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from workbench.runtime.atomic import remove_tree
from workbench.runtime.sandbox.spawning import interpreter

CONTENT = "as it was"
WAITS = "import sys; sys.stdin.read()"


class Bait:
    """Made by `open_bait`. `told` is all that an attacker could wish to know; `heard` and `changed` judge it."""

    def __init__(self, folder: str, stack: ExitStack) -> None:
        self.folder, self.word = folder, os.urandom(16).hex()
        self.secret, self.mine = os.path.join(folder, "secret"), os.path.join(folder, "mine")
        self.outside = os.path.join(folder, "outside")
        for path, content in ((self.secret, self.word), (self.mine, CONTENT)):
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
        self._before = self._stamps()
        self._listen(stack)
        self._process = _with_a_secret(self.word, stack)

    def told(self) -> dict[str, object]:
        return {
            "secret": self.secret,
            "mine": self.mine,
            "outside": self.outside,
            "word": self.word,
            "pid": os.getpid(),
            "process": self._process.pid,
            "port": self._port,
            "socket": self._socket,
            "abstract": self.word,
        }

    def heard(self) -> list[str]:
        """Which listeners somebody reached since the last time."""
        return [name for name, listener in self._listeners.items() if _was_reached(listener)]

    def changed(self) -> list[str]:
        """Which files are new, gone or different."""
        now = self._stamps()
        return sorted({path for path, _ in set(now.items()) ^ set(self._before.items())})

    def _stamps(self) -> dict[str, tuple[int, int]]:
        with os.scandir(self.folder) as entries:
            files = [entry for entry in entries if not entry.is_dir(follow_symlinks=False)]
            stats = {entry.name: entry.stat(follow_symlinks=False) for entry in files}
        return {name: (status.st_size, status.st_mtime_ns) for name, status in stats.items()}

    def _listen(self, stack: ExitStack) -> None:
        tcp = socket.create_server(("127.0.0.1", 0))
        self._port = tcp.getsockname()[1]
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        unix, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        self._listeners = {"TCP": tcp, "UDP": udp, "a socket in the file system": unix, "an abstract socket": abstract}
        for listener in self._listeners.values():
            stack.enter_context(listener)
            listener.setblocking(False)
        udp.bind(("127.0.0.1", self._port))
        # A socket's path is short: one of the system's own folder for such things.
        beside = os.path.realpath(stack.enter_context(tempfile.TemporaryDirectory(prefix="workbench-")))
        self._socket = os.path.join(beside, "socket")
        unix.bind(self._socket)
        abstract.bind(f"\0{self.word}")
        unix.listen()
        abstract.listen()


def _with_a_secret(word: str, stack: ExitStack) -> subprocess.Popen[bytes]:
    """A process that waits until we close its input, or end."""
    process = subprocess.Popen(
        [interpreter(), "-I", "-S", "-c", WAITS],
        env={"WORKBENCH_BAIT": word},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.callback(process.wait)
    stack.callback(process.kill)
    if process.stdin is not None:
        stack.callback(process.stdin.close)
    return process


def _was_reached(listener: socket.socket) -> bool:
    with suppress(BlockingIOError):
        if listener.type == socket.SOCK_DGRAM:
            listener.recv(100)
        else:
            listener.accept()[0].close()
        return True
    return False


@contextmanager
def open_bait(below: str | None = None) -> Iterator[Bait]:
    """Set out in a new folder below that one; afterwards nothing of it is left."""
    folder = os.path.realpath(tempfile.mkdtemp(prefix="workbench-bait-", dir=below))
    try:
        with ExitStack() as stack:
            yield Bait(folder, stack)
    finally:
        remove_tree(folder)
