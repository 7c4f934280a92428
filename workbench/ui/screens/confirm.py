"""A question whose every line can be read before it is answered: enter says yes, escape leaves everything as it was."""

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


class Confirm(Over[bool]):
    """Gives True for yes. What is too wide is wrapped, what is too long is scrolled; `yes` says what enter does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(False)", show=False),
        Binding("enter", "dismiss(True)", show=False, priority=True),
    ]

    def __init__(self, title: str, rows: Sequence[Row], *, yes: str) -> None:
        super().__init__()
        self._words, self._rows, self._yes = title, tuple(rows), yes

    def compose(self) -> ComposeResult:
        with Vertical(classes="page"):
            yield Static(Content(f"{self._words}   enter {self._yes} · esc leaves it"), classes="title")
            yield Rows(id="confirm-rows", has_cursor=False)

    def on_mount(self) -> None:
        rows = self.query_one(Rows)
        rows.show(self._rows)
        self.set_focus(rows)
