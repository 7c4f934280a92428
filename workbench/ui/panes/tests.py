"""Tests: what came of the last tests of each skill, the red ones first; enter goes to a case's line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from workbench.model.finding import Place
from workbench.model.skilltest import TestReport, Verdict
from workbench.model.words import counted, safe
from workbench.ui.panes.pane import Pane
from workbench.ui.widgets.rows import Row, Rows

STYLES = {
    Verdict.PASSED: ("✓", "good"),
    Verdict.FAILED: ("✕", "bad"),
    Verdict.FLAKY: ("≈", "bad"),
    Verdict.SKIPPED: ("–", "dim"),
}


class TestsPane(Pane):
    """Tells which case was chosen."""

    __test__ = False
    NUMBER, NAME = 7, "Tests"

    class Chosen(Message):
        """Enter on a case, or on what is wrong with the cases."""

        def __init__(self, place: Place) -> None:
            super().__init__()
            self.place = place

    def __init__(self) -> None:
        self._reports: tuple[TestReport, ...] = ()
        self._places: dict[str, Place] = {}
        super().__init__()

    def contents(self) -> Iterator[Widget]:
        yield Rows(id="test-rows")
        yield Static("no tests have run yet · T runs those of the chosen skill", id="tests-empty", classes="empty")

    @property
    def label(self) -> str:
        red = sum(not report.is_green for report in self._reports)
        return f"{self.NUMBER} {self.NAME}{f' ▲ {red}' if red else ''}"

    @property
    def to_focus(self) -> Widget:
        return self.query_one(Rows)

    @property
    def words_to_copy(self) -> str:
        place = self._places.get(self.query_one(Rows).key)
        return str(place) if place else ""

    def filled(self) -> None:
        self.show(())

    def show(self, reports: Iterable[TestReport]) -> None:
        """Show these; what is red comes first."""
        ordered = tuple(sorted(reports, key=lambda report: (report.is_green, report.skill)))
        if ordered == self._reports and ordered:
            return
        self._reports, self._places = ordered, {}
        self.query_one(Rows).show(tuple(row for report in ordered for row in self._rows(report)))
        self.query_one("#tests-empty").display = not ordered
        green = sum(report.is_green for report in ordered)
        self.set_detail(f"{green} of {counted(len(ordered), 'skill')} green" if ordered else "")

    def look_at(self, skill: str) -> None:
        """Put the cursor on a skill's first red case, or where its cases begin."""
        report = next((report for report in self._reports if report.skill == skill), None)
        if report is not None:
            red = next((number for number, result in enumerate(report.results) if result.is_red), 0)
            self.query_one(Rows).put_cursor_on(f"{skill}/{red}")

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        event.stop()
        if (place := self._places.get(event.key)) is not None:
            self.post_message(self.Chosen(place))

    def on_rows_highlighted(self, event: Rows.Highlighted) -> None:
        event.stop()

    def _rows(self, report: TestReport) -> Iterator[Row]:
        """A line for the skill, and one for each case and each finding about the cases themselves."""
        glyph, style = ("●", "good") if report.is_green else ("▲", "warning")
        counts = ", ".join(f"{count} {verdict.value}" for verdict in Verdict if (count := report.count(verdict)))
        covered = "".join(f"   {os.path.basename(each.file)} {each.percent} %" for each in report.coverage or ())
        words = f"  {counts or 'cannot run'}{covered}"
        yield Row(pieces=((f"{glyph} {report.skill} r{report.revision}", style), (safe(words), "dim")))
        for number, result in enumerate(report.results):
            key = f"{report.skill}/{number}"
            self._places[key] = result.case.place
            glyph, style = STYLES[result.verdict]
            took = f"  {result.duration_ms:.0f} ms" if result.verdict is not Verdict.SKIPPED else ""
            problem = f"   {safe(result.problems[0])}" if result.problems else ""
            name = (safe(result.case.name), "plain")
            yield Row(key=key, pieces=((f"  {glyph} ", style), name, (took, "dim"), (problem, style)))
        for number, finding in enumerate(report.findings, len(report.results)):
            key = f"{report.skill}/{number}"
            self._places[key] = finding.place
            yield Row(key=key, pieces=(("  ✕ ", "bad"), (safe(f"{finding.place}  {finding.message}"), "plain")))
