"""What is warm: workers that hold a revision, and spares that hold nothing yet."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.abc import TaskGroup

from workbench.model.consent import Consent, Right
from workbench.model.errors import MachineCannot
from workbench.model.events import WorkerEnded
from workbench.model.frozen import field, frozen, replace
from workbench.model.manifest import Isolation
from workbench.model.policy import DEFAULT_LIMITS, NO_PERMISSIONS, Limits, Permissions, Tier
from workbench.model.settings import Settings
from workbench.model.skill import Kind, Skill
from workbench.runtime.atomic import remove_tree
from workbench.runtime.bus import Bus
from workbench.runtime.clock import Clock
from workbench.runtime.sandbox.client import Warden
from workbench.runtime.sandbox.policy import policy_for
from workbench.runtime.store.instances import Scratch
from workbench.runtime.tasks import open_tasks
from workbench.runtime.workers.falls import Falls
from workbench.runtime.workers.languages import CHILD_SCRIPT, PYTHON_TELLING, SDK, Language, Setup, python_command
from workbench.runtime.workers.shared import Shared
from workbench.runtime.workers.spares import Spares
from workbench.runtime.workers.waiting import Key, Tell, Waiting
from workbench.runtime.workers.wire import Said
from workbench.runtime.workers.worker import Terms, Worker, WorkerGone, ended_on_failure, start_worker

RENDERER_MEMORY = 384 << 20
TEMPLATES_SCRIPT = f"{os.path.dirname(CHILD_SCRIPT)}/templates.py"


@frozen
class Code:
    """What a worker is to load: a skill, where its files lie, what is its workspace, and what stands in place of
    variables and the clock."""

    skill: Skill
    folder: str
    workspace: str
    variables: Mapping[str, str] = field(default_factory=dict)
    clock: float | None = None
    counts_lines: bool = False
    consents: frozenset[Consent] = frozenset()

    @property
    def terms(self) -> Terms:
        return Terms(workspace=self.workspace, consents=self.consents, variables=self.variables)


@frozen
class NotLoaded:
    """The skill's own code kept it from loading."""

    said: Said


