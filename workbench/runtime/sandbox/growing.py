"""A file that a child writes to, read while it grows, without ever holding the loop up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

import anyio

READ_BYTES = 65_536
LOOK_SECONDS = 0.05


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
