"""The tests that lie beside the chosen skill: run, and gone through line by line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workbench.model.skilltest import Verdict
from workbench.model.words import safe
from workbench.ui.screens.choose import Choose
from workbench.ui.widgets.rows import Row

if TYPE_CHECKING:
    from workbench.model.finding import Place
    from workbench.model.skilltest import TestReport
    from workbench.ui.app import WorkbenchApp

STYLES = {Verdict.PASSED: ("✓", "good"), Verdict.FAILED: ("✕", "bad"), Verdict.SKIPPED: ("–", "dim")}


async def run_tests(app: WorkbenchApp) -> None:
    """Run them, and show each; the one that is chosen is opened at its line."""
    assert app.chosen is not None
    name = app.chosen.name
    app.say(f"↻ the tests of {name} run")
    report = await app.workbench.test(name)
    rows = list(rows_of(report))
    if not rows:
        app.say(f"{name} has no tests yet · put cases into tests/{name}.yaml beside it")
        return
    places = places_of(report)
    app.workbench.session.tested(name, app.chosen.digest, report.red)
    app.show_snapshot()

    async def go_there(key: str | None) -> None:
        if key is not None:
            await app.show_place(places[int(key)])

    passed, red = report.count(Verdict.PASSED), len(report.red)
    app.say(f"▲ {name}: {passed} passed, {red} red" if red else f"✓ {name}: {passed} passed")
    app.push_screen(Choose(f"Tests of {name} r{report.revision}: go to the line", rows), go_there)


def places_of(report: TestReport) -> list[Place]:
    """Where each row's case or finding stands."""
    return [*(result.case.place for result in report.results), *(finding.place for finding in report.findings)]


def rows_of(report: TestReport) -> Iterator[Row]:
    """A row for each case, and for each finding about the cases themselves."""
    for number, result in enumerate(report.results):
        glyph, style = STYLES[result.verdict]
        words = f"   {safe(result.problems[0])}" if result.problems else ""
        took = f"  {result.duration_ms:.0f} ms" if result.verdict is not Verdict.SKIPPED else ""
        name = safe(result.case.name)
        yield Row(key=str(number), pieces=((f"{glyph} ", style), (name, "plain"), (took, "dim"), (words, style)))
    for number, finding in enumerate(report.findings, len(report.results)):
        yield Row(key=str(number), pieces=(("✕ ", "bad"), (safe(f"{finding.place}  {finding.message}"), "plain")))
