"""Keys as terminals send them: bytes, and not what a test calls them."""

from __future__ import annotations

import pytest
from textual._xterm_parser import XTermParser
from textual.events import Key, Paste

from tests.author import Author
from tests.ui.eyes import opened
from workbench.ui.driver import know_alt_and_digits


def test_alt_and_a_digit_are_a_key_and_no_letter() -> None:
    know_alt_and_digits()
    found = [event for event in XTermParser().feed("\x1b1\x1b7") if isinstance(event, Key)]
    assert [event.key for event in found] == ["alt+1", "alt+7"]


@pytest.mark.anyio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_escape_leaves_the_editor_at_any_size(author: Author, size: tuple[int, int]) -> None:
    author.has_function("aaa", "return 1")
    async with opened(author, size=size) as eyes:
        await eyes.press("e")
        await eyes.see("▌2 Editor")
        await eyes.press("escape")
        await eyes.see("▌1 Skills")


@pytest.mark.anyio
async def test_half_a_character_that_is_pasted_ends_nothing(author: Author) -> None:
    author.has_function("aaa", "return 1")
    async with opened(author) as eyes:
        await eyes.press("e")
        eyes.app.post_message(Paste("a\ud800b"))
        await eyes.see("a?bfrom workbench.sdk")
