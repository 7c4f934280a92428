"""Dev sessions on the screen: begun, edited in, run side by side, compared and promoted."""

from __future__ import annotations

import asyncio
import re
import threading
from pathlib import Path

import pytest

from tests.author import Author, function
from tests.ui.eyes import Eyes, opened
from workbench.runtime.atomic import write_atomically
from workbench.runtime.devsessions import promotion

pytestmark = pytest.mark.anyio
COUNTS = "global count\ncount += 1\nreturn [{says!r}, os.environ.get('PLACE', '-'), count]"


def counting(says: str) -> str:
    return "import os\ncount = 0\n" + function("aaa", COUNTS.format(says=says))


async def begin(eyes: Eyes, name: str) -> None:
    await eyes.press("d")
    await eyes.see("Dev sessions", "● main", "+ new")
    await eyes.press(*"new", "enter")
    await eyes.see("Name of the new session")
    await eyes.press(*name, "enter")
    await eyes.see(f"this is the session {name}")


def home(author: Author, name: str) -> Path:
    return author.workspace / ".workbench/dev" / name / "skills/aaa/skill.py"


async def test_a_save_in_a_session_stays_in_it_until_it_is_promoted(author: Author) -> None:
    author.has_function("aaa", "return 'one'")
    async with opened(author, watch=True) as eyes:
        await eyes.press("enter")
        await eyes.see("✓ completed", "one")
        await begin(eyes, "try")
        await eyes.press("e", *"# mine", "enter", "ctrl+s")
        await eyes.see("dev session", "# mine")
        await eyes.until(lambda: "# mine" in home(author, "try").read_text(), "the session's file")
        assert "# mine" not in (author.skills / "aaa/skill.py").read_text()
        await eyes.press("escape", "1", "D")
        await eyes.see("try and the workspace", "● skills/aaa/skill.py", "changed here")
        await eyes.press("enter")
        await eyes.see("in try", "# mine", "in the workspace   as it was taken")
        await eyes.press("escape", "P")
        await eyes.see("the workspace has 1 file of try: aaa")
        assert "# mine" in (author.skills / "aaa/skill.py").read_text()
        await eyes.press("W")
        await eyes.see("try is closed")
        assert eyes.app.sessions.is_main


async def test_what_works_behind_the_app_ends_with_it(author: Author) -> None:
    author.has_function("aaa", "return 'one'")
    before = asyncio.all_tasks()
    async with opened(author, watch=True) as eyes:
        await begin(eyes, "try")
        await eyes.app.sessions.go_to("try")  # from here on the watching of a moment ago ends while another begins
    assert asyncio.all_tasks() == before


@pytest.mark.exhaustive
async def test_two_sessions_answer_differently_side_by_side(author: Author) -> None:
    author.saves("aaa/skill.py", counting("main"))
    author.calls("dev", "open", "one", "-e", "PLACE=here")
    author.calls("dev", "open", "two", "-e", "PLACE=there")
    for name in ("one", "two"):
        author.calls("dev", "edit", name, "aaa")
        home(author, name).write_text(counting(name))
    async with opened(author) as eyes:
        await eyes.press("d")
        await eyes.see("one", "two", "PLACE")
        await eyes.press(*"one", "enter")
        await eyes.see("this is the session one")
        await eyes.press("enter")
        await eyes.see("✓ completed", '"one"', '"here"')
        await eyes.press("B")
        text = await eyes.see("aaa in every session", '"main",', '"one",', '"two",', '"here",', '"there",')
        line = next(line for line in text.splitlines() if '"main",' in line)
        assert line.index('"main"') < line.index('"two"') < line.index('"one"')
        assert re.search(r"  1 +1 +2 ", text)


@pytest.mark.exhaustive
async def test_what_answers_and_what_was_said_are_the_sessions_own(author: Author) -> None:
    author.has_function("aaa", "return 'one'")
    author.calls("dev", "open", "try")
    author.calls("dev", "edit", "try", "aaa")
    home(author, "try").write_text(function("aaa", "return 'two'"))
    async with opened(author, watch=True) as eyes:
        await eyes.press("enter")
        await eyes.see("✓ completed", "one")
        await eyes.press("d", *"try", "enter")
        await eyes.see("this is the session try", "return 'two'")
        assert "✓ completed" not in eyes.text
        author.saves("aaa/skill.py", function("aaa", "return 'three'"))
        home(author, "try").write_text(function("aaa", "return 'four'"))
        await eyes.see("↻ aaa → r", "return 'four'")
        await eyes.press("enter")
        await eyes.see("✓ completed", "four")
        await eyes.press("d", *"main", "enter")
        await eyes.see("this is the workspace", "return 'three'", "one")


@pytest.mark.exhaustive
async def test_a_session_that_somebody_else_closed_leads_back_to_the_workspace(author: Author) -> None:
    author.has_function("aaa", "return 'one'")
    async with opened(author, watch=True) as eyes:
        await begin(eyes, "try")
        author.calls("dev", "close", "try")
        await eyes.see("the session try was closed · this is the workspace")


@pytest.mark.exhaustive
async def test_in_the_workspace_and_with_unsaved_text_it_says_why_not(author: Author) -> None:
    author.has_function("aaa", "return 'one'")
    async with opened(author) as eyes:
        await eyes.press("P")
        await eyes.see("Promote: this is the workspace itself: d begins a session")
        await begin(eyes, "try")
        await eyes.press("P")
        await eyes.see("nothing that the workspace does not have")
        await eyes.press("e", "x", "escape", "1", "P")
        await eyes.see("something is unsaved")


async def test_a_skill_is_disabled_renamed_and_enabled_by_keys(author: Author) -> None:
    author.has_function("aaa", "return 'one'")
    async with opened(author) as eyes:
        await eyes.press("z")
        await eyes.see("◌ aaa", "is refused, its saves are read")
        await eyes.press("enter")
        await eyes.see("'aaa' is disabled", "workbench enable aaa")
        await eyes.press("N")
        await eyes.see("New name of aaa")
        await eyes.press(*"bbb", "enter")
        await eyes.see("aaa is bbb now", 'name="bbb"')
        await eyes.press("alt+1", "z")
        await eyes.see("● bbb", "bbb runs again")


@pytest.mark.exhaustive
async def test_a_promotion_that_is_under_way_is_waited_for(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()

    def slowly(path: str, data: bytes, *, mode: int) -> None:
        assert goes_on.wait(20)
        write_atomically(path, data, mode=mode)

    author.has_function("aaa", "return 'one'")
    async with opened(author, watch=True) as eyes:
        await begin(eyes, "try")
        await eyes.press("e", *"# mine", "enter", "ctrl+s")
        await eyes.until(lambda: home(author, "try").exists() and "# mine" in home(author, "try").read_text(), "saved")
        await eyes.press("alt+1")
        await eyes.see("▌1 Skills")
        monkeypatch.setattr(promotion, "write_atomically", slowly)
        await eyes.press("P", "P")
        await eyes.until(lambda: "under way here" in eyes.app.notices.latest, "that one is enough")
        goes_on.set()
        await eyes.until(lambda: "# mine" in (author.skills / "aaa/skill.py").read_text(), "the workspace's file")
        read = eyes.app.workbench.library.database.read
        await eyes.until(lambda: not read("SELECT * FROM promotion"), "its end")
