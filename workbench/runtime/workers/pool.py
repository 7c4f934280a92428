"""What is warm: workers that hold a revision, and spares that hold nothing yet but stand in its sandbox already."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup

from workbench.model.errors import MachineCannot
from workbench.model.frozen import frozen, replace
from workbench.model.policy import DEFAULT_LIMITS, NO_PERMISSIONS, Tier
from workbench.model.settings import PerformanceSettings, SecuritySettings
from workbench.model.skill import Skill
from workbench.runtime.atomic import remove_tree
from workbench.runtime.sandbox.client import Warden
from workbench.runtime.sandbox.policy import Policy, policy_for
from workbench.runtime.store.instances import Scratch
from workbench.runtime.tasks import open_tasks
from workbench.runtime.workers.wire import Said
from workbench.runtime.workers.worker import CHILD_SCRIPT, TEMPLATES_SCRIPT, Worker, start_worker

ADDRESS_SPACE_FLOOR = 1 << 30
RENDERER_MEMORY = 384 << 20
SDK = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", "sdk.py"))


@frozen
class Code:
    """What a worker is to load: a skill, where its files lie, and the folder that all its revisions share."""

    skill: Skill
    folder: str
    revisions: str


@frozen
class NotLoaded:
    """The skill's own code kept it from loading."""

    said: Said


Key = tuple[str, str]


