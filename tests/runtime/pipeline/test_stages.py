"""The stages of a run, each by itself and all together."""

from __future__ import annotations

import threading

import anyio
import pytest

from workbench.model.consent import Consent
from workbench.model.errors import ErrorKind
from workbench.model.events import SkillExecutionCompleted, SkillExecutionFailed, SkillExecutionStarted
from workbench.model.policy import Permissions, Tier
from workbench.model.run import Handler, Outcome, Run, Status, failure
from workbench.model.skill import Kind, Skill
from workbench.runtime.bus import Bus
from workbench.runtime.pipeline import outputs
from workbench.runtime.pipeline.compose import compose
from workbench.runtime.pipeline.deadline import deadline_of, within_deadline
from workbench.runtime.pipeline.inputs import check_inputs
from workbench.runtime.pipeline.outputs import parse_outputs
from workbench.runtime.pipeline.permission import permit
from workbench.runtime.pipeline.record import record
from workbench.runtime.pipeline.trace import trace
from workbench.testing.fakes import FakeClock, FakeJournal, a_run, a_skill, answers

pytestmark = pytest.mark.anyio

WORDS = {"type": "object", "properties": {"words": {"type": "integer", "default": 40}}, "additionalProperties": False}


async def says_its_inputs(run: Run) -> Outcome:
    return Outcome(status=Status.COMPLETED, output=dict(run.inputs))


async def sleeps_for_ever(run: Run) -> Outcome:
    await anyio.sleep_forever()
    raise AssertionError


async def test_stages_run_in_order_and_leave_their_names_and_notes() -> None:
    def noting(text: str) -> object:
        def stage(handler: Handler) -> Handler:
            async def noted(run: Run) -> Outcome:
                run.trail.note(text)
                return await handler(run)

            return noted

        return stage

    handler = compose(("first", noting("a")), ("second", noting("b")), to=says_its_inputs)  # type: ignore[arg-type]
    run = a_run()

    await handler(run)

    assert [(stage.name, stage.note) for stage in run.trail.stages()] == [("first", "a"), ("second", "b"), ("run", "")]


async def test_a_default_that_the_schema_names_reaches_the_skill() -> None:
    outcome = await check_inputs(says_its_inputs)(a_run(a_skill(input_schema=WORDS)))

    assert outcome.output == {"words": 40}


async def test_everything_that_is_wrong_with_the_inputs_is_told_at_once() -> None:
    run = a_run(a_skill(input_schema=WORDS), {"words": "many", "wrods": 1})

    outcome = await check_inputs(says_its_inputs)(run)

    assert outcome.status is Status.REJECTED
    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.INPUT_INVALID
    assert {finding.place.file for finding in outcome.error.findings} == {"inputs/words", "inputs/wrods"}
    assert "did you mean 'words'?" in outcome.error.message


async def test_a_pattern_that_would_hang_a_backtracking_engine_answers_at_once() -> None:
    schema = {"type": "object", "properties": {"text": {"type": "string", "pattern": "^(a+)+$"}}}
    run = a_run(a_skill(input_schema=schema), {"text": "a" * 5_000 + "!"})

    outcome = await check_inputs(says_its_inputs)(run)

    assert outcome.status is Status.REJECTED


async def test_a_run_that_takes_too_long_is_timed_out_with_its_limit() -> None:
    outcome = await within_deadline(0.01, 300)(sleeps_for_ever)(a_run())

    assert outcome.status is Status.TIMED_OUT
    assert outcome.limit is not None
    assert outcome.limit.allowed == 0.01


@pytest.mark.parametrize(("asked", "expected"), [(None, 30.0), (5.0, 5.0), (900.0, 300.0)])
def test_the_least_of_the_times_counts(asked: float | None, expected: float) -> None:
    assert deadline_of(a_skill(timeout=asked), 30.0, 300.0) == expected


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        ('{"name": "Ada"}', {"name": "Ada"}),
        ("name: Ada", {"name": "Ada"}),
        ('Here it is:\n```json\n{"name": "Ada"}\n```\nDone.', {"name": "Ada"}),
        ("Ada Lovelace", {"name": "Ada Lovelace"}),
        ({"name": "Ada"}, {"name": "Ada"}),
    ],
)
async def test_an_output_is_understood_however_it_is_said(said: object, understood: object) -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}

    outcome = await parse_outputs(answers(said))(a_run(a_skill(output_schema=schema)))  # type: ignore[arg-type]

    assert outcome.output == understood
    assert outcome.is_ok


