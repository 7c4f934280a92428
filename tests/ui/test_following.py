"""Saves that change nothing for a while, because somebody said so."""

from __future__ import annotations

import anyio
import pytest

from tests.author import Author, function
from tests.ui.eyes import opened

pytestmark = pytest.mark.anyio


@pytest.mark.exhaustive
async def test_a_key_has_saves_change_nothing_and_catches_up_with_them(author: Author) -> None:
    author.has_function("aaa", "return 'first'")

    async with opened(author, watch=True) as eyes:
        await eyes.press("enter")
        await eyes.see("first", "r1")
        await eyes.press("F")
        await eyes.see("▲ saves not followed")
        author.saves("aaa/skill.py", function("aaa", "return 'second'"))
        await anyio.sleep(0.5)
        assert eyes.app.workbench.find("aaa").revision == 1
        await eyes.press("enter")
        await eyes.see("✓ completed", "first", "r1")
        await eyes.press("e")
        await eyes.see("'second'")
        await eyes.press(*["up"] * 9, "home", *"# mine", "enter", "ctrl+s")
        await eyes.until(lambda: "# mine" in (author.skills / "aaa/skill.py").read_text(), "the save")
        await eyes.press("escape", "1", "enter")
        await eyes.see("✓ completed", "first", "r1")
        assert eyes.app.workbench.find("aaa").revision == 1
        await eyes.press("F")
        await eyes.see("↻ aaa → r2")
        assert "not followed" not in eyes.text
        await eyes.press("enter")
        await eyes.see("second", "r2")


async def test_where_the_settings_say_never_it_says_so(author: Author) -> None:
    author.has_function("aaa", "return 'first'")
    (author.workspace / "workbench.toml").write_text("[skills]\nhot_reload_enabled = false\n")

    async with opened(author) as eyes:
        await eyes.see("▲ saves not followed")
        await eyes.press("F")
        await eyes.see("hot_reload_enabled is false under [skills]")
