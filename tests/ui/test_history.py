"""History on the screen: looked at, compared, brought back."""

from __future__ import annotations

import pytest

from tests.author import Author, function
from tests.ui.eyes import opened

pytestmark = pytest.mark.anyio


@pytest.mark.exhaustive
async def test_history_compares_and_rolling_back_brings_back(author: Author) -> None:
    author.has_function("aaa", "return 'one'")
    author.calls("reload", "aaa", "-m", "as it began")
    author.saves("aaa/skill.py", function("aaa", "return 'two'", parameters="text: str"))
    author.calls("reload", "aaa", "-m", "takes a text")

    async with opened(author, watch=True) as eyes:
        await eyes.press("h")
        await eyes.see("Revisions of aaa", "● r2", "takes a text", "  r1", "as it began")
        await eyes.press("down", "enter")
        await eyes.see("from r1 to the files as they are", "✕ inputs.text  is new and must be given  breaks callers")
        await eyes.see("as it began", "-    return 'one'", "+    return 'two'")
        await eyes.press("escape", "b")
        await eyes.see("Have aaa be again what it was")
        await eyes.press("down", "enter")
        await eyes.see("↻ aaa → r3", "return 'one'")
        assert "return 'one'" in (author.skills / "aaa/skill.py").read_text()
        await eyes.press("enter")
        await eyes.see("✓ completed", "r3")


@pytest.mark.exhaustive
async def test_what_is_unsaved_or_not_accepted_is_not_rolled_over(author: Author) -> None:
    author.has_function("aaa", "return 'one'")
    author.calls("reload", "aaa")
    author.saves("aaa/skill.py", function("aaa", "return 'two'"))
    author.calls("reload", "aaa")

    async with opened(author) as eyes:
        await eyes.press("e", *"# mine", "escape", "alt+b")
        await eyes.see("something is unsaved · ctrl+s saves it")
        author.saves("aaa/skill.py", "def aaa(:")
        await eyes.see("was written outside")
        await eyes.press("alt+t", "alt+b")
        await eyes.see("Have aaa be again")
        await eyes.press("down", "enter")
        await eyes.see("hold what no revision has")
        assert (author.skills / "aaa/skill.py").read_text() == "def aaa(:"


@pytest.mark.exhaustive
async def test_a_skill_without_history_and_a_shipped_one_say_so(author: Author) -> None:
    author.has_function("aaa", "return 'one'")
    async with opened(author) as eyes:
        await eyes.press("h")
        await eyes.see("Revisions of aaa", "nothing was accepted yet")
        await eyes.press("L")
        await eyes.see("↻ aaa r1 in a new process")
        await eyes.press("h", "enter")
        await eyes.see("the files of aaa are what r1 was")
        await eyes.press("down")
        await eyes.until(lambda: eyes.app.chosen is not None and eyes.app.chosen.name == "echo", "another skill")
        await eyes.press("b")
        await eyes.see("it is shipped")
