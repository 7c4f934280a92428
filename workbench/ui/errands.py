"""What opens something over the panes, or leaves them for a moment: help, a choice, the person's own editor."""

from __future__ import annotations

import difflib
import os
import shlex
import subprocess
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import anyio
from textual.app import SuspendNotSupported

from workbench.model.errors import WorkbenchError
from workbench.model.finding import Place
from workbench.model.skill import LEGAL_NAME, SkillState
from workbench.model.words import ago, clock_time, safe
from workbench.runtime.places import place_of_state
from workbench.ui.clipboard import copy
from workbench.ui.screens.ask import Ask
from workbench.ui.screens.choose import Choose
from workbench.ui.screens.jump import Jump
from workbench.ui.screens.page import Page
from workbench.ui.steps import Step
from workbench.ui.widgets.rows import Row

if TYPE_CHECKING:
    from textual.widget import Widget

    from workbench.ui.app import WorkbenchApp

MOST_RECENT = 30
MOST_DIFFERENCE = 5_000
STYLES = {"+": "good", "-": "bad", "@": "accent"}


def show_notices(app: WorkbenchApp) -> None:
    """Everything the status line has said."""
    rows = [Row(pieces=((f"{clock_time(at)}  ", "dim"), (safe(words), "plain"))) for at, words in app.notices.all]
    app.push_screen(Page("What was said", rows, at_end=True))


def show_difference(app: WorkbenchApp) -> None:
    """What is in the editor against the file, or against what is offered."""
    before, after, before_name, after_name = app.editor.difference()
    rows = tuple(difference_rows(before, after, before_name, after_name))
    if not rows:
        app.say(f"{after_name} and {before_name} say the same")
        return
    app.push_screen(Page(f"From {before_name} to {after_name}", rows))


def difference_rows(before: str, after: str, before_name: str, after_name: str) -> Iterator[Row]:
    """Two texts line by line, as patches are written."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), before_name, after_name, lineterm="", n=3)
    for number, line in enumerate(lines):
        if number == MOST_DIFFERENCE:
            yield Row(pieces=(("… more than can be read here", "dim"),))
            return
        yield Row(pieces=((safe(line.expandtabs(4)) or " ", STYLES.get(line[:1], "plain")),))


async def show_recent_inputs(app: WorkbenchApp) -> None:
    """The inputs of earlier runs of the chosen skill, the newest first; what is chosen goes into the form."""
    assert app.chosen is not None
    found = await anyio.to_thread.run_sync(_recent, app, app.chosen.name)
    if not found:
        app.say(f"no earlier run of {app.chosen.name} had inputs")
        return

    async def put(key: str | None) -> None:
        if key is not None:
            await app.run_pane.put_inputs(found[int(key)][1])
            app.go_to("inputs")

    rows = [
        Row(key=str(index), pieces=((f"{when:<12}", "dim"), (safe(str(inputs)), "plain")))
        for index, (when, inputs) in enumerate(found)
    ]
    app.push_screen(Choose(f"Inputs of {app.chosen.name}", rows), put)


def _recent(app: WorkbenchApp, name: str) -> list[tuple[str, dict[str, object]]]:
    history = app.workbench.library.history
    found: list[tuple[str, dict[str, object]]] = []
    for past in history.runs(skill=name, most=MOST_RECENT):
        whole = history.one(past.id) or {}
        inputs = whole.get("inputs")
        if isinstance(inputs, dict) and inputs and all(inputs != known for _, known in found):
            found.append((ago(past.started_at), inputs))
    return found


async def ask_for_new_skill(app: WorkbenchApp) -> None:
    """A template, then a name; the new skill is opened."""
    from workbench.runtime.library.scaffold import TEMPLATES, scaffold  # here: rarely wanted, and slow to import

    rows = [Row(key=each.name, pieces=((f"{each.name:<14}", "plain"), (each.summary, "dim"))) for each in TEMPLATES]

    async def make(template: str, name: str | None) -> None:
        if name is None:
            return
        known = (*app.workbench.snapshot, *app.workbench.snapshot.shadowed)
        try:
            made = await anyio.to_thread.run_sync(
                partial(scaffold, app.workbench.skills_folder, name, template=template, known=known)
            )
        except WorkbenchError as error:
            app.say(f"✕ {error.message} · {error.hint}")
            return
        app.steps.finish()
        app.workbench.refresh()
        await app.show_place(Place(file=app.workbench.find(made.name).path))
        app.say(f"{made.name} is here: {made.path}")

    def named(template: str | None) -> None:
        if template is not None:
            question = Ask(f"Name of the new {template} skill", _wrong_name, placeholder="my-skill")
            app.push_screen(question, partial(make, template))

    app.push_screen(Choose("A new skill", rows), named)


async def switch_skill(app: WorkbenchApp) -> None:
    """Disable the chosen skill, or enable it again."""
    assert app.chosen is not None
    is_disabled = app.chosen.state is SkillState.DISABLED
    switch = app.workbench.enable if is_disabled else app.workbench.disable
    skill = await switch(app.chosen.name)
    app.say(
        f"{skill.name} runs again" if is_disabled else f"◌ {skill.name} is disabled: it is refused, its saves are read"
    )
    app.show_snapshot()


def rename_skill(app: WorkbenchApp) -> None:
    """Ask for the chosen skill's new name; its history goes along."""
    assert app.chosen is not None
    old = app.chosen.name

    async def rename(name: str | None) -> None:
        if name is None:
            return
        try:
            skill = await app.workbench.rename(old, name)
        except WorkbenchError as error:
            app.say(f"✕ {error.message} · {error.hint}")
            return
        app.skills_pane.look_at(skill.name)
        app.show_snapshot()
        app.say(f"{old} is {skill.name} now: {app.workbench.left_behind(old, skill.name) or skill.path}")

    if app.editor.unsaved_paths:
        app.say("✕ something is unsaved · save it, then rename")
        return
    app.push_screen(Ask(f"New name of {old}", _wrong_name, placeholder=old), rename)


