"""Fields made of schemas: what each takes, and that a value comes back as it was put in."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.model.words import safe
from workbench.ui.fields import MOST_FIELDS, NOT_GIVEN, Field, FieldKind, NotThis, fields_of, fits, text_of, value_of

texts = st.text() | st.sampled_from(
    ["", " ", "\n", "a\r\nb", "a\x0cb", "a\u2028b", "\x1b[2J", "[red]x", "\ud800", "1", "true"]
)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


def field(rule: Any, *, is_required: bool = False) -> Field:
    schema = {"type": "object", "properties": {"it": rule}, "required": ["it"] if is_required else []}
    (made,) = fields_of(schema) or ()
    return made


def as_json(value: object) -> str:
    return json.dumps(value, sort_keys=True)


TEXT, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
LINES, NUMBERS = {"type": "array", "items": TEXT}, {"type": "array", "items": NUMBER}
OBJECTS, OBJECT = {"type": "array", "items": {"type": "object"}}, {"type": "object"}
MIXED = {"enum": [1, True, "1", 1.0, None, "true", [1], [True], {"a": 1}]}
RULES: list[Any] = [TEXT, INTEGER, NUMBER, {"type": "boolean"}, LINES, NUMBERS, OBJECTS, OBJECT, MIXED, True, {}]


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        (TEXT, FieldKind.TEXT),
        (INTEGER, FieldKind.INTEGER),
        (NUMBER, FieldKind.NUMBER),
        ({"type": "boolean"}, FieldKind.CHOICE),
        ({"enum": ["a", "b"]}, FieldKind.CHOICE),
        ({"type": "string", "enum": []}, FieldKind.TEXT),
        ({"type": "string", "enum": list(map(str, range(201)))}, FieldKind.TEXT),
        (LINES, FieldKind.LINES),
        (NUMBERS, FieldKind.LINES),
        (OBJECTS, FieldKind.JSON),
        ({"type": "array"}, FieldKind.JSON),
        ({"type": "array", "items": True}, FieldKind.JSON),
        ({"type": "array", "items": {"type": ["string", "null"]}}, FieldKind.JSON),
        (OBJECT, FieldKind.JSON),
        ({"type": ["string", "null"]}, FieldKind.JSON),
        ({"anyOf": [TEXT, INTEGER]}, FieldKind.JSON),
        (True, FieldKind.JSON),
        ({}, FieldKind.JSON),
    ],
    ids=str,
)
def test_each_part_of_a_schema_has_its_kind_of_field(rule: Any, kind: FieldKind) -> None:
    assert field(rule).kind is kind


@given(st.sampled_from(RULES), values)
def test_a_value_that_fits_comes_back_from_its_text_as_it_was(rule: Any, value: Any) -> None:
    made = field(rule)
    if not fits(made, value):
        return

    text = text_of(made, value)

    assert text == safe(text)
    if made.kind is not FieldKind.CHOICE:
        assert as_json(value_of(made, text)) == as_json(value)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (TEXT, "one\ntwo\n"),
        (TEXT, " "),
        (TEXT, "[red]x"),
        (INTEGER, -(10**40)),
        (NUMBER, 3),
        (NUMBER, 3.0),
        (NUMBER, 1e-300),
        ({"type": "boolean"}, False),
        (LINES, ["a", " b "]),
        (NUMBERS, [1, 2.5]),
        (OBJECTS, [{"a": [1, None]}]),
        (OBJECT, {"a": {"ü": "\n"}}),
        (MIXED, None),
        (MIXED, [True]),
    ],
    ids=repr,
)
def test_what_a_field_is_made_for_fits_it(rule: Any, value: Any) -> None:
    assert fits(field(rule), value)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (TEXT, ""),
        (TEXT, 3),
        (TEXT, None),
        (TEXT, "a\r\nb"),
        (TEXT, "a\x0cb\u2028c"),
        (TEXT, "\x1b[2J"),
        (TEXT, "\u202ereversed"),
        (TEXT, "\ud800"),
        (INTEGER, True),
        (INTEGER, 1.0),
        (INTEGER, "1"),
        (NUMBER, math.nan),
        (NUMBER, math.inf),
        (LINES, []),
        (LINES, ["a", ""]),
        (LINES, ["a\nb"]),
        (LINES, [1]),
        (NUMBERS, [True]),
        (OBJECT, {"a": math.nan}),
        (OBJECT, {"a": "\u2028"}),
        ({"type": "boolean"}, 1),
        ({"enum": [1]}, True),
        ({"enum": [[1]]}, [True]),
        ({"enum": [1]}, 1.0),
    ],
    ids=repr,
)
def test_what_a_field_would_change_does_not_fit_it(rule: Any, value: Any) -> None:
    assert not fits(field(rule), value)


def test_what_cannot_even_be_written_down_does_not_fit() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    assert not fits(field(OBJECT), deep)
    assert not fits(field(INTEGER), 10**5_000)
    assert field({"default": 10**5_000}).placeholder == ""


@pytest.mark.parametrize(
    ("rule", "text", "words"),
    [
        (INTEGER, "1.5", "'1.5' is not a whole number"),
        (INTEGER, "²", "'²' is not a whole number"),
        (INTEGER, "x" * 1000, f"'{'x' * 20}' is not a whole number"),
        (INTEGER, "1" * 5_000, "is not a whole number"),
        (NUMBER, "NaN", "'NaN' is not a number"),
        (NUMBER, "-inf", "'-inf' is not a number"),
        (NUMBER, "1e999", "'1e999' is not a number"),
        (NUMBER, "+-1", "'+-1' is not a number"),
        (NUMBERS, "1\nx", "'x' is not a number"),
        (OBJECT, "{", "is not JSON: "),
        (OBJECT, "NaN", "is not JSON: "),
        (OBJECT, '{"a": -Infinity}', "is not JSON: "),
        (OBJECT, "1e999", "is not JSON: "),
        (OBJECT, "1" * 5_000, "is not JSON: "),
        (OBJECT, "[" * 100_000, "is not JSON: nested too deep"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_text_that_is_no_value_is_refused_in_words(rule: Any, text: str, words: str) -> None:
    with pytest.raises(NotThis) as refused:
        value_of(field(rule), text)

    assert words in str(refused.value)


@given(st.sampled_from(RULES[:-2]), texts)
def test_whatever_is_typed_is_a_value_or_refused(rule: Any, text: str) -> None:
    try:
        value = value_of(field(rule), text)
    except NotThis:
        return

    assert value is NOT_GIVEN or json.dumps(value, allow_nan=False)


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_an_empty_field_gives_nothing(text: str) -> None:
    assert [value_of(field(rule), text) for rule in (INTEGER, NUMBERS, OBJECT)] == [NOT_GIVEN] * 3
    assert value_of(field(TEXT), text) == (text or NOT_GIVEN)


def test_an_empty_field_says_what_is_used_in_its_place() -> None:
    assert field({"default": {"a": 1}}).placeholder == '{\n  "a": 1\n}'
    assert field({"type": "string", "default": "\x1b[2J"}).placeholder == r"\x1b[2J"
    assert field({"type": "boolean", "default": False}).placeholder == "false"
    assert field(LINES).placeholder == "one on each line"
    assert field(TEXT).placeholder == "not given"
    assert field(TEXT, is_required=True).placeholder == ""


def test_choices_that_look_alike_are_told_apart() -> None:
    mixed = field({"enum": [1, "1", True, "true", "plain"]})

    assert [text_of(mixed, choice) for choice in mixed.choices] == ["1", '"1"', "true", '"true"', "plain"]


def test_bounds_stand_beside_a_number_while_they_are_short() -> None:
    assert field({**INTEGER, "minimum": 1, "maximum": 9}).bounds == "1–9"
    assert field({**NUMBER, "minimum": 0.5}).bounds == "from 0.5"
    assert field({**NUMBER, "maximum": 2}).bounds == "up to 2"
    assert field({**INTEGER, "minimum": -(2**63), "maximum": 2**63 - 1}).bounds == ""
    assert field({**TEXT, "minimum": 1}).bounds == ""


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": TEXT}, "oneOf": [{"required": ["a"]}]},
        {"properties": {"a": TEXT}, "$ref": "#/x"},
        {"properties": {str(number): TEXT for number in range(MOST_FIELDS + 1)}},
        {"type": "object", "patternProperties": {"x": TEXT}},
        {"allOf": [{"properties": {"a": TEXT}}]},
    ],
    ids=lambda schema: str(schema)[:40],
)
def test_a_schema_that_no_form_can_show_has_none(schema: dict[str, object]) -> None:
    assert fields_of(schema) is None


@pytest.mark.parametrize("schema", [None, {}, {"type": "object"}, {"type": "object", "properties": {}}])
def test_a_schema_that_names_nothing_has_no_fields(schema: dict[str, object] | None) -> None:
    assert fields_of(schema) == ()


@given(st.dictionaries(st.sampled_from(["type", "properties", "required", "enum", "items", "$ref"]), values))
def test_whatever_is_called_a_schema_gives_fields_or_none(schema: dict[str, object]) -> None:
    for made in fields_of(schema) or ():
        assert isinstance(made.placeholder, str)
