"""The façade that every edge holds: what can be done with skills, whoever asks."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from time import perf_counter
from typing import TYPE_CHECKING

import anyio

from workbench.model.consent import Approval, Consent
from workbench.model.devsession import MAIN
from workbench.model.errors import Conflict, WrongSettings, WrongUse
from workbench.model.frozen import frozen, replace
from workbench.model.observed import Observed
from workbench.model.policy import Tier
from workbench.model.realm import Snapshot
from workbench.model.run import Caller, Handler, Outcome, Run, Stream, new_run_id
from workbench.model.settings import Gate, Settings
from workbench.model.skill import Ref, Scope, Skill, SkillState, parse_ref
from workbench.model.skilltest import CaseId, TestReport
from workbench.runtime.bus import Bus
from workbench.runtime.clock import Clock
from workbench.runtime.devsessions.exchange import Exchange, Promoted, exchange_of
from workbench.runtime.devsessions.files import copied_to_workspace
from workbench.runtime.devsessions.reload import Reloader, watching
from workbench.runtime.devsessions.session import Accepted, DevSession, Refused
from workbench.runtime.devsessions.sessions import Sessions
from workbench.runtime.executors.in_worker import code_of
from workbench.runtime.governance.approvals import Approvals
from workbench.runtime.library.differences import Difference
from workbench.runtime.library.drafts import Drafts
from workbench.runtime.library.journal import Journal
from workbench.runtime.library.library import Library
from workbench.runtime.library.renaming import refuse_name, rename_files
from workbench.runtime.library.revisions import Revision
from workbench.runtime.places import StatePlace
from workbench.runtime.store.spools import Spools
from workbench.runtime.tasks import open_tasks
from workbench.runtime.workers.pool import Code, WorkerPool

if TYPE_CHECKING:
    from workbench.runtime.sandbox.effective import Effective
    from workbench.runtime.skilltests.from_run import Written

NOBODY = Caller()
MOST_READ = 1_000_000


@frozen
class Result:
    """A run and how it ended; `instead_of` tells why an older revision answered, where one did."""

    run: Run
    outcome: Outcome
    instead_of: Refused | None = None


@frozen
class Workbench:
    """An open workbench. Made by `open_workbench`, closed with its block."""

    settings: Settings
    place: StatePlace
    library: Library
    sessions: Sessions
    session: DevSession
    handler: Handler
    trial: Handler
    pool: WorkerPool
    bus: Bus
    clock: Clock
    tier: Tier
    spools: Spools
    approvals: Approvals
    journal: Journal

    @property
    def snapshot(self) -> Snapshot:
        """Every skill as it stands now."""
        return self.session.realm.snapshot

    @property
    def drafts(self) -> Drafts:
        """Text that was typed and not saved."""
        return self.library.drafts

    def in_session(self, name: str) -> Workbench:
        """The same workbench as it is seen from another dev session; raises WrongUse where there is none."""
        opened = self.sessions.opened(name)
        return replace(self, session=opened.session, library=opened.library)

    @property
    def exchange(self) -> Exchange:
        """What goes between this session and the workspace; raises WrongUse in `main`, which is the workspace."""
        return exchange_of(self.sessions, self.sessions.opened(self.session.realm.id))

    async def promote(self, refs: Iterable[str] = (), *, message: str = "") -> Promoted:
        """Have the workspace be what this session is. Each skill has to load here, and its tests have to be green."""
        return await self.exchange.promote(refs, self.test, message)

    @property
    def skills_folder(self) -> str:
        """Where a new skill of one's own is put."""
        return self.library.roots[0].folder

    def is_own(self, skill: Skill) -> bool:
        """Whether a skill's files may be edited where they lie."""
        is_main = self.session.realm.id == MAIN
        return skill.scope is not Scope.BUILTIN if is_main else skill.scope is Scope.DEV

    def policy(self, ref: str | Ref) -> tuple[Effective, ...]:
        """What a skill asks for, what it gets here, and how well that is held."""
        from workbench.runtime.pipeline.deadline import deadline_of
        from workbench.runtime.sandbox.effective import effective  # here: who runs skills does not read of them

        environ = {**os.environ, **self.session.realm.environment}
        skill = self.find(ref)
        allowed = self.approvals.of(skill, self.session.realm.id)
        seconds = deadline_of(skill, self.settings.skills.default_timeout, self.settings.security.max_execution_time)
        return effective(
            skill, self.session.realm.workspace, self.settings, self.tier, environ, allowed, seconds=seconds
        )

    def observed(self, ref: str | Ref) -> Observed:
        """What the last runs of a skill did, as far as the walls can tell."""
        return self.library.history.observed(self.find(ref).name)

    async def approve(self, ref: str | Ref, consents: Iterable[Consent]) -> Approval:
        """Allow a skill what its manifest does not get it, here and until it asks for more or lies elsewhere."""
        return await self.approvals.give(self.find(ref), self.session.realm.id, consents)

    async def revoke(self, name: str) -> Approval | None:
        """Allow a skill nothing any more; what it had been allowed, if anything. It need not be there any more."""
        return await self.approvals.revoke(name, self.session.realm.id)

    def owner_of(self, path: str) -> Skill | None:
        """The skill that a file belongs to; one that is hidden by another too."""
        return next((each for each in (*self.snapshot, *self.session.files) if each.holds(path)), None)

    async def made_own(self, skill: Skill) -> Skill:
        """A skill with files that may be edited: a copy in the workspace or in this session, where it has none yet."""
        if self.is_own(skill):
            return skill
        if self.session.realm.id != MAIN:
            return await self.exchange.take(skill)
        home = await anyio.to_thread.run_sync(copied_to_workspace, skill, self.settings.workspace)
        self.refresh()
        return next(each for each in self.session.files if home in (each.home, each.folder))

    def refresh(self) -> Snapshot:
        """Look at the files again."""
        self.session.look_again()
        return self.snapshot

    def find(self, ref: str | Ref) -> Skill:
        """The skill that a reference names; raises UnknownSkill and its kin."""
        return self.library.find(self.snapshot, parse_ref(ref) if isinstance(ref, str) else ref)

    def knows(self, path: str) -> bool:
        """Whether a path is that of a skill which is here."""
        return any(os.path.abspath(path) in (skill.path, skill.folder) for skill in self.snapshot)

    async def run(
        self,
        ref: str | Ref,
        inputs: Mapping[str, object] | None = None,
        *,
        caller: Caller = NOBODY,
        correlation_id: str = "",
    ) -> Result:
        """Run a skill through every stage. What the skill does wrong is in the outcome; what we cannot do is raised.

        A correlation id of the caller's own tells its run from others while it is under way: the bus's
        SkillExecutionStarted carries it, and the run's id with it.
        """
        if not isinstance(inputs or {}, Mapping):
            raise WrongUse(f"the inputs are a {type(inputs).__name__}", hint='give a mapping: {"name": "value"}')
        skill = self.find(ref)
        await self.library.history.settle_once()
        ready = await self.session.answering(skill)
        if isinstance(ready, Accepted):
            run = self.new_run(ready.skill, inputs or {}, caller, correlation_id)
            return Result(run=run, outcome=await self.handler(run))
        answering = ready.answering or skill.with_findings(ready.findings)
        run = self.new_run(answering, inputs or {}, caller, correlation_id)
        return Result(run=run, outcome=await self.handler(run), instead_of=ready)

    def output_of(self, run_id: str, stream: Stream = "stdout", offset: int = 0, length: int = MOST_READ) -> bytes:
        """What a run of this process has said by now; nothing where that is not kept, or not there yet."""
        return self.spools.read(run_id, stream, offset, length)

    async def load(self, ref: str | Ref) -> Skill:
        """The skill once its own code was loaded: what only that can tell, and whether it loads at all."""
        skill = self.find(ref)
        ready = await self.session.answering(skill)
        return ready.skill if isinstance(ready, Accepted) else self.snapshot.skills.get(skill.name, skill)

    async def reload(self, ref: str | Ref, *, message: str = "") -> Accepted | Refused:
        """Read a skill's files again and load them in a process of its own, changed or not."""
        self.refresh()
        return await self.session.bring_up(self.find(ref), message=message, anew=True)

    async def test(
        self,
        ref: str | Ref,
        *,
        only: Collection[CaseId] = (),
        with_python: bool = False,
        repeat: int = 1,
        coverage: bool = False,
    ) -> TestReport:
        """Run the tests that lie beside a skill, or only these cases, each so often; nothing of their runs is recorded.

        With coverage the report tells which lines of a python skill its cases ran.
        Python tests are the author's own code, outside the sandbox: they run when they are asked for.
        """
        from workbench.runtime.skilltests.tester import Wish, tester_of  # here: who tests nothing reads no YAML

        skill, began, tester = self.find(ref), perf_counter(), tester_of(self)
        wish = Wish(only=only, with_python=with_python, repeat=repeat, coverage=coverage)
        ready = await self.session.answering(skill)
        if isinstance(ready, Refused):
            return await tester.refusal_of(skill, ready.findings)
        answering = ready.skill

        def tell(report: TestReport) -> None:
            known = self.snapshot.skills.get(answering.name)
            was_red = known is not None and known.state is SkillState.TESTS_RED
            if (report.results or report.findings or was_red) and (report.is_whole or not only):
                self.session.tested(answering, report, round((perf_counter() - began) * 1000, 3))

        return await tester.report_of(answering, wish, tell)

    async def _tested_before(self, candidate: Skill) -> TestReport:
        """What the cases say of a candidate that does not answer yet."""
        from workbench.runtime.skilltests.tester import Wish, tester_of  # here: as above

        return await tester_of(self).report_of(candidate, Wish(), lambda _: None)

    async def case_from(self, run_id: str, name: str = "") -> Written:
        """Add a run that happened to its skill's tests, with what it was given and how it ended."""
        from workbench.runtime.skilltests.from_run import case_from  # here: as above

        return await case_from(self.library, self.snapshot, run_id, name)

    async def reload_many(self, refs: Iterable[str | Ref], *, message: str = "") -> dict[str, Accepted | Refused]:
        """Read and load many skills at once; what came of each."""
        self.refresh()
        skills = {skill.name: skill for skill in map(self.find, refs)}
        ends: dict[str, Accepted | Refused] = {}
        room = anyio.Semaphore(self.settings.performance.max_workers)

        async def reload(skill: Skill) -> None:
            async with room:
                ends[skill.name] = await self.session.bring_up(skill, message=message, anew=True)

        async with open_tasks() as tasks:
            for skill in skills.values():
                tasks.start_soon(reload, skill)
        return {name: ends[name] for name in skills}

    def register(self, path: str) -> Skill:
        """Have a skill from anywhere on the disk here, for as long as this workbench is open; raises UnknownSkill."""
        return self.session.register(os.path.abspath(path))

    def unregister(self, ref: str | Ref) -> None:
        """Have a registered skill here no longer; its files and its history stay."""
        self.session.unregister(self.find(ref))

    async def enable(self, ref: str | Ref, *, expected_version: int | None = None) -> Skill:
        """Let a disabled skill run again."""
        return await self._switch(self.find(ref), is_enabled=True, expected=expected_version)

    async def disable(self, ref: str | Ref, *, expected_version: int | None = None) -> Skill:
        """Have a skill refused until it is enabled again, by every process; its saves are still read."""
        return await self._switch(self.find(ref), is_enabled=False, expected=expected_version)

    async def rename(self, ref: str | Ref, new: str, *, expected_version: int | None = None) -> Skill:
        """Give a skill another name, in its file and folder too; its history goes along, or `left_behind` says why."""
        refuse_name(new)
        self.refresh()
        skill = self.find(ref)
        if new in self.snapshot.skills:
            raise Conflict(f"there is a skill '{new}' already", hint="choose another name, or rename that one first")
        if skill.scope is Scope.BUILTIN:
            hint = f"`workbench new {new}` makes one of your own; an edit makes a copy of this one"
            raise WrongUse(f"'{skill.name}' is shipped, and keeps its name", hint=hint)
        skill = await self.made_own(skill)
        revisions, realm = self.library.revisions, self.session.realm.id
        was_disabled = skill.name in revisions.disabled(realm)
        with anyio.CancelScope(shield=True):  # first, so that whoever sees the files finds it
            is_moved = await revisions.rename(skill.name, new, realm, expected=expected_version)
        try:
            await anyio.to_thread.run_sync(rename_files, skill, new)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await revisions.rename_back(skill.name, new, realm, is_moved=is_moved, was_disabled=was_disabled)
            raise
        self.refresh()
        renamed = self.find(Ref(name=new))
        left = self.left_behind(skill.name, new)
        await self.session.bring_up(renamed, message=f"renamed from {skill.name}{left and f'; {left}'}")
        return self.snapshot.skills.get(new, renamed)

    def left_behind(self, old: str, new: str) -> str:
        """What to say of the history that a rename could not take along; "" where nothing is left."""
        stays = [each for each in self.library.revisions.history(old) if each.realm == self.session.realm.id]
        return f"the history of '{old}' stays under that name, '{new}' goes on with its own" if stays else ""

    async def _switch(self, skill: Skill, *, is_enabled: bool, expected: int | None) -> Skill:
        realm = self.session.realm.id
        await self.library.revisions.switch(skill.name, realm, is_enabled=is_enabled, expected=expected)
        self.refresh()
        await self.sessions.tell(realm, f"{skill.name} is {'enabled' if is_enabled else 'disabled'}")
        return self.find(Ref(name=skill.name))

    def history(self, ref: str | Ref) -> tuple[Revision, ...]:
        """Every accepted revision of a skill, the newest first."""
        return self.library.revisions.history(self.find(ref).name)

    def difference(self, ref: str, before: int = 0, after: int = 0) -> Difference:
        """What changed between two revisions of a skill. 0 before is the newest accepted one, 0 after the files."""
        return self.library.difference(self.find(ref), before, after)

    async def roll_back(
        self,
        ref: str | Ref,
        to: int,
        *,
        message: str = "",
        expected_version: int | None = None,
        give_up_changes: bool = False,
    ) -> Skill:
        """Have a skill be what a revision of it was, in its files too, as a new revision."""
        self.refresh()
        skill = self.find(ref)
        if skill.scope is Scope.BUILTIN:
            hint = f"edit it in the app, or copy {skill.folder} to {self.skills_folder}"
            raise WrongUse(f"'{skill.name}' is shipped and has no files of yours", hint=hint)
        skill = await self.made_own(skill)
        return await self.session.roll_back(
            skill, to, message=message, expected=expected_version, give_up=give_up_changes
        )

    def code_of(self, skill: Skill) -> Code:
        """What a worker loads for a skill."""
        return code_of(skill, self.session.realm, self.library.revisions)

    def watching(self) -> AbstractAsyncContextManager[Reloader]:
        """Reload what is saved, for as long as the block lasts; the bus tells what happens."""
        if not self.settings.skills.hot_reload_enabled:
            raise WrongSettings("reloading is switched off", hint="set hot_reload_enabled = true under [skills]")
        self.pool.keep_spares()
        settings = self.settings.development
        self.session.gate = self._tested_before if settings.gate is Gate.TESTS else None
        return watching(self.session, self.library, settings, self.bus, self.clock, self.journal, self.test)

    def new_run(
        self, skill: Skill, inputs: Mapping[str, object], caller: Caller = NOBODY, correlation_id: str = ""
    ) -> Run:
        """A run of a skill that nothing has been done with yet."""
        now = self.clock.now()
        run_id = new_run_id(now)
        return Run(
            id=run_id,
            skill=skill,
            inputs=inputs,
            realm=self.session.realm,
            started_at=now,
            correlation_id=correlation_id or run_id,
            caller=caller,
        )
