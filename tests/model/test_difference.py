"""What changed between two manifests, and whether a call that was right may be wrong now."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from workbench.model.difference import changes_between
from workbench.model.errors import ErrorKind
from workbench.model.frozen import replace
from workbench.model.manifest import Command, Manifest

TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


def told(before: dict[str, Any], after: dict[str, Any], *, side: str = "input") -> list[str]:
    field = f"{side}_schema"
    found = changes_between(*(replace(Manifest(name="a"), **{field: schema}) for schema in (before, after)))
    return [f"{'✕' if change.breaks else '·'} {change.where} {change.words}" for change in found]


def having(**properties: Any) -> dict[str, Any]:
    return {**TEXT, "properties": {**TEXT["properties"], **properties}}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (TEXT, TEXT, []),
        (TEXT, having(often={"type": "integer"}), ["· inputs.often is new"]),
        (
            TEXT,
            {**having(often={"type": "integer"}), "required": ["text", "often"]},
            ["✕ inputs.often is new and must be given"],
        ),
        (
            TEXT,
            {**having(often={"type": "integer", "default": 1}), "required": ["text", "often"]},
            ["· inputs.often is new"],
        ),
        (having(often={}), TEXT, ["· inputs.often is gone"]),
        (
            having(often={}),
            {**TEXT, "additionalProperties": False},
            ["✕ inputs.often is gone", "✕ inputs takes nothing else any more"],
        ),
        (TEXT, having(text={"type": "integer"}), ["✕ inputs.text type string → integer"]),
        (TEXT, having(text={"type": ["string", "null"]}), ["· inputs.text type string → null, string"]),
        (having(n={"type": "integer"}), having(n={"type": "number"}), ["· inputs.n type integer → integer, number"]),
        (having(n={"type": "number"}), having(n={"type": "integer"}), ["✕ inputs.n type integer, number → integer"]),
        (having(n={"enum": ["a", "b"]}), having(n={"enum": ["a"]}), ['✕ inputs.n value "a", "b" → "a"']),
        (having(n={"enum": ["a"]}), having(n={"enum": ["a", "b"]}), ['· inputs.n value "a" → "a", "b"']),
        (having(n={}), having(n={"minimum": 1}), ["✕ inputs.n minimum nothing → 1"]),
        (having(n={"maxLength": 5}), having(n={"maxLength": 9}), ["· inputs.n maxLength 5 → 9"]),
        (
            having(n={"items": {"type": "string"}}),
            having(n={"items": {"type": "integer"}}),
            ["✕ inputs.n[] type string → integer"],
        ),
        (TEXT, {**TEXT, "required": []}, ["· inputs.text need not be given any more"]),
    ],
)  # fmt: skip
def test_what_changed_in_the_inputs(before: dict[str, Any], after: dict[str, Any], words: list[str]) -> None:
    assert told(before, after) == words


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (TEXT, {**TEXT, "required": []}, ["✕ output.text may be missing now"]),
        (having(n={}), TEXT, ["✕ output.n is gone"]),
        (TEXT, having(n={}), ["· output.n is new"]),
        (TEXT, having(text={"type": ["string", "null"]}), ["✕ output.text type string → null, string"]),
        (having(n={"enum": ["a"]}), having(n={"enum": ["a", "b"]}), ['✕ output.n value "a" → "a", "b"']),
    ],
)
def test_what_changed_in_the_output(before: dict[str, Any], after: dict[str, Any], words: list[str]) -> None:
    assert told(before, after, side="output") == words


def test_what_changed_in_a_command_is_told_word_by_word() -> None:
    before = Manifest(name="a", command=Command(program="cat"))
    after = Manifest(name="a", command=Command(program="cat", shell=True, exit_codes={1: ErrorKind.TIMEOUT, 2: None}))

    told = [str(change.where) + ": " + change.words for change in changes_between(before, after)]

    assert told == ["command.shell: false → true", 'command.exit_codes: {} → {"1": "timeout", "2": null}']


def test_another_name_and_a_lost_alias_break_callers_and_other_words_do_not() -> None:
    before = Manifest(name="a", aliases=("b", "c"), description="old")
    after = replace(before, name="z", aliases=("c",), description="new")
    found = {change.where: change.breaks for change in changes_between(before, after)}
    assert found == {"name": True, "aliases": True, "description": False}


VALUE = st.one_of(st.integers(-3, 3), st.sampled_from(["a", "bb", "ccc"]), st.none(), st.booleans(), st.floats(-2, 2))
SIMPLE = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "integer", "number", "boolean", "null", ["string", "integer"]]),
        "enum": st.lists(VALUE, min_size=1, max_size=3),
        "minimum": st.integers(-2, 2),
        "maximum": st.integers(-2, 2),
        "minLength": st.integers(0, 3),
        "maxLength": st.integers(0, 3),
        "default": VALUE,
    },
)
NAMES = ["x", "y"]
SCHEMA = st.fixed_dictionaries(
    {"type": st.just("object")},
    optional={
        "properties": st.dictionaries(st.sampled_from(NAMES), SIMPLE),
        "required": st.lists(st.sampled_from(NAMES), unique=True),
        "additionalProperties": st.booleans(),
    },
)


def is_right(inputs: dict[str, Any], schema: dict[str, Any]) -> bool:
    """As the workbench sees it: defaults are filled in first."""
    properties = schema.get("properties", {})
    whole = {**{name: part["default"] for name, part in properties.items() if "default" in part}, **inputs}
    return bool(jsonschema.Draft202012Validator(schema).is_valid(whole))


@given(SCHEMA, SCHEMA, st.dictionaries(st.sampled_from([*NAMES, "z"]), VALUE))
def test_a_call_that_was_right_and_is_wrong_now_is_never_passed_over(
    before: dict[str, Any], after: dict[str, Any], inputs: dict[str, Any]
) -> None:
    for part in after.get("properties", {}).values():
        assume("default" not in part or jsonschema.Draft202012Validator(part).is_valid(part["default"]))
    known = {name: value for name, value in inputs.items() if name in before.get("properties", {})}
    if is_right(known, before) and not is_right(known, after):
        found = changes_between(Manifest(name="a", input_schema=before), Manifest(name="a", input_schema=after))
        assert any(change.breaks for change in found)
