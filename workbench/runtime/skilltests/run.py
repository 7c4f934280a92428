"""Runs the cases of a skill, one after the other, each with what it is to find; several times where that is wanted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from hashlib import sha256

from workbench.model.frozen import frozen
from workbench.model.run import Outcome
from workbench.model.skilltest import Case, CaseResult, Verdict
from workbench.runtime.skilltests.judge import problems_of, shown

MOST_WAYS = 5
Try = Callable[[Case], Awaitable[Outcome]]
"""From a case to an outcome."""


class Unfit(Exception):
    """A case wants what cannot be for this skill; says what to do."""


@frozen
class Once:
    """One time that a case ran. `mark` is the same where it ended in the same way, `shown` is that way in short."""

    result: CaseResult
    mark: str
    shown: str


async def results_of(cases: Iterable[Case], attempt: Try, repeat: int = 1) -> tuple[CaseResult, ...]:
    """How each case ended, or whether it ended in the same way each time."""
    return tuple([await _result_of(case, attempt, repeat) for case in cases])


def settled(times: Sequence[Once]) -> CaseResult:
    """What a case comes to that ran several times: as it ended the first time, unless it ended in several ways."""
    first = times[0].result
    ways = Counter(once.mark for once in times)
    ms = round(sum(once.result.duration_ms for once in times) / len(times), 3)
    problems = first.problems if len(ways) == 1 else tuple(_told(times, ways))
    verdict = first.verdict if len(ways) == 1 else Verdict.FLAKY
    return CaseResult(case=first.case, verdict=verdict, problems=problems, duration_ms=ms)


def _told(times: Sequence[Once], ways: Counter[str]) -> Iterator[str]:
    """How often it passed, the ways in which it ended, and what was wrong with those that did not pass."""
    passed = sum(once.result.verdict is Verdict.PASSED for once in times)
    yield f"it passed {passed} of {len(times)} times, and ended in {len(ways)} ways"
    for mark, count in ways.most_common(MOST_WAYS):
        once = next(once for once in times if once.mark == mark)
        yield f"{count} × {'; '.join((once.shown, *once.result.problems[:1]))}"
    if len(ways) > MOST_WAYS:
        yield f"… and {len(ways) - MOST_WAYS} other ways"


async def _result_of(case: Case, attempt: Try, repeat: int) -> CaseResult:
    if case.skip:
        return CaseResult(case=case, verdict=Verdict.SKIPPED, problems=(case.skip,))
    try:
        return settled([await _once(case, attempt) for _ in range(repeat)])
    except Unfit as error:
        return CaseResult(case=case, verdict=Verdict.FAILED, problems=(str(error),))


async def _once(case: Case, attempt: Try) -> Once:
    outcome = await attempt(case)
    problems = tuple(problems_of(case.expect, outcome))
    verdict = Verdict.FAILED if problems else Verdict.PASSED
    result = CaseResult(case=case, verdict=verdict, problems=problems, duration_ms=outcome.duration_ms)
    data, error = outcome.output_bytes, outcome.error
    whole = json.dumps(outcome.output, default=str, sort_keys=True) if data is None else data.hex()
    mark = sha256(f"{verdict} {outcome.status} {error.kind if error else ''} {whole}".encode()).hexdigest()
    told = f"{error.kind}: {error.message}" if error else shown(outcome.output if data is None else repr(data))
    return Once(result=result, mark=mark, shown=told)
