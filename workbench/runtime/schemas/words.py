"""What a schema has against a value, in words for a person: the key, what it must be, what it is, what was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from workbench.model.frozen import frozen

Pointer = tuple[str | int, ...]


@frozen
class Problem:
    """One thing that is wrong with a value, and the path to it."""

    path: Pointer
    rule: str
    message: str
    hint: str = ""


def worded(error: Any, schema: Mapping[str, object], value: object = None) -> Iterator[Problem]:
    """What the validator's error means to a person, at its path in the value."""
    kind = error.kind
    path = _path_in(value, error.instance_path)
    name: str = kind.name
    if name in ("additionalProperties", "unevaluatedProperties"):
        known = _known_properties(schema, error.schema_path)
        for key in kind.unexpected:
            yield unknown_key(key, (*path, key), known, rule=name)
    elif name == "required":
        yield Problem(path=path, rule=name, message=f"'{kind.property}' is missing", hint=f"add '{kind.property}'")
    else:
        yield Problem(path=path, rule=name, message=_message(name, kind, error, path), hint=_hint(name, kind, error))


def unknown_key(key: str, path: Pointer, known: Sequence[str], *, rule: str) -> Problem:
    """A key that nobody asked for, and the one that was likely meant."""
    few = f"the keys are {', '.join(known)}" if 0 < len(known) <= 8 else "remove it, or look at its spelling"
    return Problem(path=path, rule=rule, message=f"unknown key '{key[:80]}'", hint=nearest(key, known) or few)


def _known_properties(schema: Mapping[str, object], path: Sequence[str | int]) -> Sequence[str]:
    """The keys that the object schema around a keyword knows."""
    node: object = schema
    for part in path[:-1]:
        if isinstance(node, Mapping):
            node = node.get(str(part))
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            node = node[part]
    return keys_of(node, "properties") if isinstance(node, Mapping) else ()


def _path_in(value: object, path: Sequence[str | int]) -> Pointer:
    """The path with texts where it goes through objects: the validator takes a key such as "4" for a position."""
    found: list[str | int] = []
    for part in path:
        key = str(part) if isinstance(value, Mapping) else part
        found.append(key)
        if isinstance(value, Mapping):
            value = value.get(key)
        else:
            value = value[key] if isinstance(value, list) and isinstance(key, int) and key < len(value) else None
    return tuple(found)


def _message(name: str, kind: Any, error: Any, path: Pointer) -> str:
    where = _where(path)
    match name:
        case "type":
            return f"{where} must be {_type_names(kind.types)}, not {shown(error.instance)}"
        case "enum":
            return f"{where} must be one of {_listed(kind.options)}, not {shown(error.instance)}"
        case "const":
            return f"{where} must be {shown(kind.expected_value)}, not {shown(error.instance)}"
        case "pattern":
            return f"{where} must match {kind.pattern[:80]}, not {shown(error.instance)}"
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum" | "multipleOf":
            limit = kind.multiple_of if name == "multipleOf" else kind.limit
            return f"{where} must be {_BOUNDS[name]} {shown(limit)}, not {shown(error.instance)}"
        case "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties":
            few_or_many, what = _BOUNDS[name[:3]], _COUNTED[name[3:]]
            return f"{where} must have {few_or_many} {kind.limit} {what}, not {len(error.instance)}"
        case "uniqueItems":
            return f"{where} holds the same item twice"
        case "falseSchema" if tuple(error.schema_path)[-1:] == ("additionalProperties",):
            return f"{where} takes no keys"
        case "falseSchema" | "not":
            return f"{where} is not allowed here"
        case "anyOf" | "oneOf" if kind.context and all(kind.context):
            return f"{where} fits none of its {len(kind.context)} forms: {_why_not(kind.context)}"
        case "oneOf":
            return f"{where} fits more than one of its forms"
    return f"{where}: {first_line(error)}"


def _where(path: Sequence[str | int]) -> str:
    if not path:
        return "the value"
    if isinstance(path[-1], str):
        return f"'{path[-1][:80]}'"
    holder = next((part for part in reversed(path) if isinstance(part, str)), "")
    return f"item {path[-1] + 1} of '{holder[:80]}'" if holder else f"item {path[-1] + 1}"


def _why_not(context: Sequence[Sequence[Any]]) -> str:
    """What is wrong with the forms that come nearest, which is where the mistake lies deepest; each said once."""
    problems = [problem for errors in context[:8] for problem in islice(worded(errors[0], {}), 1)]
    depth = max(len(problem.path) for problem in problems)
    reasons = dict.fromkeys(problem.message for problem in problems if len(problem.path) == depth)
    return "; or ".join(reasons)[:240]


def _type_names(types: object) -> str:
    listed = types if isinstance(types, list) else [types]
    return " or ".join(TYPES.get(str(each), str(each)) for each in listed)


def _hint(name: str, kind: Any, error: Any) -> str:
    match name:
        case "enum" if isinstance(error.instance, str):
            near = nearest(error.instance, [option for option in kind.options if isinstance(option, str)])
            return near or _HINTS["enum"]
        case "type":
            wanted = kind.types if isinstance(kind.types, list) else [kind.types]
            return f"write {' or '.join(_EXAMPLES.get(str(each), str(each)) for each in wanted)}"
        case "const":
            return f"write {shown(kind.expected_value)}"
    return _HINTS.get(name, "look at what the schema asks for")


TYPES = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}
_EXAMPLES = {
    "string": '"…"',
    "number": "0.5, without quotes",
    "integer": "5, without quotes",
    "boolean": "true or false, without quotes",
    "object": "{…}",
    "array": "[…]",
    "null": "null",
}
_HINTS = {
    "enum": "write one of these",
    "pattern": "write a text of this form",
    "minimum": "write a larger number",
    "exclusiveMinimum": "write a larger number",
    "maximum": "write a smaller number",
    "exclusiveMaximum": "write a smaller number",
    "minLength": "write more",
    "maxLength": "write less",
    "minItems": "add some",
    "maxItems": "remove some",
    "uniqueItems": "remove one of them",
    "falseSchema": "remove it",
    "not": "write something else",
    "anyOf": "write it in one of these forms",
    "oneOf": "write it in exactly one of its forms",
}
_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
    "multipleOf": "a multiple of",
    "min": "at least",
    "max": "at most",
}
_COUNTED = {"Length": "characters", "Items": "items", "Properties": "keys"}


def nearest(word: str, known: Sequence[str]) -> str:
    """`did you mean 'x'?` for the nearest known word, or nothing."""
    folded = {candidate.casefold(): candidate for candidate in known}
    match = difflib.get_close_matches(word[:128].casefold(), folded, n=1, cutoff=0.7)
    return f"did you mean '{folded[match[0]]}'?" if match else ""


def shown(value: object) -> str:
    """A value as a message shows it: short, and in JSON's own spelling; what holds others by its kind alone."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    try:
        text = msgspec.json.encode(value[:80] if isinstance(value, str) else value).decode()
    except (TypeError, ValueError, OverflowError):
        return f"a {type(value).__name__} that JSON cannot hold"
    return text if len(text) <= 60 else f"{text[:57]}…"


def _listed(options: Sequence[object]) -> str:
    names = [shown(option) for option in options[:8]]
    return ", ".join(names) + (", …" if len(options) > 8 else "")


def first_line(error: Any) -> str:
    return str(getattr(error, "message", error)).partition("\n")[0][:200]


def keys_of(node: Mapping[str, object], holder: str) -> tuple[str, ...]:
    """The names under one keyword of a schema."""
    held = node.get(holder)
    return tuple(map(str, held)) if isinstance(held, Mapping) else ()
