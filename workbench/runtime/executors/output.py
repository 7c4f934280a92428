"""What a child writes to a pipe or a file, taken as it comes, up to a limit, without ever holding the loop up."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from types import TracebackType
from typing import Self

import anyio

from workbench.runtime.sandbox.client import Child

READ_BYTES = 65_536
MOST_HEAD, MOST_TAIL = 65_536, 196_608
DRAIN_SECONDS = 0.2


class OutputTooLarge(Exception):
    """More came than is allowed; carries the beginning and the end of what fits, and says how much is between."""

    def __init__(self, kept: bytes) -> None:
        super().__init__("too much output")
        self.kept = kept


class Pipe:
    """Made before the child, read while it runs, closed when the block is left. What comes is told as it comes."""

    def __init__(self, *, most: int, tell: Callable[[bytes], None]) -> None:
        self._most, self._tell = most, tell
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._data = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.started()
        os.close(self._read_end)

    def started(self) -> None:
        """The child has its own copy of the writing end; ours would keep the pipe open for ever."""
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    def so_far(self) -> bytes:
        """What has come until now, within the limit."""
        with memoryview(self._data) as data:
            return bytes(data[: self._most])

    async def read(self, child: Child) -> bytes:
        """Everything until the pipe closes, or a moment after the child's end; raises OutputTooLarge."""
        loop = asyncio.get_running_loop()
        closed: asyncio.Future[None] = loop.create_future()

        def take() -> None:
            try:
                chunk = os.read(self._read_end, READ_BYTES)
            except BlockingIOError:
                return
            self._data += chunk
            self._tell(chunk)
            if (not chunk or len(self._data) > self._most) and not closed.done():
                closed.set_result(None)

        loop.add_reader(self._read_end, take)
        try:
            await self._until_closed(closed, child)
        finally:
            loop.remove_reader(self._read_end)
        if len(self._data) > self._most:
            raise OutputTooLarge(_shortened(self._data, self._most))
        return self.so_far()

    async def _until_closed(self, closed: asyncio.Future[None], child: Child) -> None:
        """Something that outlives the child may hold the pipe open: it is waited for a moment only."""
        async with anyio.create_task_group() as waiting:

            async def give_up_after_the_end() -> None:
                await child.wait()
                with anyio.move_on_after(DRAIN_SECONDS):
                    await asyncio.shield(closed)
                if not closed.done():
                    closed.set_result(None)

            waiting.start_soon(give_up_after_the_end)
            await closed
            waiting.cancel_scope.cancel()


def _shortened(data: bytearray, most: int) -> bytes:
    """The beginning and the end of a flood; all of it is in the run's spool."""
    left_out = most - MOST_HEAD - MOST_TAIL
    if left_out <= 0:
        return bytes(data[:most])
    mark = f"\n… {left_out:,} bytes are left out here …\n".encode()
    return bytes(data[: _boundary(data, MOST_HEAD)]) + mark + bytes(data[_boundary(data, most - MOST_TAIL) : most])


def _boundary(data: bytearray, place: int) -> int:
    """Where a character begins: at a place, or up to three bytes before it."""
    begin = place
    while begin > place - 3 and data[begin] & 0xC0 == 0x80:
        begin -= 1
    return begin
