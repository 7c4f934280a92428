from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from workbench.model.schema import load_schema
from workbench.runtime.schemas.validator import Problem, Validator, nearest, problems_of_schema, shown, validator_of

TREE: dict[str, object] = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"left": {"$ref": "#/$defs/node"}, "right": {"$ref": "#/$defs/node"}},
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}


def told(problems: tuple[Problem, ...]) -> list[str]:
    return [f"{'/'.join(map(str, problem.path))}: {problem.message}" for problem in problems]


@pytest.fixture
def visits() -> Iterator[list[str]]:
    """Who connected to a listener on this machine; its address stands first."""
    seen: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        seen.append(f"http://127.0.0.1:{server.getsockname()[1]}")

        def listen() -> None:
            while True:
                try:
                    connection, peer = server.accept()
                except OSError:
                    return
                with connection:
                    seen.append(str(peer))

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield seen
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        ({"type": "string"}, 1, ": the value must be a text, not 1"),
        ({"type": ["string", "null"]}, [], ": the value must be null or a text, not a list"),
        ({"properties": {"a": {"type": "integer"}}}, {"a": "x"}, "a: 'a' must be a whole number, not \"x\""),
        ({"items": {"type": "string"}}, ["a", 1], "1: item 2 must be a text, not 1"),
        ({"properties": {"a": {"items": {"minimum": 3}}}}, {"a": [1]}, "a/0: item 1 of 'a' must be at least 3, not 1"),
        ({"enum": ["red", "green"]}, "gren", ': the value must be one of "red", "green", not "gren"'),
        ({"const": 1}, 2, ": the value must be 1, not 2"),
        ({"pattern": "^a"}, "b", ': the value must match ^a, not "b"'),
        ({"exclusiveMaximum": 3}, 3, ": the value must be less than 3, not 3"),
        ({"multipleOf": 3}, 4, ": the value must be a multiple of 3, not 4"),
        ({"minLength": 3}, "ab", ": the value must have at least 3 characters, not 2"),
        ({"maxItems": 1}, [1, 2], ": the value must have at most 1 items, not 2"),
        ({"minProperties": 1}, {}, ": the value must have at least 1 keys, not 0"),
        ({"uniqueItems": True}, [1, 1], ": the value holds the same item twice"),
        ({"required": ["a"]}, {}, ": 'a' is missing"),
        ({"additionalProperties": False, "properties": {"name": {}}}, {"nmae": 1}, "nmae: unknown key 'nmae'"),
        ({"additionalProperties": False}, {"a": 1}, ": the value takes no keys"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, ": 'b' is missing"),
        ({"oneOf": [{"type": "integer"}, {"minimum": 0}]}, 1, ": the value fits more than one of its forms"),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            1,
            ": the value fits none of its 2 forms: the value must be a text, not 1; or the value must be null, not 1",
        ),
        (
            {"anyOf": [{"type": "string"}, {"properties": {"a": {"type": "string"}}}]},
            {"a": 1},
            ": the value fits none of its 2 forms: 'a' must be a text, not 1",
        ),
        ({"not": {}}, 1, ": the value is not allowed here"),
        ({"properties": {"a": False}}, {"a": 1}, "a: 'a' is not allowed here"),
    ],
)
def test_what_a_schema_has_against_a_value_is_said_plainly(schema: Any, value: object, problem: str) -> None:
    problems = Validator(schema).problems(value)

    assert told(problems) == [problem]
    assert problems[0].hint


def test_everything_that_is_wrong_is_told_at_once_up_to_a_number() -> None:
    validator = validator_of({"items": {"type": "string"}})

    assert validator.problems(["a"]) == ()
    assert len(validator.problems([1] * 10)) == 10
    assert len(validator.problems([1] * 1000)) == 50
    assert len(validator.problems([1] * 10, most=3)) == 3


def test_a_key_is_told_the_nearest_that_is_known() -> None:
    schema = {"$defs": {"x": {"properties": {"name": {}}, "additionalProperties": False}}, "$ref": "#/$defs/x"}

    assert validator_of(schema).problems({"Nmae": 1})[0].hint == "did you mean 'name'?"
    assert validator_of(schema).problems({"xyzzy": 1})[0].hint == "the keys are name"
    assert nearest("", []) == ""


