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
DRAIN_SECONDS = 0.2
LOOK_SECONDS = 0.05


class OutputTooLarge(Exception):
    """More came than is allowed; carries what fits."""

    def __init__(self, head: bytes) -> None:
        super().__init__("too much output")
        self.head = head


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
        return bytes(self._data[: self._most])

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
            raise OutputTooLarge(bytes(self._data[: self._most]))
        return bytes(self._data)

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


class GrowingFile:
    """A file that a child writes to: what it has grown by is told while the block lasts, the rest when it ends.

    `read` gives so many bytes from an offset on, or what there is of them.
    """

    def __init__(self, read: Callable[[int, int], bytes], *, most: int, tell: Callable[[bytes], None]) -> None:
        self._read, self._most, self._tell = read, most, tell
        self._offset = 0

    async def __aenter__(self) -> Self:
        self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        while self._take():
            await anyio.lowlevel.cancel_shielded_checkpoint()

    def _look(self) -> None:
        pause = 0 if self._take() else LOOK_SECONDS
        self._timer = asyncio.get_running_loop().call_later(pause, self._look)

    def _take(self) -> bool:
        """Tell of one piece; whether there may be another one at once."""
        if self._offset >= self._most:
            return False
        chunk = self._read(READ_BYTES, self._offset)
        self._offset += len(chunk)
        if chunk:
            self._tell(chunk)
        return len(chunk) == READ_BYTES
