"""Runs the cases of a skill, one after the other, each with what it is to find."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from time import perf_counter

from workbench.model.frozen import replace
from workbench.model.run import Outcome
from workbench.model.skilltest import Case, CaseResult, Verdict
from workbench.runtime.skilltests.judge import problems_of

Try = Callable[[Mapping[str, object], Mapping[str, str]], Awaitable[Outcome]]
"""From inputs and variables to an outcome."""


async def results_of(cases: Iterable[Case], attempt: Try) -> tuple[CaseResult, ...]:
    """How each case ended."""
    return tuple([await _result_of(case, attempt) for case in cases])


async def _result_of(case: Case, attempt: Try) -> CaseResult:
    if case.skip:
        return CaseResult(case=case, verdict=Verdict.SKIPPED, problems=(case.skip,))
    began = perf_counter()
    outcome = await attempt(case.inputs, case.environment)
    took = round((perf_counter() - began) * 1000, 3)
    problems = tuple(problems_of(case.expect, replace(outcome, duration_ms=outcome.duration_ms or took)))
    verdict = Verdict.FAILED if problems else Verdict.PASSED
    return CaseResult(case=case, verdict=verdict, problems=problems, duration_ms=took)
