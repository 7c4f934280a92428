"""What a command printed, read as its manifest says: text, JSON, or JSON line by line."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import anyio

from workbench.model.errors import ErrorKind
from workbench.model.frozen import replace
from workbench.model.run import Outcome, failure
from workbench.runtime.formats.json_reader import JsonRefused, read_json
from workbench.runtime.texts.json_parts import MOST_PARTS, brackets, lists_and_objects, too_many

MOST_AT_ONCE = 100_000
_BLANK = b" \t\r"


async def as_printed(outcome: Outcome, output_format: str, data: bytes) -> Outcome:
    """The outcome with its output read. What cannot be read fails the run, and the output stands as it came."""
    if output_format == "text" or not outcome.is_ok:
        return outcome
    read = partial(_lines if output_format == "json_lines" else _one, data)
    try:
        value = await anyio.to_thread.run_sync(_of_many, read, data) if len(data) > MOST_AT_ONCE else read()
    except _TooMany as error:
        refused = failure(ErrorKind.OUTPUT_INVALID, str(error), hint="write it to a file in $WORKBENCH_OUT")
        return replace(outcome, status=refused.status, error=refused.error)
    except JsonRefused as error:
        words = error.message.replace("the file", "the output")
        message = f"the output is not {_NAMES[output_format]}: {words} (line {error.line}, column {error.column})"
        refused = failure(ErrorKind.OUTPUT_INVALID, message, hint=_HINTS[output_format])
        return replace(outcome, status=refused.status, error=refused.error)
    return replace(outcome, output=value, output_bytes=None)


class _TooMany(Exception):
    """More lists and objects than are taken."""


def _of_many(read: Callable[[], object], data: bytes) -> object:
    """What a long output holds, within bounds: the decoder lets nothing else run meanwhile, in whatever thread."""
    if brackets(data) > MOST_PARTS and (parts := lists_and_objects(data)) > MOST_PARTS:
        raise _TooMany(too_many(parts))
    return read()


def _one(data: bytes) -> object:
    if not data.strip():
        raise JsonRefused("nothing was printed", 1, 1)
    return read_json(data)


def _lines(data: bytes) -> list[object]:
    """One value a line; blank lines are none."""
    values = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip(_BLANK):
            continue
        try:
            values.append(read_json(line))
        except JsonRefused as error:
            raise JsonRefused(error.message.replace("the file", "the line"), number, error.column) from None
    return values


_NAMES = {"json": "JSON", "json_lines": "JSON line by line"}
_HINTS = {
    "json": "print one JSON value and nothing else; what else there is to say goes to stderr",
    "json_lines": "print one JSON value on each line; what else there is to say goes to stderr",
}
