"""The app on a real workbench, driven by keys, read as text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from tests.author import Author, function
from workbench.assembly import open_workbench
from workbench.ui.app import WorkbenchApp
from workbench.ui.commands import REGISTRY
from workbench.ui.help import Help

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
FORBIDDEN = {"ctrl+h", "ctrl+i", "ctrl+m", "ctrl+j", "ctrl+left_square_bracket"}


class Eyes:
    """Reads the screen and waits for what it is to show."""

    def __init__(self, pilot: Pilot[int], app: WorkbenchApp) -> None:
        self.pilot, self.app = pilot, app

    @property
    def text(self) -> str:
        """The screen as lines of text."""
        lines = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in lines)

    async def see(self, *words: str) -> str:
        await self.until(lambda: all(word in self.text for word in words), f"{words} in\n{self.text}")
        return self.text

    async def until(self, holds: Callable[[], bool], what: str = "") -> None:
        try:
            with anyio.fail_after(10):
                while not holds():
                    await self.pilot.pause(0.02)
        except TimeoutError:
            raise AssertionError(f"never saw {what}\n{self.text}") from None


@asynccontextmanager
async def opened(author: Author, *, size: tuple[int, int] = (120, 40), watch: bool = False) -> AsyncIterator[Eyes]:
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        app = WorkbenchApp(workbench)
        async with app.run_test(size=size) as pilot:
            eyes = Eyes(pilot, app)
            await eyes.see("1 Skills")
            if not watch:
                yield eyes
                return
            async with workbench.watching():
                await eyes.see("watching")
                yield eyes


async def test_the_first_screen_says_which_workspace_and_whether_all_is_well(author: Author) -> None:
    author.has_command("good", "true")
    author.writes("bad/skill.json", "{")

    async with opened(author) as eyes:
        text = await eyes.see("1 broken", "● good", "✕ bad", f"sandbox {eyes.app.workbench.tier}")

    assert "workspace" in text.splitlines()[0]


async def test_enter_runs_a_skill_and_shows_what_it_said(author: Author) -> None:
    author.has_command("aaa", "echo", "hello there")

    async with opened(author) as eyes:
        await eyes.pilot.press("enter")
        text = await eyes.see("✓ completed", "hello there", "aaa completed")

    assert "ms: record" in text


async def test_long_lines_of_output_wrap_and_lose_nothing(author: Author) -> None:
    words = " ".join(f"word{number}" for number in range(200))
    author.has_command("aaa", "echo", f"{words} {'x' * 300}")

    async with opened(author, size=(120, 60)) as eyes:
        await eyes.pilot.press("enter")
        text = await eyes.see("word199")

    shown = "".join(line.partition("│")[2].strip() + " " for line in text.splitlines())
    assert words in " ".join(shown.split())
    assert text.count("x" * 60) >= 4


async def test_a_failure_is_shown_with_its_place_and_what_to_do(author: Author) -> None:
    author.has_function("aaa", "raise ValueError('not so')")

    async with opened(author) as eyes:
        await eyes.pilot.press("enter")
        await eyes.see("✕ failed", "skill.py:7", "ValueError: not so")


async def test_inputs_are_typed_and_given(author: Author) -> None:
    author.has_function("aaa", "return who.upper()", parameters="who: str")

    async with opened(author) as eyes:
        await eyes.pilot.press("2")
        eyes.app.query_one(TextArea).text = '{"who": "ada"}'
        await eyes.pilot.press("ctrl+r")
        await eyes.see("✓ completed", "ADA")


async def test_inputs_that_are_not_json_are_said_and_nothing_runs(author: Author) -> None:
    author.has_command("aaa", "echo", "ran")

    async with opened(author) as eyes:
        eyes.app.query_one(TextArea).text = '{"who": '
        await eyes.pilot.press("ctrl+r")
        text = await eyes.see("the inputs are not JSON, line 1")

    assert "completed" not in text


async def test_a_save_is_seen_and_a_broken_one_leaves_the_good_version_answering(author: Author) -> None:
    author.has_function("aaa", "return 'first'")

    async with opened(author, watch=True) as eyes:
        await eyes.pilot.press("enter")
        await eyes.see("first", "r1")
        author.saves("aaa/skill.py", function("aaa", "return 'second'"))
        await eyes.see("↻ aaa → r2")
        author.saves("aaa/skill.py", "def broken(:")
        await eyes.see("✕ aaa line 1", "r2 goes on answering", "1 broken")
        await eyes.pilot.press("enter")
        await eyes.see("second", "is broken as it stands; r2 answered")
        author.saves("aaa/skill.py", function("aaa", "return 'third'"))
        await eyes.see("↻ aaa → r3")


async def test_a_run_is_cancelled_by_a_key(author: Author) -> None:
    author.has_command("aaa", "sleep", "60")

    async with opened(author) as eyes:
        await eyes.pilot.press("enter")
        await eyes.see("↻ running")
        await eyes.pilot.press("r")
        await eyes.see("a run is under way")
        await eyes.pilot.press("x")
        await eyes.see("cancelled; nothing of it is left")
        assert not eyes.app.has_run_under_way


async def test_the_filter_narrows_and_escape_widens(author: Author) -> None:
    for name in ("summarise", "translate", "redact"):
        author.has_command(name, "true")

    async with opened(author) as eyes:
        await eyes.pilot.press("slash", *"smrs")
        await eyes.until(lambda: "● translate" not in eyes.text)
        assert "● summarise" in eyes.text
        await eyes.pilot.press(*"zzz")
        await eyes.see("nothing matches")
        await eyes.pilot.press("escape")
        await eyes.see("● translate")
        assert eyes.app.query_one("#filter", Input).value == ""


async def test_letters_typed_into_a_field_are_text_and_not_commands(author: Author) -> None:
    author.has_command("aaa", "echo", "ran")

    async with opened(author) as eyes:
        await eyes.pilot.press("slash", *"r2?x")
        assert eyes.app.query_one("#filter", Input).value == "r2?x"
        assert not isinstance(eyes.app.screen, Help)


async def test_help_lists_every_command_with_its_keys_and_why_not(author: Author) -> None:
    async with opened(author) as eyes:
        await eyes.pilot.press("question_mark")
        text = await eyes.see("esc closes")
        for command in REGISTRY:
            assert command.name in text
        assert "nothing is running" in text
        await eyes.pilot.press("escape")
        await eyes.until(lambda: not isinstance(eyes.app.screen, Help))


async def test_every_command_works_or_says_why_not(author: Author) -> None:
    author.has_command("aaa", "true", example={"a": 1})

    async with opened(author) as eyes:
        for command in REGISTRY:
            if command.id in ("app.quit", "app.palette", "app.help"):
                continue
            reason = command.unavailable(eyes.app)
            await eyes.app.action_do(command.id)
            if reason:
                await eyes.see(reason)
            await eyes.pilot.pause()


def test_the_keys_of_the_registry_clash_with_nothing() -> None:
    keys = [key for command in REGISTRY for key in command.keys]
    assert len(keys) == len(set(keys))
    assert not FORBIDDEN & set(keys)
    assert all(command.help.endswith(".") and command.name for command in REGISTRY)
    assert "ctrl+q" in next(command.keys for command in REGISTRY if command.id == "app.quit")


async def test_on_a_narrow_screen_there_is_one_pane_at_a_time(author: Author) -> None:
    author.has_command("aaa", "echo", "narrow")

    async with opened(author, size=(80, 24)) as eyes:
        assert "2 Inputs  aaa" not in eyes.text
        await eyes.pilot.press("enter")
        await eyes.see("✓ completed", "2 Inputs  aaa")
        assert "/ filter" not in eyes.text
        await eyes.pilot.press("1")
        await eyes.see("/ filter")


async def test_an_empty_workspace_says_what_to_type(author: Author) -> None:
    async with opened(author) as eyes:
        await eyes.pilot.press("slash", *"zzzz")
        await eyes.see("nothing matches 'zzzz' · esc shows all")


async def test_a_resize_storm_and_a_tiny_terminal_end_well(author: Author) -> None:
    author.has_command("aaa", "echo", "still here")

    async with opened(author) as eyes:
        for width, height in ((20, 5), (200, 60), (80, 24), (1, 1), (120, 40)):
            await eyes.pilot.resize_terminal(width, height)
            await eyes.pilot.pause()
        await eyes.pilot.press("enter")
        await eyes.see("still here")


async def test_what_strangers_write_cannot_steer_the_terminal(author: Author) -> None:
    author.has_command("aaa", "printf", r"\033]0;title\007 [b]bold[/b]", description="\x1b[2J [red]x")

    async with opened(author) as eyes:
        await eyes.pilot.press("enter")
        text = await eyes.see("✓ completed", "[b]bold[/b]", "[red]x")

    assert "\x1b" not in text


async def test_five_thousand_skills_are_drawn_and_filtered(author: Author) -> None:
    for number in range(5_000):
        author.writes(
            f"s{number}.json", {"name": f"s{number}", "version": "1.0.0", "type": "prompt_inline", "prompt": "x"}
        )

    async with opened(author) as eyes:
        await eyes.see("5,007 skills")
        await eyes.pilot.press("slash", *"s4999")
        await eyes.see("● s4999")
