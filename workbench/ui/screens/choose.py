"""One of several: a list over the screen with a filter; enter chooses, escape leaves everything as it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from workbench.model.words import safe
from workbench.ui.screens.over import Over
from workbench.ui.widgets.rows import Row, Rows
from workbench.ui.words import has_in_order

FRAME = 4
"""The lines of a page around its rows."""


class Choose(Over[str | None]):
    """Gives the key of the row that was chosen, or None. `looked` is told of each row that the cursor comes to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("enter", "choose", show=False, priority=True),
    ]

    def __init__(
        self, title: str, rows: Sequence[Row], *, at: str = "", looked: Callable[[str], None] = lambda _: None
    ) -> None:
        super().__init__()
        self._words, self._rows, self._at, self._looked = title, tuple(rows), at, looked

    def compose(self) -> ComposeResult:
        with Vertical(classes="page") as page:
            page.styles.height = len(self._rows) + FRAME
            yield Static(Content(f"{self._words}   enter chooses · esc leaves it"), classes="title")
            yield Input(placeholder="filter", compact=True, classes="filter")
            yield Rows(id="choices")

    def on_mount(self) -> None:
        self._draw("")
        self.query_one(Rows).put_cursor_on(self._at)
        self.set_focus(self.query_one(Input))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._draw(event.value)

    def on_rows_highlighted(self, event: Rows.Highlighted) -> None:
        event.stop()
        self._looked(event.key)

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        event.stop()
        self.dismiss(event.key)

    def action_move(self, by: int) -> None:
        self.query_one(Rows).action_move(by)

    def action_choose(self) -> None:
        if key := self.query_one(Rows).key:
            self.dismiss(key)

    def _draw(self, wanted: str) -> None:
        rows = self.query_one(Rows)
        shown = found(self._rows, wanted)
        rows.show(shown or (Row(pieces=((f"nothing matches '{safe(wanted)}'", "dim"),)),))
        if wanted:
            rows.action_edge(-1)


def found(rows: Sequence[Row], wanted: str) -> list[Row]:
    """The rows that are wanted: first those whose name begins so, then those whose name has it, then what says it."""
    words, letters = wanted.casefold().split(), wanted.casefold().replace(" ", "")
    ranked: tuple[list[Row], ...] = ([], [], [], [])
    for row in rows:
        text = f"{''.join(piece for piece, _ in row.pieces)} {row.key}".casefold()
        name = row.pieces[0][0].casefold()
        if name.startswith(letters):
            ranked[0].append(row)
        elif all(word in name for word in words):
            ranked[1].append(row)
        elif has_in_order(name, letters):
            ranked[2].append(row)
        elif all(word in text for word in words):
            ranked[3].append(row)
    return [row for rank in ranked for row in rank]
