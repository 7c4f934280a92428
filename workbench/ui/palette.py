"""The command palette: every command of the registry as a row, and why one cannot be used now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from workbench.ui.screens.choose import Choose
from workbench.ui.widgets.rows import Row
from workbench.ui.words import key_name

if TYPE_CHECKING:
    from workbench.ui.app import WorkbenchApp
    from workbench.ui.command import Command


def open_palette(app: WorkbenchApp, commands: Sequence[Command]) -> None:
    """Find a command by its name; the one that is chosen is done."""

    async def do(command_id: str | None) -> None:
        if command_id is not None:
            await app.do(command_id)

    app.push_screen(Choose("Commands", tuple(_rows(app, commands))), do)


def _rows(app: WorkbenchApp, commands: Sequence[Command]) -> Iterator[Row]:
    for command in commands:
        keys = " ".join(key_name(key) for key in app.keymap.of(command))
        reason = command.unavailable(app)
        about = (f"not now: {reason}", "warning") if reason else (command.help, "dim")
        style = "dim" if reason else "plain"
        yield Row(key=command.id, pieces=((f"{command.name:<20} ", style), (f"{keys:<12} ", "accent"), about))
