"""How the tests of each skill ended the last time, whoever ran them: the shell, a save, or the app."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection

from workbench.model.frozen import frozen, replace
from workbench.model.skilltest import CaseId, TestReport, Verdict
from workbench.runtime.store.database import Database

_PUT = (
    "INSERT OR REPLACE INTO tested (skill, digest, tests, passed, failed, skipped, is_green, red, at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@frozen
class Tested:
    """What is known of one skill's tests. `digest` and `tests` are what all of them were last run against."""

    skill: str
    digest: str
    tests: str
    passed: int
    failed: int
    skipped: int
    is_green: bool
    red: frozenset[CaseId]
    at: float


class Verdicts:
    """Remembers one verdict for each skill."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self) -> dict[str, Tested]:
        """The verdict of every skill that was tested, by its name."""
        if not self._database.read("SELECT 1 FROM sqlite_master WHERE name = 'tested'"):
            return {}  # an older workbench wrote this library, and nothing was written since
        return {row["skill"]: _tested(row) for row in self._database.read("SELECT * FROM tested")}

    async def remember(
        self, report: TestReport, digest: str, tests: str, at: float, only: Collection[CaseId] = ()
    ) -> None:
        """Put a report down.

        One that is not whole changes what is said of the cases that it has, and of those that were asked for: what of
        them is not there any more is not red any more.
        """
        await self._database.write(lambda connection: _put(connection, report, digest, tests, at, only))


def _put(
    connection: sqlite3.Connection, report: TestReport, digest: str, tests: str, at: float, only: Collection[CaseId]
) -> None:
    now = Tested(
        skill=report.skill,
        digest=digest,
        tests=tests,
        passed=report.count(Verdict.PASSED),
        failed=sum(result.is_red for result in report.results),
        skipped=report.count(Verdict.SKIPPED),
        is_green=report.is_green,
        red=frozenset(result.case.id for result in report.results if result.is_red),
        at=at,
    )
    if not report.is_whole:
        row = connection.execute("SELECT * FROM tested WHERE skill = ?", (report.skill,)).fetchone()
        now = _in_part(_tested(row), now, report, only) if row else replace(now, digest="", tests="")
    counts = now.passed, now.failed, now.skipped
    connection.execute(
        _PUT, (now.skill, now.digest, now.tests, *counts, now.is_green, json.dumps(sorted(now.red)), now.at)
    )


def _in_part(before: Tested, now: Tested, report: TestReport, only: Collection[CaseId]) -> Tested:
    """What was known, with what a report says that is not whole: it was not run against all that there is now."""
    red = now.red | (before.red - {result.case.id for result in report.results} - set(only))
    total = before.passed + before.failed + before.skipped
    passed = max(0, total - len(red) - before.skipped)
    is_green = not red and not report.findings
    return replace(before, passed=passed, failed=len(red), is_green=is_green, red=red, at=now.at)


def _tested(row: sqlite3.Row) -> Tested:
    return Tested(
        skill=row["skill"],
        digest=row["digest"],
        tests=row["tests"],
        passed=row["passed"],
        failed=row["failed"],
        skipped=row["skipped"],
        is_green=bool(row["is_green"]),
        red=frozenset((file, name) for file, name in json.loads(row["red"])),
        at=row["at"],
    )
