"""Checks a run's inputs against the skill's schema: everything that is wrong at once, each with its path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from workbench.model.errors import ErrorKind
from workbench.model.frozen import replace
from workbench.model.run import Handler, Outcome, Run, failure
from workbench.runtime.pipeline.problems import as_findings, problems_with

if TYPE_CHECKING:
    from workbench.runtime.schemas.validator import Problem


def check_inputs(handler: Handler) -> Handler:
    """Defaults that the schema names are filled in first, so that the skill finds them."""

    async def checked(run: Run) -> Outcome:
        schema = run.skill.manifest.input_schema
        try:
            msgspec.json.encode(run.inputs)
        except (TypeError, ValueError, RecursionError) as error:
            hint = "give text, numbers, true, false, null, lists and objects"
            return failure(ErrorKind.INPUT_INVALID, f"the inputs are not JSON: {error}", hint=hint)
        if schema is None:
            return await handler(run)
        inputs = with_defaults(run.inputs, schema)
        problems = problems_with(inputs, schema)
        if problems:
            return _rejected(problems)
        return await handler(run if inputs is run.inputs else replace(run, inputs=inputs))

    return checked


def with_defaults(inputs: Mapping[str, object], schema: Mapping[str, object]) -> Mapping[str, object]:
    """The inputs, and the default of each property that was not given and has one."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return inputs
    missing = {
        name: rule["default"]
        for name, rule in properties.items()
        if name not in inputs and isinstance(rule, Mapping) and "default" in rule
    }
    return {**inputs, **missing} if missing else inputs


def _rejected(problems: tuple[Problem, ...]) -> Outcome:
    findings = as_findings(problems, "inputs")
    words = "; ".join(problem.message + (f" ({problem.hint})" if problem.hint else "") for problem in problems[:5])
    more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
    return failure(ErrorKind.INPUT_INVALID, words + more, hint="`workbench show` lists the inputs", findings=findings)
