"""One sandboxed process: started, loaded with a skill once, called run by run, ended with its tree."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager, nullcontext, suppress
from time import monotonic
from typing import IO

import anyio

from workbench.model.consent import Consent
from workbench.model.errors import SandboxUnavailable
from workbench.model.frozen import field, frozen
from workbench.model.policy import SandboxReport
from workbench.model.run import Limit
from workbench.runtime.atomic import nameless_file, remove_tree
from workbench.runtime.sandbox.client import Child, End, Warden
from workbench.runtime.sandbox.growing import GrowingFile
from workbench.runtime.sandbox.policy import Policy, limit_of
from workbench.runtime.workers import wire
from workbench.runtime.workers.wire import Call, Said, Tell, unheard

START_SECONDS = 20.0
FAREWELL_SECONDS = 1.0
GIVE_UP_SECONDS = 0.5
BUSY, SHORT_SECONDS = 0.5, 0.05
MOST_CALLS = 64
LAST_WORDS = 4_000
GROWN = 0.8
# What V8 says with its last breath; the watcher has nothing to tell then.
FULL_HEAP = "JavaScript heap out of memory"


class WorkerGone(Exception):
    """The process ended while it was asked: with an exit code and last words, by a limit, or for a reason of ours.

    A reason is what it said on its socket that no worker of ours says, or what another call of it did; whatever the
    process says after that is an aftermath.
    """

    def __init__(
        self, end: End | None, last_words: str, limit: Limit | None, reason: str, *, is_fall: bool, is_shared: bool
    ) -> None:
        super().__init__(reason or last_words)
        self.code = end.code if end else None
        self.last_words, self.limit, self.reason = last_words, limit, reason
        self.is_fall, self.is_shared = is_fall, is_shared


@frozen
class Answer:
    """What the worker said to one request, and what it used meanwhile: for others, too, where that was shared."""

    said: Said
    cpu_ms: float
    max_rss_mb: float
    is_shared: bool

    @property
    def is_ok(self) -> bool:
        return self.said.ok


@frozen
class Terms:
    """On which terms code was loaded: what it is allowed beyond its manifest and in which workspace, and which
    variables it is given."""

    workspace: str = ""
    consents: frozenset[Consent] = frozenset()
    variables: Mapping[str, str] = field(default_factory=dict)


class Worker:
    """A live process. One call at a time is asked of it, or, once it says that its calls overlap, several."""

    def __init__(self, process: Child, channel: wire.FrameChannel, policy: Policy, words: IO[bytes], home: str) -> None:
        self.process, self._channel, self._words, self._home = process, channel, words, home
        self._under_way: set[Call] = set()
        self.policy, self.out = policy, policy.write[0]
        self.metadata: object = None
        self.terms = Terms()
        self.skill, self.can_tell_health = "", False
        self.overlaps, self.is_draining, self.was_cut_off = False, False, False
        self._spoilt, self._has_fallen, self._load = "", False, 0.0
        self.idle_since = self.asked_at = monotonic()
        self._rss_mb = 0.0

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def has_ended(self) -> bool:
        return self.process.has_ended

    @property
    def growth(self) -> str:
        """What is said of a worker that holds on to too much memory; nothing where it does not."""
        most = self.policy.memory_bytes / (1 << 20)
        return f"holds {self._rss_mb:.0f} of {most:.0f} MB" if self._rss_mb > GROWN * most else ""

    @property
    def report(self) -> SandboxReport:
        return self.policy.report()

    @property
    def goes_on(self) -> bool:
        """Whether those whose calls are under way still get their answers, though one was cut off."""
        return self.overlaps and self._channel.is_open and not (self._spoilt or self.has_ended)

    @property
    def takes_more(self) -> bool:
        """Whether another call may be asked of it while it is busy: it has time, and is not on its way out."""
        has_room = len(self._under_way) < MOST_CALLS and self._load < BUSY and not self.growth
        return self.goes_on and has_room and not self.is_draining

    async def ask(self, message: Mapping[str, object], tell: Tell = unheard) -> Answer:
        """One request and its answer; what is said meanwhile is told. Raises WorkerGone.

        What comes from no call in particular, a child of the skill's perhaps, is told to one that began alone.
        """
        before, began = self._words_end(), monotonic()
        words = nullcontext() if tell is unheard or self._under_way else self._growing(before, tell)
        async with words:
            try:
                call = self._channel.ask(message, tell)
            except wire.ChannelClosed as error:
                raise await self._gone(error, before, is_shared=False) from error
            said = await self._answered(call, before)
        self._rss_mb = said.rss_kb / 1024
        took = monotonic() - began
        if message["do"] == "execute":
            self._load = said.cpu_s / took if took > SHORT_SECONDS else 0.0
        return Answer(
            said=said,
            cpu_ms=round(said.cpu_s * 1000, 3),
            max_rss_mb=round(said.max_rss_kb / 1024, 1),
            is_shared=call.is_shared,
        )

    async def _answered(self, call: Call, before: int) -> Said:
        self._under_way.add(call)
        if len(self._under_way) > 1:
            for each in self._under_way:
                each.is_shared = True
        try:
            said = await self._channel.answered(call)
        except wire.ChannelClosed as error:
            raise await self._gone(error, before, is_shared=call.is_shared) from error
        except BaseException:
            await self._give_up(call)
            raise
        finally:
            self._under_way.discard(call)
        self.is_draining = self.is_draining or said.leaves
        self.was_cut_off = self.was_cut_off or said.leaves
        return said

    async def greeted(self) -> None:
        """Wait until the process says that it is up; raises WorkerGone."""
        try:
            await self._channel.greeted()
        except wire.ChannelClosed as error:
            raise await self._gone(error, 0, is_shared=False) from error

    async def _give_up(self, call: Call) -> None:
        """Have a call that was cut off end. What it leaves behind ends with the worker, once the others are done."""
        self.is_draining = self.was_cut_off = True
        if not self.overlaps or call.is_over.is_set():
            return
        with anyio.CancelScope(shield=True), anyio.move_on_after(GIVE_UP_SECONDS), suppress(wire.ChannelClosed):
            self._channel.send({"do": "cancel", "id": call.number})
            await call.is_over.wait()
        if not call.is_over.is_set():
            self._spoilt = f"because a run that it shared was given up and did not end within {GIVE_UP_SECONDS} s"

    async def _gone(self, error: wire.ChannelClosed, before: int, *, is_shared: bool) -> WorkerGone:
        """Why nobody answers any more."""
        is_broken = isinstance(error, wire.ChannelBroken)
        end = await self.process.stop(grace=0) if is_broken else await self._ended_by_itself()
        words = self._last_words(before)
        limit = self._limit_that_ended(end, words) if end else None
        reason = f"for what came on its channel: {error}" if is_broken else self._spoilt
        # Of several that are told of its end, the first one counts it.
        is_fall, self._has_fallen = not (self._spoilt or self._has_fallen), True
        return WorkerGone(end, words, limit, reason, is_fall=is_fall, is_shared=is_shared)

    def _limit_that_ended(self, end: End, words: str) -> Limit | None:
        if not end.why and FULL_HEAP in words:
            return limit_of("memory", int((end.max_rss_mb or 0) * (1 << 20)), self.policy)
        return limit_of(end.why, end.measured, self.policy)

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

    async def stop(self) -> None:
        """End the whole tree now; what it said and left can still be read."""
        self.is_draining = self.was_cut_off = True
        self._channel.close()
        await self.process.stop(grace=0)

    async def kill(self) -> None:
        """End the whole tree now, and leave nothing of it."""
        try:
            await self.stop()
        finally:
            self._words.close()
            remove_tree(self._home)

    def _growing(self, before: int, tell: Tell) -> GrowingFile:
        """Tells of what the process says from now on."""
        most = self.policy.output_bytes
        return GrowingFile(lambda length, offset: self._read_words(length, before + offset), most=most, tell=tell)

    def _last_words(self, before: int) -> str:
        end = self._words_end()
        return self._read_words(LAST_WORDS, max(before, end - LAST_WORDS)).decode("utf-8", "replace").strip()

    def _words_end(self) -> int:
        with suppress(OSError, ValueError):
            return os.fstat(self._words.fileno()).st_size
        return 0

    def _read_words(self, length: int, start: int) -> bytes:
        with suppress(OSError, ValueError):
            return os.pread(self._words.fileno(), length, start)
        return b""


async def start_worker(warden: Warden, command: tuple[str, ...], policy: Policy, *, home: str) -> Worker:
    """A worker that is up and has loaded nothing yet; `home` is gone when it ends.

    Raises SandboxUnavailable, or WorkerGone where it may not use as much as it takes to start.
    """
    ours, theirs = socket.socketpair()
    with theirs, ExitStack() as given, ExitStack() as until_started:
        nothing = os.open(os.devnull, os.O_RDONLY)
        given.callback(os.close, nothing)
        words = until_started.enter_context(nameless_file())
        channel = await wire.connect(ours, wire.largest_frame(policy.output_bytes))
        until_started.callback(channel.close)
        descriptors = (nothing, words.fileno(), words.fileno(), theirs.fileno())
        process = await warden.start(command, policy, cwd=policy.write[0], descriptors=descriptors)
        until_started.pop_all()
    worker = Worker(process, channel, policy, words, home)
    try:
        with anyio.fail_after(START_SECONDS):
            await worker.greeted()
    except (WorkerGone, TimeoutError) as error:
        await worker.kill()
        if isinstance(error, WorkerGone) and error.limit is not None:
            raise
        said = f": {error}" if str(error) else ""
        raise SandboxUnavailable(
            f"a worker did not start{said}", hint="`workbench doctor` says what works on this machine"
        ) from error
    except BaseException:
        await worker.kill()
        raise
    return worker


@asynccontextmanager
async def ended_on_failure(worker: Worker) -> AsyncIterator[None]:
    """A worker whose block is left by an exception, a cancellation or a timeout is not used again."""
    try:
        yield
    except BaseException:
        with anyio.CancelScope(shield=True):
            await worker.kill()
        raise
