"""An open workbench that follows its files, and an ear on its bus."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio

from tests.author import Author
from workbench.assembly import Workbench, open_workbench
from workbench.model.events import Event, WatchStarted
from workbench.runtime.bus import Subscription

T = TypeVar("T", bound=Event)


class Watched:
    """What a test holds of it."""

    def __init__(self, workbench: Workbench, events: Subscription) -> None:
        self.workbench, self._events = workbench, events

    async def hears(self, kind: type[T], skill: str = "") -> T:
        """The next event of a kind, whatever else happens in between."""
        with anyio.fail_after(10):
            async for event in self._events:
                if isinstance(event, kind) and skill in ("", getattr(event, "skill", "")):
                    return event
        raise AssertionError

    def heard(self) -> tuple[Event, ...]:
        """Everything that happened since somebody listened the last time."""
        return self._events.drain()

    async def until(self, holds: Callable[[], bool], *, look_every: float = 0.005) -> None:
        with anyio.fail_after(10):
            while not holds():
                await anyio.sleep(look_every)

    async def until_it_answers(self, name: str, output: object) -> None:
        with anyio.fail_after(10):
            while await self.answers(name) != output:
                await anyio.sleep(0.01)

    async def answers(self, name: str, **inputs: object) -> object:
        return (await self.workbench.run(name, inputs)).outcome.output


@asynccontextmanager
async def watching(author: Author) -> AsyncIterator[Watched]:
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        with workbench.bus.subscribe(capacity=10_000) as events:
            async with workbench.watching():
                watched = Watched(workbench, events)
                await watched.hears(WatchStarted)
                yield watched
