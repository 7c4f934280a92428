"""The workbench's end of a worker's socket: frames out, frames in, each within bounds."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import msgspec

MOST_FRAME = 64_000_000
HEADER = struct.Struct(">I")
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(enc_hook=str).encode


class ChannelClosed(Exception):
    """The other end is gone, or said something that no worker of ours says."""


class FrameChannel(asyncio.Protocol):
    """One question, one answer, in turn."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._waiting: asyncio.Future[dict[str, Any]] | None = None
        self._early: list[dict[str, Any]] = []
        self._closed = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        while len(buffer) >= HEADER.size:
            (length,) = HEADER.unpack_from(buffer)
            if length > MOST_FRAME:
                self._fail(f"a frame of {length / 1e6:.0f} MB")
                return
            if len(buffer) < HEADER.size + length:
                return
            body = bytes(buffer[HEADER.size : HEADER.size + length])
            del buffer[: HEADER.size + length]
            try:
                answer = _decode(body)
            except (msgspec.DecodeError, RecursionError):
                answer = None
            if not isinstance(answer, dict):
                self._fail("a frame that is not a JSON object")
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

    async def receive(self) -> dict[str, Any]:
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

    def _deliver(self, answer: dict[str, Any]) -> None:
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


async def connect(end: socket.socket) -> FrameChannel:
    """A channel over one end of a socketpair, which it owns from now on."""
    end.setblocking(False)
    _, channel = await asyncio.get_running_loop().create_unix_connection(FrameChannel, sock=end)
    return channel
