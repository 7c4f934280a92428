"""Processes that stand in their sandbox and hold nothing yet, so that neither a save nor a first run waits for one."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup

from workbench.model.errors import MachineCannot
from workbench.runtime.atomic import mirror_tree
from workbench.runtime.workers.languages import Setup
from workbench.runtime.workers.worker import Worker, WorkerGone

Start = Callable[[Setup, str], Awaitable[Worker]]


class Spares:
    """Some for each setup that was wished for, the newest kept.

    A spare is nobody's: it reads an empty folder, and the files of the skill that takes it are put there.
    """

    def __init__(self, start: Start, new_folder: Callable[[], str], most: int, tasks: TaskGroup) -> None:
        self._start, self._new_folder, self._most, self._tasks = start, new_folder, most, tasks
        self._waiting: list[tuple[Setup, Worker, str]] = []
        self._making: list[tuple[Setup, anyio.Event]] = []

    def wish_for(self, setup: Setup, count: int = 1) -> None:
        """Have so many of this setup wait, as far as they do not already."""
        waiting = sum(each == setup and not worker.has_ended for each, worker, _ in self._waiting)
        making = sum(each == setup for each, _ in self._making)
        for _ in range(min(count, self._most) - waiting - making):
            made = anyio.Event()
            self._making.append((setup, made))
            self._tasks.start_soon(self._make, setup, made)

    async def taken(self, setup: Setup, files: str) -> tuple[Worker, str] | None:
        """A spare of this setup, and the folder where it reads these files; nothing where none waits."""
        spare = self._next(setup)
        if spare is None and (made := next((made for each, made in self._making if each == setup), None)) is not None:
            await made.wait()  # what has begun is there before anything that begins now
            spare = self._next(setup)
        if spare is None:
            return None
        worker, code = spare
        try:
            if not worker.has_ended:
                mirror_tree(files, f"{code}/it")
                return worker, f"{code}/it"
        except OSError:
            pass  # whoever starts a worker of their own is told of what is wrong with the disk
        await worker.kill()
        return None

    async def close(self) -> None:
        waiting, self._waiting = self._waiting, []
        for _, worker, _ in waiting:
            await worker.kill()

    def _next(self, setup: Setup) -> tuple[Worker, str] | None:
        """The one that waits longest, and waits no more."""
        for position, (each, worker, code) in enumerate(self._waiting):
            if each == setup:
                del self._waiting[position]
                return worker, code
        return None

    async def _make(self, setup: Setup, made: anyio.Event) -> None:
        try:
            home = self._new_folder()
            code, out = f"{home}/code", f"{home}/out"
            os.mkdir(code)
            os.mkdir(out)
            self._waiting.append((setup, await self._start(setup.placed(code, out), home), code))
            if len(self._waiting) > self._most:
                await self._waiting.pop(0)[1].kill()
        except (MachineCannot, WorkerGone):
            return  # a spare only saves time: whoever needs the worker will be told
        finally:
            self._making.remove((setup, made))
            made.set()
