"""The façade that every edge holds: what can be done with skills, whoever asks."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from workbench.model.errors import ErrorKind
from workbench.model.events import SkillReloadFailed
from workbench.model.frozen import field, frozen
from workbench.model.policy import Tier
from workbench.model.realm import Snapshot
from workbench.model.run import Caller, Handler, Outcome, Run, failure, new_run_id
from workbench.model.settings import Settings
from workbench.model.skill import Ref, Skill, SkillState, parse_ref
from workbench.runtime.bus import Bus
from workbench.runtime.clock import Clock
from workbench.runtime.devsessions.reload import Reloader, watching
from workbench.runtime.devsessions.session import Accepted, DevSession, Refused
from workbench.runtime.executors.python import code_of
from workbench.runtime.library.library import Library
from workbench.runtime.workers.pool import Code, WorkerPool

NOBODY = Caller()


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
    pool: WorkerPool
    bus: Bus
    clock: Clock
    tier: Tier
    _settled: list[bool] = field(default_factory=list)

    @property
    def snapshot(self) -> Snapshot:
        """Every skill as it stands now."""
        return self.session.realm.snapshot

    def refresh(self) -> Snapshot:
        """Look at the files again."""
        self.session.show(self.library.read_all())
        return self.snapshot

    def find(self, ref: str | Ref) -> Skill:
        """The skill that a reference names; raises UnknownSkill and its kin."""
        return self.library.find(self.snapshot, parse_ref(ref) if isinstance(ref, str) else ref)

    async def run(
        self, ref: str | Ref, inputs: Mapping[str, object] | None = None, *, caller: Caller | None = None
    ) -> Result:
        """Run a skill through every stage. What the skill does wrong is in the outcome; what we cannot do is raised."""
        skill = self.find(ref)
        await self._settle_what_others_left()
        ready = await self.session.answering(skill)
        answering = ready.skill if isinstance(ready, Accepted) else ready.answering
        run = self.new_run(answering or skill, inputs or {}, caller or NOBODY)
        if isinstance(ready, Accepted):
            return Result(run=run, outcome=await self.handler(run))
        self._tell_of_refusal(skill, ready)
        if answering is None:
            return Result(run=run, outcome=_is_broken(skill, ready), instead_of=ready)
        return Result(run=run, outcome=await self.handler(run), instead_of=ready)

    async def load(self, ref: str | Ref) -> Skill:
        """The skill with everything known of it that only its own code can tell."""
        skill = self.find(ref)
        if skill.state is not SkillState.UNREAD:
            return skill
        ready = await self.session.answering(skill)
        return ready.skill if isinstance(ready, Accepted) else self.snapshot.skills.get(skill.name, skill)

    def code_of(self, skill: Skill) -> Code:
        """What a worker loads for a skill."""
        return code_of(skill, self.library.revisions)

    def watching(self) -> AbstractAsyncContextManager[Reloader]:
        """Reload what is saved, for as long as the block lasts; the bus tells what happens."""
        self.pool.keeps_spares = True
        return watching(self.session, self.library, self.settings.development, self.bus, self.clock)

    def new_run(self, skill: Skill, inputs: Mapping[str, object], caller: Caller = NOBODY) -> Run:
        """A run of a skill that nothing has been done with yet."""
        now = self.clock.now()
        run_id = new_run_id(now)
        return Run(
            id=run_id,
            skill=skill,
            inputs=inputs,
            realm=self.session.realm,
            started_at=now,
            correlation_id=run_id,
            caller=caller,
        )

    async def _settle_what_others_left(self) -> None:
        """Once in our life: runs of processes that are gone are written down as lost."""
        if not self._settled:
            self._settled.append(True)
            await self.library.history.settle()

    def _tell_of_refusal(self, skill: Skill, refused: Refused) -> None:
        self.bus.publish(
            SkillReloadFailed(
                at=self.clock.now(),
                skill=skill.name,
                realm=self.session.realm.id,
                findings=refused.findings,
                answering_revision=refused.answering.revision if refused.answering else 0,
                steps=refused.steps,
            )
        )


def _is_broken(skill: Skill, refused: Refused) -> Outcome:
    first = next((finding for finding in refused.findings if finding.severity.breaks), None)
    message = f"'{skill.name}' is broken: {first.message}" if first else f"'{skill.name}' is broken"
    return failure(
        ErrorKind.SKILL_BROKEN,
        message,
        hint=f"mend it; `workbench validate {skill.name}` says everything that is wrong",
        place=first.place if first else None,
        findings=refused.findings,
    )
