from __future__ import annotations

import ast
from typing import Any

import pytest

from workbench.runtime.formats.python_reader import read_python
from workbench.runtime.formats.python_signature import schema_of_signature
from workbench.runtime.schemas.validator import problems_of_schema


def schema_of(parameters: str) -> dict[str, Any]:
    function = ast.parse(f"def f({parameters}): ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    return dict(schema_of_signature(function))


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        ("str", {"type": "string"}),
        ("int", {"type": "integer"}),
        ("float", {"type": "number"}),
        ("bool", {"type": "boolean"}),
        ("None", {"type": "null"}),
        ("list", {"type": "array"}),
        ("list[str]", {"type": "array", "items": {"type": "string"}}),
        ("typing.List[List[int]]", {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}),
        ("list[Any]", {"type": "array"}),
        ("dict", {"type": "object"}),
        ("dict[str, int]", {"type": "object", "additionalProperties": {"type": "integer"}}),
        ("Mapping[str, Any]", {"type": "object"}),
        ("Literal['a', 'b', -1, None]", {"enum": ["a", "b", -1, None]}),
        ("Literal[A]", {}),
        ("str | None", {"type": ["string", "null"]}),
        ("str | int | None", {"type": ["string", "integer", "null"]}),
        ("Optional[str]", {"type": ["string", "null"]}),
        ("Optional[str | None]", {"type": ["string", "null"]}),
        ("Union[str, int]", {"type": ["string", "integer"]}),
        ("list[str] | None", {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]}),
        ("Literal['a'] | int | None", {"anyOf": [{"enum": ["a"]}, {"type": ["integer", "null"]}]}),
        ("Optional[Unknown]", {}),
        ("Annotated[int, 'meters']", {"type": "integer"}),
        ("'str | None'", {"type": ["string", "null"]}),
        ("'not python ('", {}),
        ("pathlib.Path", {}),
        ("3", {}),
    ],
)
def test_an_annotation_says_what_an_input_must_be(annotation: str, schema: dict[str, Any]) -> None:
    made = schema_of(f"a: {annotation}")

    assert equivalent(made["properties"]["a"]) == equivalent(schema)
    assert problems_of_schema(made) == ()


def equivalent(schema: dict[str, Any]) -> Any:
    """`anyOf` of two plain types is the same as a list of them."""
    if "anyOf" not in schema:
        return schema
    flat: list[Any] = []
    for each in schema["anyOf"]:
        types = each.get("type")
        flat += [{"type": one} for one in types] if isinstance(types, list) else [each]
    return flat


def test_parameters_without_a_default_are_required() -> None:
    made = schema_of("a: str, b: int = 3, *, c: bool, d: str = 'x'")

    assert made["required"] == ["a", "c"]
    assert made["properties"]["b"] == {"type": "integer", "default": 3}
    assert made["properties"]["d"] == {"type": "string", "default": "x"}
    assert made["additionalProperties"] is False


def test_a_default_of_none_lets_none_pass() -> None:
    assert schema_of("a: str = None")["properties"]["a"] == {"type": ["string", "null"], "default": None}
    assert schema_of("a=None")["properties"]["a"] == {"default": None}


def test_a_default_that_is_not_plain_is_no_part_of_the_schema() -> None:
    assert schema_of("a: str = make()") == {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": [],
        "additionalProperties": False,
    }


def test_the_context_is_no_input_and_further_keywords_are_taken_where_the_function_takes_them() -> None:
    made = schema_of("a, context, *rest, **kwargs")

    assert list(made["properties"]) == ["a"]
    assert made["additionalProperties"] is True


def test_a_decorated_function_tells_its_name_and_description_where_nothing_else_does() -> None:
    source = read_python(
        b'@skill\nasync def say_hello(name: str):\n    """Says\n    hello.\n\n    Politely."""\n', "x.py"
    )

    assert source is not None
    assert source.metadata["name"] == "say-hello"
    assert source.metadata["description"] == "Says hello."
    assert source.metadata["input_schema"]["required"] == ["name"]
    assert source.entry.is_class is False


def test_what_the_decorator_says_wins() -> None:
    source = read_python(b'@sdk.skill(name="hi", input_schema={"type": "object"})\ndef f(a):\n    "doc"\n', "x.py")

    assert source is not None
    assert source.metadata == {"name": "hi", "description": "doc", "input_schema": {"type": "object"}}
