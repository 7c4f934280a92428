"""The workbench's end of a worker's socket: frames out, frames in, each within bounds."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import msgspec

HEADER = struct.Struct(">I")


class Frame(msgspec.Struct):
    """One of the author's frames in a traceback."""

    file: str = ""
    line: int | None = None
    column: int | None = None
    function: str = ""
    text: str = ""


class Said(msgspec.Struct):
    """What a worker may say. The other end is a stranger's: whatever does not fit this ends the channel."""

    ok: bool = False
    did: str = ""
    kind: str = ""
    message: str = ""
    output: Any = None
    base64: str | None = None
    trace: list[Frame] = []
    stdout: str = ""
    stderr: str = ""
    cpu_s: float = 0.0
    max_rss_kb: int = 0
    metadata: Any = None
    names: list[str] = []
    line: int = 0


_decode = msgspec.json.Decoder(Said).decode
_encode = msgspec.json.Encoder(enc_hook=str).encode


class ChannelClosed(Exception):
    """The other end is gone, or said something that no worker of ours says."""


class FrameChannel(asyncio.Protocol):
    """One question, one answer, in turn."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._waiting: asyncio.Future[Said] | None = None
        self._early: list[Said] = []
        self._closed = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        while len(buffer) >= HEADER.size:
            (length,) = HEADER.unpack_from(buffer)
            if length > self._most:
                self._fail(f"a frame of {length / 1e6:.0f} MB")
                return
            if len(buffer) < HEADER.size + length:
                return
            body = bytes(buffer[HEADER.size : HEADER.size + length])
            del buffer[: HEADER.size + length]
            try:
                answer = _decode(body)
            except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError) as error:
                self._fail(f"a frame that no worker of ours sends: {error}")
                return
            self._deliver(answer)

    def connection_lost(self, error: Exception | None) -> None:
        self._fail("closed")

    def send(self, message: dict[str, object]) -> None:
        """Raises ChannelClosed."""
        if self._closed or self._transport is None:
            raise ChannelClosed(self._closed)
        body = _encode(message)
        self._transport.write(HEADER.pack(len(body)) + body)

    async def receive(self) -> Said:
        """The next answer; raises ChannelClosed."""
        if self._early:
            return self._early.pop(0)
        if self._closed:
            raise ChannelClosed(self._closed)
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            return await self._waiting
        finally:
            self._waiting = None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _deliver(self, answer: Said) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(answer)
        elif len(self._early) < 4:
            self._early.append(answer)
        else:
            self._fail("answers that nobody asked for")

    def _fail(self, why: str) -> None:
        self._closed = self._closed or why
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ChannelClosed(self._closed))
        self.close()


async def connect(end: socket.socket, most: int) -> FrameChannel:
    """A channel over one end of a socketpair, which it owns from now on; no frame is larger than that."""
    end.setblocking(False)
    _, channel = await asyncio.get_running_loop().create_unix_connection(lambda: FrameChannel(most), sock=end)
    return channel
