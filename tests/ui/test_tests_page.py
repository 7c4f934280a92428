"""Tests on the screen: red as a state, at its line, and gone through."""

from __future__ import annotations

import pytest

from tests.author import Author, function
from tests.ui.eyes import Eyes, opened

pytestmark = pytest.mark.anyio
CASES = """cases:
  - {name: says hello, expect: {output: hello}}
  - {name: ends, expect: {status: completed}}
"""


async def test_a_save_that_turns_a_test_red_is_seen_and_leads_to_its_line(author: Author) -> None:
    author.has_function("aaa", "return 'hello'")
    author.writes("aaa/tests/cases.yaml", CASES)

    async with opened(author, watch=True) as eyes:
        await eyes.press("T")
        await eyes.see("▌7 Tests", "● aaa r1  2 passed", "✓ says hello", "✓ ends")
        author.saves("aaa/skill.py", function("aaa", "return 'bye'"))
        await eyes.see("▲ aaa", "tests red", "5 Problems 1", "7 Tests ▲ 1", "▲ aaa r2  1 passed, 1 failed")
        await eyes.see("✕ says hello", 'the output is "bye", and not "hello"')
        await eyes.press("1", "T")
        await eyes.see("▌7 Tests ▲ 1", "aaa: 1 passed, 1 red")
        await eyes.press("enter")
        await eyes.see("2 Editor   tests/cases.yaml", "- {name: says hello")
        assert eyes.app.editor.source is not None
        assert eyes.app.editor.source.cursor_location[0] == 1
        author.saves("aaa/skill.py", function("aaa", "return  'hello'"))
        await eyes.see("● aaa", "✓ aaa r3 tests: 2 passed")


def said_by(eyes: Eyes) -> str:
    """Everything that its status line has said: what stood there may have given way to newer words."""
    return "\n".join(words for _, words in eyes.app.notices.all)


@pytest.mark.exhaustive
async def test_lines_that_no_case_runs_are_marked_until_the_text_is_changed(author: Author) -> None:
    author.has_function("aaa", "if loud:\n    return 'HELLO'\nreturn 'hello'", parameters="loud: bool = False")
    author.writes("aaa/tests/cases.yaml", "cases: [{name: says hello, expect: {output: hello}}]")
    async with opened(author) as eyes:
        await eyes.press("C")
        await eyes.until(lambda: "aaa: 1 line that no case runs" in said_by(eyes), "that there is one")
        line = next(line for line in eyes.text.splitlines() if "return 'HELLO'" in line)
        assert "┊" in line
        await eyes.press("7")
        await eyes.see("● aaa r1  1 passed   skill.py ")
        await eyes.press("2", "x")
        await eyes.until(lambda: "┊" not in eyes.text, "no mark")


@pytest.mark.exhaustive
async def test_a_skill_without_tests_says_where_to_put_them(author: Author) -> None:
    author.has_function("aaa", "return 'hello'")
    async with opened(author) as eyes:
        await eyes.press("T")
        await eyes.see("aaa has no tests yet · put cases into tests/aaa.yaml beside it")


async def test_a_run_is_kept_as_a_case_by_one_key_and_shown_at_its_line(author: Author) -> None:
    author.has_function("aaa", "return 'hello'")
    async with opened(author, watch=True) as eyes:
        await eyes.press("c")
        await eyes.see("Keep as a test: run it first")
        await eyes.press("r")
        await eyes.see("aaa completed")
        await eyes.press("c")
        await eyes.see("2 Editor   tests/aaa.yaml", 'expect: {output: "hello"}')
        await eyes.until(lambda: "+ aaa has a new case in aaa.yaml" in said_by(eyes), "that there is one")
        await eyes.press("escape", "1", "c")
        await eyes.see("has this case already")
        await eyes.press("T")
        await eyes.see("● aaa r1  1 passed", "✓ as in run")
