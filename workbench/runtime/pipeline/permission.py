"""Refuses a broken skill, and what the sandbox in force cannot hold: more walls than there are, a stranger without."""

from __future__ import annotations

from workbench.model.errors import ErrorKind
from workbench.model.policy import Tier
from workbench.model.run import Handler, Outcome, Run, Stage, failure
from workbench.model.skill import Kind, Scope, Skill

RUNS_CODE = frozenset({Kind.CODE_INLINE, Kind.PYTHON})


def permit(tier: Tier) -> Stage:
    """There is no running without the walls that were promised, and no trying again without them."""

    def stage(handler: Handler) -> Handler:
        async def permitted(run: Run) -> Outcome:
            if run.skill.is_broken:
                return _is_broken(run.skill)
            required = run.skill.manifest.required_tier
            if required is not None and not tier.is_at_least(required):
                return _refused(f"'{run.skill.name}' requires sandbox {required}, and here is {tier}")
            if tier is Tier.D and run.skill.kind in RUNS_CODE and run.skill.scope is not Scope.BUILTIN:
                return _refused(f"there is no sandbox on this machine, and '{run.skill.name}' did not ship with us")
            run.trail.note(f"sandbox {tier}")
            return await handler(run)

        return permitted

    return stage


def _is_broken(skill: Skill) -> Outcome:
    first = next(finding for finding in skill.findings if finding.severity.breaks)
    return failure(
        ErrorKind.SKILL_BROKEN,
        f"'{skill.name}' is broken: {first.message}",
        hint=first.hint or "mend it and save; nothing of it was accepted before that could answer",
        place=first.place,
        findings=skill.findings,
    )


def _refused(message: str) -> Outcome:
    hint = "`workbench doctor` says how to get one"
    return failure(ErrorKind.SANDBOX_UNAVAILABLE, message, hint=hint)
