"""Cases of a skill's tests, and how they ended."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from workbench.model.coverage import FileLines
from workbench.model.finding import Finding, Place, Severity
from workbench.model.frozen import field, frozen, replace

RED = "test.red"
CaseId = tuple[str, str]
"""The name of the file that a case lies in, and the case's own."""


class Verdict(StrEnum):
    """How a case ended; what ran several times and did not always end in the same way is flaky."""

    PASSED = "passed"
    FAILED = "failed"
    FLAKY = "flaky"
    SKIPPED = "skipped"


@frozen
class Case:
    """One set of inputs, and what is expected of the outcome. The clock is in seconds since 1970."""

    name: str
    place: Place
    inputs: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    clock: float | None = None
    expect: Mapping[str, object] = field(default_factory=dict)
    skip: str = ""

    @property
    def id(self) -> CaseId:
        return self.place.file.rpartition("/")[2], self.name


@frozen
class CaseResult:
    """One case, how it ended, and everything that was not as expected."""

    case: Case
    verdict: Verdict
    problems: tuple[str, ...] = ()
    duration_ms: float = 0.0

    @property
    def is_red(self) -> bool:
        return self.verdict in (Verdict.FAILED, Verdict.FLAKY)


@frozen
class TestReport:
    """The cases of one skill. `findings` say what is wrong with the cases themselves, or why nothing could run.

    `is_whole` says whether every test that lies beside the skill was run. `coverage` is what the cases ran of its own
    files, where that was counted.
    """

    __test__ = False

    skill: str
    revision: int
    results: tuple[CaseResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    is_whole: bool = True
    coverage: tuple[FileLines, ...] | None = None

    @property
    def is_green(self) -> bool:
        return not self.findings and not any(result.is_red for result in self.results)

    @property
    def red(self) -> tuple[Finding, ...]:
        """What is red as findings at the lines of the cases; they are warnings: what answers goes on answering."""
        failed = (result for result in self.results if result.is_red)
        told = (
            Finding(severity=Severity.WARNING, rule=RED, message=f"{each.case.name}: {words}", place=each.case.place)
            for each in failed
            for words in each.problems
        )
        return (*told, *(replace(finding, severity=Severity.WARNING, rule=RED) for finding in self.findings))

    def count(self, verdict: Verdict) -> int:
        return sum(result.verdict is verdict for result in self.results)
