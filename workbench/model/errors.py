"""What can go wrong.

What a skill does wrong is a value, an `ErrorKind` inside an outcome. What we or the machine do wrong is an exception:

    WorkbenchError                    every error of ours: a message, and a hint that says what to do next
    ├── WrongUse                      exit 2: the call itself cannot be right
    │   ├── UnknownSkill              no skill answers to this reference
    │   ├── AmbiguousSkill            more than one does
    │   ├── UnknownRevision           the skill has no such revision
    │   ├── WrongSettings             a settings file has a wrong key or value
    │   └── NotEditable               a file that is not text, too large, or not to be read
    ├── Conflict                      exit 1: somebody else changed it first; nothing was overwritten
    └── MachineCannot                 exit 3: this machine cannot do it, for now or at all
        ├── StoreUnavailable          the state folder cannot be written, is full, or is damaged
        ├── SandboxUnavailable        no sandbox of the strength that is needed
        └── WardenGone                the process that owns the children ended
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

from workbench.model.frozen import frozen


class ExitCode(IntEnum):
    """What the shell is told."""

    DONE = 0
    FAILED = 1
    WRONG_USE = 2
    MACHINE_CANNOT = 3
    INTERRUPTED = 130


class WorkbenchError(Exception):
    """A message for a person, and what they can do next."""

    exit_code = ExitCode.FAILED
    kind = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class WrongUse(WorkbenchError):
    exit_code = ExitCode.WRONG_USE
    kind = "wrong_use"


class UnknownSkill(WrongUse):
    kind = "unknown_skill"


class AmbiguousSkill(WrongUse):
    kind = "ambiguous_skill"


class UnknownRevision(WrongUse):
    kind = "unknown_revision"


class WrongSettings(WrongUse):
    kind = "wrong_settings"


class NotEditable(WrongUse):
    kind = "not_editable"


class Conflict(WorkbenchError):
    kind = "conflict"


class MachineCannot(WorkbenchError):
    exit_code = ExitCode.MACHINE_CANNOT
    kind = "machine_cannot"


class StoreUnavailable(MachineCannot):
    kind = "store_unavailable"


class SandboxUnavailable(MachineCannot):
    kind = "sandbox_unavailable"


class WardenGone(MachineCannot):
    kind = "warden_gone"


class ErrorKind(StrEnum):
    """Why a run did not complete."""

    INPUT_INVALID = "input_invalid"
    OUTPUT_INVALID = "output_invalid"
    RULE_FAILED = "rule_failed"
    EXIT_CODE = "exit_code"
    CRASHED = "crashed"
    TIMEOUT = "timeout"
    RESOURCE_LIMIT = "resource_limit"
    NETWORK_ERROR = "network_error"
    PROVIDER_ERROR = "provider_error"
    PERMISSION_DENIED = "permission_denied"
    BREAKER_OPEN = "breaker_open"
    QUEUE_FULL = "queue_full"
    DEPENDENCY_MISSING = "dependency_missing"
    SANDBOX_UNAVAILABLE = "sandbox_unavailable"
    SKILL_BROKEN = "skill_broken"
    CANCELLED = "cancelled"


@frozen
class Consequence:
    """What follows from a kind of error."""

    transient: bool
    counts_for_breaker: bool
    exit_code: ExitCode = ExitCode.FAILED


CONSEQUENCES: dict[ErrorKind, Consequence] = {
    ErrorKind.INPUT_INVALID: Consequence(transient=False, counts_for_breaker=False),
    ErrorKind.OUTPUT_INVALID: Consequence(transient=True, counts_for_breaker=True),
    ErrorKind.RULE_FAILED: Consequence(transient=True, counts_for_breaker=True),
    ErrorKind.EXIT_CODE: Consequence(transient=False, counts_for_breaker=True),
    ErrorKind.CRASHED: Consequence(transient=True, counts_for_breaker=True),
    ErrorKind.TIMEOUT: Consequence(transient=True, counts_for_breaker=True),
    ErrorKind.RESOURCE_LIMIT: Consequence(transient=True, counts_for_breaker=True),
    ErrorKind.NETWORK_ERROR: Consequence(transient=True, counts_for_breaker=True),
    ErrorKind.PROVIDER_ERROR: Consequence(transient=True, counts_for_breaker=True),
    ErrorKind.PERMISSION_DENIED: Consequence(transient=False, counts_for_breaker=False),
    ErrorKind.BREAKER_OPEN: Consequence(transient=True, counts_for_breaker=False),
    ErrorKind.QUEUE_FULL: Consequence(transient=True, counts_for_breaker=False),
    ErrorKind.DEPENDENCY_MISSING: Consequence(
        transient=False, counts_for_breaker=False, exit_code=ExitCode.MACHINE_CANNOT
    ),
    ErrorKind.SANDBOX_UNAVAILABLE: Consequence(
        transient=False, counts_for_breaker=False, exit_code=ExitCode.MACHINE_CANNOT
    ),
    ErrorKind.SKILL_BROKEN: Consequence(transient=False, counts_for_breaker=False),
    ErrorKind.CANCELLED: Consequence(transient=False, counts_for_breaker=False, exit_code=ExitCode.INTERRUPTED),
}