class WorkerPool:
    """Leases warm workers. Keys begin with the realm's id."""

    def __init__(
        self,
        warden: Warden,
        tier: Tier,
        languages: Mapping[Kind, Language],
        scratch: Scratch,
        settings: Settings,
        environ: Mapping[str, str],
        tell: Tell,
        tasks: TaskGroup,
    ) -> None:
        self._warden, self._tier, self._languages, self._scratch = warden, tier, languages, scratch
        self._security, self._environ = settings.security, environ
        self._tasks, performance = tasks, settings.performance
        self._slots = anyio.Semaphore(performance.max_workers)
        self._waiting = Waiting(performance, tell, tasks)
        self._falls, self._shared, self._tell = Falls(), Shared(), tell
        self._retired = Counter[Key]()
        self._spares = Spares(self._started_spare, scratch.new_folder, performance.spare_workers, tasks)
        self._keeps_spares = False
        self._renderers: list[Worker] = []

    def speaks(self, kind: Kind | None) -> bool:
        """Whether workers load skills of this kind here."""
        return kind in self._languages

    @asynccontextmanager
    async def lease(self, realm: str, code: Code) -> AsyncIterator[Worker | NotLoaded]:
        """A worker that holds this revision, or why it cannot be loaded; a block that fails ends the worker.

        Where its calls overlap others may hold it at the same time, and only who leaves it last gives it back.
        """
        key = (realm, code.skill.digest)
        worker = await self._held(key, code)
        if isinstance(worker, NotLoaded):
            yield worker
            return
        try:
            yield worker
            if not worker.is_draining:
                self._falls.answered(key)
        except BaseException as error:
            if isinstance(error, WorkerGone) and error.is_fall:
                self._falls.fell(key)
            if not worker.goes_on:
                with anyio.CancelScope(shield=True):
                    await worker.stop()
            raise
        finally:
            if self._shared.left(worker):
                with anyio.CancelScope(shield=True):
                    await self._give_back(key, code, worker)
                self._slots.release()

    async def _held(self, key: Key, code: Code) -> Worker | NotLoaded:
        """One that others hold, too, if there is such a one or somebody is just loading one; else one's own."""
        while code.skill.manifest.isolation is not Isolation.RUN:
            if (joined := self._shared.joined(key, code.terms)) is not None:
                return joined
            if (loading := self._shared.loading(key)) is None:
                break
            await loading.wait()
        with self._shared.loads(key):
            return await self._new_holder(key, code)

    async def _new_holder(self, key: Key, code: Code) -> Worker | NotLoaded:
        await self._slots.acquire()
        worker: Worker | NotLoaded | None = None
        retired = self._retired[key]
        try:
            if (refused := self._falls.refusal(key)) is not None:
                return NotLoaded(said=refused)
            worker = await self._taken(key, code) or await self.load(code)
        except WorkerGone:
            self._falls.fell(key)
            raise
        finally:
            if isinstance(worker, Worker):
                worker.is_draining = worker.is_draining or self._retired[key] != retired
                self._shared.taken(key, worker)
            else:
                self._slots.release()
        return worker

    @asynccontextmanager
    async def lease_renderer(self) -> AsyncIterator[tuple[Worker, str]]:
        """A worker for templates and the folder of Jinja's libraries; it sees no skill's files."""
        async with self._slots:
            worker = self._renderers.pop() if self._renderers else await self._started_renderer()
            async with ended_on_failure(worker):
                yield worker, _jinja_home()
            self._renderers.append(worker)

    def may_load(self, skill: Skill, consents: frozenset[Consent]) -> bool:
        """Whether code of a skill may begin to run here: to load a module is to run it."""
        required = skill.manifest.required_tier
        is_walled = self._tier is not Tier.D or Consent(right=Right.UNSANDBOXED) in consents
        return is_walled and (required is None or self._tier.is_at_least(required))

    async def load(self, code: Code) -> Worker | NotLoaded:
        """A fresh worker that holds this revision: a spare if one waits, else a new process."""
        if not self.may_load(code.skill, code.consents):
            return NotLoaded(said=Said(kind="crashed", message="it may not run behind these walls"))
        setup = self._setup_of(code)
        if (spare := await self._spares.taken(setup, code.folder)) is not None:
            with suppress(WorkerGone):  # it may have ended while it waited; the next one's end is the skill's doing
                return await _loaded(spare[0], setup.language, replace(code, folder=spare[1]))
        out = self._scratch.new_folder()
        worker = await self._started(setup.placed(code.folder, out), out, is_spare=False)
        return await _loaded(worker, setup.language, code)

    async def _taken(self, key: Key, code: Code) -> Worker | None:
        """The one that waits, unless it was started when the skill was allowed, or given, something else."""
        worker = await self._waiting.taken(key)
        if worker is None or worker.terms == code.terms:
            return worker
        self._tasks.start_soon(worker.end)
        return None

    def keep(self, realm: str, code: Code, worker: Worker) -> None:
        """Have a worker warm for the next run of its revision."""
        self._waiting.put((realm, code.skill.digest), worker)

    def is_warm(self, realm: str, digest: str) -> bool:
        return self._waiting.holds((realm, digest))

    def retire(self, realm: str, digest: str) -> None:
        """Have the workers of a revision that no longer answers end, the busy ones after their run; nobody waits."""
        key = (realm, digest)
        self._retired[key] += 1
        self._shared.drain(key)
        self._falls.answered(key)
        self._waiting.end_all(key)

    def keep_spares(self) -> None:
        """From now on have a process wait for the next save, or the next first run, of the commonest sort."""
        self._keeps_spares = True
        self._spares.wish_for(self._setup(self._languages[Kind.PYTHON], NO_PERMISSIONS, DEFAULT_LIMITS, {}, Terms()))

    def wish_for_spare(self, code: Code) -> None:
        """Have processes wait behind these walls: who has saved saves again, and a formatter does so at once."""
        if self._keeps_spares:
            self._spares.wish_for(self._setup_of(replace(code, variables={}, consents=frozenset())), 2)

    async def close(self) -> None:
        """End everything that is idle."""
        idle, self._renderers = self._waiting.emptied() + self._renderers, []
        async with anyio.create_task_group() as endings:
            endings.start_soon(self._spares.close)
            for worker in idle:
                endings.start_soon(worker.end)

    async def _give_back(self, key: Key, code: Code, worker: Worker) -> None:
        """After a run a worker waits for the next; unless its revision answers no more, or it holds too much."""
        if worker.has_ended or worker.was_cut_off:
            await worker.kill()
        elif worker.is_draining or code.skill.manifest.isolation is Isolation.RUN:
            self._tasks.start_soon(worker.end)
        elif words := worker.growth:
            self._tasks.start_soon(worker.end)
            self._tell(key, worker, words)
        else:
            self.keep(key[0], code, worker)

    async def _started_spare(self, setup: Setup, home: str) -> Worker:
        return await self._started(setup, home, is_spare=True)

    async def _started(self, setup: Setup, home: str, *, is_spare: bool) -> Worker:
        try:
            return await start_worker(self._warden, setup.command(is_spare=is_spare), setup.walls, home=home)
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
            read=(CHILD_SCRIPT, PYTHON_TELLING, TEMPLATES_SCRIPT, SDK, f"{home}/jinja2", f"{home}/markupsafe"),
            spawns_by_default=False,
            environ={},
            variables={},
        )
        policy = replace(policy.placed("", out), list_only=(home,), seconds=1e9)
        command = python_command(policy, memory=RENDERER_MEMORY, is_spare=False)
        return await start_worker(self._warden, command, policy, home=out)

    def _setup_of(self, code: Code) -> Setup:
        assert code.skill.kind is not None
        manifest = code.skill.manifest
        variables = {**manifest.environment, **code.variables}
        language = self._languages[code.skill.kind]
        return self._setup(language, manifest.permissions, manifest.limits, variables, code.terms)

    def _setup(
        self,
        language: Language,
        permissions: Permissions,
        limits: Limits,
        variables: Mapping[str, str],
        terms: Terms,
    ) -> Setup:
        """What a worker may see and use, but for its own two folders."""
        policy = policy_for(
            permissions,
            limits,
            self._security,
            self._tier,
            read=language.reads,
            workspace=terms.workspace,
            spawns_by_default=False,
            environ={**self._environ, **terms.variables},
            variables={**variables, **language.variables},
            consents=terms.consents,
        )
        # A worker outlives its runs: each run's own time is the pipeline's to watch.
        return Setup(language=language, walls=replace(policy, seconds=1e9))


