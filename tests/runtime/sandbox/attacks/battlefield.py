"""A home and a workspace with everything that an attack must not get at, and how to tell from outside that it did."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from tests.runtime.sandbox.attacks.catalogue import ENDING, PRELUDE

WORD = "canary-4f1d9a52c7"
LEFT_SECONDS = 2.0


class Battlefield:
    """What stands there, as one user made it. `harm` says what an attack did to it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.home, self.workspace = folder / "home", folder / "workspace"
        self.mark = f"mark-{os.getpid()}-{time.monotonic_ns()}"
        self._stack = stack
        self._make_files()
        self._listen()
        self.victim, self.other = (self._victim(name) for name in ("victim", "other"))
        self._before = self._stamps()
        self._is_over, self._was_listened_to = Event(), Event()
        thread = Thread(target=self._try_to_connect)
        thread.start()
        stack.callback(thread.join)
        stack.callback(self._is_over.set)

    def told(self, *, walls: bool) -> str:
        return json.dumps(
            {
                "word": WORD,
                "home": str(self.home),
                "port": self.port,
                "free": self.free,
                "victim": self.victim.pid,
                "other": self.other.pid,
                "address": id(WORD),
                "abstract": self.mark,
                "mark": self.mark,
                "walls": walls,
                "skill": "skill.json",
            }
        )

    def harm(self, said: str) -> list[str]:
        """What an attack got or changed since the last time; what it changed is as it is now."""
        found = [line for line in said.splitlines() if line.startswith("OUT:")]
        found += ["the word itself"] if WORD in said else []
        after = self._stamps()
        found += [f"changed {path}" for path in sorted(set(after.items()) ^ set(self._before.items()))][:3]
        self._before = after
        found += [f"reached {name}" for name, listener in self._listeners.items() if _was_reached(listener)]
        found += [f"ended {each.pid}" for each in (self.victim, self.other) if each.poll() is not None]
        if os.path.exists(f"/dev/shm/{self.mark}"):
            os.unlink(f"/dev/shm/{self.mark}")
            found.append("shared memory")
        if self._was_listened_to.is_set():
            self._was_listened_to.clear()
            found.append("listened to")
        return found

    def left(self) -> list[int]:
        """Processes of an attack that are still there after a moment; they are ended."""
        until = time.monotonic() + LEFT_SECONDS
        while (pids := self._looked_for_twice()) and time.monotonic() < until:
            time.sleep(0.01)
        for pid in pids:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        return pids

    def revive(self) -> None:
        """Whoever was ended is there again."""
        if self.other.poll() is not None:
            self.other = self._victim("other")

    def _looked_for_twice(self) -> list[int]:
        """Whoever forks and ends is in no list of processes now and then; a moment later the child is."""
        if pids := list(self._marked()):
            return pids
        time.sleep(0.02)
        return list(self._marked())

    def _marked(self) -> Iterator[int]:
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid():
                with suppress(OSError), open(f"/proc/{name}/cmdline", "rb") as file:
                    if self.mark.encode() in file.read():
                        yield int(name)

    def _make_files(self) -> None:
        for path in (".aws/credentials", ".bashrc", "../workspace/private.txt", "../workspace/.git/config"):
            target = self.home / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(WORD if path.endswith(("credentials", "txt")) else "as it was\n")
        (self.home / "empty").mkdir()
        (self.workspace / ".git/hooks").mkdir()
        Path(f"/dev/shm/{self.mark}-host").write_text(WORD)
        self._stack.callback(os.unlink, f"/dev/shm/{self.mark}-host")
        self._skill("other", "true", WORD)
        for name, seconds in (("attack", 6.0), ("brief", 1.5)):
            self._skill(name, "python3", "-c", PRELUDE + ENDING, "{told}", "{script}", seconds=seconds)
        self._skill("quiet", "echo", "well")

    def _skill(self, name: str, command: str, *arguments: str, seconds: float = 5.0) -> None:
        folder = self.workspace / "skills" / name
        folder.mkdir(parents=True)
        manifest: dict[str, object] = {
            "name": name,
            "version": "1.0.0",
            "description": "x",
            "type": "code_inline",
            "command": command,
        }
        manifest |= {"args": list(arguments), "resilience": {"timeout": seconds}}
        (folder / "skill.json").write_text(json.dumps(manifest))

    def _listen(self) -> None:
        tcp = socket.create_server(("127.0.0.1", 0))
        self.port = tcp.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.free = free.getsockname()[1]
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", self.port))
        unix, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._listeners = {"TCP": tcp, "UDP": udp, "a file": unix, "an abstract name": abstract, "datagrams": datagrams}
        with suppress(OSError):
            self._listeners["TCP over IPv6"] = socket.create_server(("::1", self.port), family=socket.AF_INET6)
        unix.bind(str(self.home / "socket"))
        datagrams.bind(str(self.home / "datagrams"))
        abstract.bind(f"\0{self.mark}")
        for listener in self._listeners.values():
            self._stack.enter_context(listener)
            listener.setblocking(False)
            if listener.type == socket.SOCK_STREAM:
                listener.listen()

    def _try_to_connect(self) -> None:
        while not self._is_over.wait(0.1):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.free), 0.05):
                self._was_listened_to.set()

    def _victim(self, name: str) -> subprocess.Popen[bytes]:
        victim = subprocess.Popen([f"{name}-{WORD}", "120"], executable="/bin/sleep", env={"SECRET": WORD})
        self._stack.callback(victim.wait)
        self._stack.callback(victim.kill)
        return victim

    def _stamps(self) -> dict[str, tuple[object, ...]]:
        """Everything about every file but when it was last read."""
        found: dict[str, tuple[object, ...]] = {}
        for root in (self.home, self.workspace):
            for folder, folders, names in os.walk(root):
                folders[:] = [each for each in folders if each != ".workbench"]
                for path in (os.path.join(folder, name) for name in (*folders, *names)):
                    status = os.lstat(path)
                    found[path] = (
                        status.st_mode,
                        status.st_size,
                        status.st_mtime_ns,
                        status.st_ino,
                        *os.listxattr(path),
                    )
        return found


def _was_reached(listener: socket.socket) -> bool:
    with suppress(BlockingIOError):
        if listener.type == socket.SOCK_DGRAM:
            listener.recv(100)
        else:
            listener.accept()[0].close()
        return True
    return False


@contextmanager
def battlefield(folder: Path) -> Iterator[Battlefield]:
    with ExitStack() as stack:
        yield Battlefield(folder, stack)
