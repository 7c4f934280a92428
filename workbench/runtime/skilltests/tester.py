"""Tests a skill that answers: its cases run in realms of their own, and what came of them is remembered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from time import perf_counter
from typing import Protocol

import anyio

from workbench.model.coverage import FileLines, joined
from workbench.model.finding import Finding
from workbench.model.frozen import frozen, replace
from workbench.model.run import Handler, Outcome, Run
from workbench.model.settings import Settings
from workbench.model.skill import Kind, Skill
from workbench.model.skilltest import Case, CaseId, CaseResult, TestReport
from workbench.runtime.clock import Clock
from workbench.runtime.library.library import Library
from workbench.runtime.library.verdicts import Verdicts
from workbench.runtime.skilltests.cases import read_cases
from workbench.runtime.skilltests.choosing import digest_of_tests
from workbench.runtime.skilltests.python_tests import Results, python_files, python_results
from workbench.runtime.skilltests.run import Unfit, results_of
from workbench.runtime.workers.pool import WorkerPool

NO_CLOCK = "{kind} has no clock that a test can set, only python has: leave `clock` out, or give the time as an input"
Tell = Callable[[TestReport], None]


class Opened(Protocol):
    """What tests need of an open workbench."""

    @property
    def settings(self) -> Settings: ...
    @property
    def library(self) -> Library: ...
    @property
    def trial(self) -> Handler: ...
    @property
    def pool(self) -> WorkerPool: ...
    @property
    def clock(self) -> Clock: ...

    def new_run(self, skill: Skill, inputs: Mapping[str, object]) -> Run: ...


@frozen
class Wish:
    """What is wanted: only these cases where any is given, the Python tests too, each case so often, lines counted."""

    only: Collection[CaseId] = ()
    with_python: bool = False
    repeat: int = 1
    coverage: bool = False


class Counted:
    """The lines that ran by now, and the realms whose workers count them."""

    def __init__(self) -> None:
        self.lines: tuple[FileLines, ...] = ()
        self.realms: set[str] = set()

    def add(self, lines: tuple[FileLines, ...]) -> None:
        self.lines = joined((*self.lines, *lines))


@frozen
class Tester:
    """What it takes to run a skill so that nobody hears of it."""

    new_run: Callable[[Skill, Mapping[str, object]], Run]
    trial: Handler
    pool: WorkerPool
    verdicts: Verdicts
    clock: Clock
    workspace: str

    async def report_of(self, skill: Skill, wish: Wish, tell: Tell) -> TestReport:
        """Run the tests of a skill that answers; who is told is told before the verdict is put down."""
        tests = await anyio.to_thread.run_sync(digest_of_tests, skill)
        cases, findings = read_cases(skill)
        wanted, files = _wanted(skill, cases, wish.only if not findings else ())
        counted = Counted() if wish.coverage and skill.kind is Kind.PYTHON else None
        results = await self._results(skill, wanted, wish.repeat, counted)
        of_python: Results = ((), ())
        if files and wish.with_python:
            of_python = await python_results(files, self.workspace, wish.repeat)
        every_file = not python_files(skill) or (wish.with_python and files == python_files(skill))
        report = TestReport(
            skill=skill.name,
            revision=skill.revision,
            results=(*results, *of_python[0]),
            findings=(*findings, *of_python[1]),
            is_whole=len(wanted) == len(cases) and every_file,
            coverage=counted.lines if counted else None,
        )
        tell(report)
        await self.verdicts.remember(report, skill.digest, tests, self.clock.now(), wish.only)
        return report

    async def refusal_of(self, skill: Skill, refused: tuple[Finding, ...]) -> TestReport:
        """The report of a skill that does not answer."""
        tests = await anyio.to_thread.run_sync(digest_of_tests, skill)
        report = TestReport(skill=skill.name, revision=0, findings=(*refused, *read_cases(skill)[1]))
        await self.verdicts.remember(report, skill.digest, tests, self.clock.now())
        return report

    async def attempt(
        self,
        skill: Skill,
        inputs: Mapping[str, object],
        environment: Mapping[str, str],
        clock: float | None = None,
        counted: Counted | None = None,
    ) -> Outcome:
        """One run that nobody hears of, in a worker of its own where something is mocked; raises Unfit."""
        if clock is not None and skill.kind is not Kind.PYTHON:
            raise Unfit(NO_CLOCK.format(kind=skill.kind.value if skill.kind else "such a skill"))
        run, began = self.new_run(skill, inputs), perf_counter()
        mocked = sorted(f"/{name}={environment[name]}" for name in environment)
        mocked += [f"/clock={clock}"] if clock is not None else []
        realm_id = f"{run.realm.id}/test{'/lines' if counted else ''}{''.join(mocked)}"
        environment = {**run.realm.environment, **environment}
        realm = replace(run.realm, id=realm_id, environment=environment, clock=clock, counts_lines=counted is not None)
        try:
            outcome = await self.trial(replace(run, realm=realm, is_trial=True))
        finally:
            if mocked:
                self.pool.retire(realm_id, skill.digest)
            if counted is not None:
                counted.realms.add(realm_id)
                counted.add(run.trail.left_lines)
        return replace(outcome, duration_ms=round((perf_counter() - began) * 1000, 3))

    async def _results(
        self, skill: Skill, cases: Iterable[Case], repeat: int, counted: Counted | None
    ) -> tuple[CaseResult, ...]:
        async def attempt(case: Case) -> Outcome:
            return await self.attempt(skill, case.inputs, case.environment, case.clock, counted)

        try:
            return await results_of(cases, attempt, repeat)
        finally:
            for realm in counted.realms if counted else ():
                self.pool.retire(realm, skill.digest)


def tester_of(workbench: Opened) -> Tester:
    """Runs tests with what a workbench has."""
    return Tester(
        new_run=workbench.new_run,
        trial=workbench.trial,
        pool=workbench.pool,
        verdicts=Verdicts(workbench.library.database),
        clock=workbench.clock,
        workspace=workbench.settings.workspace,
    )


def _wanted(skill: Skill, cases: tuple[Case, ...], only: Collection[CaseId]) -> tuple[tuple[Case, ...], list[str]]:
    """The cases and the files of Python tests that are to run: everything where nothing of what is named is there."""
    names = {file for file, _ in only}
    chosen = tuple(case for case in cases if case.id in only)
    files = [path for path in python_files(skill) if path.rpartition("/")[2] in names]
    return (chosen, files) if chosen or files else (cases, python_files(skill))