@pytest.mark.parametrize("value", [{1: 2}, object(), {"a": b"x"}, {1, 2}, "\ud800"])
def test_what_is_not_json_is_a_problem_and_no_exception(value: object) -> None:
    problems = validator_of({"type": "integer"}).problems(value)

    assert len(problems) == 1
    assert problems[0].hint


def test_a_value_nested_without_end_is_a_problem() -> None:
    circle: list[object] = []
    circle.append(circle)
    deep: object = 1
    for _ in range(5000):
        deep = [deep]

    for value in (circle, deep):
        assert told(validator_of({"type": "string"}).problems(value)) == [": the value is nested too deep"]


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "^(a*)*b$", "(x+x+)+y"])
def test_a_pattern_that_explodes_elsewhere_answers_at_once(pattern: str) -> None:
    assert problems_of_schema({"pattern": pattern}) == ()
    assert len(Validator({"pattern": pattern}).problems("a" * 100_000 + "!")) == 1


def test_a_value_too_large_to_explain_is_refused_all_the_same() -> None:
    twice = validator_of({"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}, "required": ["b"]})
    deep: dict[str, object] = {}
    for _ in range(60):
        deep = {"a": deep, "b": 1}
    message = ": the value does not match the schema, and is too large to say where"

    assert told(twice.problems(deep)) == [message]
    assert told(validator_of({"items": {"type": "string"}}).problems([1] * 300_000)) == [message]


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        (3, ": a schema is an object, not 3"),
        ({"type": "strin"}, "type: 'strin' is no type of JSON"),
        ({"type": ["string", "nul"]}, "type: 'type' fits none of its 2 forms: item 2 of 'type' must be one of "),
        ({"properties": []}, "properties: 'properties' must be an object, not a list"),
        ({"properties": {"a": 3}}, "properties/a: 'a' must be true or false or an object, not 3"),
        ({"required": "a"}, "required: 'required' must be a list, not \"a\""),
        ({"minLength": -1}, "minLength: 'minLength' must be at least 0, not -1"),
        ({"pattern": 3}, "pattern: 'pattern' must be a text, not 3"),
        ({"items": {"pattern": "("}}, "items/pattern: '(' is not a pattern that is taken here"),
        ({"pattern": "(?<=a)b"}, "pattern: '(?<=a)b' is not a pattern that is taken here"),
        ({"pattern": "(a)\\1"}, "pattern: '(a)\\1' is not a pattern that is taken here"),
        ({"pattern": "(a{1000}){1000}"}, "pattern: '(a{1000}){1000}' is not a pattern that is taken here"),
        ({"patternProperties": {"(?=a)": {}}}, "patternProperties/(?=a): '(?=a)' is not a pattern"),
        ({"$ref": "#/$defs/strin", "$defs": {"string": {}}}, "$ref: $ref '#/$defs/strin' points to nothing"),
        ({"$ref": "#nowhere"}, "$ref: $ref '#nowhere' points to nothing"),
        ({"$ref": "other.json"}, "$ref: $ref may only point into its own document, not to 'other.json'"),
        ({"allOf": [{"$dynamicRef": "x"}]}, "allOf/0/$dynamicRef: $dynamicRef may only point into its own document"),
        ({"$schema": "urn:my-own"}, "$schema: 'urn:my-own' is no draft of JSON Schema that is known here"),
        ({"$ref": "#"}, "$ref: this $ref leads back to itself"),
        ({"anyOf": [{"type": "string"}, {"$ref": "#"}]}, "anyOf/1/$ref: this $ref leads back to itself"),
        ({"not": {"$ref": "#"}}, "not/$ref: this $ref leads back to itself"),
        ({"$anchor": "a", "$ref": "#a"}, "$ref: this $ref leads back to itself"),
        ({"dependentSchemas": {"a": {"$ref": "#"}}}, "dependentSchemas/a/$ref: this $ref leads back to itself"),
        (
            {"$defs": {"a b": {"$ref": "#/$defs/c~1d"}, "c/d": {"allOf": [{"$ref": "#/$defs/a%20b"}]}}},
            "$defs/a b/$ref: this $ref leads back to itself",
        ),
        ({"enum": [{1, 2}]}, ": this is not a schema that is taken here: Unsupported type"),
    ],
)
def test_what_is_wrong_with_a_schema_is_told_by_its_place(schema: object, problem: str) -> None:
    problems = problems_of_schema(schema)

    assert told(problems)[0].startswith(problem), told(problems)
    assert all(each.hint for each in problems)


