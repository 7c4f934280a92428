"""Hands a run to the executor of its kind."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.model.errors import ErrorKind
from workbench.model.finding import Place
from workbench.model.run import Handler, Outcome, Run, failure
from workbench.model.skill import Kind
from workbench.runtime.library.revisions import ChangedMeanwhile

NEEDS_A_MODEL = frozenset({Kind.AGENT_SKILL, Kind.CONVERSATION, Kind.PROMPT})


def missing(program: str, *, hint: str) -> Handler:
    """For a kind that needs a program which is not here."""

    async def refuse(run: Run) -> Outcome:
        message = f"'{run.skill.name}' is of kind {run.skill.kind}, and the program '{program}' is not here"
        return failure(ErrorKind.DEPENDENCY_MISSING, message, hint=hint, place=Place(file=run.skill.path))

    return refuse


def dispatch(executors: Mapping[Kind, Handler]) -> Handler:
    """A kind without an executor is refused with what it would need."""

    async def execute(run: Run) -> Outcome:
        kind = run.skill.kind
        executor = executors.get(kind) if kind else None
        if executor is not None:
            try:
                return await executor(run)
            except ChangedMeanwhile:
                message = f"the files of '{run.skill.name}' were changed before they could be kept, and none of it ran"
                return failure(ErrorKind.CRASHED, message, hint="run it once more")
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
