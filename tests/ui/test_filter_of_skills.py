"""The filter of the skills: the cursor is on what matches, and comes back to where it stood when nothing was chosen."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.author import Author
from tests.ui.eyes import Eyes, opened

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


@pytest.fixture
async def eyes(author: Author) -> AsyncIterator[Eyes]:
    for name in ("apple", "banana", "berry", "cherry"):
        author.has_command(name, "echo", name)
    async with opened(author) as eyes:
        await eyes.press("down", "down", "down")
        await looks_at(eyes, "cherry")
        yield eyes


async def looks_at(eyes: Eyes, name: str) -> None:
    """The cursor stands there, and the panes show that skill."""
    await eyes.until(lambda: eyes.app.skills_pane.looked_at == name, f"the cursor on {name}")
    await eyes.until(lambda: eyes.app.chosen is not None and eyes.app.chosen.name == name, f"{name} in the panes")


async def test_the_cursor_goes_to_the_first_match_and_back_when_the_filter_is_left(eyes: Eyes) -> None:
    await eyes.press("slash", "b")
    await looks_at(eyes, "banana")
    await eyes.press("e")
    await looks_at(eyes, "berry")
    await eyes.press("escape")
    await looks_at(eyes, "cherry")


async def test_the_cursor_stays_while_its_skill_matches_and_comes_back_letter_by_letter(eyes: Eyes) -> None:
    await eyes.press("slash", "e")
    await looks_at(eyes, "cherry")
    await eyes.press("b", "backspace", "backspace", "b")
    await looks_at(eyes, "banana")
    await eyes.press("backspace")
    await looks_at(eyes, "cherry")


async def test_what_is_chosen_under_a_filter_is_where_the_cursor_stays(eyes: Eyes) -> None:
    await eyes.press("slash", "b", "enter", "down")
    await looks_at(eyes, "berry")
    await eyes.press("escape")
    await eyes.see("● apple")
    await looks_at(eyes, "berry")
    await eyes.press("slash", "p", "escape")
    await looks_at(eyes, "berry")


async def test_a_filter_that_leaves_nothing_changes_nothing(eyes: Eyes) -> None:
    await eyes.press("slash", *"zz9", "enter")
    await eyes.see("nothing matches 'zz9'")
    await eyes.press("escape")
    await looks_at(eyes, "cherry")