class WorkerPool:
    """Leases warm workers, one run at a time each. Keys begin with the realm's id."""

    def __init__(
        self,
        warden: Warden,
        tier: Tier,
        scratch: Scratch,
        security: SecuritySettings,
        performance: PerformanceSettings,
        environ: Mapping[str, str],
        tasks: TaskGroup,
    ) -> None:
        self._warden, self._tier, self._scratch = warden, tier, scratch
        self._security, self._performance, self._environ = security, performance, environ
        self._tasks = tasks
        self._slots = anyio.Semaphore(performance.max_workers)
        self._idle: list[tuple[Key, Worker]] = []
        self._retired: set[Key] = set()
        self._spares: dict[str, tuple[Policy, Worker]] = {}
        self._renderers: list[Worker] = []
        self._making_spares: set[str] = set()
        self._sdk = SDK
        self.keeps_spares = False

    @asynccontextmanager
    async def lease(self, realm: str, code: Code) -> AsyncIterator[Worker | NotLoaded]:
        """A worker that holds this revision, or why it cannot be loaded; a block that fails ends the worker."""
        async with self._slots:
            worker = await self._warm_or_loaded(realm, code)
            if isinstance(worker, NotLoaded):
                yield worker
                return
            async with ended_on_failure(worker):
                yield worker
            if (realm, code.skill.digest) in self._retired:
                self._tasks.start_soon(worker.end)
            else:
                self.keep(realm, code, worker)

    @asynccontextmanager
    async def lease_renderer(self) -> AsyncIterator[tuple[Worker, str]]:
        """A worker for templates and the folder of Jinja's libraries; it sees no skill's files."""
        async with self._slots:
            worker = self._renderers.pop() if self._renderers else await self._started_renderer()
            async with ended_on_failure(worker):
                yield worker, _jinja_home()
            self._renderers.append(worker)

    async def load(self, code: Code) -> Worker | NotLoaded:
        """A fresh worker that holds this revision: a spare if one waits, else a new process."""
        worker = await self._spare_or_started(code)
        async with ended_on_failure(worker):
            answer = await worker.ask(_load_message(code))
        if not answer.is_ok:
            await worker.kill()
            return NotLoaded(said=answer.said)
        worker.metadata = answer.said.metadata
        return worker

    def keep(self, realm: str, code: Code, worker: Worker) -> None:
        """Have a worker warm for the next run of its revision; of too many, the one that idled longest ends."""
        self._retired.discard((realm, code.skill.digest))
        self._idle.append(((realm, code.skill.digest), worker))
        if len(self._idle) > self._performance.max_workers:
            self._tasks.start_soon(self._idle.pop(0)[1].end)

    def is_warm(self, realm: str, digest: str) -> bool:
        return any(key == (realm, digest) for key, _ in self._idle)

    def retire(self, realm: str, digest: str) -> None:
        """Have the workers of a revision that no longer answers end, the busy ones after their run; nobody waits."""
        self._retired.add((realm, digest))
        for key, worker in self._idle:
            if key == (realm, digest):
                self._tasks.start_soon(worker.end)
        self._idle = [(key, worker) for key, worker in self._idle if key != (realm, digest)]

    def wish_for_spare(self, code: Code) -> None:
        """Have a process wait in this skill's sandbox for its next save."""
        name = code.skill.name
        if not self.keeps_spares or name in self._making_spares:
            return
        waiting = self._spares.get(name)
        if waiting is not None and not waiting[1].has_ended:
            return
        self._making_spares.add(name)
        self._tasks.start_soon(self._make_spare, code)

    async def close(self) -> None:
        """End everything that is idle."""
        idle = [worker for _, worker in (*self._idle, *self._spares.values())] + self._renderers
        self._idle, self._spares, self._renderers = [], {}, []
        async with anyio.create_task_group() as endings:
            for worker in idle:
                endings.start_soon(worker.end)

    async def _warm_or_loaded(self, realm: str, code: Code) -> Worker | NotLoaded:
        wanted = (realm, code.skill.digest)
        for position in reversed(range(len(self._idle))):
            if self._idle[position][0] == wanted:
                worker = self._idle.pop(position)[1]
                if not worker.has_ended:
                    return worker
                await worker.kill()
                return await self._warm_or_loaded(realm, code)
        return await self.load(code)

    async def _spare_or_started(self, code: Code) -> Worker:
        wanted = self._policy(code, out="")
        spare = self._spares.pop(code.skill.name, None)
        if spare is not None:
            policy, worker = spare
            if policy == wanted and not worker.has_ended:
                return worker
            await worker.kill()
        return await self._started(code, is_spare=False)

    async def _make_spare(self, code: Code) -> None:
        try:
            worker = await self._started(code, is_spare=True)
            self._spares[code.skill.name] = (self._policy(code, out=""), worker)
            if len(self._spares) > self._performance.spare_workers:
                await self._spares.pop(next(iter(self._spares)))[1].end()
        except MachineCannot:
            return  # a spare only saves time: whoever needs the worker will be told
        finally:
            self._making_spares.discard(code.skill.name)

    async def _started(self, code: Code, *, is_spare: bool) -> Worker:
        policy = self._policy(code, out=self._scratch.new_folder())
        memory = max(ADDRESS_SPACE_FLOOR, policy.memory_bytes * 5 // 4)
        try:
            return await start_worker(
                self._warden, policy, sdk=self._sdk, cwd=code.revisions, memory=memory, is_spare=is_spare
            )
        except BaseException:
            remove_tree(policy.write[0])
            raise

    async def _started_renderer(self) -> Worker:
        home = _jinja_home()
        out = self._scratch.new_folder()
        policy = policy_for(
            NO_PERMISSIONS,
            DEFAULT_LIMITS,
            self._security,
            self._tier,
            read=(CHILD_SCRIPT, TEMPLATES_SCRIPT, self._sdk, f"{home}/jinja2", f"{home}/markupsafe"),
            out=out,
            spawns_by_default=False,
            environ={},
            variables={},
        )
        policy = replace(policy, list_only=(home,), seconds=1e9)
        return await start_worker(self._warden, policy, sdk=self._sdk, cwd=out, memory=RENDERER_MEMORY, is_spare=False)

    def _policy(self, code: Code, *, out: str) -> Policy:
        manifest = code.skill.manifest
        policy = policy_for(
            manifest.permissions,
            manifest.limits,
            self._security,
            self._tier,
            read=(CHILD_SCRIPT, self._sdk, code.revisions),
            out=out,
            spawns_by_default=False,
            environ=self._environ,
            variables=manifest.environment,
        )
        # A worker outlives its runs: each run's own time is the pipeline's to watch.
        return replace(policy, seconds=1e9)


@asynccontextmanager
async def ended_on_failure(worker: Worker) -> AsyncIterator[None]:
    """A worker whose block is left by an exception, a cancellation or a timeout is not used again."""
    try:
        yield
    except BaseException:
        with anyio.CancelScope(shield=True):
            await worker.kill()
        raise


def _load_message(code: Code) -> dict[str, object]:
    manifest = code.skill.manifest
    assert manifest.python is not None
    return {
        "do": "load",
        "folder": code.folder,
        "file": manifest.python.file,
        "name": manifest.python.name,
        "is_class": manifest.python.is_class,
        "config": dict(manifest.config),
        "metadata": True,
    }


def _jinja_home() -> str:
    """The folder that Jinja lies in; it is looked for, never imported here."""
    from importlib.util import find_spec

    spec = find_spec("jinja2")
    if spec is None or spec.origin is None:
        raise MachineCannot("Jinja is not installed", hint="install skill-workbench again")
    return os.path.dirname(os.path.dirname(os.path.realpath(spec.origin)))


@asynccontextmanager
async def open_worker_pool(
    warden: Warden,
    tier: Tier,
    scratch: Scratch,
    security: SecuritySettings,
    performance: PerformanceSettings,
    environ: Mapping[str, str],
) -> AsyncIterator[WorkerPool]:
    """A pool for as long as the block lasts; afterwards no worker of it is left."""
    async with open_tasks() as tasks:
        pool = WorkerPool(warden, tier, scratch, security, performance, environ, tasks)
        try:
            yield pool
        finally:
            tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await pool.close()
