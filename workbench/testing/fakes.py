"""Stand-ins for what is slow, random or far away, made to be used in tests of skills and of the workbench."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import anyio

from workbench.model.manifest import Manifest
from workbench.model.realm import Realm, Snapshot
from workbench.model.run import Outcome, Run, Status, new_run_id
from workbench.model.skill import Kind, Scope, Skill

START = 1_700_000_000.0


class FakeClock:
    """Stands still until somebody moves it or sleeps on it."""

    def __init__(self, now: float = START) -> None:
        self._now = now
        self.slept: list[float] = []

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)
        await anyio.lowlevel.checkpoint()


@dataclass
class FakeJournal:
    """Remembers what began and how it ended."""

    begun: list[Run] = field(default_factory=list)
    finished: list[tuple[Run, Outcome]] = field(default_factory=list)

    def began(self, run: Run) -> None:
        self.begun.append(run)

    def ended(self, run: Run, outcome: Outcome) -> None:
        self.finished.append((run, outcome))


def a_skill(name: str = "sample", *, kind: Kind = Kind.PROMPT_INLINE, **manifest: object) -> Skill:
    """A skill that no file holds."""
    return Skill(
        name=name,
        kind=kind,
        scope=Scope.WORKSPACE,
        folder=f"/nowhere/{name}",
        entry="skill.json",
        files=(),
        digest="0" * 64,
        manifest=Manifest(name=name, **manifest),  # type: ignore[arg-type]
    )


def a_run(skill: Skill | None = None, inputs: Mapping[str, object] | None = None, *, at: float = START) -> Run:
    """A run that nobody asked for."""
    return Run(
        id=new_run_id(at),
        skill=skill or a_skill(),
        inputs=inputs or {},
        realm=Realm(id="main", snapshot=Snapshot(), workspace=""),
        started_at=at,
        correlation_id="correlation",
    )


def answers(output: object) -> object:
    """An executor that always says the same."""

    async def execute(run: Run) -> Outcome:
        return Outcome(status=Status.COMPLETED, output=output)

    return execute
