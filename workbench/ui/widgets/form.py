"""The form of a skill's inputs: a field for each property of its schema, and what is wrong beside the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static, TextArea

from workbench.model.words import safe
from workbench.runtime.pipeline.inputs import with_defaults
from workbench.runtime.pipeline.problems import problems_with
from workbench.ui.fields import NOT_GIVEN, Field, FieldKind, NotThis, fields_of, fits, is_same, text_of, value_of
from workbench.ui.widgets.line import put_text

LABEL_WIDTH = 12
MOST_NOTE = 400


class WrongInputs(Exception):
    """What was typed is not what the skill takes; says why."""


class Submitted(Message):
    """Enter in a field."""


class TextField(TextArea):
    """A field that is typed into. It grows with its text; enter submits, alt+enter makes a new line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", show=False, priority=True),
        Binding("alt+enter,ctrl+n", "new_line", show=False),
    ]

    def __init__(self, field: Field) -> None:
        is_multiline = field.kind in (FieldKind.LINES, FieldKind.JSON)
        placeholder = Content(field.placeholder)  # a text would be read as markup
        super().__init__("", compact=True, tab_behavior="focus", placeholder=placeholder, classes="field")
        self._is_multiline = is_multiline

    def action_submit(self) -> None:
        if self._is_multiline:
            self.action_new_line()
        else:
            self.post_message(Submitted())

    def action_new_line(self) -> None:
        start, end = self.selection
        self._replace_via_keyboard("\n", start, end)


