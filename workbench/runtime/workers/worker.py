"""One sandboxed Python process: started, loaded with a skill once, called one run at a time, ended with its tree."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack, suppress
from typing import IO

import anyio

from workbench.model.errors import SandboxUnavailable
from workbench.model.frozen import frozen
from workbench.model.policy import SandboxReport
from workbench.model.run import Limit
from workbench.runtime.atomic import nameless_file, remove_tree
from workbench.runtime.sandbox.client import Child, End, Warden
from workbench.runtime.sandbox.policy import Policy, limit_of
from workbench.runtime.sandbox.spawning import interpreter
from workbench.runtime.workers import child as child_module
from workbench.runtime.workers import wire
from workbench.runtime.workers.wire import Said

START_SECONDS = 20.0
FAREWELL_SECONDS = 1.0
LAST_WORDS = 4_000
MOST_WORDS = 64_000
FRAME_ROOM = 1_000_000
CHILD_SCRIPT = os.path.realpath(child_module.__file__)
TEMPLATES_SCRIPT = os.path.join(os.path.dirname(CHILD_SCRIPT), "templates.py")


class WorkerGone(Exception):
    """The process ended while it was asked; carries its exit code, its last words, and the limit that ended it."""

    def __init__(self, code: int | None, last_words: str, limit: Limit | None) -> None:
        super().__init__(last_words)
        self.code, self.last_words, self.limit = code, last_words, limit


@frozen
class Answer:
    """What the worker said to one request, and what it used for it."""

    said: Said
    cpu_ms: float
    max_rss_mb: float

    @property
    def is_ok(self) -> bool:
        return self.said.ok


class Worker:
    """A live process. Whoever holds it asks it; nobody else does at the same time."""

    def __init__(self, process: Child, channel: wire.FrameChannel, policy: Policy, words: IO[bytes], home: str) -> None:
        self.process, self._channel, self._words, self._home = process, channel, words, home
        self._cpu_s = 0.0
        self._words_before = 0
        self.policy, self.out = policy, policy.write[0]
        self.metadata: object = None

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def has_ended(self) -> bool:
        return self.process.has_ended

    @property
    def report(self) -> SandboxReport:
        return self.policy.report()

    async def ask(self, message: dict[str, object]) -> Answer:
        """One request and its answer; raises WorkerGone."""
        self._words_before = self._words_end()
        said = await self._exchange(message)
        before, self._cpu_s = self._cpu_s, said.cpu_s
        cpu_ms = max(0.0, (self._cpu_s - before) * 1000)
        return Answer(said=said, cpu_ms=round(cpu_ms, 3), max_rss_mb=round(said.max_rss_kb / 1024, 1))

    async def greeted(self) -> None:
        """Wait until the process says that it is up; raises WorkerGone."""
        await self._exchange(None)

    async def _exchange(self, message: dict[str, object] | None) -> Said:
        try:
            if message is not None:
                self._channel.send(message)
            return await self._channel.receive()
        except wire.ChannelClosed as error:
            end = await self._ended_by_itself()
            words = self._last_words() or str(error)
            limit = limit_of(end.why, end.measured, self.policy) if end else None
            raise WorkerGone(end.code if end else None, words, limit) from error

    async def _ended_by_itself(self) -> End | None:
        """How the process ended: by itself if it does so in a moment, by us otherwise."""
        with anyio.move_on_after(FAREWELL_SECONDS):
            return await self.process.wait()
        return await self.process.stop(grace=0)

    async def end(self) -> None:
        """Let the skill clean up for a moment, then end the whole tree."""
        with anyio.CancelScope(shield=True):
            if not self.has_ended:
                with anyio.move_on_after(FAREWELL_SECONDS), suppress(wire.ChannelClosed):
                    self._channel.send({"do": "end"})
                    await self.process.wait()
            await self.kill()

    async def kill(self) -> None:
        """End the whole tree now, and leave nothing of it."""
        self._channel.close()
        try:
            await self.process.stop(grace=0)
        finally:
            self._words.close()
            remove_tree(self._home)

    def words_of_this_request(self) -> str:
        """What the process has said since it was last asked."""
        return self.words_at(MOST_WORDS, 0).decode("utf-8", "replace")

    def words_at(self, length: int, offset: int) -> bytes:
        """So many bytes of what the process has said since it was last asked, from an offset on."""
        return self._read_words(length, self._words_before + offset)

    def _last_words(self) -> str:
        start = max(self._words_before, self._words_end() - LAST_WORDS)
        return self._read_words(MOST_WORDS, start).decode("utf-8", "replace").strip()

    def _words_end(self) -> int:
        with suppress(OSError, ValueError):
            return os.fstat(self._words.fileno()).st_size
        return 0

    def _read_words(self, length: int, start: int) -> bytes:
        with suppress(OSError, ValueError):
            return os.pread(self._words.fileno(), length, start)
        return b""


async def start_worker(warden: Warden, policy: Policy, *, sdk: str, home: str, memory: int, is_spare: bool) -> Worker:
    """A worker that is up and has loaded nothing yet; `home` is gone when it ends. Raises SandboxUnavailable."""
    most = policy.output_bytes + FRAME_ROOM
    argv = (interpreter(), "-I", "-S", "-B", CHILD_SCRIPT, sdk, str(memory), "spare" if is_spare else "now", str(most))
    ours, theirs = socket.socketpair()
    with theirs, ExitStack() as given, ExitStack() as until_started:
        nothing = os.open(os.devnull, os.O_RDONLY)
        given.callback(os.close, nothing)
        words = until_started.enter_context(nameless_file())
        channel = await wire.connect(ours, most)
        until_started.callback(channel.close)
        descriptors = (nothing, words.fileno(), words.fileno(), theirs.fileno())
        process = await warden.start(argv, policy, cwd=policy.write[0], descriptors=descriptors)
        until_started.pop_all()
    worker = Worker(process, channel, policy, words, home)
    try:
        with anyio.fail_after(START_SECONDS):
            await worker.greeted()
    except (WorkerGone, TimeoutError) as error:
        await worker.kill()
        said = f": {error.last_words}" if isinstance(error, WorkerGone) else ""
        raise SandboxUnavailable(
            f"a worker did not start{said}", hint="`workbench doctor` says what works on this machine"
        ) from error
    except BaseException:
        await worker.kill()
        raise
    return worker
