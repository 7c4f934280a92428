"""What runs say, as they say it: a file for each run and stream that only grows, kept while this process lives.

The bus tells that a file has grown; whoever wants to see what was said reads it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from workbench.model.errors import StoreUnavailable
from workbench.model.events import OutputReceived
from workbench.model.run import Run, Stream
from workbench.runtime.bus import Bus
from workbench.runtime.clock import Clock
from workbench.runtime.store.instances import Scratch

MOST_RUNS = 64
MOST_BYTES = 256_000_000
TELL_SECONDS = 1 / 30


class SpoolFile:
    """One stream of one run. Growth is told at once, then at most thirty times a second, and the last of it always."""

    def __init__(self, path: str, tell: Callable[[int, int], None]) -> None:
        self.path, self.size = path, 0
        self._tell, self._told, self._told_at = tell, 0, float("-inf")
        self._descriptor = -1
        self._timer: asyncio.TimerHandle | None = None

    def append(self, data: bytes) -> None:
        """Raises OSError; what was still written then counts."""
        if self._descriptor < 0:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            self._descriptor = os.open(self.path, flags, 0o600)
        end = self.size + len(data)
        try:
            while self.size < end:
                self.size += os.write(self._descriptor, data[self.size - end :])
        finally:
            self._tell_in_time()

    def read(self, offset: int, length: int) -> bytes:
        """Nothing where the file is gone."""
        with suppress(OSError), open(self.path, "rb", buffering=0) as file:
            return os.pread(file.fileno(), length, offset)
        return b""

    def close(self) -> None:
        """Tell of what is not told yet."""
        if self._timer is not None:
            self._timer.cancel()
        self._tell_now()
        if self._descriptor >= 0:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1

    def _tell_in_time(self) -> None:
        if self._timer is not None:
            return
        loop = asyncio.get_running_loop()
        wait = self._told_at + TELL_SECONDS - loop.time()
        if wait <= 0:
            self._tell_now()
        else:
            self._timer = loop.call_later(wait, self._tell_now)

    def _tell_now(self) -> None:
        self._timer = None
        if self.size > self._told:
            self._told_at = asyncio.get_running_loop().time()
            offset, self._told = self._told, self.size
            self._tell(offset, self.size - offset)


class NoRoom(Exception):
    """Everything that is kept belongs to runs that are still under way."""


class Spool:
    """What one run says. Writing never fails: where it cannot be kept, the spool falls silent and the run goes on."""

    def __init__(self, spools: Spools, run: Run, most: int) -> None:
        self._spools, self._run, self._most = spools, run, most
        self._is_silent = run.is_trial
        self.files: dict[Stream, SpoolFile] = {}
        self.claimed = 0

    def write(self, stream: Stream, chunk: bytes) -> None:
        """More of a stream, up to the most that is kept of one."""
        file = self.files.get(stream)
        kept = chunk[: self._most - (file.size if file else 0)]
        if self._is_silent or not kept:
            return
        try:
            self._spools.claim(self._run, self, len(kept))
            if file is None:
                file = self.files[stream] = self._spools.new_file(self._run, stream)
            file.append(kept)
        except OSError as error:
            self._fall_silent(error.strerror or str(error))
        except (NoRoom, StoreUnavailable) as error:
            self._fall_silent(str(error))

    def close(self) -> None:
        for file in self.files.values():
            file.close()

    def _fall_silent(self, reason: str) -> None:
        self._is_silent = True
        self._run.trail.note(f"what it says is no longer kept: {reason}")


class Spools:
    """The spools of the newest runs; of too many or too much, those of the run that ended first go."""

    def __init__(
        self, scratch: Scratch, bus: Bus, clock: Clock, *, most_runs: int = MOST_RUNS, most_bytes: int = MOST_BYTES
    ) -> None:
        self._scratch, self._bus, self._clock = scratch, bus, clock
        self._most_runs, self._most_bytes = most_runs, most_bytes
        self._folder = ""
        self._bytes = 0
        self._kept: dict[str, Spool] = {}
        self._ended: dict[str, Spool] = {}

    @contextmanager
    def of(self, run: Run, *, most: int) -> Iterator[Spool]:
        """Where a run's words go, at most so many bytes of a stream; all of them are told when the block ends."""
        spool = self._ended.pop(run.id, None) or Spool(self, run, most)
        try:
            yield spool
        finally:
            spool.close()
            if spool.claimed:
                self._ended[run.id] = spool

    def read(self, run_id: str, stream: Stream, offset: int, length: int) -> bytes:
        """What lies there of a run's words; nothing where they are gone or not there yet."""
        spool = self._kept.get(run_id)
        file = spool.files.get(stream) if spool else None
        return file.read(offset, length) if file else b""

    def claim(self, run: Run, spool: Spool, length: int) -> None:
        """Room for so many bytes more; raises NoRoom."""
        while self._has_no_room(run, length):
            if not self._ended:
                raise NoRoom("the runs that are under way have said too much")
            self._forget(next(iter(self._ended)))
        self._kept[run.id] = spool
        spool.claimed += length
        self._bytes += length

    def new_file(self, run: Run, stream: Stream) -> SpoolFile:
        """Raises StoreUnavailable."""
        if not os.path.isdir(self._folder):
            self._folder = self._scratch.new_folder()

        def tell(offset: int, length: int) -> None:
            self._bus.publish(
                OutputReceived(
                    at=self._clock.now(),
                    skill=run.skill.name,
                    realm=run.realm.id,
                    run=run.id,
                    stream=stream,
                    offset=offset,
                    length=length,
                )
            )

        return SpoolFile(f"{self._folder}/{run.id}.{stream}", tell)

    def _has_no_room(self, run: Run, length: int) -> bool:
        runs = len(self._kept) + (run.id not in self._kept)
        return runs > self._most_runs or self._bytes + length > self._most_bytes

    def _forget(self, run_id: str) -> None:
        del self._ended[run_id]
        spool = self._kept.pop(run_id)
        self._bytes -= spool.claimed
        for file in spool.files.values():
            with suppress(OSError):
                os.unlink(file.path)
