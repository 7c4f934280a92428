"""The outermost stage: gives a run its correlation id, and tells the bus that it began and how it ended."""

from __future__ import annotations

from workbench.model.events import SkillExecutionCompleted, SkillExecutionFailed, SkillExecutionStarted
from workbench.model.frozen import replace
from workbench.model.run import Handler, Outcome, Run, Stage
from workbench.runtime.bus import Bus
from workbench.runtime.clock import Clock


def trace(bus: Bus, clock: Clock) -> Stage:
    """Everything inside happens between two events."""

    def stage(handler: Handler) -> Handler:
        async def traced(run: Run) -> Outcome:
            name, realm = run.skill.name, run.realm.id
            bus.publish(
                SkillExecutionStarted(
                    at=run.started_at,
                    skill=name,
                    realm=realm,
                    run=run.id,
                    revision=run.skill.revision,
                    correlation_id=run.correlation_id,
                )
            )
            outcome = await handler(run)
            outcome = replace(outcome, stages=run.trail.stages())
            ended = SkillExecutionCompleted if outcome.is_ok else SkillExecutionFailed
            bus.publish(ended(at=clock.now(), skill=name, realm=realm, run=run.id, outcome=outcome))
            return outcome

        return traced

    return stage
