"""Jump: a letter at everything that can have the focus; the letter goes there."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.events import Click, Key
from textual.widget import Widget
from textual.widgets import Label

from workbench.ui.screens.over import Over

LETTERS = "asdfghjklqwertyuiopzxcvbnm"


class Jump(Over[Widget | None]):
    """Gives the widget whose letter was typed; any other key leaves the focus where it was."""

    def __init__(self, targets: Sequence[Widget]) -> None:
        super().__init__()
        self._targets = dict(zip(LETTERS, targets, strict=False))

    def compose(self) -> ComposeResult:
        for letter, target in self._targets.items():
            label = Label(f" {letter} ", classes="letter")
            label.styles.offset = (target.region.x, target.region.y)
            yield label

    def on_key(self, event: Key) -> None:
        event.stop()
        event.prevent_default()
        self.dismiss(self._targets.get(event.key))

    def on_click(self, event: Click) -> None:
        event.stop()
        self.dismiss(None)
