"""What can happen. Every event is a frozen fact in the past tense; those who care subscribe to the bus."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.model.finding import Finding
from workbench.model.run import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, and when (seconds since the epoch)."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillEvent(Event):
    """Something that happened to one skill in one realm."""

    skill: str
    realm: str = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchStarted(Event):
    """From now on every save is noticed."""

    roots: tuple[str, ...]
    skills: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillRegistered(SkillEvent):
    version: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillUnregistered(SkillEvent):
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillStateChanged(SkillEvent):
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillCreated(SkillEvent):
    """A worker holds a live instance of the skill."""

    digest: str
    worker: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillValidationStarted(SkillEvent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillValidationCompleted(SkillEvent):
    valid: bool
    score: int
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillHotReloaded(SkillEvent):
    """A save was accepted and answers from now on; the time of each step is in milliseconds."""

    revision: int
    digest: str
    steps: tuple[tuple[str, float], ...] = ()
    total_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillReloadFailed(SkillEvent):
    """A save was refused; the last good revision, if there is one, goes on answering."""

    findings: tuple[Finding, ...]
    answering_revision: int = 0
    steps: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillExecutionStarted(SkillEvent):
    run: str
    revision: int
    correlation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillExecutionCompleted(SkillEvent):
    run: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillExecutionFailed(SkillEvent):
    run: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputReceived(SkillEvent):
    """More output of a run lies in its spool; readers fetch it there."""

    run: str
    offset: int
    length: int
