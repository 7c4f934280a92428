"""Help, as rows: the commands of the focused pane first, then every other one; the keys as they are mapped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from workbench.ui.screens.page import Page
from workbench.ui.widgets.rows import Row
from workbench.ui.words import key_name

if TYPE_CHECKING:
    from workbench.ui.app import WorkbenchApp
    from workbench.ui.command import Command

# What fields and lists know by themselves, whatever the keymap says.
OWN_KEYS = {
    "skills": (("↑ ↓ k j", "go up and down"), ("enter", "run the skill"), ("home end", "first and last")),
    "editor": (("ctrl+z ctrl+y", "undo, redo"), ("ctrl+x/c/v", "cut, copy, paste"), ("esc", "leave the text")),
    "run": (("enter", "run, from a field of the form"), ("alt+enter", "a new line in a field"), ("↑ ↓", "scroll")),
    "log": (("↑ ↓", "go up and down, which pauses"), ("end", "follow again"), ("enter", "the whole line")),
    "problems": (("enter", "go to the line"),),
    "tests": (("enter", "go to the line"),),
}


def open_help(app: WorkbenchApp, commands: Sequence[Command]) -> None:
    app.push_screen(Page("Help", tuple(help_rows(app, commands))))


def help_rows(app: WorkbenchApp, commands: Sequence[Command]) -> Iterator[Row]:
    """Everything that can be done, and why it cannot be done now."""
    front = app.front
    title = app.panes[front].label if front in app.panes else front
    yield Row(pieces=((title, "accent"),))
    for keys, words in OWN_KEYS.get(front, ()):
        yield Row(pieces=((f"  {keys:<16}", "plain"), (words, "dim")))
    mine = [command for command in commands if command.where == front or command.id.startswith(front.rstrip("s"))]
    yield from (_row(app, command) for command in mine)
    yield Row()
    yield Row(pieces=(("everywhere", "accent"),))
    yield from (_row(app, command) for command in commands if command not in mine and not command.where)
    others = [command for command in commands if command.where and command not in mine]
    yield Row()
    yield Row(pieces=(("in other panes", "accent"),))
    yield from (_row(app, command) for command in others)


def _row(app: WorkbenchApp, command: Command) -> Row:
    keys = " ".join(key_name(key) for key in app.keymap.of(command)) or "–"
    reason = command.unavailable(app)
    where = f"in {command.where}: " if command.where and command.where != app.front else ""
    return Row(
        hang=39,
        pieces=(
            (f"  {keys:<16}", "plain"),
            (f"{command.name:<20} ", "plain"),
            (f"{where}{command.help}", "dim"),
            (f" Not now: {reason}." if reason else "", "warning"),
        ),
    )
