"""Tests on every save: red is told and seen, and what answers goes on answering."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from tests.author import Author, function
from tests.runtime.devsessions.watched import watching
from workbench.model.events import SkillHotReloaded, SkillReloadFailed, SkillTested
from workbench.model.skill import SkillState
from workbench.runtime.library.verdicts import Verdicts

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
        with anyio.fail_after(15):
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


async def test_what_a_save_finds_is_remembered_for_the_shell(greeter: Author) -> None:
    async with watching(greeter) as watched:
        greeter.saves("greet/skill.py", function("greet", "return 'howdy'"))
        await watched.hears(SkillTested)
        known = Verdicts(watched.workbench.library.database).known
        await watched.until(lambda: bool(known()))
        assert known()["greet"].red == {("greet.yaml", "says hello")}
    assert "greet" in greeter.calls("test", "--failed").out
    assert greeter.calls("test", "--changed").out == ""


@pytest.mark.exhaustive
async def test_no_save_runs_python_tests_and_what_is_known_of_them_stays(greeter: Author, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    source = f"def test_it():\n    open({str(mark)!r}, 'a').close()\n    assert False\n"
    greeter.writes("greet/tests/test_greet.py", source)
    async with watching(greeter) as watched:
        greeter.saves("greet/skill.py", function("greet", "return  'hello'"))
        assert (await watched.hears(SkillTested)).is_green
        assert not mark.exists()
    assert greeter.calls("test").code == 1
    assert mark.exists()
    async with watching(greeter) as watched:
        greeter.saves("greet/skill.py", function("greet", "return 'howdy'"))
        assert not (await watched.hears(SkillTested)).is_green
        verdicts = Verdicts(watched.workbench.library.database)
        both = {("greet.yaml", "says hello"), ("test_greet.py", "test_it")}
        await watched.until(lambda: verdicts.known()["greet"].red == both)


async def test_with_the_gate_tests_a_red_save_does_not_answer_and_a_green_one_is_tested_once(greeter: Author) -> None:
    (greeter.workspace / "workbench.toml").write_text('[development]\ngate = "tests"\n')
    async with watching(greeter) as watched:
        assert await watched.answers("greet") == "hello"
        greeter.saves("greet/skill.py", function("greet", "return 'howdy'"))
        event = await watched.hears(SkillReloadFailed)
        assert event.answering_revision == 1
        assert [finding.rule for finding in event.findings] == ["test.red"]
        assert await watched.answers("greet") == "hello"
        watched.heard()
        greeter.has_function("other", "return 1")
        greeter.saves("greet/skill.py", function("greet", "return  'hello'"))
        await watched.until(lambda: watched.workbench.find("greet").revision == 2)
        await watched.until(lambda: watched.workbench.find("other").revision == 1)
        assert await watched.answers("greet") == "hello"
        told = watched.heard()
        assert [event.is_green for event in told if isinstance(event, SkillTested) and event.skill == "greet"] == [True]
        [reloaded] = [event for event in told if isinstance(event, SkillHotReloaded) and event.skill == "greet"]
        assert "tests" in dict(reloaded.steps)


@pytest.mark.exhaustive
async def test_tests_that_take_too_long_do_not_hold_a_save_up(greeter: Author) -> None:
    (greeter.workspace / "workbench.toml").write_text('[development]\ngate = "tests"\n')
    async with watching(greeter) as watched:
        await watched.answers("greet")
        greeter.saves("greet/skill.py", function("greet", "import time\ntime.sleep(3.5)\nreturn 'slow'"))
        event = await watched.hears(SkillHotReloaded)
        assert event.revision == 2
        assert (await watched.hears(SkillTested)).failed == 1


async def test_a_folder_of_tests_that_is_new_is_tested_at_once(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    author.writes("../beside/greet.yaml", CASES.replace("output: hello", "output: bye"))
    async with watching(author) as watched:
        await watched.answers("greet")
        (author.workspace / "beside").rename(author.skills / "greet/tests")
        assert (await watched.hears(SkillTested)).failed == 1
