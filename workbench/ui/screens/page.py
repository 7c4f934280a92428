"""A page over the screen: a title and lines to read; closed by escape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from workbench.ui.screens.over import Over
from workbench.ui.widgets.rows import Row, Rows


class Page(Over[None]):
    """Help, what was said, a difference, one line of the log in full."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", show=False),
        Binding("up,k", "scroll(-1)", show=False, priority=True),
        Binding("down,j", "scroll(1)", show=False, priority=True),
    ]

    def __init__(self, title: str, rows: Sequence[Row], *, at_end: bool = False) -> None:
        super().__init__()
        self._words, self._rows, self._at_end = title, tuple(rows), at_end

    def compose(self) -> ComposeResult:
        with Vertical(classes="page"):
            yield Static(Content(f"{self._words}   esc closes"), classes="title")
            yield Rows(id="page-rows", has_cursor=False)

    def on_mount(self) -> None:
        rows = self.query_one(Rows)
        rows.show(self._rows)
        self.set_focus(rows)
        if self._at_end:
            self.call_after_refresh(rows.action_edge, 1)

    def show(self, rows: Sequence[Row]) -> None:
        """Other lines in the place of these."""
        self._rows = tuple(rows)
        if self.is_mounted:
            self.query_one(Rows).show(self._rows)

    def action_scroll(self, by: int) -> None:
        self.query_one(Rows).action_move(by)
