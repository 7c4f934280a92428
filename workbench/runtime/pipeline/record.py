"""Writes down that a run began, before anything else happens, and how it ended, whatever happens."""

from __future__ import annotations

from typing import Protocol

from workbench.model.errors import ErrorKind, SandboxUnavailable
from workbench.model.frozen import replace
from workbench.model.run import Handler, Outcome, Run, Stage, failure
from workbench.runtime.clock import Clock

_CANCELLED = failure(ErrorKind.CANCELLED, "cancelled")


class Journal(Protocol):
    """Keeps runs. `began` returns once the fact survives kill -9 and raises StoreUnavailable when it cannot;
    `ended` only hands the outcome over."""

    def began(self, run: Run) -> None: ...

    def ended(self, run: Run, outcome: Outcome) -> None: ...


def record(journal: Journal, clock: Clock) -> Stage:
    """The duration that an outcome carries is measured here."""

    def stage(handler: Handler) -> Handler:
        async def recorded(run: Run) -> Outcome:
            began = clock.monotonic()
            journal.began(run)
            outcome = _CANCELLED
            try:
                outcome = await handler(run)
            except Exception as error:
                is_ours = isinstance(error, SandboxUnavailable)
                outcome = failure(ErrorKind.SANDBOX_UNAVAILABLE if is_ours else ErrorKind.CRASHED, str(error))
                raise
            finally:
                took = (clock.monotonic() - began) * 1000
                outcome = replace(outcome, duration_ms=took, stages=run.trail.stages())
                journal.ended(run, outcome)
            return outcome

        return recorded

    return stage
