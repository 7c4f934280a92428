"""What changed between two states of a skill, and whether it breaks who calls it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from workbench.model.frozen import as_mapping, field_names, frozen, is_frozen
from workbench.model.manifest import Manifest

MOST_SHOWN = 60
_TOLD_APART = frozenset({"input_schema", "output_schema", "body", "python", "node"})
_LOWER, _UPPER = (
    ("minimum", "exclusiveMinimum", "minLength", "minItems"),
    (
        "maximum",
        "exclusiveMaximum",
        "maxLength",
        "maxItems",
    ),
)
Schema = Mapping[str, Any]


@frozen
class Change:
    """One thing that is not as it was. `breaks` says that a call which was right may be wrong now."""

    where: str
    words: str
    breaks: bool = False


def changes_between(before: Manifest, after: Manifest) -> tuple[Change, ...]:
    """What differs in the manifests: what breaks callers first."""
    found = [*_plain_changes(before, after)]
    found += _schema_changes(before.input_schema or {}, after.input_schema or {}, "inputs", is_given=True)
    found += _schema_changes(before.output_schema or {}, after.output_schema or {}, "output", is_given=False)
    return tuple(sorted(found, key=lambda change: not change.breaks))


def _plain_changes(before: Manifest, after: Manifest) -> Iterator[Change]:
    for name in field_names(Manifest):
        old, new = getattr(before, name), getattr(after, name)
        if name not in _TOLD_APART and old != new and is_frozen(old) and is_frozen(new):
            yield from _changes_inside(name, old, new)
        elif name not in _TOLD_APART and old != new:
            gone = name == "name" or (name == "aliases" and set(old) - set(new))
            yield Change(where=name, words=f"{_short(old)} → {_short(new)}", breaks=bool(gone))


def _changes_inside(where: str, before: object, after: object) -> Iterator[Change]:
    old, new = as_mapping(before), as_mapping(after)
    for name in new:
        if old[name] != new[name]:
            yield Change(where=f"{where}.{name}", words=f"{_short(old[name])} → {_short(new[name])}")


def _schema_changes(before: Schema, after: Schema, where: str, *, is_given: bool) -> Iterator[Change]:
    """`is_given`: callers give it, so that what is stricter breaks them; else they get it, and what is looser does."""
    yield from _set_changes(_types(before), _types(after), where, "type", is_given=is_given)
    yield from _set_changes(_values(before), _values(after), where, "value", is_given=is_given)
    yield from _bound_changes(before, after, where, is_given=is_given)
    for word in ("pattern", "format"):
        if before.get(word) != after.get(word):
            words = f"{word} {_short(before.get(word))} → {_short(after.get(word))}"
            yield Change(where=where, words=words, breaks=(after if is_given else before).get(word) is not None)
    if before.get("default") != after.get("default"):
        yield Change(where=where, words=f"default {_short(before.get('default'))} → {_short(after.get('default'))}")
    yield from _property_changes(before, after, where, is_given=is_given)
    if isinstance(before.get("items"), Mapping) and isinstance(after.get("items"), Mapping):
        yield from _schema_changes(before["items"], after["items"], f"{where}[]", is_given=is_given)


def _property_changes(before: Schema, after: Schema, where: str, *, is_given: bool) -> Iterator[Change]:
    old, new = _mapping(before, "properties"), _mapping(after, "properties")
    was_needed, is_needed = set(before.get("required", ())), set(after.get("required", ()))
    is_closed = after.get("additionalProperties") is False
    for name in (*old, *(name for name in new if name not in old)):
        path = f"{where}.{name}"
        if name not in new:
            yield Change(where=path, words="is gone", breaks=is_closed or not is_given)
        elif name not in old:
            must = is_given and name in is_needed and "default" not in _mapping(new, name)
            yield Change(where=path, words="is new and must be given" if must else "is new", breaks=must)
        else:
            yield from _schema_changes(_mapping(old, name), _mapping(new, name), path, is_given=is_given)
    for name in sorted((is_needed - was_needed) - (new.keys() - old.keys())):
        must = is_given and "default" not in _mapping(new, name)
        yield Change(
            where=f"{where}.{name}", words="must be given now" if is_given else "is always there now", breaks=must
        )
    for name in sorted((was_needed - is_needed) & new.keys()):
        words = "need not be given any more" if is_given else "may be missing now"
        yield Change(where=f"{where}.{name}", words=words, breaks=not is_given)
    if is_closed and before.get("additionalProperties") is not False:
        yield Change(where=where, words="takes nothing else any more", breaks=is_given)


def _set_changes(
    before: frozenset[str] | None, after: frozenset[str] | None, where: str, word: str, *, is_given: bool
) -> Iterator[Change]:
    """None stands for everything."""
    if before == after:
        return
    words = f"{word} {_listed(before)} → {_listed(after)}"
    small, large = (before, after) if is_given else (after, before)
    yield Change(where=where, words=words, breaks=large is not None and (small is None or not small <= large))


def _bound_changes(before: Schema, after: Schema, where: str, *, is_given: bool) -> Iterator[Change]:
    for word in (*_LOWER, *_UPPER):
        old, new = before.get(word), after.get(word)
        if old != new:
            strict, loose = (new, old) if is_given else (old, new)
            is_lower = word in _LOWER
            breaks = strict is not None and (loose is None or (strict > loose if is_lower else strict < loose))
            yield Change(where=where, words=f"{word} {_short(old)} → {_short(new)}", breaks=breaks)


def _types(schema: Schema) -> frozenset[str] | None:
    named = schema.get("type")
    if named is None:
        return None
    names = {named} if isinstance(named, str) else set(named)
    return frozenset(names | {"integer"} if "number" in names else names)


def _values(schema: Schema) -> frozenset[str] | None:
    values = schema.get("enum")
    return None if values is None else frozenset(json.dumps(value, sort_keys=True, default=str) for value in values)


def _mapping(schema: Schema, name: str) -> Schema:
    found = schema.get(name)
    return found if isinstance(found, Mapping) else {}


def _listed(values: frozenset[str] | None) -> str:
    return "anything" if values is None else ", ".join(sorted(values)) or "nothing"


def _short(value: object) -> str:
    if value is None or value == "" or value == ():
        return "nothing"
    plain = as_mapping(value) if is_frozen(value) else value
    text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, default=str)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"
