"""How a run went, as rows to read: what is wrong, the stages, the output, what was said beside it, what it left."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator

from workbench.model.finding import Finding
from workbench.model.run import Outcome
from workbench.model.skill import Skill
from workbench.model.words import safe
from workbench.ui.widgets.rows import Row

MOST_LINES = 20_000
MOST_CHARACTERS = 500_000


def before_any_run(skill: Skill) -> Iterator[Row]:
    """What there is to say of a skill that has not run yet."""
    yield from wrong_rows(skill)
    if not skill.is_broken:
        yield Row(pieces=(("enter runs it", "dim"),))


def wrong_rows(skill: Skill, answered: int = 0) -> Iterator[Row]:
    """What is wrong with a skill as it stands, before anything that an older revision of it answered."""
    for finding in skill.findings:
        yield from _finding(finding)
    if skill.findings:
        yield Row()
    if skill.findings and answered and (skill.is_broken or skill.revision != answered):
        yield Row(pieces=((f"what r{answered} answered", "dim"),))


def outcome_rows(outcome: Outcome, offered: Iterable[Row] = ()) -> Iterator[Row]:
    """What is wrong first and what is offered against it, then the stages and what came out."""
    error = outcome.error
    if error is not None:
        where = f"{os.path.basename(error.place.file)}:{error.place.line}  " if error.place and error.place.line else ""
        yield Row(pieces=((safe(where), "dim"), (safe(error.message), "bad")))
        if error.hint:
            yield Row(pieces=((safe(error.hint), "plain"),))
        yield from (row for finding in error.findings[1:] for row in _finding(finding))
        yield Row()
    yield from offered
    stages = " · ".join(f"{stage.name} {stage.ms:.1f}" for stage in outcome.stages)
    yield Row(pieces=((f"ms: {stages}", "dim"),))
    yield Row()
    yield from text_rows(shown_output(outcome), "plain")
    if outcome.stderr:
        yield Row(pieces=(("said beside it", "dim"),))
        yield from text_rows(outcome.stderr, "dim")
    if outcome.denied:
        yield Row(pieces=(("was denied ", "dim"), (" · ".join(map(str, outcome.denied)), "plain")))
    for held in outcome.held_back:
        yield Row(pieces=(("▲ ", "warning"), (safe(str(held)), "plain")))
    for artifact in outcome.artifacts:
        yield Row(pieces=(("left ", "dim"), (safe(artifact), "plain")))


def shown_output(outcome: Outcome) -> str:
    """The output as text."""
    if outcome.output_bytes is not None:
        return f"{len(outcome.output_bytes):,} bytes that are not text"
    if outcome.output is None or isinstance(outcome.output, str):
        return outcome.output or ""
    return json.dumps(outcome.output, ensure_ascii=False, indent=2, default=str)


def text_rows(text: str, style: str) -> Iterator[Row]:
    """A text as rows, up to a limit."""
    shown = text[:MOST_CHARACTERS]
    lines = shown.splitlines()
    for line in lines[:MOST_LINES]:
        yield Row(pieces=((safe(line.expandtabs(4)), style),))
    if len(text) > len(shown):
        yield Row(pieces=((f"… {len(text) - len(shown):,} characters more; y copies all of it", "dim"),))
    elif len(lines) > MOST_LINES:
        yield Row(pieces=((f"… {len(lines) - MOST_LINES:,} more lines; y copies all of them", "dim"),))


def _finding(finding: Finding) -> Iterator[Row]:
    place = finding.place
    where = f"{os.path.basename(place.file)}:{place.line}" if place.line else os.path.basename(place.file)
    style = "bad" if finding.severity.breaks else "warning"
    yield Row(pieces=((f"{where}  ", "dim"), (finding.message, style)))
    if finding.hint:
        yield Row(pieces=((f"  {finding.hint}", "plain"),))
