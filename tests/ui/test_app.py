"""The app on a real workbench, driven by keys, read as text."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.color_triplet import ColorTriplet
from textual.widgets import Input, TextArea

from tests.author import Author, function
from tests.ui.eyes import Eyes, opened
from workbench.ui.command import Command
from workbench.ui.commands import REGISTRY
from workbench.ui.help import help_rows
from workbench.ui.keymap import DEFAULT, TAKEN, VIM, clashes
from workbench.ui.screens.page import Page
from workbench.ui.widgets.rows import Rows

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
# What changes nothing where it is called: the focus is there already, or nothing is wider than it may be.
IDEMPOTENT = {"pane.skills", "log.follow", "inputs.example"}


async def test_the_first_screen_says_which_workspace_and_whether_all_is_well(author: Author) -> None:
    author.has_command("good", "true")
    author.writes("bad/skill.json", "{")

    async with opened(author) as eyes:
        text = await eyes.see("1 broken", "● good", "✕ bad", f"sandbox {eyes.app.workbench.tier}")

    assert "workspace" in text.splitlines()[0]


async def test_enter_runs_a_skill_and_shows_what_it_said(author: Author) -> None:
    author.has_command("aaa", "echo", "hello there")

    async with opened(author) as eyes:
        await eyes.press("enter")
        text = await eyes.see("✓ completed", "hello there", "aaa completed", "run       aaa")

    assert "ms: record" in text


async def test_long_lines_of_output_wrap_and_lose_nothing(author: Author) -> None:
    words = " ".join(f"word{number}" for number in range(200))
    author.has_command("aaa", "echo", f"{words} {'x' * 300}")

    async with opened(author, size=(120, 100)) as eyes:
        await eyes.press("enter")
        text = await eyes.see("word199", "x" * 40)

    shown = " ".join(line[-44:].strip() for line in text.splitlines())
    assert words.split()[:150] == [word for word in shown.split() if word.startswith("word")][:150]
    assert text.count("x" * 40) >= 7


async def test_a_failure_is_shown_with_its_place_and_what_to_do(author: Author) -> None:
    author.has_function("aaa", "raise ValueError('not so')")

    async with opened(author) as eyes:
        await eyes.press("enter")
        await eyes.see("✕ failed", "skill.py:7", "ValueError: not so")


async def test_inputs_are_typed_and_given(author: Author) -> None:
    author.has_function("aaa", "return who.upper()", parameters="who: str")

    async with opened(author) as eyes:
        await eyes.press("i", *"ada", "enter")
        await eyes.see("✓ completed", "ADA")


async def test_inputs_that_are_not_json_are_said_and_nothing_runs(author: Author) -> None:
    author.has_command("aaa", "echo", "ran")

    async with opened(author) as eyes:
        await eyes.press("alt+j")
        eyes.app.query_one("#inputs-json", TextArea).text = '{"who": '
        await eyes.press("ctrl+r")
        text = await eyes.see("the inputs are not JSON, line 1")

    assert "completed" not in text


async def test_a_save_is_seen_and_a_broken_one_leaves_the_good_version_answering(author: Author) -> None:
    author.has_function("aaa", "return 'first'")

    async with opened(author, watch=True) as eyes:
        await eyes.press("enter")
        await eyes.see("first", "r1")
        author.saves("aaa/skill.py", function("aaa", "return 'second'"))
        await eyes.see("↻ aaa → r2")
        author.saves("aaa/skill.py", "def broken(:")
        await eyes.see("✕ aaa line 1", "r2 goes on answering", "1 broken", "what r1 answered")
        await eyes.press("enter")
        await eyes.see("second", "is broken as it stands; r2 answered")
        author.saves("aaa/skill.py", function("aaa", "return 'third'"))
        await eyes.see("↻ aaa → r3")


async def test_a_run_is_cancelled_by_a_key(author: Author) -> None:
    author.has_command("aaa", "sleep", "60")

    async with opened(author) as eyes:
        await eyes.press("enter")
        await eyes.see("↻ running")
        await eyes.press("r")
        await eyes.see("a run is under way")
        await eyes.press("x")
        await eyes.see("cancelled; nothing of it is left")
        assert not eyes.app.runs.is_under_way


async def test_the_filter_narrows_and_escape_widens(author: Author) -> None:
    for name in ("summarise", "translate", "redact"):
        author.has_command(name, "true")

    async with opened(author) as eyes:
        await eyes.press("slash", *"smrs")
        await eyes.until(lambda: "● translate" not in eyes.text)
        assert "● summarise" in eyes.text
        await eyes.press(*"zzz")
        await eyes.see("nothing matches")
        await eyes.press("escape")
        await eyes.see("● translate")
        assert eyes.app.query_one("#filter", Input).value == ""


async def test_a_command_is_found_by_its_id_too(author: Author) -> None:
    async with opened(author) as eyes:
        await eyes.press("colon", *"run.start")
        await eyes.see("Run")
        assert "nothing matches" not in eyes.text


async def test_a_long_line_is_left_as_soon_as_the_cursor_has_room_at_the_beginning(author: Author) -> None:
    author.writes("aaa/skill.py", f"# short\n# {'long ' * 60}\n{function('aaa', 'return 1')}")

    async with opened(author) as eyes:
        await eyes.press("e", "down", "end")
        await eyes.until(lambda: "# short" not in eyes.text, "the end of the line")
        await eyes.press("up")
        await eyes.see("# short", "# long long")


async def test_letters_typed_into_a_field_are_text_and_not_commands(author: Author) -> None:
    author.has_command("aaa", "echo", "ran")

    async with opened(author) as eyes:
        await eyes.press("slash", *"r2?x")
        assert eyes.app.query_one("#filter", Input).value == "r2?x"
        assert not isinstance(eyes.app.screen, Page)


@pytest.mark.exhaustive
async def test_help_begins_with_the_focused_pane_and_says_why_not(author: Author) -> None:
    async with opened(author, size=(160, 100)) as eyes:
        await eyes.press("question_mark")
        text = await eyes.see("esc closes", "nothing is running")
        assert text.index("run the skill") < text.index("everywhere")
        told = "".join(piece for row in help_rows(eyes.app, REGISTRY) for piece, _ in row.pieces)
        assert [command.id for command in REGISTRY if command.help not in told] == []
        await eyes.press("escape", "4", "question_mark")
        text = await eyes.see("go up and down, which pauses")
        assert text.index("Follow or pause") < text.index("everywhere")
        await eyes.press("escape")
        await eyes.until(lambda: not isinstance(eyes.app.screen, Page))


@pytest.mark.parametrize("area", sorted({command.id.partition(".")[0] for command in REGISTRY}))
async def test_every_command_works_or_says_why_not(author: Author, area: str) -> None:
    author.has_function("aaa", "return a", parameters="a: int = 1", options=", example={'a': 1}")

    async with opened(author) as eyes:
        for command in REGISTRY:
            if command.id.startswith(f"{area}."):
                await _is_done_or_refused(eyes, command)


async def _is_done_or_refused(eyes: Eyes, command: Command) -> None:
    app = eyes.app
    app.go_to(command.where or "skills")
    await eyes.settle()
    reason = command.unavailable(app)
    before = (eyes.text, app.screen, app.focused, app.notices.latest)
    if app.keymap.of(command):
        await eyes.press(app.keymap.of(command)[0])
    else:
        await app.do(command.id)
    if command.id == "app.quit":
        assert app.return_code == 0
        return
    if reason:
        await eyes.until(lambda: f"{command.name}: {reason}" in app.notices.latest, reason)
    elif command.id not in IDEMPOTENT:
        await eyes.until(lambda: (eyes.text, app.screen, app.focused, app.notices.latest) != before, command.id)
    if len(app.screen_stack) > 1:
        await eyes.press("escape")
    await eyes.until(lambda: len(app.screen_stack) == 1 and not app.runs.is_under_way, "the panes again")


def test_the_keys_of_the_registry_clash_with_nothing() -> None:
    assert list(clashes(DEFAULT)) == []
    assert list(clashes(VIM)) == []
    assert not TAKEN & {key for keys in (*DEFAULT.values(), *VIM.values()) for key in keys}
    assert all(command.help.endswith(".") and command.name for command in REGISTRY)
    assert len({command.id for command in REGISTRY}) == len(REGISTRY)
    assert "ctrl+q" in DEFAULT["app.quit"]
    assert not any(key.startswith("f") and key[1:].isdigit() for keys in DEFAULT.values() for key in keys)


async def test_on_a_narrow_screen_there_is_one_pane_at_a_time(author: Author) -> None:
    author.has_command("aaa", "echo", "narrow")

    async with opened(author, size=(80, 24)) as eyes:
        assert "aaa/skill.json" not in eyes.text
        await eyes.press("enter")
        await eyes.see("✓ completed", "3 Run   aaa", "narrow")
        assert "/ filter" not in eyes.text
        await eyes.press("1")
        await eyes.see("/ filter")


async def test_an_empty_workspace_says_what_to_type(author: Author) -> None:
    async with opened(author) as eyes:
        await eyes.press("slash", *"zzzz")
        await eyes.see("nothing matches 'zzzz'", "esc shows all")


@pytest.mark.exhaustive
async def test_a_resize_storm_and_a_tiny_terminal_end_well(author: Author) -> None:
    author.has_command("aaa", "echo", "still here")

    async with opened(author) as eyes:
        for width, height in ((20, 5), (200, 60), (80, 24), (1, 1), (120, 40)):
            await eyes.pilot.resize_terminal(width, height)
            await eyes.pilot.pause()
        await eyes.press("enter")
        await eyes.see("still here")


async def test_what_strangers_write_cannot_steer_the_terminal(author: Author) -> None:
    author.has_command("aaa", "printf", r"\033]0;title\007 [b]bold[/b]", description="\x1b[2J [red]x")

    async with opened(author) as eyes:
        await eyes.press("enter")
        text = await eyes.see("✓ completed", "[b]bold[/b]", "[red]x")

    assert "\x1b" not in text


@pytest.mark.exhaustive
async def test_five_thousand_skills_are_drawn_and_filtered(author: Author) -> None:
    for number in range(5_000):
        author.writes(
            f"s{number}.json", {"name": f"s{number}", "version": "1.0.0", "type": "prompt_inline", "prompt": "x"}
        )

    async with opened(author) as eyes:
        await eyes.see("5,009 skills")
        await eyes.press("slash", *"s4999")
        await eyes.see("● s4999")


async def test_an_idle_screen_does_nothing(author: Author) -> None:
    author.has_function("aaa", "return 1")

    async with opened(author, watch=True) as eyes:
        await eyes.press("e", "x")
        await eyes.see("+ unsaved")
        times: list[float] = []
        refresh = eyes.app.refresh_snapshot

        async def counted() -> None:
            times.append(0.0)
            await refresh()

        eyes.app.refresh_snapshot = counted  # type: ignore[method-assign]
        for _ in range(20):
            await eyes.pilot.pause(0.02)

        assert len(times) <= 3


async def test_keys_in_quick_succession_mean_the_skill_that_was_come_to(author: Author) -> None:
    author.has_function("aaa", "return 1")
    author.has_function("bbb", "return 2")

    async with opened(author) as eyes:
        await eyes.see("aaa/skill.py")
        eyes.strike("down")
        await eyes.press("e", "x")
        await eyes.see("bbb/skill.py  + unsaved")
        assert [Path(path).parent.name for path in eyes.app.editor.unsaved_paths] == ["bbb"]


@pytest.mark.parametrize("theme", ["dark", "light", "high-contrast"])
@pytest.mark.exhaustive
async def test_whatever_stands_in_the_editor_can_be_read(author: Author, theme: str) -> None:
    author.writes("aaa/skill.py", f"# why\n{function('aaa', 'return 12')}\ndef broken(text: str:\n")

    async with opened(author) as eyes:
        eyes.app.theme = theme
        await eyes.press("e")
        await eyes.see("# why")
        pane = eyes.app.editor.region
        strips = eyes.app.screen._compositor.render_strips()[pane.y + 1 : pane.bottom]
        inks = {
            (segment.style.color.triplet, segment.style.bgcolor.triplet)
            for strip in strips
            for segment in strip.crop(pane.x, pane.right)
            if segment.text.strip() and segment.style and segment.style.color and segment.style.bgcolor
        }
        blind = [
            segment.text
            for strip in strips
            for segment in strip.crop(pane.x, pane.right)
            if segment.text.strip() and not (segment.style and segment.style.bgcolor)
        ]

    assert blind == []
    assert min(_contrast(ink, ground) for ink, ground in inks) > 2


def _contrast(first: ColorTriplet | None, second: ColorTriplet | None) -> float:
    """How far two colours are apart, as WCAG counts it."""
    assert first is not None
    assert second is not None
    light, dark = sorted((_brightness(first), _brightness(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _brightness(colour: ColorTriplet) -> float:
    parts = [part / 255 for part in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


async def test_a_broken_skill_that_is_run_says_what_is_wrong_once(author: Author) -> None:
    author.writes("aaa/skill.py", "from workbench.sdk import skill\n\n\ndef aaa(text: str:\n")

    async with opened(author, size=(200, 40)) as eyes:
        await eyes.press("enter", "3")
        await eyes.see("⊘ rejected")
        shown = "\n".join(
            "".join(piece for piece, _ in row.pieces) for row in eyes.app.run_pane.query_one("#output", Rows)._rows
        )
        assert shown.count("look here") == 1


async def test_state_that_lies_elsewhere_is_said_with_its_reason(author: Author) -> None:
    (author.workspace / ".workbench").mkdir()
    (author.workspace / ".workbench/workbench.db").touch()  # it came with the folder

    async with opened(author) as eyes:
        await eyes.see("▲", "state", "not kept here:", "not one that you made on this machine")
