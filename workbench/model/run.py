"""One execution of a skill: the run itself, its outcome, and the shapes everything that runs is made of."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from time import perf_counter_ns
from typing import Literal, Protocol

from workbench.model.consent import Consent
from workbench.model.coverage import FileLines
from workbench.model.errors import CONSEQUENCES, ErrorKind, ExitCode
from workbench.model.finding import Finding, Place
from workbench.model.frozen import field, frozen
from workbench.model.observed import Contact, Denied
from workbench.model.policy import SandboxReport
from workbench.model.realm import Realm
from workbench.model.skill import Ref, Skill

Stream = Literal["stdout", "stderr"]


class Status(StrEnum):
    """Where a run is, or how it ended."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    LOST = "lost"


@frozen
class RunError:
    """Why a run did not complete, and what to do about it."""

    kind: ErrorKind
    message: str
    hint: str = ""
    place: Place | None = None
    findings: tuple[Finding, ...] = ()


@frozen
class Limit:
    """The limit that ended a run: what was allowed, and what was measured."""

    name: str
    allowed: float
    measured: float


@frozen
class Usage:
    """What a run used; None is not known, never nothing. Where calls overlapped, others' use is in it."""

    cpu_ms: float | None = None
    max_rss_mb: float | None = None
    is_shared: bool = False
    output_bytes: int | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None


@frozen
class StageNote:
    """What one stage did, and how long it took without the stages inside it."""

    name: str
    ms: float
    note: str = ""


@frozen
class Held:
    """Something that a run put where others would run it, and where it lies now; '' where it could not be moved."""

    path: str
    kept: str
    is_unseen: bool = False
    """Whether it is a folder with more in it than was looked at."""

    def __str__(self) -> str:
        if self.is_unseen:
            return f"{self.path} holds more than can be looked at: what others would run may be in it"
        if not self.kept:
            return f"{self.path} would be run by others, and could not be held back: look at it before they do"
        return f"held back {self.path}: others would run it by themselves; it is {self.kept} now"


@frozen
class Outcome:
    """How a run ended."""

    status: Status
    output: object = None
    output_bytes: bytes | None = None
    exit_code: int | None = None
    stderr: str = ""
    artifacts: tuple[str, ...] = ()
    truncated: bool = False
    error: RunError | None = None
    limit: Limit | None = None
    duration_ms: float = 0.0
    cached: bool = False
    attempts: int = 1
    degraded: bool = False
    stages: tuple[StageNote, ...] = ()
    usage: Usage = field(default_factory=Usage)
    sandbox: SandboxReport | None = None
    held_back: tuple[Held, ...] = ()
    """What it put into folders of the user's that other programs would run by themselves: it lies beside the run."""
    contacts: tuple[Contact, ...] = ()
    denied: tuple[Denied, ...] = ()
    """What the system-call filter refused it, as far as that was told."""
    needs: tuple[Consent, ...] = ()
    """What a person may allow so that it gets what it was refused."""

    @property
    def is_ok(self) -> bool:
        return self.status is Status.COMPLETED

    @property
    def process_exit_code(self) -> ExitCode:
        """What the shell is told of this outcome."""
        if self.is_ok:
            return ExitCode.DONE
        return CONSEQUENCES[self.error.kind].exit_code if self.error else ExitCode.FAILED


_STATUS_OF = {
    ErrorKind.INPUT_INVALID: Status.REJECTED,
    ErrorKind.PERMISSION_DENIED: Status.REJECTED,
    ErrorKind.BREAKER_OPEN: Status.REJECTED,
    ErrorKind.QUEUE_FULL: Status.REJECTED,
    ErrorKind.DEPENDENCY_MISSING: Status.REJECTED,
    ErrorKind.SANDBOX_UNAVAILABLE: Status.REJECTED,
    ErrorKind.SKILL_BROKEN: Status.REJECTED,
    ErrorKind.TIMEOUT: Status.TIMED_OUT,
    ErrorKind.CANCELLED: Status.CANCELLED,
}


