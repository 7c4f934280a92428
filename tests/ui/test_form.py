"""The form on the screen: keys, what is said beside a field, strangers' words, and the way to JSON and back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import TextArea

from tests.author import Author, function
from tests.ui.eyes import opened
from tests.ui.hands import Hands
from workbench.ui.widgets.form import FieldRow, InputsForm, Submitted, WrongInputs

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
TEXT, INTEGER, FLAG = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}


class Desk(App[None]):
    """An app that is a form and nothing else."""

    CSS_PATH = "../../workbench/ui/styles/app.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.submitted = 0

    def compose(self) -> ComposeResult:
        yield InputsForm(id="inputs-form")

    def on_submitted(self, _: Submitted) -> None:
        self.submitted += 1


class Form(Hands):
    """The form as somebody sees it who types into it."""

    def __init__(self, pilot: Pilot[None], desk: Desk) -> None:
        super().__init__(pilot)
        self.desk = desk
        self.form = desk.query_one(InputsForm)

    async def shows(
        self, values: dict[str, Any] | None = None, *, required: tuple[str, ...] = (), **rules: Any
    ) -> None:
        await self.asks({"type": "object", "properties": rules, "required": list(required)}, values or {})

    async def asks(self, schema: dict[str, Any], values: dict[str, Any]) -> None:
        await self.form.show(schema, values)
        if self.form.first_field is not None:
            self.form.first_field.focus()
        await self.settle()

    def note(self, name: str) -> str:
        row = next(row for row in self.form.query(FieldRow) if row.field.name == name)
        return str(row._note.content) if row._note.display else ""

    @property
    def text(self) -> str:
        strips = self.desk.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)


@asynccontextmanager
async def a_form() -> AsyncIterator[Form]:
    desk = Desk()
    async with desk.run_test(size=(50, 30)) as pilot:
        yield Form(pilot, desk)


async def test_enter_runs_and_alt_enter_makes_a_new_line() -> None:
    async with a_form() as form:
        await form.shows(who=TEXT)
        await form.press("a", "alt+enter", "b", "enter")

        assert form.form.values() == {"who": "a\nb"}
        assert form.desk.submitted == 1


async def test_enter_makes_a_new_line_where_one_on_each_line_is_wanted() -> None:
    async with a_form() as form:
        await form.shows(numbers={"type": "array", "items": INTEGER})
        await form.press("1", "enter", "2")

        assert form.form.values() == {"numbers": [1, 2]}
        assert form.desk.submitted == 0


async def test_a_choice_is_turned_both_ways_and_left_open_where_it_may_be() -> None:
    async with a_form() as form:
        await form.shows(pick={"enum": [1, True, "1"]})
        turned = []
        for key in ("left", "left", "left", "left", "right", "space", "enter"):
            await form.press(key)
            turned.append(form.form.values().get("pick"))

        assert list(map(repr, turned)) == ["'1'", "True", "1", "None", "1", "True", "True"]
        assert form.desk.submitted == 1


@pytest.mark.parametrize(("key", "value"), [("left", "c"), ("right", "a")])
async def test_a_choice_that_is_wanted_begins_at_the_end_it_is_turned_to(key: str, value: str) -> None:
    async with a_form() as form:
        await form.shows(pick={"enum": ["a", "b", "c"]}, required=("pick",))
        await form.press(key)

        assert form.form.values() == {"pick": value}


async def test_what_is_wrong_stands_below_its_field_and_the_field_gets_the_focus() -> None:
    async with a_form() as form:
        await form.shows(name=TEXT, many={**INTEGER, "maximum": 9}, required=("name",))
        assert form.note("name") == ""
        await form.press("tab", "x")
        assert form.note("many") == "'x' is not a whole number"

        with pytest.raises(WrongInputs, match="'x' is not a whole number"):
            form.form.values()
        await form.press("backspace", "9", "9")
        assert "at most 9" in form.note("many")
        with pytest.raises(WrongInputs, match="name: is wanted"):
            form.form.values()
        assert form.note("name") == "is wanted"
        assert form.form.first_field is form.form.query(FieldRow).first().input

        await form.press("backspace", "shift+tab", "a")
        assert form.form.values() == {"name": "a", "many": 9}


@pytest.mark.parametrize(
    "name", ["it's", "a' is missing", "[red]x", "", "inputs-form", "#id .class", "\x1b[2J", "ä" * 300]
)
async def test_whatever_a_property_is_called_its_mistakes_stand_below_it(name: str) -> None:
    async with a_form() as form:
        await form.asks({"type": "object", "properties": {"other": TEXT, name: TEXT}, "required": [name]}, {})
        with pytest.raises(WrongInputs):
            form.form.values()
        assert form.note(name) == "is wanted"
        assert "\x1b" not in form.text

        await form.form.show({"type": "object", "properties": {name: TEXT}, "required": [name]}, {name: "here"})
        assert form.form.values() == {name: "here"}


async def test_a_long_name_and_a_long_description_are_cut_and_told_at_the_field() -> None:
    async with a_form() as form:
        await form.shows(destination_host={**TEXT, "description": "where to"}, destination_port=INTEGER)
        assert "destinati…" in form.text
        assert form.note("destination_host") == "destination_host  where to"
        await form.press("tab")
        assert form.note("destination_port").strip() == "destination_port"

        await form.asks({"properties": {"x" * 10_000: {**TEXT, "description": "y " * 10_000}, "z": TEXT}}, {})
        await form.press("a")
        assert len(form.note("x" * 10_000)) < 500
        assert form.form.values() == {"x" * 10_000: "a"}


async def test_what_strangers_write_is_shown_and_steers_nothing() -> None:
    hostile = "\x1b[2J[red]x[/]\x9b31m\u202e"
    rules = {
        "name": {**TEXT, "description": hostile, "default": hostile},
        "pick": {"enum": [hostile], "description": hostile},
        "list": {"type": "array", "items": TEXT, "default": [hostile]},
        hostile: {"type": "object", "default": {hostile: hostile}},
    }
    async with a_form() as form:
        await form.asks({"type": "object", "properties": rules}, {"pick": hostile})
        shown = form.text
        for _ in rules:
            await form.press("tab")
            shown += form.text

        assert "[red]x" in shown
        assert not {"\x1b", "\x9b", "\u202e"} & set(shown)
        assert form.form.values() == {"pick": hostile}
        with pytest.raises(WrongInputs, match="does not fit"):
            await form.shows({"name": hostile}, name=TEXT)


async def test_a_value_that_no_field_can_show_is_refused_before_anything_is_changed() -> None:
    async with a_form() as form:
        await form.shows({"count": 3}, count=INTEGER)
        with pytest.raises(WrongInputs):
            await form.shows({"count": "three"}, count=INTEGER)
        with pytest.raises(WrongInputs, match="no form"):
            await form.asks({"oneOf": [{}], "properties": {}, "x": 1}, {})

        assert form.form.values() == {"count": 3}


async def test_inputs_that_no_field_knows_go_along() -> None:
    async with a_form() as form:
        await form.shows({"count": 3, "more": {"a": [1]}}, count=INTEGER)

        assert form.form.values() == {"count": 3, "more": {"a": [1]}}


async def test_another_skill_with_fields_that_are_merely_equal_has_fields_of_its_own() -> None:
    async with a_form() as form:
        await form.shows({"on": 1}, on={"enum": [1, 0]})
        await form.shows({"on": True}, on={"enum": [True, False]})

        assert form.form.values()["on"] is True


async def test_a_wanted_text_that_is_empty_is_told_and_not_lost() -> None:
    async with a_form() as form:
        await form.shows({"who": ""}, who=TEXT, required=("who",))

        assert form.form.said() == {"who": ""}
        with pytest.raises(WrongInputs, match="who: is wanted"):
            form.form.values()
        with pytest.raises(WrongInputs, match="does not fit"):
            await form.shows({"who": ""}, who={**TEXT, "default": "world"})


@pytest.mark.exhaustive
async def test_many_fields_are_walked_through() -> None:
    async with a_form() as form:
        await form.asks({"properties": {f"field{number}": INTEGER for number in range(25)}}, {})
        await form.press(*["tab"] * 24, "7")

        assert form.form.values() == {"field24": 7}
        assert "field24" in form.text


WHOLE = {
    "text": "one\ntwo",
    "count": 10**30,
    "share": 0.5,
    "flag": False,
    "pick": "1",
    "names": ["a", "[red]b"],
    "sizes": [1, 2.5],
    "items": [{"a": None}],
    "thing": {"deep": {"ü": [1]}},
}
SCHEMA = {
    "type": "object",
    "properties": {
        "text": TEXT,
        "count": INTEGER,
        "share": {"type": "number"},
        "flag": FLAG,
        "pick": {"enum": [1, True, "1"]},
        "names": {"type": "array", "items": TEXT},
        "sizes": {"type": "array", "items": {"type": "number"}},
        "items": {"type": "array", "items": {"type": "object"}},
        "thing": {"type": "object"},
    },
    "required": ["text"],
}


@pytest.mark.exhaustive
async def test_from_the_form_to_json_and_back_nothing_is_lost(author: Author) -> None:
    author.has_command("aaa", "true", input_schema=SCHEMA, example=WHOLE)

    async with opened(author) as eyes:
        json_area = eyes.app.query_one("#inputs-json", TextArea)
        await eyes.until(lambda: eyes.app.run_pane.inputs() == WHOLE, "the example")
        for _ in range(2):
            await eyes.press("alt+j")
            assert json.loads(json_area.text) == WHOLE
            await eyes.press("alt+j")
            assert json.dumps(eyes.app.run_pane.inputs(), sort_keys=True) == json.dumps(WHOLE, sort_keys=True)


async def test_inputs_without_a_form_are_json_and_those_that_fit_no_field_stay_json(author: Author) -> None:
    author.has_command("aaa", "true", input_schema={**SCHEMA, "anyOf": [{"required": ["text"]}]}, example={"text": "x"})

    async with opened(author) as eyes:
        json_area = eyes.app.query_one("#inputs-json", TextArea)
        await eyes.until(lambda: json_area.display and json.loads(json_area.text) == {"text": "x"}, "JSON")
        json_area.text = '{"text": 3}'
        await eyes.press("alt+j")
        await eyes.until(lambda: json_area.display and json.loads(json_area.text) == {"text": 3}, "JSON still")


@pytest.mark.exhaustive
async def test_an_input_that_a_reload_takes_away_is_not_given_and_comes_back_with_it(author: Author) -> None:
    author.has_function("aaa", "return text", parameters="text: str")
    async with opened(author, watch=True) as eyes:
        await eyes.press("i", *"hello")
        author.saves("aaa/skill.py", function("aaa", "return 'nothing'"))
        await eyes.see("it takes no inputs")
        await eyes.press("ctrl+r")
        await eyes.see("✓ completed", "nothing")
        author.saves("aaa/skill.py", function("aaa", "return text * 2", parameters="text: str"))
        await eyes.see("hello")
        await eyes.press("ctrl+r")
        await eyes.see("hellohello")
