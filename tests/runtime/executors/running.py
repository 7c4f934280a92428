"""How the executors' tests run a skill."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.author import Author
from workbench.assembly import Workbench, open_workbench
from workbench.model.run import Outcome


@asynccontextmanager
async def opened(author: Author) -> AsyncIterator[Workbench]:
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        yield workbench


async def outcome_of(author: Author, name: str, **inputs: object) -> Outcome:
    async with opened(author) as workbench:
        return (await workbench.run(name, inputs)).outcome
