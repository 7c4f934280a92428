"""Help: every command of the registry with its keys, and why one cannot be used now."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from workbench.ui.commands import KEY_NAMES, REGISTRY
from workbench.ui.widgets.rows import Row, Rows

if TYPE_CHECKING:
    from workbench.ui.app import WorkbenchApp


class Help(ModalScreen[None]):
    """Closed by the key that opened it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "dismiss", show=False)]

    def __init__(self, app: WorkbenchApp) -> None:
        super().__init__()
        self._rows = tuple(_row(app, index) for index in range(len(REGISTRY)))

    def compose(self) -> ComposeResult:
        with Vertical(id="help"):
            yield Static("Help   esc closes", classes="title")
            yield Rows(id="help-rows", has_cursor=False)

    def on_mount(self) -> None:
        rows = self.query_one(Rows)
        rows.show(self._rows)
        rows.focus()


def _row(app: WorkbenchApp, index: int) -> Row:
    command = REGISTRY[index]
    keys = " ".join(KEY_NAMES.get(key, key) for key in command.keys)
    reason = command.unavailable(app)
    return Row(
        pieces=(
            (f"{keys:<10}", "accent"),
            (f"{command.name:<16}", "plain"),
            (command.help, "dim"),
            (f"  – {reason}" if reason else "", "warning"),
        )
    )
