"""Tests on every save: red is told and seen, and what answers goes on answering."""

from __future__ import annotations

import anyio
import pytest

from tests.author import Author, function
from tests.runtime.devsessions.watched import watching
from workbench.model.events import SkillHotReloaded, SkillTested
from workbench.model.skill import SkillState

pytestmark = pytest.mark.anyio
CASES = "cases:\n  - {name: says hello, expect: {output: hello}}\n"


@pytest.fixture
def greeter(author: Author) -> Author:
    author.has_function("greet", "return 'hello'")
    author.writes("greet/tests/greet.yaml", CASES)
    return author


async def test_a_save_that_turns_a_test_red_answers_and_says_so_until_it_is_mended(greeter: Author) -> None:
    async with watching(greeter) as watched:
        assert await watched.answers("greet") == "hello"
        greeter.saves("greet/skill.py", function("greet", "return 'howdy'"))
        event = await watched.hears(SkillTested)
        skill = watched.workbench.find("greet")
        assert (event.revision, event.failed, event.is_green) == (2, 1, False)
        assert skill.state is SkillState.TESTS_RED
        [finding] = [finding for finding in skill.findings if finding.rule == "test.red"]
        assert (finding.place.file, finding.place.line) == (str(greeter.skills / "greet/tests/greet.yaml"), 2)
        assert await watched.answers("greet") == "howdy"
        greeter.saves("greet/skill.py", function("greet", "return  'hello'"))
        assert (await watched.hears(SkillTested)).is_green
        skill = watched.workbench.find("greet")
        assert (skill.state, skill.findings) == (SkillState.OK, ())


async def test_a_change_of_the_cases_alone_tests_again_and_reloads_nothing(greeter: Author) -> None:
    async with watching(greeter) as watched:
        await watched.answers("greet")
        greeter.saves("greet/tests/greet.yaml", CASES.replace("output: hello", "output: bye"))
        assert (await watched.hears(SkillTested)).failed == 1
        greeter.saves("greet/tests/greet.yaml", "cases: [")
        event = await watched.hears(SkillTested)
        assert (event.passed, event.failed, event.is_green) == (0, 0, False)
        (greeter.skills / "greet/tests/greet.yaml").unlink()
        assert (await watched.hears(SkillTested)).is_green
        assert watched.workbench.find("greet").state is SkillState.OK
        assert watched.workbench.find("greet").revision == 1
        assert not [event for event in watched.heard() if isinstance(event, SkillHotReloaded)]


async def test_only_the_saved_skill_is_tested(greeter: Author) -> None:
    greeter.has_function("other", "return 1")
    greeter.writes("other/tests/a.yaml", "cases: [{name: a}]")
    async with watching(greeter) as watched:
        greeter.saves("greet/skill.py", function("greet", "return  'hello'"))
        await watched.hears(SkillTested)
        await anyio.sleep(0.2)
        assert {event.skill for event in watched.heard() if isinstance(event, SkillTested)} <= {"greet"}


async def test_a_test_that_hangs_keeps_no_save_waiting(greeter: Author) -> None:
    greeter.saves("greet/skill.py", function("greet", "import time\ntime.sleep(60)\nreturn 'hello'"))
    async with watching(greeter) as watched:
        greeter.saves("greet/skill.py", function("greet", "import time\ntime.sleep(61)\nreturn 'hello'"))
        await watched.hears(SkillHotReloaded)
        greeter.saves("greet/skill.py", function("greet", "return 'hello'"))
        with anyio.fail_after(3):
            await watched.hears(SkillHotReloaded)
            event = await watched.hears(SkillTested)
        assert (event.is_green, event.passed) == (True, 1)


async def test_what_was_rolled_back_is_tested_too(greeter: Author) -> None:
    async with watching(greeter) as watched:
        await watched.answers("greet")
        greeter.saves("greet/skill.py", function("greet", "return 'howdy'"))
        assert not (await watched.hears(SkillTested)).is_green
        await watched.workbench.roll_back("greet", 1)
        event = await watched.hears(SkillTested)
        assert (event.revision, event.is_green) == (3, True)
        assert watched.workbench.find("greet").state is SkillState.OK