def failure(
    kind: ErrorKind,
    message: str,
    *,
    hint: str = "",
    place: Place | None = None,
    findings: tuple[Finding, ...] = (),
    limit: Limit | None = None,
) -> Outcome:
    """The outcome of a run that did not complete; the status follows from the kind of error."""
    error = RunError(kind=kind, message=message, hint=hint, place=place, findings=findings)
    return Outcome(status=_STATUS_OF.get(kind, Status.FAILED), error=error, limit=limit)


class Mark:
    """One stage as a run passes through it."""

    __slots__ = ("began_ns", "inside_ns", "name", "note", "took_ns")

    def __init__(self, name: str) -> None:
        self.name, self.note = name, ""
        self.began_ns, self.took_ns, self.inside_ns = perf_counter_ns(), 0, 0


class Trail:
    """What the stages leave behind as a run passes: their names, times and notes. One per run, filled in place."""

    __slots__ = ("_marks", "_open", "denied", "left_lines", "left_output", "left_stderr", "left_usage", "walls")

    def __init__(self) -> None:
        self.left_output = self.left_stderr = ""
        self.left_lines: tuple[FileLines, ...] = ()
        self.walls: SandboxReport | None = None
        self.denied: tuple[Denied, ...] = ()
        self.left_usage = Usage()
        self._marks: list[Mark] = []
        self._open: list[Mark] = []

    def enter(self, name: str) -> Mark:
        mark = Mark(name)
        self._marks.append(mark)
        self._open.append(mark)
        return mark

    def leave(self, mark: Mark) -> None:
        mark.took_ns = perf_counter_ns() - mark.began_ns
        self._open.pop()
        if self._open:
            self._open[-1].inside_ns += mark.took_ns

    def note(self, text: str) -> None:
        """Say something about the stage that is running now."""
        if self._open:
            self._open[-1].note = text

    def leave_words(self, output: str, stderr: str) -> None:
        """What a run that is being ended had said by then: whoever tells of its end can show it."""
        self.left_output, self.left_stderr = output, stderr

    def leave_lines(self, lines: tuple[FileLines, ...]) -> None:
        """Which lines of the skill have run by now, where they are counted."""
        self.left_lines = lines

    def stages(self) -> tuple[StageNote, ...]:
        """Every stage that has ended, outermost first."""
        return tuple(
            StageNote(name=mark.name, ms=(mark.took_ns - mark.inside_ns) // 1000 / 1000, note=mark.note)
            for mark in self._marks
            if mark.took_ns
        )


@frozen
class Caller:
    """On whose behalf a run happens, when that was said."""

    user: str = ""
    session: str = ""
    agent: str = ""


@frozen
class Run:
    """One execution, from the moment it is asked for."""

    id: str
    skill: Skill
    inputs: Mapping[str, object]
    realm: Realm
    started_at: float
    parent: str = ""
    correlation_id: str = ""
    caller: Caller = field(default_factory=Caller)
    attempt: int = 1
    trail: Trail = field(default_factory=Trail)
    consents: frozenset[Consent] = frozenset()
    """What a person allowed the skill besides what its manifest gets it."""
    is_trial: bool = False
    """Whether nobody is to hear of it, and nothing of it is kept."""


Handler = Callable[[Run], Awaitable[Outcome]]
Stage = Callable[[Handler], Handler]


class Runner(Protocol):
    """Runs another skill from inside a run: for fallback, workflows and skills that call skills.

    Returns the nested run's outcome; raises `UnknownSkill` when the realm has no such skill.
    """

    async def __call__(self, ref: Ref, inputs: Mapping[str, object], *, parent: Run) -> Outcome: ...


_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_run_id(now: float) -> str:
    """A ULID: 48 bits of milliseconds and 80 of chance, so that ids sort by time and never meet."""
    number = int(now * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
