"""Run: the inputs of the chosen skill, and below them how its last run went, and what to do about an error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static, TextArea

from workbench.model.devsession import MAIN
from workbench.model.errors import ErrorKind
from workbench.model.run import Outcome
from workbench.model.skill import Skill
from workbench.model.words import duration, safe
from workbench.ui.allowing import key_of, refused_rows
from workbench.ui.fields import FieldKind, fields_of
from workbench.ui.outcome import before_any_run, outcome_rows, shown_output, text_rows, wrong_rows
from workbench.ui.panes.pane import Pane
from workbench.ui.widgets.form import InputsForm, WrongInputs
from workbench.ui.widgets.line import put_line, put_text
from workbench.ui.widgets.rows import Row, Rows
from workbench.ui.words import end_of, state_of

if TYPE_CHECKING:
    from workbench.ui.app import WorkbenchApp

MOST_TAIL = 40_000


class RunPane(Pane):
    """Shows one skill at a time, and remembers the inputs and the last outcome of each."""

    NUMBER, NAME = 3, "Run"

    def __init__(self) -> None:
        super().__init__()
        self._skill: Skill | None = None
        self._schema: Mapping[str, object] | None = None
        self._inputs: dict[str, str] = {}
        self._typed: dict[str, dict[str, Any]] = {}
        self._outcomes: dict[str, tuple[Outcome, int]] = {}
        self._outcomes_of = {MAIN: self._outcomes}
        self._wants_json = False
        self._name_running = ""
        self._tail = ""
        self._drawn: tuple[object, ...] = ()

    def contents(self) -> Iterator[Widget]:
        yield Static("", id="run-about", classes="about")
        json = TextArea("{}", id="inputs-json", language=None, show_line_numbers=False, compact=True)
        yield Vertical(InputsForm(id="inputs-form"), json, id="inputs")
        yield Static("", id="run-end", classes="line")
        yield Rows(id="output", has_cursor=False)

    @property
    def to_focus(self) -> Widget:
        return self.query_one("#output", Rows)

    @property
    def inputs_to_focus(self) -> Widget:
        if self._is_json:
            return self._json
        return self._form.first_field or self._json

    @property
    def words_to_copy(self) -> str:
        if self._json.has_focus:
            return self._json.selected_text or self._json.text
        known = self._outcomes.get(self._skill.name) if self._skill else None
        return shown_output(known[0]) if known else ""

    @property
    def last_outcome(self) -> Outcome | None:
        """How the chosen skill's last run went, where it has run."""
        known = self._outcomes.get(self._skill.name) if self._skill else None
        return known[0] if known else None

    @property
    def _form(self) -> InputsForm:
        return self.query_one(InputsForm)

    @property
    def _json(self) -> TextArea:
        return self.query_one("#inputs-json", TextArea)

    @property
    def _is_json(self) -> bool:
        return self.has_class("json")

    async def show(self, skill: Skill | None, answering: Skill | None = None) -> None:
        """Look at another skill, or at the same one as it is now; a broken one takes what its last good state takes."""
        before, self._skill = self._skill, skill
        if before is not None and (skill is None or before.name != skill.name):
            self._inputs[before.name] = self._inputs_text()
        if skill is None:
            self.set_detail("")
            put_text(self.query_one("#run-about", Static), Content(""))
            return
        is_other = before is None or before.name != skill.name
        taker = answering or skill
        if is_other or self._schema != taker.manifest.input_schema:
            text = self._inputs.get(skill.name) if is_other else self._carried(skill.name, taker.manifest.input_schema)
            await self._show_inputs(taker, text or _first_inputs(taker))
        glyph, word, style = state_of(skill)
        revision = f" r{skill.revision}" if skill.revision else ""
        self.set_detail(safe(f"{skill.name}{revision}  {glyph} {word}"), f"${STYLES[style]}" if style in STYLES else "")
        about = skill.manifest.description or ("" if skill.is_broken else "no description")
        put_text(self.query_one("#run-about", Static), Content(safe(about)))
        if self._name_running != skill.name:
            self._show_outcome()

    def inputs(self) -> dict[str, Any]:
        """What is to be given to the skill; raises WrongInputs."""
        return inputs_from(self._json.text) if self._is_json else self._form.values()

    async def put_inputs(self, inputs: Mapping[str, object]) -> None:
        """Other inputs than those that stand there."""
        if self._skill is not None:
            await self._show_inputs(self._skill, _as_text(inputs))

    async def show_example(self) -> None:
        if self._skill is not None and isinstance(self._skill.manifest.example, Mapping):
            await self.put_inputs(self._skill.manifest.example)

    async def switch_form(self) -> None:
        """From the form to JSON and back; what was typed goes along. Raises WrongInputs where it cannot."""
        if self._skill is None:
            return
        text = self._inputs_text()
        if self._is_json:
            inputs_from(text)
        self._wants_json = not self._is_json
        await self._show_inputs(self._skill, text)
        self.screen.set_focus(self.inputs_to_focus)

    def use(self, session: str) -> None:
        """From now on show how things went in this session."""
        self._outcomes = self._outcomes_of.setdefault(session, {})
        if self._skill is not None:
            self._show_outcome()

    def began(self, name: str) -> None:
        self._name_running, self._tail = name, ""
        self.show_running(0.0)

    def ended(self, name: str) -> None:
        self._name_running = ""
        if self._skill is not None and self._skill.name == name:
            self._show_outcome()

    def heard(self, text: str) -> None:
        """Something more that the run has said."""
        self._tail = (self._tail + text)[-MOST_TAIL:]

    def show_running(self, seconds: float) -> None:
        """The run is still under way."""
        if self._skill is None or self._skill.name != self._name_running:
            return
        self._drawn = ()
        self._set_end(f"↻ running  {seconds:.1f} s   x cancels it", "accent")
        output = self.query_one("#output", Rows)
        output.show(tuple(text_rows(self._tail, "plain")) or (Row(pieces=(("it has said nothing yet", "dim"),)),))
        output.action_edge(1)

    def show_outcome(self, name: str, outcome: Outcome, revision: int) -> None:
        self._outcomes[name] = (outcome, revision)
        if self._skill is not None and self._skill.name == name:
            self._show_outcome()

    async def _show_inputs(self, skill: Skill, text: str) -> None:
        self._json.text, self._schema = text, skill.manifest.input_schema
        self.set_class(self._wants_json, "json")
        if not self._wants_json:
            try:
                await self._form.show(skill.manifest.input_schema, inputs_from(text))
            except WrongInputs:
                self.add_class("json")
        self._form.display, self._json.display = not self._is_json, self._is_json

    def _carried(self, name: str, schema: Mapping[str, object] | None) -> str:
        """What was typed, as far as the new schema takes it; the rest comes back when it is taken again."""
        try:
            typed = self._typed[name] = {**self._typed.get(name, {}), **inputs_from(self._inputs_text())}
        except WrongInputs:
            return self._inputs_text()
        return _as_text({key: value for key, value in typed.items() if is_taken(key, schema)})

    def _inputs_text(self) -> str:
        return self._json.text if self._is_json else _as_text(self._form.said())

    def _set_end(self, text: str, style: str) -> None:
        end = self.query_one("#run-end", Static)
        put_line(end, Content(text))
        end.set_classes(f"line {style}")

    def _show_outcome(self) -> None:
        assert self._skill is not None
        known = self._outcomes.get(self._skill.name)
        output = self.query_one("#output", Rows)
        drawn = (self._skill.name, known, self._skill.findings)
        if drawn == self._drawn:
            return
        self._drawn = drawn
        if known is None:
            self._set_end("– not run yet", "dim")
            output.show(tuple(before_any_run(self._skill)))
            return
        outcome, revision = known
        glyph, word, style = end_of(outcome)
        sandbox = f"   sandbox {outcome.sandbox.tier}" if outcome.sandbox else ""
        at = f"   r{revision}" if revision else ""
        self._set_end(f"{glyph} {word}  {duration(outcome.duration_ms)}{at}{sandbox}", style)
        is_told = outcome.error is not None and outcome.error.kind is ErrorKind.SKILL_BROKEN
        wrong = () if is_told else wrong_rows(self._skill, revision)
        offered = refused_rows(self._skill, outcome, key_of(cast("WorkbenchApp", self.app), "run.allow"))
        output.show((*wrong, *outcome_rows(outcome, offered)))
        output.scroll_to(y=0, animate=False)


