"""Shows what a run says while it says it. What was not shown by its end is for the end to show: every byte once."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Awaitable, Sequence
from typing import BinaryIO

import anyio

from workbench.cli.slow_reader import SlowReader
from workbench.model.events import OutputReceived, SkillExecutionStarted
from workbench.model.run import Stream
from workbench.model.words import safe
from workbench.runtime.bus import Subscription
from workbench.runtime.runtime import Result, Workbench
from workbench.runtime.tasks import open_tasks


class Shown:
    """One stream as far as it was shown: as it is for a program, with control characters made visible for a person."""

    def __init__(self, stream: Stream, target: BinaryIO, *, for_a_person: bool) -> None:
        self.stream, self._target, self._for_a_person = stream, target, for_a_person
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._is_line_open = False
        self.bytes = self.characters = 0

    def write(self, data: bytes) -> None:
        """More of it, at once."""
        text = self._decode(data)
        self._put(safe(text).encode() if self._for_a_person else data)
        self.bytes += len(data)
        self.characters += len(text)

    def write_rest(self, text: str) -> None:
        """What a text has beyond that, half a character at its end included."""
        self._put(safe(text[self.characters :]).encode())

    def end_line(self) -> None:
        """What comes next begins at the left."""
        if self._is_line_open:
            self._put(b"\n")

    def _put(self, data: bytes) -> None:
        self._target.write(data)
        self._target.flush()
        self._is_line_open = not data.endswith(b"\n") if data else self._is_line_open


async def shown_while_it_runs(
    workbench: Workbench, streams: Sequence[Shown], reader: SlowReader, result: Awaitable[Result]
) -> Result:
    """The result of the only run of this process; raises BrokenPipeError, and ends the run, where nobody reads on."""
    turn = anyio.Lock()
    with workbench.bus.subscribe() as events:
        async with open_tasks() as tasks:
            tasks.start_soon(_show, workbench, streams, reader, events, turn)
            ended = await result
            async with turn:  # what is being written would else be written twice
                tasks.cancel_scope.cancel()
    for shown in streams:
        await _catch_up(workbench, ended.run.id, shown, reader)
    return ended


async def _show(
    workbench: Workbench, streams: Sequence[Shown], reader: SlowReader, events: Subscription, turn: anyio.Lock
) -> None:
    run_id = ""
    async for event in events:
        if isinstance(event, SkillExecutionStarted):
            run_id = run_id or event.run
        elif isinstance(event, OutputReceived) and event.run == run_id:
            for shown in streams:
                if shown.stream == event.stream:
                    async with turn:
                        await _catch_up(workbench, run_id, shown, reader)


async def _catch_up(workbench: Workbench, run_id: str, shown: Shown, reader: SlowReader) -> None:
    while chunk := workbench.output_of(run_id, shown.stream, shown.bytes):
        await reader.gets(shown.write, chunk)
