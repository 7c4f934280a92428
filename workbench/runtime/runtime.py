"""The façade that every edge holds: what can be done with skills, whoever asks."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from workbench.model.errors import WrongSettings, WrongUse
from workbench.model.frozen import frozen, replace
from workbench.model.policy import Tier
from workbench.model.realm import Snapshot
from workbench.model.run import Caller, Handler, Outcome, Run, Stream, new_run_id
from workbench.model.settings import Settings
from workbench.model.skill import Ref, Scope, Skill, parse_ref
from workbench.model.skilltest import TestReport
from workbench.runtime.bus import Bus
from workbench.runtime.clock import Clock
from workbench.runtime.devsessions.reload import Reloader, watching
from workbench.runtime.devsessions.session import Accepted, DevSession, Refused
from workbench.runtime.executors.python import code_of
from workbench.runtime.library.differences import Difference
from workbench.runtime.library.drafts import Drafts
from workbench.runtime.library.journal import Journal
from workbench.runtime.library.library import Library
from workbench.runtime.library.revisions import Revision
from workbench.runtime.skilltests.cases import read_cases
from workbench.runtime.skilltests.run import results_of
from workbench.runtime.store.spools import Spools
from workbench.runtime.workers.pool import Code, WorkerPool

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
    library: Library
    session: DevSession
    handler: Handler
    trial: Handler
    pool: WorkerPool
    bus: Bus
    clock: Clock
    tier: Tier
    spools: Spools
    journal: Journal

    @property
    def snapshot(self) -> Snapshot:
        """Every skill as it stands now."""
        return self.session.realm.snapshot

    @property
    def drafts(self) -> Drafts:
        """Text that was typed and not saved."""
        return self.library.drafts

    def refresh(self) -> Snapshot:
        """Look at the files again."""
        self.session.show(self.library.read_all())
        return self.snapshot

    def find(self, ref: str | Ref) -> Skill:
        """The skill that a reference names; raises UnknownSkill and its kin."""
        return self.library.find(self.snapshot, parse_ref(ref) if isinstance(ref, str) else ref)

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

    async def test(self, ref: str | Ref) -> TestReport:
        """Run the cases that lie in a skill's tests folder, each in a realm of its own; nothing of it is recorded."""
        skill = self.find(ref)
        cases, findings = read_cases(skill)
        ready = await self.session.answering(skill)
        if isinstance(ready, Refused):
            return TestReport(skill=skill.name, revision=0, findings=(*ready.findings, *findings))
        answering = ready.skill

        async def attempt(inputs: Mapping[str, object], environment: Mapping[str, str]) -> Outcome:
            run = self.new_run(answering, inputs)
            realm_id = f"{run.realm.id}/test{''.join(sorted(f'/{name}={environment[name]}' for name in environment))}"
            realm = replace(run.realm, id=realm_id, environment={**run.realm.environment, **environment})
            try:
                return await self.trial(replace(run, realm=realm))
            finally:
                if environment:
                    self.pool.retire(realm_id, answering.digest)

        results = await results_of(cases, attempt)
        return TestReport(skill=skill.name, revision=answering.revision, results=results, findings=findings)

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
        skill, workspace = self.find(ref), self.settings.workspace
        if skill.scope is Scope.BUILTIN:
            hint = f"edit it in the app, or copy {skill.folder} to {workspace}/skills"
            raise WrongUse(f"'{skill.name}' is shipped and has no files of yours", hint=hint)
        return await self.session.roll_back(
            skill, to, message=message, expected=expected_version, give_up=give_up_changes
        )

    def code_of(self, skill: Skill) -> Code:
        """What a worker loads for a skill."""
        return code_of(skill, self.library.revisions)

    def watching(self) -> AbstractAsyncContextManager[Reloader]:
        """Reload what is saved, for as long as the block lasts; the bus tells what happens."""
        if not self.settings.skills.hot_reload_enabled:
            raise WrongSettings("reloading is switched off", hint="set hot_reload_enabled = true under [skills]")
        self.pool.keep_spares()
        settings = self.settings.development
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