async def _loaded(worker: Worker, language: Language, code: Code) -> Worker | NotLoaded:
    """The worker once it has loaded the skill from its folder, or why it could not; raises WorkerGone."""
    manifest = code.skill.manifest
    entry, config = language.entry_of(manifest), dict(manifest.config)
    mocks = {"clock": code.clock, "counts_lines": code.counts_lines}
    async with ended_on_failure(worker):
        answer = await worker.ask({"do": "load", "folder": code.folder, **entry, "config": config, **mocks})
    if not answer.is_ok:
        await worker.kill()
        return NotLoaded(said=answer.said)
    worker.terms = code.terms
    worker.metadata, worker.can_tell_health = answer.said.metadata, answer.said.tells_health
    worker.overlaps = answer.said.overlaps
    worker.skill = code.skill.name
    return worker


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
    languages: Mapping[Kind, Language],
    scratch: Scratch,
    settings: Settings,
    environ: Mapping[str, str],
    bus: Bus,
    clock: Clock,
) -> AsyncIterator[WorkerPool]:
    """A pool for as long as the block lasts; afterwards no worker of it is left."""

    def tell(key: Key, worker: Worker, why: str, *, is_trouble: bool = True) -> None:
        now, skill = clock.now(), worker.skill
        bus.publish(WorkerEnded(at=now, skill=skill, realm=key[0], worker=worker.pid, why=why, is_trouble=is_trouble))

    async with open_tasks() as tasks:
        pool = WorkerPool(warden, tier, languages, scratch, settings, environ, tell, tasks)
        try:
            yield pool
        finally:
            tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await pool.close()