def _wrong_name(name: str) -> str:
    legal = LEGAL_NAME.fullmatch(name)
    return "" if legal else "a name is letters, digits, - _ and . and begins with a letter or a digit"


async def copy_from_pane(app: WorkbenchApp) -> None:
    """What the focused pane shows goes to the clipboard; and where it went is said."""
    state = place_of_state(app.settings.workspace, app.environ).folder
    copied = await copy(app.panes[app.front].words_to_copy, app.environ, state)
    if copied.sequence and app._driver is not None:
        app._driver.write(copied.sequence)
    app.say(copied.words)


def jump(app: WorkbenchApp) -> None:
    """A letter at everything that can have the focus."""
    targets = [widget for widget in app.screen.focus_chain if widget.region.area]

    def go(target: Widget | None) -> None:
        if target is not None:
            target.screen.set_focus(target)

    app.push_screen(Jump(targets), go)


async def edit_outside(app: WorkbenchApp) -> None:
    """Leave the screen to $VISUAL or $EDITOR; what it saved is read when it ends."""
    source = app.editor.source
    assert source is not None
    if app.editor.has_unsaved:
        await app.editor.save()
        if app.editor.has_unsaved:
            return
    command = shlex.split(app.environ.get("VISUAL") or app.environ.get("EDITOR") or "vi")
    row = source.cursor_location[0] + 1
    try:
        # Drawing waits, everything else goes on: what the editor saves reloads while it is still open.
        with app.batch_update(), app.suspend():
            call = [*command, *_at_line(command[0], row), source.file.path]
            code = await anyio.to_thread.run_sync(subprocess.call, call)
    except SuspendNotSupported:
        app.say("✕ the screen cannot be left here")
        return
    except OSError as error:
        app.say(f"✕ {command[0]} cannot be started: {error.strerror} · set EDITOR to a program that is here")
        return
    app.refresh()
    app.editor.look_outside()
    app.say(f"{os.path.basename(command[0])} ended{f' with {code}' if code else ''}")


def _at_line(program: str, line: int) -> list[str]:
    known = ("vi", "vim", "nvim", "nano", "emacs", "micro", "kak", "joe")
    return [f"+{line}"] if os.path.basename(program) in known else []


def choose_theme(app: WorkbenchApp) -> None:
    """Each theme is shown while it is looked at; the one before comes back where none is chosen."""
    before = app.theme

    def look(name: str) -> None:
        app.theme = name

    def choose(name: str | None) -> None:
        app.theme = name or before
        app.say(f"the theme is {app.theme}")

    words = {True: "dark", False: "light"}
    rows = [
        Row(key=name, pieces=((f"{name:<20}", "plain"), (words[theme.dark], "dim")))
        for name, theme in app.wardrobe.themes.known.items()
    ]
    app.push_screen(Choose("Theme", rows, at=before, looked=look), choose)


def reload_keymap(app: WorkbenchApp) -> None:
    """The person's own keys as their file has them now."""
    from workbench.ui.keymap import read_keymap  # here: the keymap knows the registry, and the registry this

    app.use_keymap(read_keymap(app.environ))
    wrong = f", and {len(app.keymap.findings)} problems with it" if app.keymap.findings else ""
    app.say(f"the keymap is {app.keymap.name}{wrong}")
    app.show_snapshot()


def switch_hints(app: WorkbenchApp) -> None:
    """Hide the line of first steps, or begin it again."""
    if app.steps.step is Step.DONE:
        app.steps.begin_again()
        app.say("the first steps begin again, with the sample summarise")
    else:
        app.steps.finish()
        app.say("hints are off")
