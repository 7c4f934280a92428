"""Dev sessions on the screen: gone to and begun, compared, brought up to date, promoted, run side by side."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING, TypeGuard

import anyio

from workbench.model.devsession import MAIN, FileStand, SessionNote, Standing
from workbench.model.errors import Conflict, WorkbenchError
from workbench.model.events import Event, SkillEvent
from workbench.model.skill import LEGAL_NAME
from workbench.model.words import ago, counted, duration, safe
from workbench.ui.errands import difference_rows
from workbench.ui.logbook import Logbook
from workbench.ui.screens.ask import Ask
from workbench.ui.screens.choose import Choose
from workbench.ui.screens.page import Page
from workbench.ui.widgets.rows import Row
from workbench.ui.words import end_of

if TYPE_CHECKING:
    from workbench.model.skill import Skill
    from workbench.runtime.runtime import Result
    from workbench.ui.app import WorkbenchApp

NEW = "+"
MARKS = {
    Standing.SAME: ("·", "dim"),
    Standing.HERE: ("●", "good"),
    Standing.THERE: ("○", "plain"),
    Standing.BOTH: ("▲", "warning"),
}
LEAST_COLUMN = 24
MOST_LINES = 200


class Sessions:
    """The session that the screen looks into. `main` is the workspace itself."""

    def __init__(self, app: WorkbenchApp) -> None:
        self._app = app
        self._logbooks = {MAIN: app.logbook}
        self.name = MAIN
        self._is_busy = False
        self._closing = ""

    @property
    def is_main(self) -> bool:
        return self.name == MAIN

    def is_elsewhere(self, event: Event) -> TypeGuard[SkillEvent]:
        """Whether something happened in a session that is not looked at."""
        return isinstance(event, SkillEvent) and event.realm != self.name

    def logbook(self, name: str) -> Logbook:
        """What happened in a session; each has a log of its own."""
        if name not in self._logbooks:
            self._logbooks[name] = Logbook()
        return self._logbooks[name]

    def close_logbooks(self) -> None:
        for logbook in self._logbooks.values():
            logbook.close()

    def stranger_of(self, path: str) -> Skill | None:
        workbench = self._app.workbench
        skill = workbench.owner_of(path)
        return None if skill is None or workbench.is_own(skill) else skill

    async def made_own(self, skill: Skill) -> Skill:
        return await self._app.workbench.made_own(skill)

    def choose(self) -> None:
        """Every session, and a new one."""
        notes = self._app.workbench.sessions.notes.all()
        rows = [_session_row(MAIN, "the workspace itself", self.name)]
        rows += [_session_row(note.name, _about(note), self.name) for note in notes]
        rows.append(Row(key=NEW, pieces=(("+ new", "accent"), ("   begin one", "dim"))))

        async def go(name: str | None) -> None:
            if name == NEW:
                self._app.push_screen(Ask("Name of the new session", _wrong_name, placeholder="faster"), begin)
            elif name is not None:
                await self._attempt(lambda: self.go_to(name))

        async def begin(name: str | None) -> None:
            if name is not None:
                await self._attempt(lambda: self._begin(name))

        self._app.push_screen(Choose("Dev sessions", rows, at=self.name), go)

    async def go_to(self, name: str) -> None:
        """Look into another session; raises WrongUse where there is none."""
        app = self._app
        workbench = app.workbench.in_session(name)
        self.name = name
        app.look_from(workbench)
        app.run_pane.use(name)
        app.log_pane.use(self.logbook(name))
        app.workers.cancel_group(app, "session")
        if not self.is_main:

            async def watch() -> None:
                async with app.following.of(workbench):
                    await anyio.sleep_forever()

            app.run_worker(watch, name="session", group="session", exit_on_error=False)  # type: ignore[arg-type]
        await app.refresh_snapshot()
        if app.chosen is not None and app.editor.paths:
            await app.editor.open(app.editor.paths[0])
        app.say("this is the workspace" if self.is_main else f"this is the session {name}: what you save stays in it")

    async def heed(self) -> None:
        """Something happened to a session; the one that is looked at may be gone, or have other variables."""
        try:
            self._app.workbench.in_session(self.name)
        except WorkbenchError:
            name = self.name
            if name != self._closing:
                await self.go_to(MAIN)
                self._app.say(f"▲ the session {name} was closed · this is the workspace")
            return
        await self._app.refresh_snapshot()

    async def compare(self) -> None:
        """The files that are not what the workspace has; the chosen one in its three states."""
        app, exchange = self._app, self._app.workbench.exchange
        stands = [each for each in await exchange.compared() if each.standing is not Standing.SAME]
        if not stands:
            app.say(f"{self.name} is what the workspace is")
            return

        def show(path: str | None) -> None:
            if path is not None:
                app.push_screen(
                    Page(f"{path}, from when it was taken", tuple(_three(*exchange.texts(path), self.name)))
                )

        rows = [_stand_row(stand) for stand in stands]
        app.push_screen(Choose(f"{self.name} and the workspace", rows), show)

    def update(self) -> None:
        self._beside(self._update)

    def promote(self) -> None:
        if self._app.editor.unsaved_paths:
            self._app.say("✕ something is unsaved · save it, then promote")
            return
        self._app.say(f"↻ {self.name} is promoted: its tests run")
        self._beside(self._promote)

    async def close(self) -> None:
        """End this session, and go back to the workspace; what would be lost is said first."""
        try:
            await self._close(give_up=False)
        except Conflict as error:
            rows = [
                Row(key="", pieces=(("keep it open", "plain"), ("   P promotes it, D shows what it is", "dim"))),
                Row(key="close", pieces=(("close it all the same", "plain"), ("   its files are kept a while", "dim"))),
            ]

            async def decide(key: str | None) -> None:
                if key:
                    await self._attempt(lambda: self._close(give_up=True))

            self._app.push_screen(Choose(error.message, rows), decide)

    async def _close(self, *, give_up: bool) -> None:
        name = self._closing = self.name
        try:
            kept = await self._app.workbench.sessions.close(name, give_up=give_up)
            await self.go_to(MAIN)
        finally:
            self._closing = ""
        self._app.say(f"{name} is closed · its files are kept for a while in {kept}")

    def run_everywhere(self) -> None:
        """The chosen skill with the inputs as they stand, in every session at the same time."""
        chosen = self._app.chosen
        assert chosen is not None
        name, inputs = chosen.name, self._app.run_pane.inputs()
        names = [MAIN, *(note.name for note in self._app.workbench.sessions.notes.all())]
        ends: dict[str, Result | WorkbenchError | None] = dict.fromkeys(names)
        width = max(LEAST_COLUMN, (self._app.size.width - 16) // len(names))
        page = Page(f"{name} in every session", tuple(_side_by_side(ends, width)))
        scope = anyio.CancelScope()

        async def run_in(session: str) -> None:
            try:
                ends[session] = await self._app.workbench.in_session(session).run(name, inputs)
            except WorkbenchError as error:
                ends[session] = error
            page.show(tuple(_side_by_side(ends, width)))

        async def run() -> None:
            with scope:
                async with anyio.create_task_group() as tasks:
                    for session in names:
                        tasks.start_soon(run_in, session)

        self._app.push_screen(page, lambda _: scope.cancel())
        self._app.run_worker(run, group="everywhere", exit_on_error=False)  # type: ignore[arg-type]

    async def _begin(self, name: str) -> None:
        await self._app.workbench.sessions.create(name)
        await self.go_to(name)

    async def _update(self, prefer: str = "") -> None:
        """What both changed in the same lines is the person's to decide."""
        left = await self._app.workbench.exchange.update(prefer=prefer)
        self._app.editor.look_outside()
        if not left:
            words = "keeps its own lines" if prefer == "mine" else "has everything that the workspace has"
            self._app.say(f"{self.name} {words}")
            return
        rows = [
            Row(
                key="mine",
                pieces=(("keep mine", "plain"), ("   the session's; P writes them over theirs", "dim")),
            ),
            Row(key="theirs", pieces=(("take theirs", "plain"), ("   the workspace's lines instead", "dim"))),
        ]

        async def decide(key: str | None) -> None:
            if key is not None:
                await self._attempt(lambda: self._update(key))

        names = ", ".join(stand.path for stand in left[:3])
        self._app.push_screen(Choose(f"Both changed the same lines: {names}", rows), decide)

    async def _promote(self) -> None:
        try:
            promoted = await self._app.workbench.promote()
        except Conflict as error:
            self._app.say(f"✕ {error.message} · {error.hint}")
            return
        names = ", ".join(name for name, _ in promoted.skills)
        self._app.say(f"● the workspace has {counted(len(promoted.files), 'file')} of {self.name}: {names}")

    def _beside(self, do: Callable[[], Awaitable[None]]) -> None:
        """What may take a while: keys go on being heard meanwhile. One after the other: what is begun is finished."""
        if self._is_busy:
            self._app.say("something is under way here · wait for its end")
            return
        self._is_busy = True

        async def work() -> None:
            try:
                await self._attempt(do)
            finally:
                self._is_busy = False

        self._app.run_worker(work, group="sessions", exit_on_error=False)  # type: ignore[arg-type]

    async def _attempt(self, do: Callable[[], Awaitable[None]]) -> None:
        app = self._app
        try:
            await do()
        except WorkbenchError as error:
            app.say(f"✕ {error.message} · {error.hint}")
        app.show_snapshot()


