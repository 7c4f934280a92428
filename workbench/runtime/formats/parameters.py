"""The list of parameters that an author writes, turned into the schema that checks inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.model.frozen import replace
from workbench.runtime.schemas.validator import Problem, problems_of_schema

_COPIED = {
    "description": "description",
    "default": "default",
    "pattern": "pattern",
    "minimum": "minimum",
    "maximum": "maximum",
    "min_length": "minLength",
    "max_length": "maxLength",
    "items": "items",
}


def schema_of_parameters(parameters: Sequence[object]) -> tuple[Mapping[str, object], tuple[Problem, ...]]:
    """A schema that takes exactly these parameters, and what is wrong with them, by the path in their list."""
    properties: dict[str, object] = {}
    required: list[str] = []
    problems: list[Problem] = []
    for index, parameter in enumerate(parameters):
        if not isinstance(parameter, Mapping) or not isinstance(name := parameter.get("name"), str):
            continue
        if name in properties:
            message, hint = f"the parameter '{name[:80]}' stands twice", "give one of them another name"
            problems.append(Problem(path=(index, "name"), rule="parameter.twice", message=message, hint=hint))
        if parameter.get("type") == "enum" and not isinstance(parameter.get("values"), list):
            message, hint = f"the parameter '{name[:80]}' names no values", 'add "values": ["a", "b"]'
            problems.append(Problem(path=(index,), rule="parameter.enum", message=message, hint=hint))
        properties[name] = _property(parameter)
        if parameter.get("required") is True or ("required" not in parameter and "default" not in parameter):
            required.append(name)
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    if not problems:
        problems = [_as_written(problem, parameters) for problem in problems_of_schema(schema)]
    return schema, tuple(problems)


def _as_written(problem: Problem, parameters: Sequence[object]) -> Problem:
    """A problem of the schema that was made, told of the parameter it was made from."""
    _, name, *below = (*problem.path, "", "")
    names = [parameter.get("name") if isinstance(parameter, Mapping) else None for parameter in parameters]
    if name not in names:
        return replace(problem, path=())
    keyword = next((old for old, new in _COPIED.items() if below and new == below[0]), "")
    inner = tuple(part for part in below[1:] if part != "")
    return replace(problem, path=(names.index(name), *((keyword, *inner) if keyword else ())))


def _property(parameter: Mapping[str, Any]) -> dict[str, object]:
    schema: dict[str, object] = {new: parameter[old] for old, new in _COPIED.items() if old in parameter}
    kind = parameter.get("type", "string")
    if isinstance(parameter.get("values"), list):
        schema["enum"] = parameter["values"]
    if kind not in ("enum", "any"):
        schema["type"] = kind
    return schema
