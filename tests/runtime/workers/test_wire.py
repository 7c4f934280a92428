"""The channel to a worker: what is counted before it is read keeps its place, and the loop goes on meanwhile."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import AsyncIterator

import anyio
import anyio.lowlevel
import pytest

from workbench.runtime.workers import wire
from workbench.runtime.workers.wire import MOST_IN_FRAME, ChannelBroken, ChannelClosed, FrameChannel

pytestmark = pytest.mark.anyio

LONG_TEXT = "[" * (MOST_IN_FRAME + 1)


@pytest.fixture
async def ends() -> AsyncIterator[tuple[FrameChannel, socket.socket]]:
    ours, theirs = socket.socketpair()
    channel = await wire.connect(ours, 10_000_000)
    theirs.setblocking(True)
    with theirs:
        yield channel, theirs
    channel.close()
    await anyio.lowlevel.checkpoint()


def frame(message: object) -> bytes:
    body = json.dumps(message).encode()
    return wire.HEADER.pack(len(body)) + body


async def says(end: socket.socket, *messages: object) -> None:
    await anyio.to_thread.run_sync(end.sendall, b"".join(map(frame, messages)))


async def test_a_long_text_keeps_its_place_between_others(ends: tuple[FrameChannel, socket.socket]) -> None:
    channel, end = ends
    heard: list[bytes] = []
    calls = [channel.ask({}, heard.append) for _ in range(3)]
    first, second, third = (call.number for call in calls)

    await says(end, [second, "before"], {"id": first, "output": LONG_TEXT}, [second, "after"], {"id": second})
    await says(end, [third, LONG_TEXT], [third, "end"], {"id": third})

    answers = [await channel.answered(call) for call in calls]
    assert [answer.output for answer in answers] == [LONG_TEXT, None, None]
    assert heard == [b"before", b"after", LONG_TEXT.encode(), b"end"]


@pytest.mark.parametrize(("more", "is_taken"), [(0, True), (1, False)])
async def test_a_frame_of_too_many_lists_breaks_the_channel(
    more: int, is_taken: bool, ends: tuple[FrameChannel, socket.socket]
) -> None:
    channel, end = ends
    call = channel.ask({})
    inner = MOST_IN_FRAME - 2 + more

    await says(end, {"id": call.number, "output": [[]] * inner})

    if is_taken:
        assert len((await channel.answered(call)).output) == inner
    else:
        with pytest.raises(ChannelBroken, match="300,002 lists and objects"):
            await channel.answered(call)


async def test_what_was_said_before_an_end_is_heard_though_it_is_still_being_counted(
    ends: tuple[FrameChannel, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, end = ends
    is_counting, may_go_on = threading.Event(), threading.Event()

    def slowly(body: bytes) -> int:
        is_counting.set()
        may_go_on.wait(10)
        return 1

    monkeypatch.setattr(wire, "lists_and_objects", slowly)
    answered, second, never = (channel.ask({}) for _ in range(3))
    await says(end, {"id": answered.number, "output": LONG_TEXT}, {"id": second.number, "output": 2})
    await anyio.to_thread.run_sync(is_counting.wait, 10)
    end.close()
    while not channel._is_lost:  # a write is what notices the end while nothing is read
        channel.send({})
        await anyio.lowlevel.checkpoint()
    assert not answered.is_over.is_set()
    may_go_on.set()

    assert (await channel.answered(answered)).output == LONG_TEXT
    assert (await channel.answered(second)).output == 2
    with pytest.raises(ChannelClosed):
        await channel.answered(never)
    assert not channel.is_open
