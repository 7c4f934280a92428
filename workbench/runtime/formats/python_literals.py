"""Plain values in a syntax tree: what JSON can hold is read as it is written, everything else is NOT_PLAIN."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from workbench.runtime.schemas.validator import Pointer

NOT_PLAIN: Any = object()
_ENUMS = ("SkillType", "Maturity")
POSITIONS = {
    "SkillMetadata": ("skill_id", "name", "version", "description", "author", "skill_type", "capabilities"),
    "SkillCapability": ("name", "description", "input_types", "output_types"),
}
_LARGEST_INTEGER_BITS = 64


def last_name(node: ast.expr | None) -> str:
    """`skill` for both `skill` and `sdk.skill`; nothing for what is no name."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def arguments_of(call: ast.Call) -> Iterator[tuple[str, ast.expr, ast.expr | ast.keyword]]:
    """The name, the value and the beginning of each argument; what has no name, `*a` and `**b`, has the name ''."""
    names = POSITIONS.get(last_name(call.func), ())
    for index, argument in enumerate(call.args):
        is_known = index < len(names) and not isinstance(argument, ast.Starred)
        yield (names[index] if is_known else ""), argument, argument
    for keyword in call.keywords:
        yield keyword.arg or "", keyword.value, keyword


def plain_value(node: ast.expr) -> Any:
    """The value of a literal; an enum's member by its lower-case name; a SkillCapability as a mapping."""
    if isinstance(node, ast.Attribute) and last_name(node.value) in _ENUMS:
        return node.attr.lower()
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        items = [plain_value(item) for item in node.elts]
        return NOT_PLAIN if any(item is NOT_PLAIN for item in items) else items
    if isinstance(node, ast.Dict):
        return _mapping((_key(key), value) for key, value in zip(node.keys, node.values, strict=True))
    if isinstance(node, ast.Call) and last_name(node.func) == "SkillCapability":
        return _mapping((name, value) for name, value, _ in arguments_of(node))
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return NOT_PLAIN
    return value if _is_plain(value) else NOT_PLAIN


def places_in(node: ast.expr, path: Pointer) -> Iterator[tuple[Pointer, ast.expr]]:
    """The node at every path below a value: the key of a mapping's member, the item of a list."""
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if name := _key(key):
                yield from places_in(value, (*path, name))
                yield (*path, name), key or value
    elif isinstance(node, ast.List | ast.Tuple):
        for index, value in enumerate(node.elts):
            yield (*path, index), value
            yield from places_in(value, (*path, index))


def _key(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _mapping(pairs: Iterator[tuple[str, ast.expr]]) -> Any:
    values = {name: plain_value(value) for name, value in pairs}
    return NOT_PLAIN if "" in values or any(value is NOT_PLAIN for value in values.values()) else values


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, int):
        return value.bit_length() <= _LARGEST_INTEGER_BITS
    return value is None or (isinstance(value, float) and abs(value) < float("inf"))
