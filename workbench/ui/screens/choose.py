"""One of several: a list over the screen with a filter; enter chooses, escape leaves everything as it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from workbench.ui.widgets.rows import Row, Rows


class Choose(ModalScreen[str | None]):
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
        with Vertical(classes="page"):
            yield Static(Content(f"{self._words}   enter chooses · esc leaves it"), classes="title")
            yield Input(placeholder="filter", compact=True, classes="filter")
            yield Rows(id="choices")

    def on_mount(self) -> None:
        self._draw("")
        self.query_one(Rows).put_cursor_on(self._at)
        self.query_one(Input).focus()

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
        words = wanted.casefold().split()
        shown = [row for row in self._rows if all(word in _text(row) for word in words)]
        self.query_one(Rows).show(shown or (Row(pieces=((f"nothing matches '{wanted}'", "dim"),)),))


def _text(row: Row) -> str:
    return "".join(piece for piece, _ in row.pieces).casefold()
