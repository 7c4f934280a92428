"""Skills: the tree by scope and folder, the state of each at a glance, and a filter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from textual.app import ComposeResult
from textual.content import Content
from textual.events import DescendantFocus
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from workbench.model.skill import Scope
from workbench.model.words import safe
from workbench.ui.glimpse import Glimpse
from workbench.ui.panes.pane import Pane
from workbench.ui.widgets.line import put_text
from workbench.ui.widgets.rows import Row, Rows
from workbench.ui.words import STATES, has_in_order

SCOPES = {Scope.DEV: "dev session", Scope.WORKSPACE: "workspace", Scope.USER: "yours", Scope.BUILTIN: "builtin"}
NAME_WIDTH = 16
STATE_WIDTH = 9
_ORDER = {scope: rank for rank, scope in enumerate(Scope)}


class SkillsPane(Pane):
    """Tells which skill is looked at, and which one was chosen."""

    NUMBER, NAME = 1, "Skills"

    class Looked(Message):
        """The cursor came to a skill."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    class Chosen(Looked):
        """Enter on a skill."""

    def __init__(self) -> None:
        super().__init__()
        self._glimpses: tuple[Glimpse, ...] = ()
        self._unsaved: frozenset[str] = frozenset()
        self._left = ""
        """Where the cursor stood when somebody began to type a filter, until one of what it leaves is chosen."""

    def compose(self) -> ComposeResult:
        yield self._title
        yield Input(placeholder="/ filter", id="filter", compact=True)
        yield Rows(id="skill-rows")
        yield Static("", id="skills-empty", classes="empty")

    @property
    def to_focus(self) -> Widget:
        return self.query_one(Rows)

    @property
    def words_to_copy(self) -> str:
        return self.query_one(Rows).key

    def show(self, glimpses: Iterable[Glimpse], unsaved: Iterable[str] = ()) -> None:
        """Show what there is now; where the cursor stands does not change by it."""
        ordered = tuple(sorted(glimpses, key=lambda each: (_ORDER[each.scope], each.group, each.name.casefold())))
        before = (self._glimpses, self._unsaved)
        self._glimpses, self._unsaved = ordered, frozenset(unsaved)
        if before != (self._glimpses, self._unsaved) or not ordered:
            self._draw()

    @property
    def looked_at(self) -> str:
        """The skill that the cursor stands on."""
        return self.query_one(Rows).key

    def look_at(self, name: str) -> None:
        """Put the cursor on a skill."""
        self.query_one(Rows).put_cursor_on(name)

    def focus_filter(self) -> None:
        self.screen.set_focus(self.query_one(Input))

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        rows = self.query_one(Rows)
        if event.widget is rows and rows.key:
            self._left = ""
        elif event.widget is not rows:
            self._left = self._left or rows.key

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._draw(leads=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.screen.set_focus(self.to_focus)

    def key_escape(self) -> None:
        with self.prevent(Input.Changed):
            self.query_one(Input).value = ""
        self._draw(leads=True)
        self._left = ""
        self.screen.set_focus(self.to_focus)

    def key_down(self) -> None:
        self.screen.set_focus(self.to_focus)

    def on_rows_highlighted(self, event: Rows.Highlighted) -> None:
        event.stop()
        self.post_message(self.Looked(event.key))

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        event.stop()
        self.post_message(self.Chosen(event.key))

    def _draw(self, *, leads: bool = False) -> None:
        """Where a filter `leads`, the cursor goes back to where it stood if that is shown, else to the first match."""
        wanted = self.query_one(Input).value
        shown = [glimpse for glimpse in self._glimpses if is_wanted(glimpse, wanted)]
        names = [glimpse.name for glimpse in shown] if leads else []
        rows, stood = self.query_one(Rows), self._left or self.looked_at
        at = stood if stood in names else names[0] if names else ""
        rows.show(tuple(rows_of(shown, self._unsaved)), at=at)
        empty = self.query_one("#skills-empty", Static)
        empty.display = not shown
        self.set_class(not shown, "bare")
        if wanted:
            put_text(empty, Content(f"nothing matches '{safe(wanted)}'\nesc shows all"))
        else:
            put_text(empty, Content("no skills yet\nn makes one of your own"))


def is_wanted(glimpse: Glimpse, letters: str) -> bool:
    """Whether a skill's name or description holds these letters in this order."""
    wanted = letters.casefold().replace(" ", "")
    if not wanted or has_in_order(glimpse.name.casefold(), wanted):
        return True
    return letters.casefold() in glimpse.description.casefold()


def rows_of(glimpses: Iterable[Glimpse], unsaved: frozenset[str] = frozenset()) -> Iterator[Row]:
    """A heading for each scope and each folder, and a row for each skill, as they are ordered."""
    scope: Scope | None = None
    group = ""
    for glimpse in glimpses:
        if glimpse.scope is not scope:
            scope, group = glimpse.scope, ""
            yield Row(pieces=((SCOPES[glimpse.scope], "dim"),))
        if glimpse.group != group:
            group = glimpse.group
            yield Row(pieces=((f"▾ {group}", "dim"),))
        yield _row(glimpse, indent=2 if group else 0, is_unsaved=glimpse.name in unsaved)


@lru_cache(maxsize=10_000)
def _row(glimpse: Glimpse, indent: int, *, is_unsaved: bool) -> Row:
    glyph, word, style = STATES[glimpse.state]
    width = NAME_WIDTH - indent
    name = glimpse.name if len(glimpse.name) <= width else f"{glimpse.name[: width - 1]}…"
    number = glimpse.revision or glimpse.last_good
    revision = f"r{number}" if number else "–"
    said, said_style = (glimpse.version, "dim") if word == "ok" else (word, style)
    if len(said) > STATE_WIDTH:
        said = f"{said[: STATE_WIDTH - 1]}…"
    return Row(
        key=glimpse.name,
        pieces=(
            (" " * indent, "plain"),
            (f"{glyph} ", style),
            (f"{name:<{width}}", "plain"),
            ("+" if is_unsaved else " ", "accent"),
            (f"{said:>{STATE_WIDTH}}", said_style),
            (f"{revision:>5}", "dim"),
        ),
    )
