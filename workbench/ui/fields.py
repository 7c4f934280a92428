"""The fields of a form, made from a skill's input schema: what each takes, and how its text becomes a value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from workbench.model.frozen import frozen
from workbench.model.words import safe

NOT_GIVEN = object()
MOST_FIELDS = 60
MOST_BOUNDS = 16
# What a text area makes an end of a line of, beside what is not safe to show.
_OTHER_ENDS = re.compile("[\u2028\u2029]")


class FieldKind(StrEnum):
    """How a field is filled in."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    CHOICE = "choice"
    LINES = "lines"
    JSON = "json"


ITEM_KINDS = {"string": FieldKind.TEXT, "integer": FieldKind.INTEGER, "number": FieldKind.NUMBER}


@frozen
class Field:
    """One input: its name, how it is filled in, and what is said beside it."""

    name: str
    kind: FieldKind
    is_required: bool
    description: str = ""
    bounds: str = ""
    choices: tuple[object, ...] = ()
    default: object = NOT_GIVEN
    item_kind: FieldKind = FieldKind.TEXT

    @property
    def is_wanted(self) -> bool:
        """Whether it has to be filled in: nothing is used in its place."""
        return self.is_required and self.default is NOT_GIVEN

    @property
    def placeholder(self) -> str:
        """What stands in an empty field: what is used when it stays empty."""
        if self.default is not NOT_GIVEN:
            return safe(text_of(self, self.default))
        if self.kind is FieldKind.LINES:
            return "one on each line"
        return "" if self.is_required else "not given"


class NotThis(ValueError):
    """A text that is no value of the field; says what would be."""


def fields_of(schema: Mapping[str, object] | None) -> tuple[Field, ...] | None:
    """A field for each property; None where the schema is no plain object, and only JSON will do."""
    if schema is None:
        return ()
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or any(word in schema for word in ("anyOf", "oneOf", "allOf", "$ref")):
        return () if not schema.keys() - {"type", "properties", "additionalProperties", "$schema"} else None
    if len(properties) > MOST_FIELDS:
        return None
    required = schema.get("required")
    names = required if isinstance(required, list) else []
    return tuple(_field(str(name), part, is_required=name in names) for name, part in properties.items())


def value_of(field: Field, text: str) -> Any:
    """What a typed text stands for; NOT_GIVEN where the field is empty and may be. Raises NotThis."""
    if not text or (not text.strip() and field.kind is not FieldKind.TEXT):
        return NOT_GIVEN
    match field.kind:
        case FieldKind.TEXT:
            return text
        case FieldKind.INTEGER | FieldKind.NUMBER:
            return _number(text, field.kind)
        case FieldKind.LINES:
            lines = [line for line in text.splitlines() if line.strip()]
            return [line if field.item_kind is FieldKind.TEXT else _number(line, field.item_kind) for line in lines]
    try:
        return json.loads(text, parse_constant=_finite, parse_float=_finite)
    except RecursionError:
        raise NotThis("is not JSON: nested too deep") from None
    except ValueError as error:
        raise NotThis(f"is not JSON: {getattr(error, 'msg', 'a number is too large')}") from None


def text_of(field: Field, value: object) -> str:
    """A value as it stands in its field; "" where it cannot be written."""
    if value is NOT_GIVEN:
        return ""
    if field.kind is FieldKind.LINES and isinstance(value, list | tuple):
        return "\n".join(each if isinstance(each, str) else _json(each) for each in value)
    if isinstance(value, str) and field.kind is FieldKind.TEXT:
        return value
    if isinstance(value, str) and field.kind is FieldKind.CHOICE:
        is_told_apart = all(isinstance(each, str) or _json(each) != value for each in field.choices)
        return value if is_told_apart else _json(value)
    return _json(value, indent=2 if field.kind is FieldKind.JSON else None)


def fits(field: Field, value: object) -> bool:
    """Whether the field can show this value so that it comes back the same."""
    if field.kind is FieldKind.CHOICE:
        return any(is_same(value, choice) for choice in field.choices)
    if field.kind is FieldKind.TEXT and value == "":
        return field.is_wanted
    text = text_of(field, value)
    if safe(text) != text or _OTHER_ENDS.search(text):
        return False
    try:
        return is_same(value_of(field, text), value)
    except NotThis:
        return False


def is_same(one: object, other: object) -> bool:
    """Whether two values are one in JSON, where 1, 1.0 and true are three."""
    return one is other or (NOT_GIVEN not in (one, other) and _json(one) == _json(other) != "")


def _field(name: str, part: object, *, is_required: bool) -> Field:
    rule = part if isinstance(part, Mapping) else {}
    kind, choices, item_kind = _kind_of(rule)
    description = rule.get("description")
    return Field(
        name=name,
        kind=kind,
        is_required=is_required,
        description=description if isinstance(description, str) else "",
        bounds=_bounds(rule, kind),
        choices=choices,
        default=rule.get("default", NOT_GIVEN),
        item_kind=item_kind,
    )


def _kind_of(rule: Mapping[str, Any]) -> tuple[FieldKind, tuple[object, ...], FieldKind]:
    plain = FieldKind.TEXT
    options = rule.get("enum")
    if isinstance(options, list) and 0 < len(options) <= 200:
        return FieldKind.CHOICE, tuple(options), plain
    match rule.get("type"):
        case "boolean":
            return FieldKind.CHOICE, (True, False), plain
        case "string":
            return FieldKind.TEXT, (), plain
        case "integer":
            return FieldKind.INTEGER, (), plain
        case "number":
            return FieldKind.NUMBER, (), plain
        case "array":
            items = rule.get("items")
            kind = items.get("type") if isinstance(items, Mapping) else None
            item_kind = ITEM_KINDS.get(kind) if isinstance(kind, str) else None
            return (FieldKind.LINES, (), item_kind) if item_kind else (FieldKind.JSON, (), plain)
    return FieldKind.JSON, (), plain


def _bounds(rule: Mapping[str, Any], kind: FieldKind) -> str:
    if kind not in (FieldKind.INTEGER, FieldKind.NUMBER):
        return ""
    least, most = rule.get("minimum"), rule.get("maximum")
    if least is not None and most is not None:
        bounds = f"{least}–{most}"
    elif least is not None:
        bounds = f"from {least}"
    else:
        bounds = f"up to {most}" if most is not None else ""
    return bounds if len(bounds) <= MOST_BOUNDS else ""


def _number(text: str, kind: FieldKind) -> int | float:
    wanted = "a whole number" if kind is FieldKind.INTEGER else "a number"
    try:
        return int(text) if kind is FieldKind.INTEGER or text.strip().lstrip("+-").isdigit() else _finite(text)
    except ValueError:
        raise NotThis(f"{text.strip()[:20]!r} is not {wanted}") from None


def _json(value: object, indent: int | None = None) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str, sort_keys=indent is None, indent=indent)
    except (ValueError, RecursionError):
        return ""


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")) or value != value:
        raise ValueError(text)
    return value
