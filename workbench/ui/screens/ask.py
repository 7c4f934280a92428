"""A question with one line as its answer; what is wrong with the answer is said below it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from workbench.ui.screens.over import Over


class Ask(Over[str | None]):
    """Gives the answer, or None. `wrong` says what is wrong with an answer, or nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]

    def __init__(self, title: str, wrong: Callable[[str], str], *, placeholder: str = "") -> None:
        super().__init__()
        self._words, self._wrong, self._placeholder = title, wrong, placeholder

    def compose(self) -> ComposeResult:
        with Vertical(classes="page short"):
            yield Static(Content(f"{self._words}   esc leaves it"), classes="title")
            yield Input(placeholder=self._placeholder, compact=True, classes="filter")
            yield Static("", id="ask-wrong", classes="warning")

    def on_mount(self) -> None:
        self.set_focus(self.query_one(Input))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if words := self._wrong(event.value):
            self.query_one("#ask-wrong", Static).update(Content(words))
        else:
            self.dismiss(event.value)
