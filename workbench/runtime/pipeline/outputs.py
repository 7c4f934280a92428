"""Makes of what a skill said what its output schema asks for, and checks it: JSON, YAML, a fenced block, free text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from workbench.model.errors import ErrorKind
from workbench.model.frozen import replace
from workbench.model.run import Handler, Outcome, Run, Status, failure
from workbench.runtime.pipeline.problems import as_findings, problems_with

if TYPE_CHECKING:
    from workbench.runtime.schemas.validator import Problem

_FENCE = re.compile(r"^(`{3,}|~{3,})[ \t]*([\w+-]*)[^\n]*\n(.*?)^\1[ \t]*$", re.DOTALL | re.MULTILINE)


def parse_outputs(handler: Handler) -> Handler:
    """Only a skill with an output schema is held to one; its text is read until something fits."""

    async def parsed(run: Run) -> Outcome:
        outcome = await handler(run)
        schema = run.skill.manifest.output_schema
        if schema is None or outcome.status is not Status.COMPLETED or outcome.output_bytes is not None:
            return outcome
        problems: tuple[Problem, ...] = ()
        for how, value in _readings(outcome.output, schema):
            found = problems_with(value, schema)
            if not found:
                run.trail.note(how)
                return replace(outcome, output=value)
            problems = problems or found
        return _refused(outcome, problems)

    return parsed


def _readings(output: object, schema: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """The ways in which an output can be understood, the most literal first."""
    yield "as it is", output
    if not isinstance(output, str):
        return
    texts = [("", output), *((" in a fenced block", match[3]) for match in _FENCE.finditer(output))]
    for where, text in texts:
        for name, read in (("JSON", _json), ("YAML", _yaml)):
            try:
                value = read(text)
            except ValueError:
                continue
            if not isinstance(value, str):
                yield f"{name}{where}", value
    if (key := _only_text_key(schema)) is not None:
        yield f"text under '{key}'", {key: output}


def _json(text: str) -> object:
    return msgspec.json.decode(text)


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