def _wrong_name(name: str) -> str:
    legal = LEGAL_NAME.fullmatch(name) and name != MAIN
    return "" if legal else "a name is letters, digits, - _ and . and begins with a letter or a digit; not main"


def _about(note: SessionNote) -> str:
    over = f"a worktree of {note.worktree_of}" if note.worktree_of else "" if note.is_overlay else f"over {note.folder}"
    return "   ".join(part for part in (f"begun {ago(note.created_at)}", over, " ".join(note.environment)) if part)


def _session_row(name: str, about: str, here: str) -> Row:
    glyph, style = ("●", "good") if name == here else (" ", "plain")
    return Row(key=name, pieces=((f"{glyph} {name:<20}", style), (safe(about), "dim")))


def _stand_row(stand: FileStand) -> Row:
    glyph, style = MARKS[stand.standing]
    return Row(key=stand.path, pieces=((f"{glyph} ", style), (safe(stand.path), "plain"), (f"   {stand.words}", style)))


def _three(base: str, mine: str, theirs: str, name: str) -> Iterator[Row]:
    """What became of a text here, and what became of it in the workspace."""
    for text, where in ((mine, name), (theirs, "the workspace")):
        rows = list(difference_rows(base, text, "as it was taken", where))
        yield Row(pieces=((f"in {where}", "accent"), ("" if rows else "   as it was taken", "dim")))
        yield from rows
        yield Row(pieces=((" ", "plain"),))


