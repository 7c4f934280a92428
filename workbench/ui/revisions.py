"""What was accepted of the chosen skill: looked at, compared, and brought back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from time import time
from typing import TYPE_CHECKING

import anyio

from workbench.model.errors import WorkbenchError
from workbench.model.words import ago, clock_time, safe
from workbench.ui.allowing import key_of
from workbench.ui.errands import MOST_DIFFERENCE, STYLES
from workbench.ui.outcome import text_rows
from workbench.ui.screens.choose import Choose
from workbench.ui.screens.page import Page
from workbench.ui.widgets.rows import Row

if TYPE_CHECKING:
    from workbench.runtime.library.differences import Difference
    from workbench.runtime.library.revisions import Revision
    from workbench.ui.app import WorkbenchApp

DAY_SECONDS = 86_400


async def show_history(app: WorkbenchApp) -> None:
    """The revisions of the chosen skill; the one that is chosen is compared with the files as they are."""
    assert app.chosen is not None
    name = app.chosen.name

    async def compare(revision: Revision) -> None:
        await _show_difference(app, name, revision)

    await _choose(app, f"Revisions of {name}, to compare with the files as they are", compare)


async def roll_back(app: WorkbenchApp) -> None:
    """The revisions of the chosen skill; it becomes the one that is chosen again, as a new revision."""
    assert app.chosen is not None
    name = app.chosen.name

    async def go_back(revision: Revision) -> None:
        try:
            await app.workbench.roll_back(name, revision.number)
        except WorkbenchError as error:
            app.say(f"✕ {error.message} · {error.hint}")
            return
        app.editor.look_outside()
        app.show_snapshot()

    if app.editor.unsaved_paths:
        app.say(f"✕ something is unsaved · {key_of(app, 'editor.save')} saves it, then roll back")
        return
    await _choose(app, f"Have {name} be again what it was", go_back)


async def reload(app: WorkbenchApp) -> None:
    """The chosen skill in a process of its own, changed or not."""
    from workbench.runtime.devsessions.session import Accepted  # here: all of the runtime stands behind it

    assert app.chosen is not None
    name = app.chosen.name
    result = await app.workbench.reload(name)
    if isinstance(result, Accepted):
        steps = " · ".join(f"{step} {ms:.0f}" for step, ms in result.steps)
        app.say(f"↻ {name} r{result.skill.revision} in a new process   {steps} ms")
    else:
        first = result.findings[0]
        app.say(f"✕ {name}: {first.message} · {first.place}")
    app.show_snapshot()


async def _choose(app: WorkbenchApp, title: str, then: Callable[[Revision], Awaitable[None]]) -> None:
    assert app.chosen is not None
    found = await anyio.to_thread.run_sync(app.workbench.history, app.chosen.name)
    if not found:
        app.say(f"{title}: nothing was accepted yet · run it once, or save it")
        return

    async def chosen(key: str | None) -> None:
        if key is not None:
            await then(next(revision for revision in found if revision.number == int(key)))

    app.push_screen(Choose(title, [_row(revision, found[0].number) for revision in found]), chosen)


def _row(revision: Revision, newest: int) -> Row:
    is_newest = revision.number == newest
    moment = clock_time(revision.at) if time() - revision.at < DAY_SECONDS else ago(revision.at)
    return Row(
        key=str(revision.number),
        pieces=(
            (f"{'●' if is_newest else ' '} r{revision.number:<5}", "good" if is_newest else "plain"),
            (f"{moment:<12}", "dim"),
            (f"{revision.digest[:8]}  ", "dim"),
            (safe(revision.message), "plain"),
        ),
    )


async def _show_difference(app: WorkbenchApp, name: str, revision: Revision) -> None:
    number = revision.number
    try:
        found = await anyio.to_thread.run_sync(partial(app.workbench.difference, name, number))
    except WorkbenchError as error:
        app.say(f"✕ {error.message} · {error.hint}")
        return
    rows = tuple(difference_rows(found))
    if rows and revision.message:
        rows = (*text_rows(revision.message, "plain"), Row(), *rows)
    if rows:
        app.push_screen(Page(f"{name}: from r{number} to the files as they are", rows))
    else:
        app.say(f"the files of {name} are what r{number} was")


def difference_rows(found: Difference) -> Iterator[Row]:
    """What callers meet first, then the lines of each file."""
    for change in found.changes:
        glyph, style = ("✕", "bad") if change.breaks else ("·", "dim")
        words = f"{safe(change.where)}  {safe(change.words)}"
        yield Row(pieces=((f"{glyph} ", style), (words, "plain"), ("  breaks callers" if change.breaks else "", style)))
    for file in found.files:
        yield Row(pieces=((" ", "plain"),))
        yield Row(pieces=((safe(file.path), "accent"), (f"  {file.words}", "dim")))
        for line in file.lines[2:MOST_DIFFERENCE]:
            yield Row(pieces=((safe(line.expandtabs(4)) or " ", STYLES.get(line[:1], "plain")),))
