"""Puts stages around an executor, the first one outermost, and measures each without those inside it."""

from __future__ import annotations

from workbench.model.run import Handler, Outcome, Run, Stage


def compose(*stages: tuple[str, Stage], to: Handler) -> Handler:
    """One handler of many stages; each leaves its name, its own time and its note on the run's trail."""
    handler = _measured("run", to)
    for name, stage in reversed(stages):
        handler = _measured(name, stage(handler))
    return handler


def _measured(name: str, handler: Handler) -> Handler:
    async def measured(run: Run) -> Outcome:
        trail = run.trail
        mark = trail.enter(name)
        try:
            return await handler(run)
        finally:
            trail.leave(mark)

    return measured
