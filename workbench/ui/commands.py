"""The ONE registry of what can be done: it feeds the keys, the footer, the palette and the help."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from workbench.model.frozen import frozen

if TYPE_CHECKING:
    from workbench.ui.app import WorkbenchApp


@frozen
class Command:
    """One thing to do. `unavailable` says why it cannot be done now, or nothing."""

    id: str
    name: str
    help: str
    keys: tuple[str, ...]
    do: Callable[[WorkbenchApp], Awaitable[None] | None]
    unavailable: Callable[[WorkbenchApp], str] = lambda _: ""
    shown: bool = True

    @property
    def key(self) -> str:
        """The first key, as people read it."""
        return KEY_NAMES.get(self.keys[0], self.keys[0]) if self.keys else ""


KEY_NAMES = {"slash": "/", "question_mark": "?", "colon": ":", "escape": "esc"}


def _no_skill(app: WorkbenchApp) -> str:
    return "" if app.chosen is not None else "no skill is chosen"


def _not_to_run(app: WorkbenchApp) -> str:
    if app.has_run_under_way:
        return "a run is under way: x cancels it"
    return _no_skill(app)


REGISTRY = (
    Command(
        id="run.start",
        name="Run",
        help="Run the chosen skill with the inputs as they stand.",
        keys=("r", "ctrl+r"),
        do=lambda app: app.start_run(),
        unavailable=_not_to_run,
    ),
    Command(
        id="run.cancel",
        name="Cancel",
        help="Cancel the run; its whole process tree is ended.",
        keys=("x", "ctrl+g"),
        do=lambda app: app.cancel_run(),
        unavailable=lambda app: "" if app.has_run_under_way else "nothing is running",
    ),
    Command(
        id="inputs.example",
        name="Example inputs",
        help="Put the example that the skill comes with into the inputs.",
        keys=("e",),
        do=lambda app: app.run_pane.show_example(),
        unavailable=lambda app: (
            _no_skill(app) or ("" if app.chosen and app.chosen.manifest.example else "it comes without an example")
        ),
    ),
    Command(
        id="skills.filter",
        name="Filter",
        help="Show only the skills whose name has these letters in this order.",
        keys=("slash",),
        do=lambda app: app.skills_pane.focus_filter(),
    ),
    Command(
        id="pane.skills",
        name="Skills",
        help="Go to the skills.",
        keys=("1", "alt+1"),
        do=lambda app: app.skills_pane.focus_rows(),
    ),
    Command(
        id="pane.inputs",
        name="Inputs",
        help="Go to the inputs of the chosen skill.",
        keys=("2", "alt+2"),
        do=lambda app: app.run_pane.focus_inputs(),
    ),
    Command(
        id="pane.output",
        name="Output",
        help="Go to the output of the last run.",
        keys=("3", "alt+3"),
        do=lambda app: app.run_pane.focus_output(),
    ),
    Command(
        id="app.palette",
        name="Commands",
        help="Find a command by its name.",
        keys=("colon", "ctrl+p"),
        do=lambda app: app.action_command_palette(),
    ),
    Command(
        id="app.help",
        name="Help",
        help="Every command, its keys, and why one cannot be used now.",
        keys=("question_mark",),
        do=lambda app: app.show_help(),
    ),
    Command(
        id="app.quit",
        name="Quit",
        help="Leave. Runs that are under way are cancelled; nothing else is lost.",
        keys=("ctrl+q",),
        do=lambda app: app.exit(0),
    ),
)
BY_ID = {command.id: command for command in REGISTRY}
