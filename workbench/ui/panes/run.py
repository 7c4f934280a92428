"""Run: the chosen skill, its inputs, and how its last run went: status, stages, output, what to do about an error."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static, TextArea

from workbench.model.finding import Finding
from workbench.model.run import Outcome
from workbench.model.skill import Skill
from workbench.model.words import duration, safe
from workbench.ui.widgets.rows import Row, Rows
from workbench.ui.words import end_of, state_of

MOST_LINES = 20_000


class WrongInputs(Exception):
    """The text of the inputs is not a JSON object; says why."""


class RunPane(Vertical):
    """Shows one skill at a time, and remembers the inputs and the last outcome of each."""

    def __init__(self) -> None:
        super().__init__(id="run")
        self._skill: Skill | None = None
        self._texts: dict[str, str] = {}
        self._outcomes: dict[str, tuple[Outcome, int]] = {}

    def compose(self) -> ComposeResult:
        yield Static("2 Inputs", id="run-title", classes="title")
        yield Static("", id="run-about", classes="about")
        yield TextArea("{}", id="inputs", language=None, show_line_numbers=False, compact=True)
        yield Static("", id="run-end", classes="title")
        yield Rows(id="output", has_cursor=False)

    def show(self, skill: Skill | None) -> None:
        """Look at another skill, or at the same one as it is now."""
        before, self._skill = self._skill, skill
        if before is not None and (skill is None or before.name != skill.name):
            self._texts[before.name] = self.query_one(TextArea).text
        if skill is None:
            self._set_title("", "no skill is chosen")
            return
        if before is None or before.name != skill.name:
            self.query_one(TextArea).text = self._texts.get(skill.name) or _first_inputs(skill)
        glyph, word, _ = state_of(skill)
        revision = f" r{skill.revision}" if skill.revision else ""
        about = skill.manifest.description or (
            "its last good revision answers" if skill.is_broken else "no description"
        )
        self._set_title(f"{skill.name}{revision}  {glyph} {word}", about)
        self._show_outcome()

    def inputs(self) -> dict[str, Any]:
        """What is to be given to the skill; raises WrongInputs."""
        text = self.query_one(TextArea).text.strip() or "{}"
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            raise WrongInputs(f"the inputs are not JSON, line {error.lineno}: {error.msg}") from None
        except RecursionError:
            raise WrongInputs("the inputs are nested too deep") from None
        if not isinstance(value, dict):
            raise WrongInputs('the inputs are an object: {"name": "value"}')
        return value

    def show_example(self) -> None:
        if self._skill is not None and self._skill.manifest.example is not None:
            self.query_one(TextArea).text = json.dumps(self._skill.manifest.example, ensure_ascii=False, indent=2)

    def show_running(self, name: str, seconds: float) -> None:
        if self._skill is not None and self._skill.name == name:
            self._set_end(f"3 Output  ↻ running {seconds:.1f} s", "accent")
            self.query_one("#output", Rows).show((Row(pieces=(("x cancels it", "dim"),)),))

    def show_outcome(self, name: str, outcome: Outcome, revision: int) -> None:
        self._outcomes[name] = (outcome, revision)
        if self._skill is not None and self._skill.name == name:
            self._show_outcome()

    def focus_inputs(self) -> None:
        self.query_one(TextArea).focus()

    def focus_output(self) -> None:
        self.query_one("#output", Rows).focus()

    def _set_title(self, title: str, about: str) -> None:
        self.query_one("#run-title", Static).update(f"2 Inputs  {safe(title)}")
        self.query_one("#run-about", Static).update(safe(about))

    def _set_end(self, text: str, style: str) -> None:
        end = self.query_one("#run-end", Static)
        end.update(text)
        end.set_classes(f"title {style}")

    def _show_outcome(self) -> None:
        assert self._skill is not None
        known = self._outcomes.get(self._skill.name)
        output = self.query_one("#output", Rows)
        if known is None:
            self._set_end("3 Output", "")
            output.show(tuple(_before_any_run(self._skill)))
            return
        outcome, revision = known
        wrong = tuple(_wrong(self._skill))
        glyph, word, style = end_of(outcome)
        sandbox = f"   sandbox {outcome.sandbox.tier}" if outcome.sandbox else ""
        at = f" r{revision}" if revision else ""
        self._set_end(f"3 Output  {glyph} {word}  {duration(outcome.duration_ms)}{at}{sandbox}", style)
        output.show((*wrong, *_lines(outcome)))
        output.scroll_to(y=0, animate=False)


def _first_inputs(skill: Skill) -> str:
    """The example, else the required inputs with nothing in them."""
    if isinstance(skill.manifest.example, Mapping):
        return json.dumps(skill.manifest.example, ensure_ascii=False, indent=2)
    schema = skill.manifest.input_schema or {}
    required = schema.get("required")
    names = required if isinstance(required, list) else []
    return json.dumps(dict.fromkeys(names, ""), ensure_ascii=False, indent=2)


def _before_any_run(skill: Skill) -> Iterator[Row]:
    yield from _wrong(skill)
    if not skill.is_broken:
        yield Row(pieces=(("enter runs it", "dim"),))


def _wrong(skill: Skill) -> Iterator[Row]:
    """What is wrong with a skill as it stands, before anything that an older revision of it said."""
    for finding in skill.findings:
        yield from _finding(finding)
    if skill.findings:
        yield Row()


def _lines(outcome: Outcome) -> Iterator[Row]:
    error = outcome.error
    if error is not None:
        where = f"{os.path.basename(error.place.file)}:{error.place.line}  " if error.place and error.place.line else ""
        yield Row(pieces=((safe(where), "dim"), (safe(error.message), "bad")))
        if error.hint:
            yield Row(pieces=((safe(error.hint), "plain"),))
        yield from (row for finding in error.findings[1:] for row in _finding(finding))
        yield Row()
    stages = " · ".join(f"{stage.name} {stage.ms:.1f}" for stage in outcome.stages)
    yield Row(pieces=((f"ms: {stages}", "dim"),))
    yield Row()
    yield from _text(_shown(outcome), "plain")
    if outcome.stderr:
        yield Row(pieces=(("said beside it", "dim"),))
        yield from _text(outcome.stderr, "dim")
    for artifact in outcome.artifacts:
        yield Row(pieces=(("left ", "dim"), (safe(artifact), "plain")))


def _shown(outcome: Outcome) -> str:
    if outcome.output_bytes is not None:
        return f"{len(outcome.output_bytes):,} bytes that are not text"
    if outcome.output is None or isinstance(outcome.output, str):
        return outcome.output or ""
    return json.dumps(outcome.output, ensure_ascii=False, indent=2, default=str)


def _text(text: str, style: str) -> Iterator[Row]:
    lines = text.splitlines()
    for line in lines[:MOST_LINES]:
        yield Row(pieces=((safe(line.expandtabs(4)), style),))
    if len(lines) > MOST_LINES:
        yield Row(pieces=((f"… {len(lines) - MOST_LINES:,} more lines", "dim"),))


def _finding(finding: Finding) -> Iterator[Row]:
    place = finding.place
    where = f"{os.path.basename(place.file)}:{place.line}" if place.line else os.path.basename(place.file)
    style = "bad" if finding.severity.breaks else "warning"
    yield Row(pieces=((f"{where}  ", "dim"), (finding.message, style)))
    if finding.hint:
        yield Row(pieces=((f"  {finding.hint}", "plain"),))
