"""The workbench's end of a worker's socket: frames out, frames in, each within bounds."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Annotated, Any

import msgspec

from workbench.runtime.texts.json_parts import MOST_PARTS, brackets, lists_and_objects, uncollected

PROTOCOL = 2
GREETING = 0
HEADER = struct.Struct(">I")
FRAME_ROOM = 1_000_000
# All the frames with words of one call: what it may say, each byte of it escaped, and each line in a frame of its own.
MOST_HEARD = 4_000_000
# A result with all that it may hold, in a frame, which is an object too.
MOST_IN_FRAME = MOST_PARTS + 1
MANY_PARTS = 10_000

Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]
Tell = Callable[[bytes], None]


class Frame(msgspec.Struct):
    """One of the author's frames in a traceback."""

    file: str = ""
    line: int | None = None
    column: int | None = None
    function: str = ""
    text: str = ""


class Lines(msgspec.Struct):
    """Lines of one file, as ranges of a first and a last one."""

    ran: list[tuple[int, int]] = []
    can_run: list[tuple[int, int]] = []


class Said(msgspec.Struct):
    """What a worker may answer. The other end is a stranger's: whatever does not fit this ends the channel."""

    id: int = GREETING
    protocol: int = 0
    ok: bool = False
    did: str = ""
    kind: str = ""
    message: str = ""
    output: Any = None
    base64: str | None = None
    trace: list[Frame] = []
    stdout: str = ""
    stderr: str = ""
    cpu_s: Annotated[float, msgspec.Meta(ge=0, le=1e9)] = 0.0
    max_rss_kb: Count = 0
    rss_kb: Count = 0
    tells_health: bool = False
    overlaps: bool = False
    leaves: bool = False
    metadata: Any = None
    names: list[str] = []
    line: int = 0
    lines: dict[str, Lines] = {}


class Words(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """What a call says while it is under way: its number, and the text."""

    id: int
    text: str


_decode = msgspec.json.Decoder(Said).decode
_decode_words = msgspec.json.Decoder(Words).decode
_encode = msgspec.json.Encoder(enc_hook=str).encode


def largest_frame(output_bytes: int) -> int:
    """How large an answer may be that carries so much output."""
    return output_bytes + FRAME_ROOM


def unheard(words: bytes) -> None:
    """What is said meanwhile is nobody's business."""


class ChannelClosed(Exception):
    """The other end is gone."""


class ChannelBroken(ChannelClosed):
    """The other end said something that no worker of ours says, and is not listened to any more."""


class Call:
    """One question on its way: what is said meanwhile is told, then there is an answer, or the channel is closed."""

    def __init__(self, number: int, tell: Tell) -> None:
        self.number, self.tell = number, tell
        self.heard, self.is_shared = 0, False
        self.answer: Said | None = None
        self.is_over = asyncio.Event()


class FrameChannel(asyncio.Protocol):
    """Questions with numbers, and their answers in the order in which they come."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._greeting = Call(GREETING, unheard)
        self._calls = {GREETING: self._greeting}
        self._last = GREETING
        self._closed: ChannelClosed | None = None
        self._is_counting, self._is_lost = False, False

    @property
    def is_open(self) -> bool:
        return self._closed is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._take_frames()

    def connection_lost(self, error: Exception | None) -> None:
        self._is_lost = True
        if not self._is_counting:
            self._fail(ChannelClosed())

    def _take_frames(self) -> None:
        """All that are there, one after the other, until one has to be counted first."""
        buffer = self._buffer
        while len(buffer) >= HEADER.size and self._closed is None and not self._is_counting:
            (length,) = HEADER.unpack_from(buffer)
            if length > self._most:
                self._fail(ChannelBroken(f"a frame of {length / 1e6:.0f} MB"))
                return
            if len(buffer) < HEADER.size + length:
                return
            body = bytes(buffer[HEADER.size : HEADER.size + length])
            del buffer[: HEADER.size + length]
            if (parts := brackets(body)) > MOST_IN_FRAME:
                self._count(body)
            else:
                self._take(body, parts)

    def _count(self, body: bytes) -> None:
        """A long text may hold any number of brackets: a thread counts those outside, and what comes next waits."""
        assert self._transport is not None
        self._is_counting = True
        self._transport.pause_reading()
        counting = asyncio.get_running_loop().run_in_executor(None, lists_and_objects, body)
        counting.add_done_callback(partial(self._go_on, body))

    def _go_on(self, body: bytes, counting: asyncio.Future[int]) -> None:
        """The frame that was counted is taken, and those that waited behind it; then the other end may be gone."""
        assert self._transport is not None
        self._is_counting = False
        if (parts := counting.result()) > MOST_IN_FRAME:
            self._fail(ChannelBroken(f"a frame of {parts:,} lists and objects, and at most {MOST_PARTS:,} are taken"))
        else:
            self._take(body, parts)
        self._take_frames()
        if not self._is_counting:
            self._transport.resume_reading()
            if self._is_lost:
                self._fail(ChannelClosed())

    async def greeted(self) -> None:
        """Wait until the other end says that it is there; raises ChannelClosed."""
        said = await self.answered(self._greeting)
        if said.protocol != PROTOCOL:
            raise ChannelBroken(f"protocol {said.protocol} instead of {PROTOCOL}; this workbench was changed under way")

    def ask(self, message: Mapping[str, object], tell: Tell = unheard) -> Call:
        """Raises ChannelClosed."""
        self._last += 1
        call = Call(self._last, tell)
        self.send({**message, "id": call.number})
        self._calls[call.number] = call
        return call

    async def answered(self, call: Call) -> Said:
        """Its answer; whoever stops waiting may wait again. Raises ChannelClosed."""
        await call.is_over.wait()
        if call.answer is None:
            raise self._closed or ChannelClosed()
        return call.answer

    def send(self, message: Mapping[str, object]) -> None:
        """Say something that nobody answers. Raises ChannelClosed."""
        if self._closed is not None:
            raise self._closed
        assert self._transport is not None
        body = _encode(message)
        self._transport.write(HEADER.pack(len(body)) + body)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _take(self, body: bytes, parts: int) -> None:
        try:
            with uncollected() if parts > MANY_PARTS else nullcontext():
                said = _decode_words(body) if body[:1] == b"[" else _decode(body)
            self._hear(said, HEADER.size + len(body))
        except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError) as error:
            self._fail(ChannelBroken(f"a frame that no worker of ours sends: {error}"))

    def _hear(self, said: Said | Words, size: int) -> None:
        call = self._calls.get(said.id)
        if call is None:
            self._fail(ChannelBroken("answers that nobody asked for"))
        elif isinstance(said, Words):
            call.heard += size
            if call.heard > MOST_HEARD:
                self._fail(ChannelBroken("more words than any worker of ours sends"))
            else:
                call.tell(said.text.encode())
        else:
            del self._calls[call.number]
            call.answer = said
            call.is_over.set()

    def _fail(self, why: ChannelClosed) -> None:
        self._closed = self._closed or why
        calls, self._calls = self._calls, {}
        for call in calls.values():
            call.is_over.set()
        self.close()


async def connect(end: socket.socket, most: int) -> FrameChannel:
    """A channel over one end of a socketpair, which it owns from now on; no frame is larger than that."""
    end.setblocking(False)
    _, channel = await asyncio.get_running_loop().create_unix_connection(lambda: FrameChannel(most), sock=end)
    return channel
