"""What a check has to say about a skill: how bad, by which rule, where, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from workbench.model.frozen import frozen

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """A text as one line that any terminal can show: what would steer it, or is no character, is written as `\\x1b`."""
    if text.isascii() and text.isprintable():
        return text
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


class Severity(StrEnum):
    """How much a finding weighs; only critical and error make a skill broken."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def breaks(self) -> bool:
        return self in (Severity.CRITICAL, Severity.ERROR)


@frozen
class Place:
    """A point in a file, as editors count: lines and columns from 1; 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        file = printable(self.file)
        if not self.line:
            return file
        return f"{file}:{self.line}:{self.column}" if self.column else f"{file}:{self.line}"


@frozen
class Finding:
    """One thing that a check found, told so that a person knows what to do next. Its words are printable."""

    severity: Severity
    rule: str
    message: str
    place: Place
    hint: str = ""
    fixable: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", printable(self.message))
        object.__setattr__(self, "hint", printable(self.hint))

    def __str__(self) -> str:
        hint = f"  ({self.hint})" if self.hint else ""
        return f"{self.place}  {self.message}{hint}"


def breaks(findings: Iterable[Finding]) -> bool:
    """Whether these findings make a skill broken."""
    return any(finding.severity.breaks for finding in findings)


WEIGHTS = {Severity.CRITICAL: 60, Severity.ERROR: 40, Severity.WARNING: 8, Severity.INFO: 1}


def score(findings: Iterable[Finding]) -> int:
    """From 100 down: each rule that failed takes its worst finding's weight once, however often it failed."""
    worst: dict[str, int] = {}
    for finding in findings:
        worst[finding.rule] = max(worst.get(finding.rule, 0), WEIGHTS[finding.severity])
    return max(0, 100 - sum(worst.values()))
