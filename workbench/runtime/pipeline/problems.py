"""What is wrong with a value that came in or goes out, found by its schema and told as findings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench.model.finding import Finding, Place, Severity

if TYPE_CHECKING:
    from workbench.runtime.schemas.validator import Problem


def problems_with(value: object, schema: Mapping[str, object]) -> tuple[Problem, ...]:
    """What is wrong with a value by a schema."""
    from workbench.runtime.schemas.validator import validator_of  # here: its engine is slow to import, schemas are few

    return validator_of(schema).problems(value)


def as_findings(problems: tuple[Problem, ...], root: str) -> tuple[Finding, ...]:
    """Each problem at its path below a root: `inputs/words`, `output/items/3`."""
    return tuple(
        Finding(
            severity=Severity.ERROR,
            rule=f"{root}.{problem.rule}",
            message=problem.message,
            place=Place(file="/".join((root, *map(str, problem.path)))),
            hint=problem.hint,
        )
        for problem in problems
    )
