"""The inputs that a plain function takes: its signature as a JSON Schema."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from workbench.runtime.formats.python_literals import NOT_PLAIN, last_name, plain_value

Function = ast.FunctionDef | ast.AsyncFunctionDef
_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array", "dict": "object"}
_LISTS = ("list", "List", "Sequence", "Iterable")
_MAPPINGS = ("dict", "Dict", "Mapping")
_CONTEXT = "context"


def schema_of_signature(function: Function) -> Mapping[str, object]:
    """Each parameter by its annotation; those without a default are required; `context` is not an input."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args]
    defaults = [*[None] * (len(named) - len(arguments.defaults)), *arguments.defaults]
    pairs = [*zip(named, defaults, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    inputs = [(argument, default) for argument, default in pairs if argument.arg != _CONTEXT]
    return {
        "type": "object",
        "properties": {argument.arg: _schema_of_input(argument, default) for argument, default in inputs},
        "required": [argument.arg for argument, default in inputs if default is None],
        "additionalProperties": arguments.kwarg is not None,
    }


def _schema_of_input(argument: ast.arg, default: ast.expr | None) -> Mapping[str, object]:
    schema = _schema_of(argument.annotation)
    value = plain_value(default) if default is not None else NOT_PLAIN
    if value is NOT_PLAIN:
        return schema
    if value is None and schema:
        schema = _any_of([schema, {"type": "null"}])
    return {**schema, "default": value}


def _schema_of(node: ast.expr | None) -> Mapping[str, object]:
    """The schema of an annotation; {}, which takes anything, where it says nothing that JSON knows."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _any_of([_schema_of(node.left), _schema_of(node.right)])
    if isinstance(node, ast.Constant):
        return _schema_of_constant(node.value)
    if isinstance(node, ast.Subscript):
        return _schema_of_generic(last_name(node.value), node.slice)
    name = last_name(node)
    return {"type": _TYPES[name]} if name in _TYPES else {}


def _schema_of_constant(value: object) -> Mapping[str, object]:
    if value is None:
        return {"type": "null"}
    if not isinstance(value, str):
        return {}
    try:
        return _schema_of(ast.parse(value, mode="eval").body)
    except (SyntaxError, ValueError, MemoryError):
        return {}


def _schema_of_generic(outer: str, inner: ast.expr) -> Mapping[str, object]:
    several = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if outer == "Literal":
        values = [plain_value(value) for value in several]
        return {} if any(value is NOT_PLAIN for value in values) else {"enum": values}
    if outer == "Optional":
        return _any_of([_schema_of(inner), {"type": "null"}])
    if outer == "Union":
        return _any_of([_schema_of(each) for each in several])
    if outer == "Annotated" and several:
        return _schema_of(several[0])
    if outer in _LISTS:
        return {"type": "array", **_unless_anything("items", _schema_of(inner))}
    if outer in _MAPPINGS:
        return {"type": "object", **_unless_anything("additionalProperties", _schema_of(several[-1]))}
    return {}


def _unless_anything(keyword: str, schema: Mapping[str, object]) -> Mapping[str, object]:
    return {keyword: schema} if schema else {}


def _any_of(schemas: list[Mapping[str, object]]) -> Mapping[str, object]:
    """One schema for what fits any of these, as short as it can be said."""
    if not all(schemas):
        return {}
    if all(schema.keys() == {"type"} for schema in schemas):
        types = [each for schema in schemas for each in _listed(schema["type"])]
        return {"type": list(dict.fromkeys(types))}
    return {"anyOf": [each for schema in schemas for each in _listed(schema.get("anyOf", schema))]}


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
