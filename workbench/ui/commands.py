"""The ONE registry of what can be done: it feeds the keys, the footer, the palette, the help and the docs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from workbench.model.frozen import frozen
from workbench.ui import errands, reasons, revisions, tests
from workbench.ui.help import open_help
from workbench.ui.palette import open_palette

if TYPE_CHECKING:
    from workbench.ui.app import WorkbenchApp


@frozen
class Command:
    """One thing to do. `unavailable` says why it cannot be done now, or nothing; `where` is the pane it belongs to.

    A key with ctrl or alt works wherever the focus is, any other where nothing is being typed.
    """

    id: str
    name: str
    help: str
    keys: tuple[str, ...]
    do: Callable[[WorkbenchApp], Awaitable[None] | None]
    unavailable: Callable[[WorkbenchApp], str] = lambda _: ""
    where: str = ""
    shown: bool = False


REGISTRY: tuple[Command, ...] = (
    Command(
        id="run.start",
        name="Run",
        help="Run the chosen skill with the inputs as they stand.",
        keys=("r", "ctrl+r"),
        do=lambda app: app.runs.start(),
        unavailable=reasons.not_to_run,
        shown=True,
    ),
    Command(
        id="run.cancel",
        name="Cancel",
        help="Cancel the run; its whole process tree is ended.",
        keys=("x", "ctrl+g"),
        do=lambda app: app.runs.cancel(),
        unavailable=reasons.nothing_running,
        shown=True,
    ),
    Command(
        id="run.again",
        name="Run again",
        help="Run the skill that ran last once more, with the same inputs, whichever one is chosen.",
        keys=("R", "alt+r"),
        do=lambda app: app.runs.again(),
        unavailable=reasons.not_to_run_again,
    ),
    Command(
        id="editor.save",
        name="Save",
        help="Save the file; a good save answers at once, a broken one leaves the last good version answering.",
        keys=("ctrl+s",),
        do=lambda app: app.editor.save(),
        unavailable=reasons.nothing_unsaved,
        shown=True,
    ),
    Command(
        id="editor.focus",
        name="Edit",
        help="Go to the text of the chosen skill.",
        keys=("e",),
        do=lambda app: app.go_to("editor"),
        unavailable=reasons.no_file,
    ),
    Command(
        id="editor.revert",
        name="Revert",
        help="Let go of what is unsaved and show the file as it is; ctrl+z brings it back.",
        keys=("alt+u",),
        do=lambda app: app.editor.revert(),
        unavailable=reasons.nothing_unsaved,
    ),
    Command(
        id="editor.next_file",
        name="Next file",
        help="Show the next file of the chosen skill.",
        keys=("alt+f",),
        do=lambda app: app.editor.next_file(),
        unavailable=reasons.one_file_only,
    ),
    Command(
        id="editor.next_finding",
        name="Next finding",
        help="Go to the next line that a check has something to say about.",
        keys=("alt+n",),
        do=lambda app: app.editor.next_finding(),
        unavailable=reasons.no_finding,
    ),
    Command(
        id="editor.outside",
        name="Open in $EDITOR",
        help="Leave the screen to your own editor; what it saves is seen here when it ends.",
        keys=("alt+e",),
        do=errands.edit_outside,
        unavailable=reasons.no_file,
    ),
    Command(
        id="editor.keep",
        name="Keep mine",
        help="Keep the text in the editor; what the file holds is written over at the next save.",
        keys=("alt+k",),
        do=lambda app: app.editor.keep_mine(),
        unavailable=reasons.nothing_to_decide,
    ),
    Command(
        id="editor.take",
        name="Take theirs",
        help="Put the text that is offered into the editor; ctrl+z brings the other one back.",
        keys=("alt+t",),
        do=lambda app: app.editor.take_theirs(),
        unavailable=reasons.nothing_to_decide,
    ),
    Command(
        id="editor.compare",
        name="See the difference",
        help="Show line by line how the text in the editor differs from the file, or from what is offered.",
        keys=("alt+d",),
        do=errands.show_difference,
        unavailable=reasons.no_file,
    ),
    Command(
        id="inputs.focus",
        name="Inputs",
        help="Go to the inputs of the chosen skill.",
        keys=("i", "alt+i"),
        do=lambda app: app.go_to("inputs"),
        unavailable=reasons.no_skill,
    ),
    Command(
        id="inputs.json",
        name="Form or JSON",
        help="Show the inputs as JSON, or as a form again.",
        keys=("alt+j",),
        do=lambda app: app.run_pane.switch_form(),
        unavailable=reasons.no_skill,
    ),
    Command(
        id="inputs.example",
        name="Example inputs",
        help="Put the example that the skill comes with into the inputs.",
        keys=("alt+x",),
        do=lambda app: app.run_pane.show_example(),
        unavailable=reasons.no_example,
    ),
    Command(
        id="inputs.recent",
        name="Recent inputs",
        help="Choose from the inputs of earlier runs of this skill.",
        keys=("alt+o",),
        do=errands.show_recent_inputs,
        unavailable=reasons.no_skill,
    ),
    Command(
        id="skills.filter",
        name="Filter",
        help="Show only the skills whose name has these letters in this order.",
        keys=("slash",),
        do=lambda app: app.skills_pane.focus_filter(),
        where="skills",
        shown=True,
    ),
    Command(
        id="skills.new",
        name="New skill",
        help="Make a skill of your own from a template.",
        keys=("n",),
        do=errands.ask_for_new_skill,
        unavailable=reasons.opening,
    ),
    Command(
        id="skills.history",
        name="History",
        help="The accepted revisions of the chosen skill; one is compared with the files as they are.",
        keys=("h", "alt+h"),
        do=revisions.show_history,
        unavailable=reasons.no_skill,
    ),
    Command(
        id="skills.rollback",
        name="Roll back",
        help="Have the chosen skill be again what a revision of it was; that is a revision too.",
        keys=("b", "alt+b"),
        do=revisions.roll_back,
        unavailable=reasons.not_ones_own,
    ),
    Command(
        id="skills.reload",
        name="Reload",
        help="Load the chosen skill in a new process, changed or not.",
        keys=("L", "alt+l"),
        do=revisions.reload,
        unavailable=reasons.no_skill,
    ),
    Command(
        id="skills.test",
        name="Test",
        help="Run the tests that lie beside the chosen skill, and go through them line by line.",
        keys=("T", "alt+w"),
        do=tests.run_tests,
        unavailable=reasons.no_skill,
    ),
    Command(
        id="log.filter",
        name="Filter the log",
        help="Show only the lines of the log that hold a text.",
        keys=("slash",),
        do=lambda app: app.log_pane.focus_filter(),
        where="log",
        shown=True,
    ),
    Command(
        id="log.follow",
        name="Follow or pause",
        help="Keep the newest line of the log in sight, or stay where it is.",
        keys=("space",),
        do=lambda app: app.log_pane.switch_following(),
        where="log",
        shown=True,
    ),
    Command(
        id="log.level",
        name="Level of the log",
        help="Show everything, or from info, from warning, from error up.",
        keys=("l",),
        do=lambda app: app.log_pane.next_level(),
        where="log",
    ),
    Command(
        id="log.skill",
        name="This skill's log",
        help="Show only the lines about the chosen skill, or those of all again.",
        keys=("s",),
        do=lambda app: app.log_pane.switch_skill(app.chosen.name if app.chosen else ""),
        unavailable=reasons.no_skill,
        where="log",
    ),
    Command(
        id="pane.skills",
        name="Skills",
        help="Go to the skills.",
        keys=("1", "alt+1"),
        do=lambda app: app.go_to("skills"),
    ),
    Command(
        id="pane.editor",
        name="Editor",
        help="Go to the editor.",
        keys=("2", "alt+2"),
        do=lambda app: app.go_to("editor"),
    ),
    Command(
        id="pane.run",
        name="Run pane",
        help="Go to the output of the last run.",
        keys=("3", "alt+3"),
        do=lambda app: app.go_to("run"),
    ),
    Command(
        id="pane.log",
        name="Log",
        help="Go to the log.",
        keys=("4", "alt+4"),
        do=lambda app: app.go_to("log"),
    ),
    Command(
        id="pane.problems",
        name="Problems",
        help="Go to the problems; enter goes to a problem's line.",
        keys=("5", "alt+5"),
        do=lambda app: app.go_to("problems"),
    ),
    Command(
        id="pane.jump",
        name="Jump",
        help="Show a letter at everything that can have the focus; the letter goes there.",
        keys=("f", "alt+g"),
        do=errands.jump,
    ),
    Command(
        id="pane.maximise",
        name="Maximise",
        help="Let the focused pane fill the screen, or give the others their room back.",
        keys=("m", "alt+m"),
        do=lambda app: app.switch_maximised(),
    ),
    Command(
        id="pane.wider",
        name="Wider",
        help="Make the focused pane wider.",
        keys=("alt+right",),
        do=lambda app: app.resize_pane(wider=1),
        unavailable=reasons.single,
    ),
    Command(
        id="pane.narrower",
        name="Narrower",
        help="Make the focused pane narrower.",
        keys=("alt+left",),
        do=lambda app: app.resize_pane(wider=-1),
        unavailable=reasons.single,
    ),
    Command(
        id="pane.taller",
        name="Taller",
        help="Make the focused pane taller.",
        keys=("alt+up",),
        do=lambda app: app.resize_pane(taller=1),
        unavailable=reasons.single,
    ),
    Command(
        id="pane.lower",
        name="Less tall",
        help="Make the focused pane less tall.",
        keys=("alt+down",),
        do=lambda app: app.resize_pane(taller=-1),
        unavailable=reasons.single,
    ),
    Command(
        id="app.copy",
        name="Copy",
        help="Copy what the focused pane shows: the selection, the output, the line; and say where it went.",
        keys=("y", "alt+y"),
        do=errands.copy_from_pane,
    ),
    Command(
        id="app.notices",
        name="What was said",
        help="Everything the status line has said since the start.",
        keys=("alt+s",),
        do=errands.show_notices,
    ),
    Command(
        id="app.theme",
        name="Theme",
        help="Choose the colours; each is shown while it is looked at.",
        keys=("t",),
        do=errands.choose_theme,
    ),
    Command(
        id="app.keymap",
        name="Reload the keymap",
        help="Read the file with your own keys again.",
        keys=(),
        do=lambda app: app.reload_keymap(),
    ),
    Command(
        id="app.hint",
        name="Hide or show hints",
        help="Hide the line that leads through the first steps, or begin it again.",
        keys=(),
        do=errands.switch_hints,
    ),
    Command(
        id="app.palette",
        name="Commands",
        help="Find a command by its name.",
        keys=("colon", "ctrl+p"),
        do=lambda app: open_palette(app, REGISTRY),
        shown=True,
    ),
    Command(
        id="app.help",
        name="Help",
        help="The commands of the focused pane, then every other one, with its keys and why it cannot be used now.",
        keys=("question_mark",),
        do=lambda app: open_help(app, REGISTRY),
        shown=True,
    ),
    Command(
        id="app.quit",
        name="Quit",
        help="Leave. Runs that are under way are cancelled; unsaved text is kept and offered again.",
        keys=("ctrl+q",),
        do=lambda app: app.leave(0),
        shown=True,
    ),
)
BY_ID = {command.id: command for command in REGISTRY}