_UNSEEN = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
STYLES = {
    "good": "text-success",
    "bad": "text-error",
    "warning": "text-warning",
    "accent": "accent",
    "dim": "text-muted",
}


def inputs_from(text: str) -> dict[str, Any]:
    """A JSON object; raises WrongInputs."""
    try:
        value = json.loads(text.strip() or "{}", parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise WrongInputs(f"the inputs are not JSON, line {error.lineno}: {error.msg}") from None
    except ValueError as error:
        raise WrongInputs(f"the inputs are not JSON: {error}") from None
    except RecursionError:
        raise WrongInputs("the inputs are nested too deep") from None
    if not isinstance(value, dict):
        raise WrongInputs('the inputs are an object: {"name": "value"}')
    return value


def is_taken(name: str, schema: Mapping[str, object] | None) -> bool:
    """Whether a schema knows an input of this name, or takes any."""
    known = (schema or {}).get("properties")
    is_closed = (schema or {}).get("additionalProperties") is False
    return not is_closed or (isinstance(known, Mapping) and name in known)


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is not a number")


def _first_inputs(skill: Skill) -> str:
    """The example, else the required inputs with nothing in them."""
    if isinstance(skill.manifest.example, Mapping):
        return _as_text(skill.manifest.example)
    schema = skill.manifest.input_schema or {}
    fields = fields_of(schema) or ()
    return _as_text({field.name: "" for field in fields if field.is_required and field.kind is FieldKind.TEXT})


def _as_text(value: object) -> str:
    """JSON to be edited; what an editor takes for the end of a line, or nobody can see, stays escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
