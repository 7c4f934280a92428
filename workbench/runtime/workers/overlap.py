"""A worker whose skill waits for things: calls come while others are under way, each a task on one event loop.

Standard library only; loaded where a skill is asynchronous. What a call says is sent as it comes and belongs to that
call, also from threads that asyncio starts for it. What no call says is shown with the next answer, as everywhere.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from contextvars import ContextVar
from typing import Any

READ_BYTES = 1 << 16
MOST_CAPTURED = 64_000
FLUSHED_AT = 1_000

SPEAKER: ContextVar[Call | None] = ContextVar("speaker", default=None)


class Call:
    """One call under way, and what it has said."""

    def __init__(self, worker: Any, number: int) -> None:
        self._worker, self.number = worker, number
        self.task: asyncio.Task[None] | None = None
        self.is_given_up, self.is_over = False, False
        self._lock = threading.RLock()  # threads that the call has started may outlive it
        self._said: dict[int, list[str]] = {1: [], 2: []}
        self._room = {1: MOST_CAPTURED, 2: MOST_CAPTURED}
        self._unsent: list[str] = []

    def says(self, descriptor: int, text: str) -> int:
        """Kept for the answer, and sent line by line: what was said before an end can still be read."""
        if not isinstance(text, str):
            raise TypeError(f"write() takes a text, not {type(text).__name__}")
        with self._lock:
            kept = "" if self.is_over else text[: max(0, self._room[descriptor])]
            self._room[descriptor] -= len(text)
            if kept:
                self._said[descriptor].append(kept)
                self._unsent.append(kept)
                if "\n" in kept or sum(map(len, self._unsent)) > FLUSHED_AT:
                    self.flush()
        return len(text)

    def said(self) -> tuple[str, str]:
        """All that it has said to stdout and stderr; nothing more is heard of it."""
        with self._lock:
            self.flush()
            self.is_over = True
        stdout, stderr = ("".join(self._said[each]) + ("\n… cut\n" if self._room[each] < 0 else "") for each in (1, 2))
        return stdout, stderr

    def flush(self) -> None:
        """Send what it has said since."""
        with self._lock:
            unsent, self._unsent = self._unsent, []
            if unsent and not self.is_over:
                words = "".join(unsent).encode("utf-8", "replace").decode()
                self._worker.channel.send(json.dumps([self.number, words]).encode())


class Overlap:
    """Takes frames as they come and begins what they ask, until the other end has had enough."""

    def __init__(self, child: Any, worker: Any) -> None:
        self._child, self._worker, self._skill = child, worker, worker.skill
        self._socket = worker.channel.socket
        self._buffer = bytearray()
        self._calls: dict[int, Call] = {}
        self._is_over = asyncio.Event()

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._socket, self._take)
        try:
            await self._is_over.wait()
        finally:
            loop.remove_reader(self._socket)

    def fail(self, error: BaseException) -> None:
        """Tell every call under way that this ended the loop; of several nobody knows whose it was."""
        calls = list(self._calls.values())
        told = self._worker.failed(error)
        if len(calls) > 1:
            message = f"one of {len(calls)} runs that shared a worker ended its event loop: {told['message']}"
            told = {"ok": False, "kind": "crashed", "message": message}
        for call in calls:
            self._answer(call, {**told, "leaves": True}, 0.0)

    def _take(self) -> None:
        """The socket goes on blocking: what is written to it is taken at once, and what is read is there already."""
        data = self._socket.recv(READ_BYTES)
        if not data:
            self._is_over.set()
            return
        self._buffer += data
        header = self._child.HEADER
        while len(self._buffer) >= header.size:
            (length,) = header.unpack_from(self._buffer)
            if len(self._buffer) < header.size + length:
                return
            body = bytes(self._buffer[header.size : header.size + length])
            del self._buffer[: header.size + length]
            self._begin(json.loads(body))

    def _begin(self, message: dict[str, Any]) -> None:
        if message["do"] == "end":
            self._is_over.set()
        elif message["do"] == "cancel":
            call = self._calls.get(message["id"])
            if call is not None and call.task is not None:
                call.is_given_up = True
                # Once it has begun: a task that is cancelled before would end without a word.
                asyncio.get_running_loop().call_soon(call.task.cancel)
        else:
            call = self._calls[message["id"]] = Call(self._worker, message["id"])
            call.task = asyncio.get_running_loop().create_task(self._run(call, message))

    async def _run(self, call: Call, message: dict[str, Any]) -> None:
        SPEAKER.set(call)
        began = self._child.cpu_s()
        try:
            answer = await self._answered(message)
        except BaseException as error:  # noqa: BLE001  what a skill raises is told, whatever it is
            answer = self._worker.failed(error)
        if call.is_given_up:
            answer = {"ok": False, "kind": "cancelled"}
        try:
            self._answer(call, answer, self._child.cpu_s() - began)
        except BaseException as error:  # noqa: BLE001  a result may fail at being written down
            answer = {"ok": False, "kind": "output_invalid", "message": f"the result cannot be carried: {error!r}"}
            self._worker.reply({"id": call.number, **answer}, "", "")
        finally:
            self._calls.pop(call.number, None)

    async def _answered(self, message: dict[str, Any]) -> dict[str, object]:
        if message["do"] == "health":
            return {"ok": True, "output": self._child.plain(await settled(self._skill.health()))}
        inputs = message["inputs"]
        if not await settled(self._skill.validity(inputs)):
            return dict(self._child.NOT_VALID)
        output = await settled(self._skill.call(inputs, self._worker.context_of(message)))
        return dict(self._child.carried(output))

    def _answer(self, call: Call, answer: dict[str, object], cpu_s: float) -> None:
        said = (before + own for before, own in zip(self._child.said_by_all(), call.said(), strict=True))
        self._worker.reply({"id": call.number, "cpu_s": cpu_s, **answer}, *said)


def speaker() -> Call | None:
    """Whose words these are; nobody's, once the call is over."""
    call = SPEAKER.get()
    return None if call is None or call.is_over else call


async def settled(value: Any) -> Any:
    return await value if hasattr(value, "__await__") else value


def serve(child: Any, worker: Any) -> None:
    """Until the other end has had enough. What ends the loop itself ends the worker, and each call is told why."""
    overlap = None

    async def turn() -> None:
        nonlocal overlap
        overlap = Overlap(child, worker)
        await overlap.serve()

    child.Capture.speaker = staticmethod(speaker)
    # A process that a call forks has the call's words as its own, and the worker's socket, but nobody's place in it.
    os.register_at_fork(after_in_child=lambda: setattr(child.Capture, "speaker", None))
    try:
        worker.skill.loop.result_of(turn())
    except BaseException as error:
        if overlap is not None:
            overlap.fail(error)
        raise
