"""The warm workers that nobody uses at the moment: found again, and looked after so that none outstays its welcome."""

from __future__ import annotations

from time import monotonic
from typing import Protocol

import anyio
from anyio.abc import TaskGroup

from workbench.model.settings import PerformanceSettings
from workbench.runtime.workers.worker import Worker, WorkerGone, ended_on_failure

Key = tuple[str, str]


class Tell(Protocol):
    """Hears why a worker was ended; that it was not needed any more is no trouble."""

    def __call__(self, key: Key, worker: Worker, why: str, *, is_trouble: bool = True) -> None: ...


LOOKS = 4
HEALTH_SECONDS = 5.0
WELL = frozenset({"healthy", "ok", "up"})


class Waiting:
    """Those that wait longest stand first. Nobody looks while none waits."""

    def __init__(self, settings: PerformanceSettings, tell: Tell, tasks: TaskGroup) -> None:
        self._settings, self._tell, self._tasks = settings, tell, tasks
        self._idle: list[tuple[Key, Worker]] = []
        self._asked: Key | None = None
        self._has_said = anyio.Event()
        self._is_looked_after = False

    def put(self, key: Key, worker: Worker) -> None:
        """Have a worker wait for the next run of its revision; of too many, the one that waits longest ends."""
        worker.idle_since = monotonic()
        self._idle.append((key, worker))
        if len(self._idle) > self._settings.max_workers:
            self._tasks.start_soon(self._idle.pop(0)[1].end)
        if not self._is_looked_after:
            self._is_looked_after = True
            self._tasks.start_soon(self._look_after)

    async def taken(self, key: Key) -> Worker | None:
        """The one that was used last, if any lives; one that is being asked how it is will be there in a moment."""
        for position in reversed(range(len(self._idle))):
            if self._idle[position][0] == key:
                worker = self._idle.pop(position)[1]
                if not worker.has_ended:
                    return worker
                await worker.kill()
                return await self.taken(key)
        if self._asked == key:
            await self._has_said.wait()
            return await self.taken(key)
        return None

    def holds(self, key: Key) -> bool:
        return any(each == key for each, _ in self._idle)

    def end_all(self, key: Key) -> None:
        """Nobody waits for their ends."""
        self._asked = None if self._asked == key else self._asked
        for each, worker in self._idle:
            if each == key:
                self._tasks.start_soon(worker.end)
        self._idle = [(each, worker) for each, worker in self._idle if each != key]

    def emptied(self) -> list[Worker]:
        idle, self._idle = self._idle, []
        return [worker for _, worker in idle]

    async def _look_after(self) -> None:
        """End what was idle for long, and ask those that can tell how they feel; stops when none is left."""
        while self._idle:
            await anyio.sleep(min(self._settings.worker_idle_seconds, self._settings.health_check_seconds) / LOOKS)
            longest = self._settings.worker_idle_seconds
            while self._idle and monotonic() - self._idle[0][1].idle_since >= longest:
                key, worker = self._idle.pop(0)
                self._tasks.start_soon(worker.end)
                self._tell(key, worker, f"was idle for {longest:g} s", is_trouble=False)
            while (due := next((each for each in self._idle if self._is_due(each[1])), None)) is not None:
                self._idle.remove(due)
                await self._ask(*due)
        self._is_looked_after = False

    async def _ask(self, key: Key, worker: Worker) -> None:
        """How a worker feels; it waits on where it waited, if it is well and still wanted."""
        self._asked, self._has_said = key, anyio.Event()
        try:
            async with ended_on_failure(worker):
                why = await ailment_of(worker)
            is_wanted = self._asked == key
            if not why and is_wanted:
                worker.asked_at = monotonic()
                self._idle.append((key, worker))
                self._idle.sort(key=lambda each: each[1].idle_since)
                return
        finally:
            self._asked = None
            self._has_said.set()
        self._tasks.start_soon(worker.kill)
        if why:
            self._tell(key, worker, why)

    def _is_due(self, worker: Worker) -> bool:
        return worker.can_tell_health and monotonic() - worker.asked_at >= self._settings.health_check_seconds


async def ailment_of(worker: Worker) -> str:
    """What the skill's own health_check says is wrong with it; nothing where it is well."""
    try:
        with anyio.fail_after(HEALTH_SECONDS):
            answer = await worker.ask({"do": "health"})
    except WorkerGone:
        return "ended while it was asked how it is"
    except TimeoutError:
        return f"did not say within {HEALTH_SECONDS:g} s how it is"
    if not answer.is_ok:
        return f"its health_check failed: {answer.said.message}"
    said = answer.said.output
    status = said.get("status", "healthy") if isinstance(said, dict) else said
    is_well = status is None or status is True or str(status).casefold() in WELL
    return "" if is_well else f"its health_check says {str(status)[:200]}"
