"""Cases of a skill's tests, and how they ended."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from workbench.model.finding import Finding, Place, Severity
from workbench.model.frozen import field, frozen, replace

RED = "test.red"


class Verdict(StrEnum):
    """How a case ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@frozen
class Case:
    """One set of inputs, and what is expected of the outcome."""

    name: str
    place: Place
    inputs: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    expect: Mapping[str, object] = field(default_factory=dict)
    skip: str = ""


@frozen
class CaseResult:
    """One case, how it ended, and everything that was not as expected."""

    case: Case
    verdict: Verdict
    problems: tuple[str, ...] = ()
    duration_ms: float = 0.0


@frozen
class TestReport:
    """Every case of one skill. `findings` say what is wrong with the cases themselves, or why nothing could run."""

    __test__ = False

    skill: str
    revision: int
    results: tuple[CaseResult, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def is_green(self) -> bool:
        return not self.findings and not self.count(Verdict.FAILED)

    @property
    def red(self) -> tuple[Finding, ...]:
        """What is red as findings at the lines of the cases; they are warnings: what answers goes on answering."""
        failed = (result for result in self.results if result.verdict is Verdict.FAILED)
        told = (
            Finding(severity=Severity.WARNING, rule=RED, message=f"{each.case.name}: {words}", place=each.case.place)
            for each in failed
            for words in each.problems
        )
        return (*told, *(replace(finding, severity=Severity.WARNING, rule=RED) for finding in self.findings))

    def count(self, verdict: Verdict) -> int:
        return sum(result.verdict is verdict for result in self.results)
