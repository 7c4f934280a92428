"""An outcome against what was expected of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workbench.model.run import Outcome, Status
from workbench.runtime.schemas.validator import validator_of

MOST_SHOWN = 200
_PART = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
NOTHING = object()


def problems_of(expect: Mapping[str, Any], outcome: Outcome) -> Iterator[str]:
    """Everything that is not as expected, in words."""
    yield from _of_the_end(expect, outcome)
    output = outcome.output
    if "output" in expect and output != expect["output"]:
        yield f"the output is {shown(output)}, and not {shown(expect['output'])}"
    if "includes" in expect:
        yield from _missing(expect["includes"], output, "the output")
    if "matches" in expect:
        text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False, default=str)
        if validator_of({"pattern": expect["matches"]}).problems(text):  # an engine that no pattern can keep busy
            yield f"the output has nothing that matches {expect['matches']!r}: {shown(output)}"
    for path, wanted in expect.get("path", {}).items():
        found = at_path(output, path)
        if found is NOTHING:
            yield f"the output has no {path}: {shown(output)}"
        elif found != wanted:
            yield f"{path} is {shown(found)}, and not {shown(wanted)}"
    if "schema" in expect:
        for problem in validator_of(expect["schema"]).problems(output):
            where = "".join(f".{part}" if isinstance(part, str) else f"[{part}]" for part in problem.path)
            yield f"the output does not fit its schema{' at ' + where.lstrip('.') if where else ''}: {problem.message}"
    if (most := expect.get("max_ms")) is not None and outcome.duration_ms > most:
        yield f"it took {outcome.duration_ms:.0f} ms, and at most {most:g} are allowed"


def _of_the_end(expect: Mapping[str, Any], outcome: Outcome) -> Iterator[str]:
    error = outcome.error
    told = f": {error.message}" if error else ""
    may_fail = "error" in expect or "message" in expect
    wanted = expect.get("status", "" if may_fail else Status.COMPLETED.value)
    if wanted and outcome.status.value != wanted:
        yield f"it ended as {outcome.status.value}, and not as {wanted}{told}"
    if "error" in expect and (error is None or error.kind.value != expect["error"]):
        yield f"the error is {error.kind.value if error else 'none'}, and not {expect['error']}{told}"
    if "message" in expect and (error is None or expect["message"] not in error.message):
        yield f"the error's message has no {expect['message']!r}{told}"


def _missing(wanted: Any, found: Any, where: str) -> Iterator[str]:
    """What of a part is not there: keys of objects, parts of texts, items of lists in any order."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for name, value in wanted.items():
            if name not in found:
                yield f"{where} has no {name!r}: {shown(found)}"
            else:
                yield from _missing(value, found[name], f"{where}.{name}")
    elif isinstance(wanted, str) and isinstance(found, str):
        if wanted not in found:
            yield f"{where} does not have {shown(wanted)} in it: {shown(found)}"
    elif isinstance(wanted, list) and isinstance(found, list):
        for item in wanted:
            if all(any(_missing(item, each, where)) for each in found):
                yield f"{where} has no item with {shown(item)}: {shown(found)}"
    elif wanted != found:
        yield f"{where} is {shown(found)}, and not {shown(wanted)}"


def at_path(value: Any, path: str) -> Any:
    """The part of a value at a path such as `items[0].name`; NOTHING where there is none."""
    for name, number in _PART.findall(path):
        if name and isinstance(value, Mapping) and name in value:
            value = value[name]
        elif number and isinstance(value, Sequence) and not isinstance(value, str) and int(number) < len(value):
            value = value[int(number)]
        else:
            return NOTHING
    return value


def shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"
