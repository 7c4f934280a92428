"""Makes of what a skill said what its output schema asks for, and checks it: JSON, YAML, a fenced block, free text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING

import anyio
import msgspec

from workbench.model.errors import ErrorKind
from workbench.model.frozen import frozen, replace
from workbench.model.run import Handler, Outcome, Run, Status, failure
from workbench.runtime.pipeline.problems import as_findings, problems_with
from workbench.runtime.texts.fences import fenced_blocks
from workbench.runtime.texts.json_parts import MOST_PARTS, brackets, lists_and_objects, too_many, uncollected

if TYPE_CHECKING:
    from workbench.runtime.schemas.validator import Problem

MOST_AT_ONCE = 100_000
MOST_PARTS_AT_ONCE = 5_000
MOST_BLOCKS = 100


@frozen
class Reading:
    """What an output was understood as, and how."""

    how: str
    value: object


def parse_outputs(handler: Handler) -> Handler:
    """Only a skill with an output schema is held to one; its text is read until something fits."""

    async def parsed(run: Run) -> Outcome:
        outcome = await handler(run)
        schema = run.skill.manifest.output_schema
        if schema is None or outcome.status is not Status.COMPLETED or outcome.output_bytes is not None:
            return outcome
        read = partial(_read, outcome.output, schema, is_read=_is_read(run))
        is_long = _is_long(outcome.output)
        found = await anyio.to_thread.run_sync(read, abandon_on_cancel=True) if is_long else read()
        if isinstance(found, Reading):
            run.trail.note(found.how)
            return replace(outcome, output=found.value)
        return _refused(outcome, found)

    return parsed


def _is_read(run: Run) -> bool:
    """Whether the output is a value by now, because the manifest says how a command's output is read."""
    command = run.skill.manifest.command
    return command is not None and command.output_format != "text"


def _is_long(output: object) -> bool:
    """Whether reading it would hold the loop."""
    left, room, parts_left = [output], MOST_AT_ONCE, MOST_PARTS_AT_ONCE
    while left:
        part = left.pop()
        if isinstance(part, str):
            room -= len(part)
        elif isinstance(part, list | Mapping):
            parts_left -= len(part)
        if room < 0 or parts_left < 0:
            return True
        if isinstance(part, list | Mapping):
            left += part.values() if isinstance(part, Mapping) else part
    return False


def _read(output: object, schema: Mapping[str, object], *, is_read: bool) -> Reading | tuple[Problem, ...]:
    """The first way to understand an output that fits the schema, or what is wrong with the most literal one."""
    problems: tuple[Problem, ...] = ()
    for how, value in _readings(output, schema, is_read=is_read):
        found = problems_with(value, schema)
        if not found:
            return Reading(how=how, value=value)
        problems = problems or found
    return _too_many(output) or problems


def _readings(output: object, schema: Mapping[str, object], *, is_read: bool) -> Iterator[tuple[str, object]]:
    """The ways in which an output can be understood, the most literal first."""
    yield "as it is", output
    if is_read or not isinstance(output, str):
        return
    blocks = ((" in a fenced block", block) for block in islice(fenced_blocks(output), MOST_BLOCKS))
    for where, text in chain([("", output)], blocks):
        for name, read in (("JSON", _json), ("YAML", _yaml)):
            try:
                value = read(text)
            except ValueError:
                continue
            if not isinstance(value, str):
                yield f"{name}{where}", value
    if (key := _only_text_key(schema)) is not None:
        yield f"text under '{key}'", {key: output}


def _too_many(output: object) -> tuple[Problem, ...]:
    """Why a text that looks like JSON was not read as that."""
    if not isinstance(output, str) or output.lstrip()[:1] not in ("[", "{") or _is_within_bounds(output):
        return ()
    from workbench.runtime.schemas.words import Problem  # here: few outputs are that large

    message = too_many(lists_and_objects(output.encode("utf-8", "replace")))
    return (Problem(path=(), rule="size", message=message, hint="write it to a file in the run's folder"),)


def _is_within_bounds(text: str) -> bool:
    data = text.encode("utf-8", "replace")
    return brackets(data) <= MOST_PARTS or lists_and_objects(data) <= MOST_PARTS


def _json(text: str) -> object:
    if not _is_within_bounds(text):
        raise ValueError("more than is taken")
    try:
        with uncollected():
            return msgspec.json.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _yaml(text: str) -> object:
    from workbench.runtime.texts.yaml_reader import YamlRefused, read_yaml  # here: JSON is what most skills say

    try:
        return read_yaml(text).value
    except YamlRefused as error:
        raise ValueError(error.message) from error


def _only_text_key(schema: Mapping[str, object]) -> str | None:
    """The one key under which free text fits."""
    properties = schema.get("properties")
    if schema.get("type") != "object" or not isinstance(properties, Mapping) or len(properties) != 1:
        return None
    key, rule = next(iter(properties.items()))
    return str(key) if isinstance(rule, Mapping) and rule.get("type", "string") == "string" else None


def _refused(outcome: Outcome, problems: tuple[Problem, ...]) -> Outcome:
    findings = as_findings(problems, "output")
    words = "; ".join(problem.message for problem in problems[:5]) or "the output does not fit its schema"
    refused = failure(ErrorKind.OUTPUT_INVALID, words, hint="the output stands as it came", findings=findings)
    return replace(outcome, status=refused.status, error=refused.error)
