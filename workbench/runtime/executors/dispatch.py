"""Hands a run to the executor of its kind."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.model.errors import ErrorKind
from workbench.model.run import Handler, Outcome, Run, failure
from workbench.model.skill import Kind

NEEDS_A_MODEL = frozenset({Kind.AGENT_SKILL, Kind.CONVERSATION, Kind.PROMPT})


def dispatch(executors: Mapping[Kind, Handler]) -> Handler:
    """A kind without an executor is refused with what it would need."""

    async def execute(run: Run) -> Outcome:
        kind = run.skill.kind
        executor = executors.get(kind) if kind else None
        if executor is not None:
            return await executor(run)
        if kind in NEEDS_A_MODEL:
            return failure(
                ErrorKind.DEPENDENCY_MISSING,
                f"'{run.skill.name}' is of kind {kind} and needs a model; none is set up",
                hint=f"`workbench show {run.skill.name}` prints its text",
            )
        return failure(
            ErrorKind.DEPENDENCY_MISSING,
            f"'{run.skill.name}' is of kind {kind}, which this version does not run",
            hint=f"it runs {', '.join(sorted(each.value for each in executors))}",
        )

    return execute
