"""What is warm: workers that hold a revision, and spares that hold nothing yet."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.abc import TaskGroup

from workbench.model.errors import MachineCannot
from workbench.model.frozen import field, frozen, replace
from workbench.model.policy import DEFAULT_LIMITS, NO_PERMISSIONS, Limits, Permissions, Tier
from workbench.model.settings import PerformanceSettings, SecuritySettings
from workbench.model.skill import Skill
from workbench.runtime.atomic import remove_tree
from workbench.runtime.sandbox.client import Warden
from workbench.runtime.sandbox.policy import Policy, policy_for
from workbench.runtime.store.instances import Scratch
from workbench.runtime.tasks import open_tasks
from workbench.runtime.workers.spares import Spares
from workbench.runtime.workers.wire import Said
from workbench.runtime.workers.worker import CHILD_SCRIPT, TEMPLATES_SCRIPT, Worker, WorkerGone, start_worker

ADDRESS_SPACE_FLOOR = 1 << 30
RENDERER_MEMORY = 384 << 20
SDK = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", "sdk.py"))


@frozen
class Code:
    """What a worker is to load: a skill, where its files lie, and variables in place of the real ones."""

    skill: Skill
    folder: str
    variables: Mapping[str, str] = field(default_factory=dict)


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
        self._spares = Spares(self._started_spare, scratch.new_folder, performance.spare_workers, tasks)
        self._keeps_spares = False
        self._renderers: list[Worker] = []

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
        walls = self._walls_of(code.skill, code.variables)
        if (spare := await self._spares.taken(walls, code.folder)) is not None:
            with suppress(
                WorkerGone
            ):  # it may have ended while it waited: only the next one's end is the skill's doing
                return await _loaded(spare[0], code.skill, spare[1])
        out = self._scratch.new_folder()
        worker = await self._started(walls.placed(code.folder, out), out, is_spare=False)
        return await _loaded(worker, code.skill, code.folder)

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

    def keep_spares(self) -> None:
        """From now on have a process wait for the next save, or the next first run."""
        self._keeps_spares = True
        self._spares.wish_for(self._walls(NO_PERMISSIONS, DEFAULT_LIMITS, {}, {}))

    def wish_for_spare(self, skill: Skill) -> None:
        """Have processes wait behind these walls: who has saved saves again, and a formatter does so at once."""
        if self._keeps_spares:
            self._spares.wish_for(self._walls_of(skill, {}), 2)

    async def close(self) -> None:
        """End everything that is idle."""
        idle = [worker for _, worker in self._idle] + self._renderers
        self._idle, self._renderers = [], []
        async with anyio.create_task_group() as endings:
            endings.start_soon(self._spares.close)
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

    async def _started_spare(self, policy: Policy, home: str) -> Worker:
        return await self._started(policy, home, is_spare=True)

    async def _started(self, policy: Policy, home: str, *, is_spare: bool) -> Worker:
        memory = max(ADDRESS_SPACE_FLOOR, policy.memory_bytes * 5 // 4)
        try:
            return await start_worker(self._warden, policy, sdk=SDK, home=home, memory=memory, is_spare=is_spare)
        except BaseException:
            remove_tree(home)
            raise

    async def _started_renderer(self) -> Worker:
        home = _jinja_home()
        out = self._scratch.new_folder()
        policy = policy_for(
            NO_PERMISSIONS,
            DEFAULT_LIMITS,
            self._security,
            self._tier,
            read=(CHILD_SCRIPT, TEMPLATES_SCRIPT, SDK, f"{home}/jinja2", f"{home}/markupsafe"),
            spawns_by_default=False,
            environ={},
            variables={},
        )
        policy = replace(policy.placed("", out), list_only=(home,), seconds=1e9)
        return await start_worker(self._warden, policy, sdk=SDK, home=out, memory=RENDERER_MEMORY, is_spare=False)

    def _walls_of(self, skill: Skill, instead: Mapping[str, str]) -> Policy:
        manifest = skill.manifest
        return self._walls(manifest.permissions, manifest.limits, {**manifest.environment, **instead}, instead)

    def _walls(
        self, permissions: Permissions, limits: Limits, variables: Mapping[str, str], instead: Mapping[str, str]
    ) -> Policy:
        """What a worker may see and use, but for its own two folders."""
        policy = policy_for(
            permissions,
            limits,
            self._security,
            self._tier,
            read=(CHILD_SCRIPT, SDK),
            spawns_by_default=False,
            environ={**self._environ, **instead},
            variables=variables,
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


async def _loaded(worker: Worker, skill: Skill, folder: str) -> Worker | NotLoaded:
    """The worker once it has loaded the skill from this folder, or why it could not; raises WorkerGone."""
    async with ended_on_failure(worker):
        answer = await worker.ask(_load_message(skill, folder))
    if not answer.is_ok:
        await worker.kill()
        return NotLoaded(said=answer.said)
    worker.metadata = answer.said.metadata
    return worker


def _load_message(skill: Skill, folder: str) -> dict[str, object]:
    manifest = skill.manifest
    assert manifest.python is not None
    return {
        "do": "load",
        "folder": folder,
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
