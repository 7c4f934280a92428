"""The time one attempt may take: when it is over, the whole process tree is gone before anybody hears of it."""

from __future__ import annotations

import anyio

from workbench.model.errors import ErrorKind
from workbench.model.frozen import replace
from workbench.model.run import Handler, Limit, Outcome, Run, Stage, failure
from workbench.model.skill import Kind, Skill


def _where(kind: Kind | None) -> str:
    return "timeout=… in the skill's metadata" if kind is Kind.PYTHON else "resilience.timeout"


def within_deadline(default_timeout: float, max_execution_time: float) -> Stage:
    """The least of the skill's timeout, its own execution time and the workspace's."""

    def stage(handler: Handler) -> Handler:
        async def bounded(run: Run) -> Outcome:
            seconds = deadline_of(run.skill, default_timeout, max_execution_time)
            with anyio.move_on_after(seconds) as scope:
                return await handler(run)
            if not scope.cancelled_caught:
                raise AssertionError("a handler neither answered nor was cancelled")
            limit = Limit(name="timeout", allowed=seconds, measured=seconds)
            hint = f"look at what takes it so long, or give it more: {_where(run.skill.kind)}"
            ended = failure(ErrorKind.TIMEOUT, f"not done after {seconds:g} s", hint=hint, limit=limit)
            left = run.trail
            return replace(ended, output=left.left_output or None, stderr=left.left_stderr, usage=left.left_usage)

        return bounded

    return stage


def deadline_of(skill: Skill, default_timeout: float, max_execution_time: float) -> float:
    """Seconds that one attempt of a skill may take."""
    manifest = skill.manifest
    asked = manifest.timeout if manifest.timeout is not None else default_timeout
    bounds = [asked, max_execution_time, manifest.limits.max_execution_time]
    return min(bound for bound in bounds if bound is not None)
