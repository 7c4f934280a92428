"""The workbench's end of the warden: start it, ask it for children, hear of their ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio

from workbench.model.errors import SandboxUnavailable, WardenGone, WrongUse
from workbench.model.frozen import frozen
from workbench.model.observed import Contact, Denied
from workbench.runtime.sandbox import proxy
from workbench.runtime.sandbox.hosts import reach_of
from workbench.runtime.sandbox.policy import Policy
from workbench.runtime.sandbox.proxy import Proxy
from workbench.runtime.sandbox.spawning import WardenProcess, spawn_warden
from workbench.runtime.sandbox.warden import wire

GRACE_SECONDS = 0.3
LAST_RESORT_SECONDS = 5.0
RETRY_SECONDS = 0.002


@frozen
class End:
    """How a child ended: its exit code (128 + n for signal n), and what it used where that is known.

    `why` and `measured` say which limit ended it, and how much there was.
    """

    code: int
    why: str
    measured: int
    cpu_ms: float | None
    max_rss_mb: float | None


class Child:
    """A running child. `wait` tells its end; `stop` ends its whole tree."""

    def __init__(
        self, warden: Warden, launch_id: int, pid: int, end: asyncio.Future[End], denied: Counter[str]
    ) -> None:
        self._warden, self._id, self.pid, self._end = warden, launch_id, pid, end
        self.proxy: Proxy | None = None
        self._denied = denied

    @property
    def has_ended(self) -> bool:
        return self._end.done()

    def contacts(self, since: int = 0) -> tuple[Contact, ...]:
        """Whom it has asked for by way of the proxy, and in which order."""
        return tuple(self.proxy.contacts[since:]) if self.proxy else ()

    def denied(self, since: tuple[Denied, ...] = ()) -> tuple[Denied, ...]:
        """What it was refused so far, beyond that; what the warden has said is heard first."""
        self._warden.take_packets()
        before = {each.what: each.times for each in since}
        now = ((what, times - before.get(what, 0)) for what, times in self._denied.items())
        return tuple(Denied(what=what, times=times) for what, times in now if times)

    async def wait(self) -> End:
        return await asyncio.shield(self._end)

    def ask_to_stop(self, *, grace: float = GRACE_SECONDS) -> None:
        """TERM now and KILL after the grace, without waiting for it."""
        if not self.has_ended:
            self._warden.send_soon({"do": "stop", "id": self._id, "grace": grace})

    async def stop(self, *, grace: float = GRACE_SECONDS) -> End | None:
        """End the whole tree and wait until it is gone; bounded, and not to be cancelled half-way."""
        self.ask_to_stop(grace=grace)
        with anyio.move_on_after(grace + LAST_RESORT_SECONDS, shield=True), suppress(WardenGone):
            return await self.wait()
        return None


class Warden:
    """Asks the warden process for children. Made by `open_warden`."""

    def __init__(self, process: WardenProcess, *, bubblewrap: str) -> None:
        self._process, self._bubblewrap = process, bubblewrap
        self._started: dict[int, asyncio.Future[tuple[int, list[int]]]] = {}
        self._ended: dict[int, asyncio.Future[End]] = {}
        self._denied: dict[int, Counter[str]] = {}
        self._next_id = 0
        self._is_gone = False

    @property
    def pid(self) -> int:
        return self._process.pid

    async def start(self, argv: tuple[str, ...], policy: Policy, *, cwd: str, descriptors: tuple[int, ...]) -> Child:
        """Start a child whose descriptors 0, 1, 2, … are these; raises SandboxUnavailable or WardenGone."""
        if self._is_gone:
            raise _gone()
        loop = asyncio.get_running_loop()
        self._next_id += 1
        launch_id = self._next_id
        started = self._started[launch_id] = loop.create_future()
        ended = self._ended[launch_id] = loop.create_future()
        ended.add_done_callback(lambda future: future.exception())
        denied = self._denied[launch_id] = Counter()
        try:
            await self._send_in_turn(self._message(launch_id, argv, policy, cwd), descriptors)
            pid, listeners = await started
        except BaseException:
            self._started.pop(launch_id, None)
            self._ended.pop(launch_id, None)
            self._denied.pop(launch_id, None)
            self.send_soon({"do": "stop", "id": launch_id, "grace": 0})
            raise
        child = Child(self, launch_id, pid, ended, denied)
        if listeners:
            child.proxy = Proxy(socket.socket(fileno=listeners[0]), reach_of(policy.hosts))
            ended.add_done_callback(child.proxy.close)
        return child

    async def _send_in_turn(self, message: Mapping[str, object], descriptors: tuple[int, ...]) -> None:
        """Send once the warden has room for it; raises WardenGone, or WrongUse for what no packet can hold."""
        while True:
            try:
                self.send(message, descriptors)
            except BlockingIOError:
                await anyio.sleep(RETRY_SECONDS)
            except wire.TooLarge as error:
                hint = "large inputs are on stdin as JSON: read them there instead of naming them in args"
                raise WrongUse(f"the command line is too long: {error}", hint=hint) from None
            except OSError as error:
                raise _gone() from error
            else:
                return

    def send_soon(self, message: Mapping[str, object]) -> None:
        """Send now, or as soon as the warden has room; one that is gone needs no message."""
        try:
            self.send(message)
        except BlockingIOError:
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self.send_soon, message)
        except OSError:
            return

    def send(self, message: Mapping[str, object], descriptors: tuple[int, ...] = ()) -> None:
        wire.send(self._process.channel, dict(message), descriptors)

    def take_packets(self) -> None:
        """Called by the loop when the warden has said something."""
        while True:
            try:
                packet = wire.receive(self._process.channel)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                packet = None
            if packet is None:
                self.mark_gone()
                return
            self._take(*packet)

    def _take(self, message: dict[str, Any], descriptors: list[int]) -> None:
        launch_id = message["id"]
        match message["did"]:
            case "deny":
                self._denied.get(launch_id, Counter()).update(message["denied"])
            case "start":
                if not _resolve(self._started.pop(launch_id, None), (message["pid"], descriptors)):
                    for descriptor in descriptors:
                        os.close(descriptor)
            case "refuse":
                self._ended.pop(launch_id, None)
                self._denied.pop(launch_id, None)
                if (future := self._started.pop(launch_id, None)) and not future.done():
                    future.set_exception(_refused(message["message"]))
            case "end":
                self._denied.pop(launch_id, None)
                end = End(
                    code=message["code"],
                    why=message["why"],
                    measured=message["measured"],
                    cpu_ms=message["cpu_ms"],
                    max_rss_mb=message["max_rss_kb"] and round(message["max_rss_kb"] / 1024, 1),
                )
                _resolve(self._ended.pop(launch_id, None), end)

    def mark_gone(self) -> None:
        """The warden has ended: everybody who waits is told."""
        self._is_gone = True
        with suppress(ValueError, RuntimeError):
            asyncio.get_running_loop().remove_reader(self._process.channel.fileno())
        waiting: list[asyncio.Future[Any]] = [*self._started.values(), *self._ended.values()]
        for future in waiting:
            if not future.done():
                future.set_exception(_gone())
        self._started.clear()
        self._ended.clear()
        self._denied.clear()

    def _message(self, launch_id: int, argv: tuple[str, ...], policy: Policy, cwd: str) -> dict[str, object]:
        return {
            "do": "start",
            "id": launch_id,
            "argv": list(argv),
            "environment": dict(policy.environment),
            "cwd": cwd,
            "tier": policy.tier.value,
            "bubblewrap": self._bubblewrap,
            "read": list(policy.read),
            "write": list(policy.write),
            "list_only": list(policy.list_only),
            "proxy_port": proxy.PORT if policy.hosts else 0,
            "spawn": policy.spawn,
            "file_bytes": policy.file_bytes,
            "memory": policy.memory_bytes,
            "processes": policy.processes,
            "open_files": policy.open_files,
            "cores": policy.cpu_percent / 100,
            "disk_bytes_a_second": policy.disk_bytes_a_second,
            "written_bytes": policy.written_bytes,
            "files": policy.files,
            "seconds": policy.seconds,
        }


def _resolve(future: asyncio.Future[Any] | None, value: object) -> bool:
    """Whether there was somebody to take it."""
    if future is None or future.done():
        return False
    future.set_result(value)
    return True


def _gone() -> WardenGone:
    return WardenGone("the process that owns the children has ended", hint="start the workbench again")


def _refused(message: str) -> SandboxUnavailable:
    return SandboxUnavailable(
        f"the sandbox could not start it: {message}", hint="`workbench doctor` says what works on this machine"
    )


@asynccontextmanager
async def open_warden(process: WardenProcess | None = None, *, bubblewrap: str) -> AsyncIterator[Warden]:
    """A warden for as long as the block lasts; afterwards it and every child of it are gone."""
    if sys.platform != "linux":
        raise SandboxUnavailable("the sandbox needs Linux", hint="run the workbench in a Linux machine or container")
    owned = process or spawn_warden()
    owned.channel.setblocking(False)
    warden = Warden(owned, bubblewrap=bubblewrap)
    loop = asyncio.get_running_loop()
    loop.add_reader(owned.channel.fileno(), warden.take_packets)
    try:
        yield warden
    finally:
        warden.mark_gone()
        owned.channel.close()
        with anyio.CancelScope(shield=True):
            await _reaped(owned.pid)


async def _reaped(pid: int) -> None:
    """Wait for the warden's end: it ends its children first, and is itself ended if that takes too long."""
    for attempt in range(400):
        try:
            if os.waitpid(pid, os.WNOHANG)[0]:  # noqa: ASYNC222  this does not wait
                return
        except ChildProcessError:
            return
        if attempt == 300:
            os.kill(pid, signal.SIGKILL)
        await anyio.sleep(0.001 if attempt < 50 else 0.01)