async def test_a_block_is_found_behind_any_number_of_fences_that_are_never_closed() -> None:
    schema = {"type": "object", "required": ["name"]}
    said = "~~~a\n" * 500_000 + '```\n{"name": "Ada"}\n```\n'

    outcome = await parse_outputs(answers(said))(a_run(a_skill(output_schema=schema)))  # type: ignore[arg-type]

    assert outcome.output == {"name": "Ada"}


@pytest.mark.parametrize("said", [{"items": [[]] * 10_000}, ["x" * 60_000] * 2, "x" * 200_000, {"items": []}, "short"])
async def test_what_takes_long_to_check_is_checked_beside_the_loop(
    said: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    def problems_with(value: object, schema: object) -> tuple[()]:
        threads.append(threading.get_ident())
        return ()

    monkeypatch.setattr(outputs, "problems_with", problems_with)
    await parse_outputs(answers(said))(a_run(a_skill(output_schema={"type": "object"})))  # type: ignore[arg-type]

    is_aside = threads != [threading.get_ident()]
    assert is_aside is (len(str(said)) > 20_000)


async def test_an_output_that_does_not_fit_is_refused_and_kept() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {}}, "required": ["a"]}

    outcome = await parse_outputs(answers("no"))(a_run(a_skill(output_schema=schema)))  # type: ignore[arg-type]

    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.OUTPUT_INVALID
    assert outcome.output == "no"


async def test_a_run_is_written_down_before_anything_happens_and_after_everything_did() -> None:
    journal, seen = FakeJournal(), []

    async def looks_at_the_journal(run: Run) -> Outcome:
        seen.append(len(journal.begun))
        return Outcome(status=Status.COMPLETED)

    await record(journal, FakeClock())(looks_at_the_journal)(a_run())

    assert seen == [1]
    assert [outcome.status for _, outcome in journal.finished] == [Status.COMPLETED]


async def test_a_cancelled_run_is_written_down_as_cancelled() -> None:
    journal = FakeJournal()

    with anyio.move_on_after(0.01):
        await record(journal, FakeClock())(sleeps_for_ever)(a_run())

    assert [outcome.status for _, outcome in journal.finished] == [Status.CANCELLED]


@pytest.mark.parametrize(
    ("outcome", "event"),
    [
        (Outcome(status=Status.COMPLETED), SkillExecutionCompleted),
        (failure(ErrorKind.CRASHED, "no"), SkillExecutionFailed),
    ],
)
async def test_the_bus_hears_of_the_beginning_and_the_end(outcome: Outcome, event: type) -> None:
    async def ends_so(run: Run) -> Outcome:
        return outcome

    bus = Bus()
    with bus.subscribe() as events:
        await trace(bus, FakeClock())(ends_so)(a_run())
        first, last = events.drain()
    assert isinstance(first, SkillExecutionStarted)
    assert isinstance(last, event)


async def test_a_skill_that_requires_stronger_walls_than_there_are_does_not_run() -> None:
    run = a_run(a_skill(kind=Kind.PYTHON, required_tier=Tier.A))

    outcome = await permit(Tier.B, nothing_allowed)(says_its_inputs)(run)

    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.SANDBOX_UNAVAILABLE
    assert outcome.process_exit_code == 3


def nothing_allowed(skill: Skill, realm: str) -> frozenset[Consent]:
    del skill, realm
    return frozenset()


async def test_what_runs_no_code_needs_nothing_of_what_it_asks_for() -> None:
    stage, asked = (
        permit(Tier.A, nothing_allowed)(says_its_inputs),
        Permissions(network_access=True, file_read=("/etc",)),
    )

    assert (await stage(a_run(a_skill(kind=Kind.PYTHON, permissions=asked)))).status is Status.REJECTED
    assert (await stage(a_run(a_skill(kind=Kind.PROMPT_INLINE, permissions=asked)))).is_ok


async def test_without_a_sandbox_a_strangers_code_does_not_run_and_a_prompt_does() -> None:
    stage = permit(Tier.D, nothing_allowed)(says_its_inputs)

    assert (await stage(a_run(a_skill(kind=Kind.CODE_INLINE)))).status is Status.REJECTED
    assert (await stage(a_run(a_skill(kind=Kind.PROMPT_INLINE)))).is_ok
