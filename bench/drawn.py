"""Apps that are drawn in full, for a terminal that nobody looks at."""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

import anyio
from textual.drivers.headless_driver import HeadlessDriver

SIZE = (120, 40)
MOST_WAIT_SECONDS = 5


class Unseen(HeadlessDriver):
    """A terminal that nobody looks at: everything is drawn for it and written to nowhere."""

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            nowhere.write(data)


class Drawn(Protocol):
    """An app that tells of each picture."""

    painted: Callable[[], None]

    async def run_async(self, *, size: tuple[int, int], mouse: bool) -> object: ...

    def exit(self) -> None: ...


A = TypeVar("A", bound=Drawn)


@asynccontextmanager
async def running(app: A) -> AsyncIterator[A]:
    """From the first picture on."""
    gc.freeze()  # as `workbench app` does
    async with anyio.create_task_group() as tasks:
        ready = anyio.Event()
        app.painted = ready.set
        tasks.start_soon(lambda: app.run_async(size=SIZE, mouse=False))
        with anyio.fail_after(MOST_WAIT_SECONDS):
            await ready.wait()
        app.painted = lambda: None
        yield app
        app.exit()
