"""JSON Schema for people: a compiled validator decides, and what it refuses is told in plain words.

Nothing is ever fetched: a `$ref` reaches only into its own document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, cast

import jsonschema_rs
import msgspec

from workbench.runtime.schemas.walk import (
    anchors_of,
    endless_part,
    is_affordable,
    parts_of,
    references_of,
    resolve,
    work_of,
)
from workbench.runtime.schemas.words import (
    TYPES,
    Pointer,
    Problem,
    first_line,
    keys_of,
    nearest,
    shown,
    unknown_key,
    worded,
)

__all__ = ["Pointer", "Problem", "Validator", "nearest", "problems_of_schema", "shown", "unknown_keys", "validator_of"]

MAX_DEPTH = 64
MAX_NODES = 10_000
MAX_WORK = 100_000
MAX_STEPS_TO_TELL = 20_000
DRAFTS = (
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema",
    "http://json-schema.org/draft-06/schema",
    "http://json-schema.org/draft-04/schema",
)


class Validator:
    """A compiled schema. `problems` says everything that is wrong at once; nothing wrong costs a microsecond."""

    def __init__(self, schema: Mapping[str, object]) -> None:
        self._schema = schema
        self._compiled = jsonschema_rs.validator_for(
            cast(Any, schema), offline=True, pattern_options=jsonschema_rs.RegexOptions()
        )

    def problems(self, value: object, *, most: int = 50) -> tuple[Problem, ...]:
        try:
            if self._compiled.is_valid(cast(Any, value)):
                return ()
            if not is_affordable(self._schema, value, steps=MAX_STEPS_TO_TELL):
                hint = "try a smaller part of it"
                message = "the value does not match the schema, and is too large to say where"
                return (Problem(path=(), rule="size", message=message, hint=hint),)
            errors = self._compiled.iter_errors(cast(Any, value))
        except ValueError as error:
            return (_not_json(error),)
        found = (problem for error in errors for problem in worded(error, self._schema, value))
        return tuple(islice(found, most))


def _not_json(error: ValueError) -> Problem:
    if "Recursion" in str(error):
        return Problem(path=(), rule="json", message="the value is nested too deep", hint="make it flatter")
    hint = "use texts, numbers, true, false, null, lists, and objects with texts as keys"
    return Problem(path=(), rule="json", message=f"the value is not plain JSON: {first_line(error)}", hint=hint)


@lru_cache(maxsize=512)
def _compiled(encoded: bytes) -> Validator:
    return Validator(msgspec.json.decode(encoded))


_by_identity: dict[int, tuple[Mapping[str, object], Validator]] = {}


def validator_of(schema: Mapping[str, object]) -> Validator:
    """The compiled form of a schema, remembered: by the object while it lives, and by its content."""
    known = _by_identity.get(id(schema))
    if known is not None and known[0] is schema:
        return known[1]
    validator = _compiled(msgspec.json.encode(schema))
    if len(_by_identity) >= 512:
        _by_identity.clear()
    _by_identity[id(schema)] = (schema, validator)
    return validator


def problems_of_schema(schema: object) -> tuple[Problem, ...]:
    """What is wrong with a schema itself: no schema, too large, a foreign or endless `$ref`, a pattern we refuse."""
    if isinstance(schema, bool):
        return ()
    if not isinstance(schema, Mapping):
        message = f"a schema is an object, not {shown(schema)}"
        return (Problem(path=(), rule="schema", message=message, hint='write {"type": "object", …}'),)
    for check in (_size_problems, _reference_problems, _shape_problems, _work_problems, _compile_problems):
        if problems := tuple(check(schema)):
            return problems
    return ()


def _size_problems(schema: Mapping[str, object]) -> Iterator[Problem]:
    stack: list[tuple[object, Pointer]] = [(schema, ())]
    nodes = 0
    while stack:
        node, path = stack.pop()
        nodes += 1
        if len(path) > MAX_DEPTH or nodes > MAX_NODES:
            what = f"nested more than {MAX_DEPTH} levels" if len(path) > MAX_DEPTH else f"over {MAX_NODES:,} parts"
            yield Problem(path=path[:8], rule="schema.size", message=f"this schema is {what}", hint="make it smaller")
            return
        if isinstance(node, Mapping):
            stack.extend((value, (*path, str(key))) for key, value in node.items())
        elif isinstance(node, list | tuple):
            stack.extend((value, (*path, index)) for index, value in enumerate(node))


def _reference_problems(schema: Mapping[str, object]) -> Iterator[Problem]:
    for node, path in parts_of(schema):
        for keyword, reference in references_of(node):
            if not reference.startswith("#"):
                yield Problem(
                    path=(*path, keyword),
                    rule="schema.foreign-ref",
                    message=f"{keyword} may only point into its own document, not to '{reference[:80]}'",
                    hint="nothing was fetched: copy it under '$defs' and write '#/$defs/…'",
                )
        draft = node.get("$schema")
        if isinstance(draft, str) and draft.removesuffix("#") not in DRAFTS:
            yield Problem(
                path=(*path, "$schema"),
                rule="schema.draft",
                message=f"'{draft[:80]}' is no draft of JSON Schema that is known here",
                hint=f"leave it out, or write '{DRAFTS[0]}'",
            )


def _shape_problems(schema: Mapping[str, object]) -> Iterator[Problem]:
    try:
        jsonschema_rs.meta.validate(cast(Any, schema))
    except jsonschema_rs.ValidationError as error:
        path = tuple(error.instance_path)
        if path[-1:] == ("type",) and isinstance(error.instance, str):
            message, hint = f"'{error.instance[:80]}' is no type of JSON", nearest(error.instance, tuple(TYPES))
            yield Problem(path=path, rule="schema", message=message, hint=hint or f"one of {', '.join(TYPES)}")
        else:
            yield from (
                Problem(path=problem.path, rule="schema", message=problem.message, hint=problem.hint)
                for problem in worded(error, {})
            )
    except ValueError as error:
        yield _refused(error)


def _work_problems(schema: Mapping[str, object]) -> Iterator[Problem]:
    if not any(any(references_of(node)) for node, _ in parts_of(schema)):
        return
    if (circle := endless_part(schema)) is not None:
        yield Problem(
            path=(*circle, "$ref"),
            rule="schema.recursion",
            message="this $ref leads back to itself without looking at anything on the way",
            hint="put the recursion below 'properties' or 'items'",
        )
    elif work_of(schema) > MAX_WORK:
        message = f"this schema looks at one value in over {MAX_WORK:,} ways"
        yield Problem(path=(), rule="schema.size", message=message, hint="let fewer $refs lead to one another")


def _compile_problems(schema: Mapping[str, object]) -> Iterator[Problem]:
    try:
        Validator(schema)
    except jsonschema_rs.ValidationError as error:
        path = tuple(error.instance_path)
        if path and "regex" in error.message:
            pattern = str(path[-1]) if path[-1] != "pattern" else str(error.instance)
            message = f"'{pattern[:80]}' is not a pattern that is taken here"
            hint = "patterns run in linear time: no lookaround, no backreferences, no huge repeats"
            yield Problem(path=path, rule="schema.pattern", message=message, hint=hint)
        else:
            yield _lost_reference(schema) or _refused(error)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        yield _refused(error)


def _refused(error: Exception) -> Problem:
    message = f"this is not a schema that is taken here: {first_line(error)}"
    return Problem(path=(), rule="schema", message=message, hint="write plain JSON, and keep to the drafts' keywords")


def _lost_reference(schema: Mapping[str, object]) -> Problem | None:
    anchors = anchors_of(schema)
    for node, path in parts_of(schema):
        for keyword, reference in references_of(node):
            if resolve(schema, reference, anchors) is None:
                known = [
                    f"#/{holder}/{name}" for holder in ("$defs", "definitions") for name in keys_of(schema, holder)
                ]
                message = f"{keyword} '{reference[:80]}' points to nothing"
                hint = nearest(reference, known) or "write what it points to under '$defs'"
                return Problem(path=(*path, keyword), rule="schema.lost-ref", message=message, hint=hint)
    return None


def unknown_keys(value: object, schema: Mapping[str, object]) -> Iterator[Problem]:
    """Keys that a schema does not name, wherever it names any: allowed, but worth a word."""
    stack: list[tuple[object, object, Pointer]] = [(value, schema, ())]
    while stack:
        part, node, path = stack.pop()
        if isinstance(node, Mapping) and isinstance(reference := node.get("$ref"), str):
            node = resolve(schema, reference, {})
        if not isinstance(node, Mapping):
            continue
        properties = node.get("properties")
        if isinstance(part, Mapping) and isinstance(properties, Mapping):
            for key, below in part.items():
                if key in properties:
                    stack.append((below, properties[key], (*path, key)))
                elif "additionalProperties" not in node:
                    yield unknown_key(str(key), (*path, key), tuple(properties), rule="unknown-key")
        elif isinstance(part, list) and "items" in node:
            stack.extend((below, node["items"], (*path, index)) for index, below in enumerate(part))
