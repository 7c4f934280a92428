"""Refuses what is disabled or broken, what needs stronger walls than there are, and strangers where there are none."""

from __future__ import annotations

from collections.abc import Callable

from workbench.model.consent import Consent, Right
from workbench.model.errors import ErrorKind
from workbench.model.frozen import replace
from workbench.model.policy import Tier
from workbench.model.run import Handler, Outcome, Run, Stage, Trail, failure
from workbench.model.skill import RUNS_CODE, Skill, SkillState
from workbench.runtime.sandbox.grants import grants_of

ConsentsOf = Callable[[Skill, str], frozenset[Consent]]


def permit(tier: Tier, consents_of: ConsentsOf) -> Stage:
    """There is no running without the walls that were promised, and no trying again without them."""

    def stage(handler: Handler) -> Handler:
        async def permitted(run: Run) -> Outcome:
            if run.skill.state is SkillState.DISABLED:
                hint = f"`workbench enable {run.skill.name}` lets it run again"
                return failure(ErrorKind.PERMISSION_DENIED, f"'{run.skill.name}' is disabled", hint=hint)
            if run.skill.is_broken:
                return _is_broken(run.skill)
            required = run.skill.manifest.required_tier
            if required is not None and not tier.is_at_least(required):
                return _refused(f"'{run.skill.name}' requires sandbox {required}, and here is {tier}")
            if run.skill.kind in RUNS_CODE:
                run = replace(run, consents=consents_of(run.skill, run.realm.id))
                if (refusal := _refusal(run, tier)) is not None:
                    return refusal
            run.trail.note(f"sandbox {tier}")
            return _with_walls(await handler(run), run.trail)

        return permitted

    return stage


def _with_walls(outcome: Outcome, trail: Trail) -> Outcome:
    """The outcome with what stood around it, and what that refused it: also of a run that was ended."""
    return replace(outcome, sandbox=outcome.sandbox or trail.walls, denied=trail.denied)


def _refusal(run: Run, tier: Tier) -> Outcome | None:
    """Why code of a skill does not run behind these walls, and what a person may allow so that it does."""
    skill, name = run.skill, run.skill.name
    unsandboxed = Consent(right=Right.UNSANDBOXED)
    if tier is Tier.D and unsandboxed not in run.consents:
        refused = _refused(f"there is no sandbox on this machine, and '{name}' did not ship with us")
        return replace(refused, needs=(unsandboxed,))
    found = grants_of(skill.manifest.permissions, run.realm.workspace, tier, run.consents).refused
    if not found:
        return None
    message = f"'{name}' asks for what it is not given: {'; '.join(map(str, found))}"
    needs = tuple(Consent(right=Right(each.permission), value=each.asked) for each in found)
    denied = failure(ErrorKind.PERMISSION_DENIED, message, hint=found[0].hint)
    return replace(denied, needs=needs) if all(each.may_be_allowed for each in found) else denied


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
