"""Editor: the files of the chosen skill; what is unsaved is kept on disk, what others write is never lost."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import anyio
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static, TextArea

from workbench.model.errors import NotEditable, WorkbenchError
from workbench.model.finding import Finding
from workbench.model.frozen import frozen
from workbench.model.skill import Skill
from workbench.model.words import clock_time, safe
from workbench.runtime.devsessions.files import (
    ChangedOutside,
    TextFile,
    digest_of_file,
    new_text_file,
    read_text_file,
    save_text_file,
    text_files_of,
)
from workbench.runtime.library.drafts import Draft, Drafts
from workbench.ui.owner import Owner, name_in
from workbench.ui.panes.pane import Pane
from workbench.ui.widgets.line import put_text
from workbench.ui.widgets.source import Source

KEEP_SECONDS = 0.5
MOST_OPEN = 8


@frozen
class Question:
    """Two texts for one file, and a person has to say which; the other is what it holds now, or an earlier draft."""

    words: str
    text: str | None
    theirs: TextFile | None = None
    draft: Draft | None = None


class EditorPane(Pane):
    """Shows one file at a time; each open file keeps its text, its cursor and what can be undone."""

    NUMBER, NAME = 2, "Editor"

    class Said(Message):
        """Something for the status line."""

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

    class Saved(Message):
        """A file was written."""

        def __init__(self, path: str) -> None:
            super().__init__()
            self.path = path

    class Stirred(Message):
        """What is unsaved, or what has to be decided, has changed."""

    def __init__(self) -> None:
        super().__init__()
        self._skill: Skill | None = None
        self._sources: dict[str, Source] = {}
        self._questions: dict[str, Question] = {}
        self._offers: dict[str, Draft] = {}
        self._findings: Mapping[str, tuple[Finding, ...]] = {}
        self._not_run: dict[str, frozenset[int]] = {}
        self._drafts: Drafts | None = None
        self._owner: Owner | None = None
        self._to_keep: set[str] = set()
        self._path = ""
        self._stood: tuple[object, ...] = ()
        self.paths: tuple[str, ...] = ()

    def contents(self) -> Iterator[Widget]:
        yield Static("", id="question")
        yield Container(id="sources")
        yield Static("choose a skill to see its text", id="editor-empty", classes="empty")

    @property
    def to_focus(self) -> Widget:
        return self.source or self.query_one("#sources")

    @property
    def words_to_copy(self) -> str:
        return (self.source.selected_text or self.source.text) if self.source else ""

    @property
    def source(self) -> Source | None:
        """The text that is shown."""
        return self._sources.get(self._path)

    @property
    def question(self) -> Question | None:
        return self._questions.get(self._path)

    @property
    def has_unsaved(self) -> bool:
        return self.source is not None and self.source.is_unsaved

    @property
    def unsaved_paths(self) -> tuple[str, ...]:
        return tuple(path for path, source in self._sources.items() if source.is_unsaved)

    @property
    def has_findings(self) -> bool:
        return self.source is not None and bool(self.source.marked_lines)

    @property
    def offered_paths(self) -> tuple[str, ...]:
        """The files with text that an earlier start left unsaved, the newest first."""
        return tuple(self._offers)

    def connect(self, drafts: Drafts, owner: Owner) -> None:
        """From now on unsaved text is kept, and what was left is offered."""
        self._drafts, self._owner = drafts, owner
        for draft in drafts.offered():
            if draft.path in self._offers or _holds(draft.path, draft.text):
                drafts.drop(draft.path, draft.owner)
            else:
                self._offers[draft.path] = draft
        self._to_keep |= set(self.unsaved_paths)
        self._keep()

    async def show(self, skill: Skill | None, findings: Mapping[str, tuple[Finding, ...]]) -> None:
        """Look at another skill, or at the same one as it is now."""
        before, self._skill = self._skill, skill
        self._findings = findings
        self.paths = text_files_of(skill) if skill else ()
        if skill is None:
            self._go_to("")
        elif before is None or before.folder != skill.folder or before.name != skill.name or not self._path:
            # A skill that goes away under somebody's hands takes nothing with it: the next letter is for the same text.
            if self.source is None or not self.source.has_focus:
                await self.open(self.paths[0])
        else:
            self._mark()
            self.look_outside()

    async def foresee(self, path: str) -> None:
        """Show a file before it is known whose it is."""
        if path:
            await self.open(path)

    async def open(self, path: str, line: int = 0, column: int = 0) -> None:
        """Show a file, at a line if one is given."""
        if path not in self._sources:
            try:
                file = read_text_file(path)
            except NotEditable as error:
                self._go_to("", f"{error.message}\n{error.hint}")
                return
            await self._close_some()
            self._sources[path] = source = Source(file)
            await self.query_one("#sources").mount(source)
        if (draft := self._offers.pop(path, None)) is not None:
            words = f"unsaved text of {clock_time(draft.at)} is here"
            self._questions[path] = Question(words=words, text=draft.text, draft=draft)
        self._go_to(path)
        self.look_outside()
        if line:
            self._sources[path].go_to_line(line, column)

    async def save(self) -> None:
        """Write the file, unless somebody else wrote it meanwhile."""
        source = self.source
        assert source is not None
        text, path = source.text, self._path
        try:
            if self._owner is not None and (skill := self._owner.stranger_of(path)) is not None:
                path = await self._made_own(self._owner, skill, source)
            save = new_text_file if not os.path.lexists(path) else None
            file = await anyio.to_thread.run_sync(
                partial(save, path, source.file, text) if save else partial(save_text_file, source.file, text)
            )
        except ChangedOutside as error:
            self._ask_about(path, error.theirs)
            self.post_message(self.Said(f"✕ not saved: {error.message} · {error.hint}"))
            return
        except WorkbenchError as error:
            self.post_message(self.Said(f"✕ not saved: {error.message} · {error.hint}"))
            return
        source.file = file
        self._questions.pop(path, None)
        if self._drafts is not None:
            self._drafts.drop(path)
        self._draw()
        self.post_message(self.Saved(path))

    def keep_now(self) -> None:
        """Have everything that is unsaved on disk at once."""
        self._to_keep |= set(self.unsaved_paths)
        self._keep()

    def revert(self) -> None:
        if self.source is not None:
            self.source.put(self.source.file.text)

    async def next_file(self) -> None:
        at = self.paths.index(self._path) if self._path in self.paths else -1
        await self.open(self.paths[(at + 1) % len(self.paths)])

    def next_finding(self) -> None:
        source = self.source
        assert source is not None
        here = source.cursor_location[0] + 1
        lines = source.marked_lines
        source.go_to_line(next((line for line in lines if line > here), lines[0]))

    def keep_mine(self) -> None:
        """What is in the editor stays; the other text is let go of at the next save."""
        question, source = self._questions.pop(self._path), self.source
        assert source is not None
        if question.draft is not None:
            self._drop(question.draft)
        elif question.theirs is not None:
            source.file = question.theirs
        self._draw()
        self.post_message(self.Said("yours stays · ctrl+s writes it"))

    def take_theirs(self) -> None:
        """The other text comes into the editor; the one that was there can be had back by undoing."""
        question, source = self._questions.pop(self._path), self.source
        assert source is not None
        if question.theirs is not None:
            source.file = question.theirs
        if question.text is None:
            self._forget(self._path)
            return
        source.put(question.text)
        if question.draft is not None:
            self._keep()
            self._drop(question.draft)
        self._draw()
        self.post_message(self.Said("taken · ctrl+z brings back what was here"))

    def difference(self) -> tuple[str, str, str, str]:
        """Two texts to compare and what they are called: what is offered or in the file, and what is in the editor."""
        source = self.source
        assert source is not None
        question = self.question
        if question is None:
            return source.file.text, source.text, "the file", "the editor"
        name = "the unsaved text" if question.draft else "the file"
        return question.text or "", source.text, name, "the editor"

    def look_outside(self) -> None:
        """Notice what others wrote into the file that is shown."""
        source = self.source
        if source is None or (self.question is not None and self.question.draft is not None):
            return
        path = self._path
        digest = digest_of_file(path)
        known = self.question.theirs.digest if self.question and self.question.theirs else source.file.digest
        if digest == known:
            return
        try:
            theirs = read_text_file(path)
        except NotEditable:
            theirs = None
        if theirs is not None and not source.is_unsaved:
            source.file = theirs
            source.put(theirs.text)
            self._draw()
        elif self.question is None or self.question.theirs != theirs:
            self._ask_about(path, theirs)

    def mark_not_run(self, lines: Mapping[str, frozenset[int]]) -> None:
        """The lines of each file that no test has run, until it is changed."""
        self._not_run = dict(lines)
        self._mark()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        source = event.text_area
        assert isinstance(source, Source)
        self._not_run.pop(source.file.path, None)
        if not self._to_keep:
            self.set_timer(KEEP_SECONDS, self._keep)
        self._to_keep.add(source.file.path)
        self._draw()

    def _keep(self) -> None:
        """Have what is unsaved on disk; text that is saved or taken back needs no draft."""
        paths, self._to_keep = self._to_keep, set()
        if self._drafts is None:
            return
        for path in paths & self._sources.keys():
            source = self._sources[path]
            try:
                if source.is_unsaved:
                    self._drafts.keep(path, source.text, source.file.digest, time.time())
                else:
                    self._drafts.drop(path)
            except WorkbenchError as error:
                self.post_message(self.Said(f"✕ {error.message} · {error.hint}"))

    def _ask_about(self, path: str, theirs: TextFile | None) -> None:
        name = os.path.basename(path)
        words = f"{name} was written outside" if theirs else f"{name} is gone outside; saving puts it back"
        self._questions[path] = Question(words=words, text=theirs.text if theirs else None, theirs=theirs)
        self._draw()

    def _drop(self, draft: Draft) -> None:
        if self._drafts is not None:
            self._drafts.drop(draft.path, draft.owner)

    async def _made_own(self, owner: Owner, skill: Skill, source: Source) -> str:
        """The copy of a skill that may be edited, open in place of the one that may not."""
        before = source.file.path
        own = await owner.made_own(skill)
        path = own.path_of(name_in(skill, before))
        if self._drafts is not None:
            self._drafts.drop(before)
        source.file = read_text_file(path)
        self._sources[path] = self._sources.pop(before)
        self._path, self.paths = path, tuple(path if each == before else each for each in self.paths)
        self.post_message(self.Said(f"{skill.name} is your own now: {own.home}"))
        return path

    async def _close_some(self) -> None:
        """Only so many files stay open; one with unsaved text always does."""
        clean = [path for path, source in self._sources.items() if not source.is_unsaved and path != self._path]
        for path in clean[: max(0, len(self._sources) - MOST_OPEN + 1)]:
            await self._sources.pop(path).remove()

    def _forget(self, path: str) -> None:
        if (source := self._sources.pop(path, None)) is not None:
            source.remove()
        if self._drafts is not None:
            self._drafts.drop(path)
        self._go_to("", "the file is gone")

    def _go_to(self, path: str, empty: str = "choose a skill to see its text") -> None:
        self._path = path
        for each, source in self._sources.items():
            source.display = each == path
        shown = self.query_one("#editor-empty", Static)
        shown.display = not path
        put_text(shown, Content(empty))
        self._mark()

    def _mark(self) -> None:
        if self.source is not None:
            self.source.mark(self._findings.get(self._path, ()), self._not_run.get(self._path, ()))
        self._draw()

    def _draw(self) -> None:
        """The title, and the question if there is one."""
        asked = self.query_one("#question", Static)
        asked.display = self.question is not None
        if self.question is not None:
            put_text(
                asked, Content(f"◆ {self.question.words}   alt+t take it   alt+k keep mine   alt+d see the difference")
            )
        if not self._path:
            self.set_detail("")
        else:
            folder, name = os.path.split(self._path)
            at = self.paths.index(self._path) + 1 if self._path in self.paths else 0
            behind = (f"  {at}/{len(self.paths)}" if at and len(self.paths) > 1 else "") + (
                "  + unsaved" if self.has_unsaved else ""
            )
            whole = f"{os.path.basename(folder)}/{name}{behind}"
            self.set_detail(safe(whole if len(whole) < self.size.width - len(self.label) - 4 else f"{name}{behind}"))
        stands = (self.unsaved_paths, self.question)
        if stands != self._stood:
            self._stood = stands
            self.post_message(self.Stirred())


def by_file(findings: Iterable[Finding]) -> dict[str, tuple[Finding, ...]]:
    """Findings by the file that they are about."""
    files: dict[str, tuple[Finding, ...]] = {}
    for finding in findings:
        files[finding.place.file] = (*files.get(finding.place.file, ()), finding)
    return files


def _holds(path: str, text: str) -> bool:
    """Whether the file says just this, so that nothing of it is unsaved."""
    try:
        return read_text_file(path).text == text
    except NotEditable:
        return False