def _side_by_side(ends: Mapping[str, Result | WorkbenchError | None], width: int) -> Iterator[Row]:
    """A column for each session: how it ended, on which revision, and what it said."""
    yield _columns([(name, "accent") for name in ends], width)
    yield _columns([_head(end) for end in ends.values()], width)
    yield Row(pieces=((" ", "plain"),))
    bodies = [_body(end, width - 2) for end in ends.values()]
    for line in zip_longest(*bodies, fillvalue=""):
        yield _columns([(cell, "plain") for cell in line], width)


def _columns(cells: Sequence[tuple[str, str]], width: int) -> Row:
    """One line of cells; the last one is not filled up, so that nothing is broken at the end of the page."""
    *first, (words, style) = cells
    filled = [(f"{_cut(each, width - 2):<{width}}", its) for each, its in first]
    return Row(pieces=(*filled, (_cut(words, width - 2) or " ", style)))


def _head(end: Result | WorkbenchError | None) -> tuple[str, str]:
    if end is None:
        return "◌ running", "dim"
    if isinstance(end, WorkbenchError):
        return f"✕ {safe(end.message)}", "bad"
    glyph, word, style = end_of(end.outcome)
    return f"{glyph} {word}  {duration(end.outcome.duration_ms)}  r{end.run.skill.revision}", style


def _body(end: Result | WorkbenchError | None, width: int) -> list[str]:
    if end is None or isinstance(end, WorkbenchError):
        return []
    outcome = end.outcome
    if outcome.error is not None:
        text = outcome.error.message
    elif isinstance(outcome.output, str):
        text = outcome.output
    else:
        text = json.dumps(outcome.output, indent=2, default=str, ensure_ascii=False)
    lines = (safe(line.expandtabs(4)) for line in text.splitlines()[:MOST_LINES])
    return [part for line in lines for part in wrap(line, width, drop_whitespace=False) or [""]]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
