"""Problems: everything that any check has to say, the worst first; enter goes to its line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from workbench.model.finding import Finding, Place, Severity
from workbench.model.words import counted, safe
from workbench.ui.panes.pane import Pane
from workbench.ui.widgets.rows import Row, Rows

GLYPHS = {
    Severity.CRITICAL: ("✕", "bad"),
    Severity.ERROR: ("✕", "bad"),
    Severity.WARNING: ("▲", "warning"),
    Severity.INFO: ("·", "dim"),
}
_ORDER = {severity: rank for rank, severity in enumerate(Severity)}


class ProblemsPane(Pane):
    """Tells which problem was chosen."""

    NUMBER, NAME = 5, "Problems"

    class Chosen(Message):
        """Enter on a problem."""

        def __init__(self, place: Place) -> None:
            super().__init__()
            self.place = place

    def __init__(self) -> None:
        self._findings: tuple[Finding, ...] = ()
        super().__init__()

    def contents(self) -> Iterator[Widget]:
        yield Rows(id="problem-rows")
        yield Static("nothing is wrong", id="problems-empty", classes="empty")

    @property
    def label(self) -> str:
        return f"{self.NUMBER} {self.NAME}{f' {len(self._findings):,}' if self._findings else ''}"

    def filled(self) -> None:
        self.show(())

    @property
    def to_focus(self) -> Widget:
        return self.query_one(Rows)

    @property
    def words_to_copy(self) -> str:
        key = self.query_one(Rows).key
        finding = self._findings[int(key)] if key else None
        return f"{finding.place}  {finding.message}" if finding else ""

    def show(self, findings: Iterable[Finding]) -> None:
        """Show what is wrong now."""
        ordered = tuple(sorted(findings, key=lambda each: (_ORDER[each.severity], each.place.file, each.place.line)))
        if ordered == self._findings and ordered:
            return
        self._findings = ordered
        self.query_one(Rows).show(tuple(_rows(ordered)))
        self.query_one("#problems-empty").display = not ordered
        self.set_detail(_summary(ordered))

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        event.stop()
        self.post_message(self.Chosen(self._findings[int(event.key)].place))

    def on_rows_highlighted(self, event: Rows.Highlighted) -> None:
        event.stop()


def _summary(findings: tuple[Finding, ...]) -> str:
    breaking = sum(finding.severity.breaks for finding in findings)
    return (
        f"{breaking} of {counted(len(findings), 'finding')} {'break' if breaking > 1 else 'breaks'} a skill"
        if breaking
        else ""
    )


def _rows(findings: tuple[Finding, ...]) -> Iterator[Row]:
    for index, finding in enumerate(findings):
        glyph, style = GLYPHS[finding.severity]
        place = finding.place
        folder, name = os.path.split(place.file)
        short = f"{os.path.basename(folder)}/{name}" if folder else name
        where = f"{short}:{place.line}" if place.line else short
        hint = f"   {finding.hint}" if finding.hint else ""
        yield Row(
            key=str(index),
            pieces=(
                (f"{glyph} {finding.severity.value:<8} ", style),
                (f"{safe(where):<32}  ", "dim"),
                (safe(finding.message), "plain"),
                (safe(hint), "dim"),
            ),
        )
