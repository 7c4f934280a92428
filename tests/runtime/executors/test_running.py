"""Runs of every kind through the whole open workbench: real processes, real sandbox, real store."""

from __future__ import annotations

import anyio
import pytest

from tests.author import Author
from tests.runtime.executors.running import opened, outcome_of
from workbench.model.errors import ErrorKind, UnknownSkill
from workbench.model.run import Caller

pytestmark = pytest.mark.anyio


async def test_a_prompt_is_filled_once_and_never_evaluated(author: Author) -> None:
    author.writes(
        "prompt.json",
        {
            "name": "ask",
            "version": "1.0.0",
            "type": "prompt_inline",
            "prompt": 'Say {what} to {who}: {{"key": {missing_is_text}}}'.replace("{missing_is_text}", "1"),
            "parameters": [{"name": "what"}, {"name": "who", "default": "all"}],
        },
    )

    outcome = await outcome_of(author, "ask", what="{who} {0.__class__}")

    assert outcome.output == 'Say {who} {0.__class__} to all: {"key": 1}'


async def test_a_name_that_nobody_gives_is_an_error_that_says_where(author: Author) -> None:
    author.writes("ask.json", {"name": "ask", "version": "1.0.0", "type": "prompt_inline", "prompt": "a\n{gap}"})

    outcome = await outcome_of(author, "ask")

    assert outcome.error is not None
    assert "'gap'" in outcome.error.message
    assert "line 2" in outcome.error.message


async def test_a_skill_of_markdown_needs_a_model(author: Author) -> None:
    author.writes("guide/SKILL.md", "---\nname: guide\ndescription: Guides. Use it when lost.\n---\n\nGo left.\n")

    outcome = await outcome_of(author, "guide")

    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.DEPENDENCY_MISSING
    assert outcome.process_exit_code == 3
    assert "needs a model" in outcome.error.message


async def test_an_unknown_name_suggests_the_nearest(author: Author) -> None:
    author.has_function("summarise", "return 1")

    with pytest.raises(UnknownSkill) as error:
        await outcome_of(author, "sumarise")

    assert error.value.hint == "did you mean 'summarise'?"


async def test_many_runs_at_once_do_not_meet(author: Author) -> None:
    author.has_function("echo-number", "return number", parameters="number: int")
    results: dict[int, object] = {}

    async with opened(author) as workbench:

        async def run(number: int) -> None:
            results[number] = (await workbench.run("echo-number", {"number": number})).outcome.output

        async with anyio.create_task_group() as tasks:
            for number in range(60):
                tasks.start_soon(run, number)

    assert results == {number: number for number in range(60)}


async def test_a_skill_is_told_on_whose_behalf_it_runs(author: Author) -> None:
    body = "return [context.user_id, context.session_id, context['agent_id'], context['version']]"
    author.has_function("whose", body, parameters="context")

    async with opened(author) as workbench:
        result = await workbench.run("whose", caller=Caller(user="ada", session="s1", agent="a7"))

    assert result.outcome.output == ["ada", "s1", "a7", "1.0.0"]


async def test_the_bus_tells_a_skills_way_from_file_to_instance(author: Author) -> None:
    author.has_function("greet", "return 1")

    async with opened(author) as workbench:
        with workbench.bus.subscribe() as events:
            await workbench.run("greet")
            author.writes("greet/skill.py", "def broken(:")
            workbench.refresh()
            await workbench.run("greet")
            heard = [type(event).__name__ for event in events.drain()]

    assert heard[:3] == ["SkillCreated", "SkillExecutionStarted", "SkillExecutionCompleted"]


async def test_a_cancelled_run_leaves_the_next_one_a_fresh_worker(author: Author) -> None:
    author.has_function("naps", "import time\ntime.sleep(seconds)\nreturn 'awake'", parameters="seconds: float")

    async with opened(author) as workbench:
        with anyio.move_on_after(0.3):
            await workbench.run("naps", {"seconds": 60})
        outcome = (await workbench.run("naps", {"seconds": 0})).outcome
        past = workbench.library.history

    assert outcome.output == "awake"
    assert past is not None
