"""Tests on the screen: red as a state, at its line, and gone through."""

from __future__ import annotations

import pytest

from tests.author import Author, function
from tests.ui.eyes import opened

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
        await eyes.see("Tests of aaa r1", "✓ says hello", "✓ ends")
        await eyes.press("escape")
        author.saves("aaa/skill.py", function("aaa", "return 'bye'"))
        await eyes.see("▲ aaa", "tests red", "5 Problems 1", 'says hello: the output is "bye", and not "hello"')
        await eyes.press("T")
        await eyes.see("✕ says hello", 'the output is "bye"', "✓ ends")
        await eyes.press("enter")
        await eyes.see("2 Editor   tests/cases.yaml", "- {name: says hello")
        assert eyes.app.editor.source is not None
        assert eyes.app.editor.source.cursor_location[0] == 1
        author.saves("aaa/skill.py", function("aaa", "return  'hello'"))
        await eyes.see("● aaa", "✓ aaa r3 tests: 2 passed")


async def test_a_skill_without_tests_says_where_to_put_them(author: Author) -> None:
    author.has_function("aaa", "return 'hello'")
    async with opened(author) as eyes:
        await eyes.press("T")
        await eyes.see("aaa has no tests yet · put cases into tests/aaa.yaml beside it")