class ChoiceField(Static, can_focus=True):
    """A field with a few values: left, right and space go through them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "turn(-1)", show=False),
        Binding("right,space", "turn(1)", show=False),
        Binding("enter", "submit", show=False),
    ]
    at: reactive[int] = reactive(-1, layout=False)

    class Turned(Message):
        """Another value."""

    def __init__(self, field: Field) -> None:
        super().__init__("", classes="field choice")
        self.field = field

    @property
    def value(self) -> Any:
        return self.field.choices[self.at] if self.at >= 0 else NOT_GIVEN

    def put(self, value: object) -> None:
        choices = self.field.choices
        self.at = next((index for index, each in enumerate(choices) if is_same(each, value)), -1)

    def render(self) -> Content:
        shown = text_of(self.field, self.value) if self.at >= 0 else self.field.placeholder or "–"
        return Content(f"‹ {safe(shown)} ›")

    def action_turn(self, by: int) -> None:
        least = 0 if self.field.is_required else -1
        count = len(self.field.choices) - least
        is_unset = self.at < least
        self.at = (0 if by > 0 else count - 1) if is_unset else (self.at - least + by) % count + least
        self.post_message(self.Turned())

    def action_submit(self) -> None:
        self.post_message(Submitted())

    def on_click(self, event: Click) -> None:
        event.stop()
        self.action_turn(1)


class FieldRow(Vertical):
    """A name, its field, and below them what is wrong or what is meant."""

    def __init__(self, field: Field) -> None:
        super().__init__(classes="field-row")
        self.field = field
        self._input: TextField | ChoiceField = (
            ChoiceField(field) if field.kind is FieldKind.CHOICE else TextField(field)
        )
        self._note = Static("", classes="note")
        name = Content(" ".join(safe(field.name[:MOST_NOTE]).split()))
        self._label = name.truncate(LABEL_WIDTH - 2, ellipsis=True)
        self._about = field.description if self._label == name else f"{name.plain}  {field.description}"

    def compose(self) -> ComposeResult:
        with Horizontal(classes="field-line"):
            yield Static(self._label, classes="label")
            yield self._input
            if self.field.bounds:
                yield Static(Content(self.field.bounds), classes="bounds")
        yield self._note

    @property
    def input(self) -> Widget:
        return self._input

    def put(self, value: object) -> None:
        if isinstance(self._input, ChoiceField):
            self._input.put(value)
        else:
            self._input.text = text_of(self.field, value)

    def value(self) -> Any:
        """What is typed; raises NotThis."""
        if isinstance(self._input, ChoiceField):
            return self._input.value
        return value_of(self.field, self._input.text)

    def said(self) -> Any:
        """What is typed, as a text where it is no value."""
        try:
            return self.value()
        except NotThis:
            return self._input.text if isinstance(self._input, TextField) else NOT_GIVEN

    def note(self, wrong: str) -> None:
        """Say what is wrong; else, while the field has the focus, what it is for."""
        words = safe(wrong or (self._about if self._input.has_focus else ""))
        put_text(self._note, Content(words if len(words) <= MOST_NOTE else f"{words[:MOST_NOTE]}…"))
        self._note.set_class(bool(wrong), "bad")
        self._note.display = bool(words)


class InputsForm(VerticalScroll, can_focus=False):
    """Says what is typed as a mapping. Inputs that no field knows go along as they are."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._schema: Mapping[str, object] | None = None
        self._fields: tuple[Field, ...] = ()
        self._rows: tuple[FieldRow, ...] = ()
        self._others: dict[str, object] = {}
        self._has_submitted = False

    @property
    def first_field(self) -> Widget | None:
        """What takes the focus: the first field with something wrong, else the first."""
        rows = self._rows
        wrong = self._wrong() if self._has_submitted else {}
        return next((row.input for row in rows if row.field.name in wrong), rows[0].input if rows else None)

    async def show(self, schema: Mapping[str, object] | None, values: Mapping[str, object]) -> None:
        """The fields of a schema with these values in them; raises WrongInputs where they cannot show them."""
        fields = fields_of(schema)
        if fields is None:
            raise WrongInputs("this schema has no form")
        if any(not fits(field, values[field.name]) for field in fields if field.name in values):
            raise WrongInputs("a value does not fit its field")
        self._schema, self._has_submitted = schema, False
        if repr(fields) != repr(self._fields) or not self._rows:  # (1, 0) is equal to (True, False)
            self._fields = fields
            await self.remove_children()
            self._rows = tuple(FieldRow(field) for field in fields)
            await self.mount_all(self._rows or [Static("it takes no inputs", classes="dim")])
        names = {field.name for field in fields}
        self._others = {name: value for name, value in values.items() if name not in names}
        for row in self._rows:
            row.put(values.get(row.field.name, NOT_GIVEN))
        self._draw_notes()

    def said(self) -> dict[str, Any]:
        """What is typed, right or wrong; a text that is wanted and not there is an empty one."""
        wanted = [row.field for row in self._rows if row.field.is_wanted and row.field.kind is FieldKind.TEXT]
        return {**dict.fromkeys((field.name for field in wanted), ""), **self._given()}

    def values(self) -> dict[str, Any]:
        """What is typed; raises WrongInputs, and says at each field what is wrong with it."""
        self._has_submitted = True
        wrong = self._wrong()
        self._draw_notes()
        if wrong:
            name, words = next(iter(wrong.items()))
            raise WrongInputs(f"{safe(name)}: {words}" if name else words)
        return self._given()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._draw_notes()

    def on_choice_field_turned(self, event: ChoiceField.Turned) -> None:
        event.stop()
        self._draw_notes()

    def on_descendant_focus(self) -> None:
        self._draw_notes()

    def on_descendant_blur(self) -> None:
        self._draw_notes()

    def _given(self) -> dict[str, Any]:
        said = {row.field.name: row.said() for row in self._rows}
        return {**{name: value for name, value in said.items() if value is not NOT_GIVEN}, **self._others}

    def _draw_notes(self) -> None:
        """Before the first try, only what was typed is judged: an empty field is no mistake yet."""
        wrong = self._wrong()
        for row in self._rows:
            is_judged = self._has_submitted or row.said() is not NOT_GIVEN
            row.note(wrong.get(row.field.name, "") if is_judged else "")

    def _wrong(self) -> dict[str, str]:
        """What is wrong with each field."""
        wrong: dict[str, str] = {}
        for row in self._rows:
            try:
                row.value()
            except NotThis as error:
                wrong[row.field.name] = str(error)
        if wrong or self._schema is None:
            return wrong
        for problem in problems_with(with_defaults(self._given(), self._schema), self._schema):
            is_missing = problem.rule == "required" and not problem.path
            missing = problem.message.removeprefix("'").removesuffix("' is missing")
            name = missing if is_missing else str(problem.path[0]) if problem.path else ""
            wrong.setdefault(name, "is wanted" if is_missing else problem.message)
        return wrong
