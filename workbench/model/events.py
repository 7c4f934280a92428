"""What can happen. Every event is a frozen fact in the past tense; those who care subscribe to the bus."""

from __future__ import annotations

from workbench.model.finding import Finding
from workbench.model.frozen import frozen
from workbench.model.run import Outcome, Stream


@frozen
class Event:
    """Something that happened, when (seconds since the epoch), and in which other process, if not in ours."""

    at: float
    origin: str = ""


@frozen
class SessionChanged(Event):
    """A dev session was opened or closed, or took or gave back files; `what` says which."""

    realm: str
    what: str


@frozen
class SkillEvent(Event):
    """Something that happened to one skill in one realm."""

    skill: str
    realm: str = "main"


@frozen
class WatchStarted(Event):
    """From now on every save is noticed; `polling` says why by looking again and again, where that has to be."""

    roots: tuple[str, ...]
    skills: int
    polling: str = ""
    realm: str = "main"


@frozen
class SkillTested(SkillEvent):
    """The tests that lie beside a skill ran; the findings say what is red."""

    revision: int
    passed: int
    failed: int
    skipped: int
    findings: tuple[Finding, ...] = ()
    total_ms: float = 0.0

    @property
    def is_green(self) -> bool:
        return not self.findings

    @property
    def first(self) -> str:
        """What is said of the first that is red."""
        return self.findings[0].message if self.findings else ""


@frozen
class SkillRegistered(SkillEvent):
    version: str
    digest: str


@frozen
class SkillUnregistered(SkillEvent):
    reason: str = ""


@frozen
class SkillStateChanged(SkillEvent):
    before: str
    after: str


@frozen
class SkillCreated(SkillEvent):
    """A worker holds a live instance of the skill."""

    digest: str
    worker: int


@frozen
class WorkerEnded(SkillEvent):
    """A warm worker was ended while nobody used it, or right after its run; the next run starts another."""

    worker: int
    why: str
    is_trouble: bool = True


@frozen
class SkillHotReloaded(SkillEvent):
    """A save was accepted and answers from now on; the time of each step is in milliseconds."""

    revision: int
    digest: str
    steps: tuple[tuple[str, float], ...] = ()
    total_ms: float = 0.0


@frozen
class SkillReloadFailed(SkillEvent):
    """A save was refused; the last good revision, if there is one, goes on answering."""

    findings: tuple[Finding, ...]
    answering_revision: int = 0
    steps: tuple[tuple[str, float], ...] = ()


@frozen
class SkillExecutionStarted(SkillEvent):
    run: str
    revision: int
    correlation_id: str


@frozen
class OutputReceived(SkillEvent):
    """A run has said more: so many bytes lie at that offset of its spool for that stream."""

    run: str
    stream: Stream
    offset: int
    length: int


@frozen
class SkillExecutionCompleted(SkillEvent):
    run: str
    outcome: Outcome


@frozen
class SkillExecutionFailed(SkillEvent):
    run: str
    outcome: Outcome


@frozen
class RunEnded(SkillEvent):
    """Another process on this workspace ran a skill."""

    run: str
    revision: int
    status: str
    duration_ms: float


@frozen
class RevisionAccepted(SkillEvent):
    """Another process on this workspace accepted a state of a skill."""

    revision: int
    digest: str