@pytest.mark.parametrize(
    "schema",
    [
        True,
        False,
        {},
        TREE,
        {"properties": {"a": {"$ref": "#"}}},
        {"items": {"$ref": "#"}, "type": "array"},
        {"anyOf": [{"type": "string"}, {"items": {"$ref": "#"}}]},
        {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {}}, "$ref": "#/definitions/a"},
        {"$schema": "http://json-schema.org/draft-04/schema#", "exclusiveMinimum": True, "minimum": 3},
        {"$id": "https://example.org/me", "$defs": {"a": {}}, "$ref": "#/$defs/a"},
        {"const": {"$ref": "https://example.org"}, "default": {"$schema": "x"}, "enum": [{"$ref": "#"}]},
        {"properties": {"$ref": {"type": "string"}, "enum": {}, "$schema": {}}},
        {"items": {"$anchor": "a"}, "properties": {"b": {"$ref": "#a"}}},
        load_schema("skill"),
    ],
)
def test_a_schema_without_fault_has_no_problems(schema: object) -> None:
    assert problems_of_schema(schema) == ()


def test_a_recursive_schema_works() -> None:
    validator = validator_of(TREE)

    assert validator.problems({"left": {"right": {}}}) == ()
    assert told(validator.problems({"left": {"rigth": {}}})) == ["left/rigth: unknown key 'rigth'"]


@pytest.mark.parametrize("keyword", ["$ref", "$schema", "$dynamicRef", "$id"])
@pytest.mark.parametrize("below", ["", "properties", "const", "anything"])
def test_nothing_is_ever_fetched(visits: list[str], keyword: str, below: str) -> None:
    address = f"{visits[0]}/schema.json"
    said: dict[str, Any] = {keyword: address}
    schema = {"properties": {"enum": {below: {"a": said}} if below else said}}

    for each in (said, schema, {**said, "$ref": "#/$defs/x"}, {"allOf": [said], "$id": address}):
        if not problems_of_schema(each):
            Validator(each).problems({"enum": 1})

    assert visits[1:] == []


def test_a_schema_that_would_look_at_one_value_in_a_billion_ways_is_refused() -> None:
    straight: dict[str, Any] = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(40)}
    nested: dict[str, Any] = {
        f"a{n}": {"properties": {"p": {"anyOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2}}} for n in range(40)
    }
    for definitions in (straight, nested):
        schema = {"$defs": {**definitions, "a40": {"type": "string"}}, "$ref": "#/$defs/a0"}
        assert told(problems_of_schema(schema)) == [": this schema looks at one value in over 100,000 ways"]


def test_a_schema_of_very_many_or_very_deep_parts_is_refused() -> None:
    deep: dict[str, object] = {}
    for _ in range(10_000):
        deep = {"not": deep}

    assert told(problems_of_schema(deep))[0].endswith(": this schema is nested more than 64 levels")
    assert told(problems_of_schema({"enum": list(range(20_000))}))[0].endswith(": this schema is over 10,000 parts")


def test_a_long_chain_of_references_is_followed() -> None:
    chain: dict[str, object] = {f"a{n}": {"$ref": f"#/$defs/a{n + 1}"} for n in range(2_000)}
    chain["a2000"] = {"type": "string"}
    schema = {"$defs": chain, "$ref": "#/$defs/a0"}

    assert problems_of_schema(schema) == ()
    assert told(validator_of(schema).problems(3)) == [": the value must be a text, not 3"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\nb", '"a\\nb"'),
        ("x" * 100, '"' + "x" * 56 + "…"),
        ({"a": 1}, "an object"),
        ([1], "a list"),
        (None, "null"),
        (1.5, "1.5"),
        ("\ud800", "a str that JSON cannot hold"),
        (object(), "a object that JSON cannot hold"),
    ],
)
def test_a_value_is_shown_short_and_in_jsons_own_spelling(value: object, text: str) -> None:
    assert shown(value) == text
