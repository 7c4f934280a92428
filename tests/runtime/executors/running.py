"""How the executors' tests run a skill."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from tests.author import Author
from workbench.assembly import Workbench, open_workbench
from workbench.model.events import Event
from workbench.model.run import Outcome

E = TypeVar("E", bound=Event)


@asynccontextmanager
async def opened(author: Author) -> AsyncIterator[Workbench]:
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        yield workbench


async def outcome_of(author: Author, name: str, **inputs: object) -> Outcome:
    async with opened(author) as workbench:
        return (await workbench.run(name, inputs)).outcome


async def next_of(events: AsyncIterator[Event], kind: type[E]) -> E:
    """The next event of a kind; others are passed over."""
    async for event in events:
        if isinstance(event, kind):
            return event
    raise AssertionError("a bus does not end")
