"""What strangers, accidents and impatient fingers do to the screen: it says what happened and goes on."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest
from textual.events import Key, Paste
from textual.widgets import TextArea

from tests.author import Author, function
from tests.runtime.sandbox.tiers import BY_TIER, behind
from tests.ui.eyes import Eyes, opened
from workbench.ui.screens.page import Page

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(90)]
EVIL = "\x1b[2J\x1b]0;owned\x07[/b][red]x[/] [@click=app.quit]"


@pytest.mark.exhaustive
async def test_an_app_that_nobody_touches_rests(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    author.has_command("aaa", "true")
    looks = 0

    async with opened(author) as eyes:
        look = eyes.app.refresh_snapshot

        async def counted() -> None:
            nonlocal looks
            looks += 1
            await look()

        monkeypatch.setattr(eyes.app, "refresh_snapshot", counted)
        for _ in range(50):
            await eyes.pilot.pause(0.01)

    assert looks <= 3


@pytest.mark.parametrize("keys", [("alt+g", "0", "0"), ("question_mark", "escape", "q"), ("t", "escape", "escape")])
@pytest.mark.exhaustive
async def test_a_screen_that_is_closed_twice_at_once_is_closed_once(author: Author, keys: tuple[str, ...]) -> None:
    author.has_command("aaa", "echo", "hello")

    async with opened(author) as eyes:
        opens, *closes = keys
        await eyes.press(opens)
        assert len(eyes.app.screen_stack) == 2
        for key in closes:
            eyes.app.post_message(Key(key, key if len(key) == 1 else None))
        await eyes.settle()
        await eyes.until(lambda: len(eyes.app.screen_stack) == 1, "the panes")
        await eyes.press("alt+1", "enter")
        await eyes.see("✓ completed")


@pytest.mark.exhaustive
async def test_a_second_page_does_not_pile_up_on_the_first(author: Author) -> None:
    async with opened(author) as eyes:
        await eyes.press("alt+s", "alt+s", "alt+s")
        assert sum(isinstance(screen, Page) for screen in eyes.app.screen_stack) == 1
        await eyes.press("escape")
        assert len(eyes.app.screen_stack) == 1


async def test_the_palette_bears_a_page_key_before_it_is_drawn(author: Author) -> None:
    async with opened(author) as eyes:
        for key in ("ctrl+p", "pagedown", "pageup"):
            eyes.app.post_message(Key(key, None))
        await eyes.settle()
        await eyes.press("escape")
        assert len(eyes.app.screen_stack) == 1


async def test_the_palette_bears_a_page_key_where_nothing_has_room(author: Author) -> None:
    async with opened(author, size=(20, 5)) as eyes:
        await eyes.press("ctrl+p", "pagedown", "pageup", "escape")
        assert len(eyes.app.screen_stack) == 1


@pytest.mark.exhaustive
async def test_a_resize_storm_during_a_run_ends_well(author: Author) -> None:
    author.has_command("aaa", "sh", "-c", "for i in 1 2 3 4 5 6 7 8; do echo line $i; sleep 0.1; done")

    async with opened(author) as eyes:
        await eyes.press("enter")
        for round_ in range(3):
            for width, height in ((20, 5), (200, 60), (80, 24), (1, 1), (99, 8), (100, 24), (120 + round_, 40)):
                await eyes.pilot.resize_terminal(width, height)
        await eyes.see("✓ completed", "line 8")


@pytest.mark.exhaustive
async def test_a_tiny_terminal_says_so_and_comes_back(author: Author) -> None:
    author.has_command("aaa", "echo", "back again")

    async with opened(author) as eyes:
        await eyes.pilot.resize_terminal(20, 5)
        await eyes.until(lambda: "the terminal is too small" in " ".join(eyes.text.split()))
        await eyes.pilot.resize_terminal(120, 40)
        await eyes.see("1 Skills", "● aaa")
        await eyes.press("enter")
        await eyes.see("back again")


async def test_without_colours_everything_is_grey_and_works(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    author.has_function("aaa", "return 'grey'")

    async with opened(author) as eyes:
        await eyes.press("enter")
        await eyes.see("✓ completed", "grey")
        styles = [segment.style for strip in eyes.app.screen._compositor.render_strips() for segment in strip]
        colours = {colour for style in styles if style for colour in (style.color, style.bgcolor) if colour}

    assert {tuple(colour.triplet) for colour in colours if colour.triplet and len(set(colour.triplet)) > 1} == set()


@pytest.mark.exhaustive
async def test_a_line_of_30_mb_neither_hangs_nor_breaks_the_screen(author: Author) -> None:
    author.has_command("aaa", "sh", "-c", "head -c 30000000 /dev/zero | tr '\\0' x")
    author.has_command("bbb", "echo", "still here")

    async with opened(author) as eyes:
        await eyes.press("enter")
        await eyes.until(lambda: not eyes.app.runs.is_under_way, "the end of the run")
        await eyes.press("down")
        await eyes.see("bbb/skill.json")
        await eyes.press("enter")
        await eyes.see("✓ completed", "still here")


@pytest.mark.exhaustive
async def test_a_line_of_a_million_characters_is_shown_and_wrapped_again(author: Author) -> None:
    author.has_command("aaa", "sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x")

    async with opened(author) as eyes:
        await eyes.press("enter")
        await eyes.see("✓ completed", "x" * 30)
        for width in (200, 80, 121):
            await eyes.pilot.resize_terminal(width, 40)
        await eyes.see("✓ completed", "x" * 30)


async def test_binary_output_and_escape_sequences_are_shown_harmlessly(author: Author) -> None:
    words = r"\033[31mred\033[0m \007 \377\376 \033]8;;http://x\033\\ [b]bold[/b]\n"
    author.has_command("aaa", "sh", "-c", f"printf '{words}'; printf '{words}' >&2; printf '\\000\\001\\n'")

    async with opened(author, size=(160, 60)) as eyes:
        await eyes.press("enter")
        await eyes.until(lambda: not eyes.app.runs.is_under_way and "✓ completed" in eyes.text, "the end")
        text = await eyes.see("stderr", "\\x1b[31mred")

    assert not {"\x1b", "\x07", "\x00", "\x01"} & set(text)


STEERS = "b\x1b]52;c;ZXZpbA==\x07c\x1b]0;title\x07d\x1b[2Je\x1bP1$r0m\x1b\\f\x9b2Jg\x9d0;t\x9ch\x1bci\x0ej\x7fk\u202el"


@BY_TIER
@pytest.mark.exhaustive
async def test_what_steers_a_terminal_is_shown_by_the_app_and_not_done(author: Author, tier: str) -> None:
    author = behind(author, tier)
    says = f"import sys\nprint({STEERS!r})\nprint({STEERS!r}, file=sys.stderr)\nsys.exit({STEERS!r})"
    author.has_command("aaa", "python3", "-c", says)

    async with opened(author, size=(160, 60)) as eyes:
        title, clipboard = eyes.app.title, eyes.app.clipboard
        await eyes.press("enter")
        await eyes.see("✕ failed", "\\x1b]52;c;ZXZpbA==\\x07c\\x1b]0;title")
        for keys in (("4",), ("1", "alt+o")):
            await eyes.press(*keys)
            assert not {letter for letter in eyes.text if letter != "\n" and not letter.isprintable()}
        assert (eyes.app.title, eyes.app.clipboard) == (title, clipboard)


@pytest.mark.exhaustive
async def test_a_skill_of_five_thousand_lines_is_edited_in_colour(author: Author) -> None:
    more = "\n".join(f"def helper_{number}():\n    return {number}\n" for number in range(1_700))
    author.saves("aaa/skill.py", f"{function('aaa', 'return 1')}\n\n{more}")

    async with opened(author) as eyes:
        await eyes.press("e", "ctrl+end", *"# zz9")
        await eyes.see("# zz9", "+ unsaved")
        source = eyes.app.editor.source
        assert source is not None
        assert source.document.line_count > 5_000
        assert source.is_syntax_aware
        assert source._highlights


@pytest.mark.exhaustive
async def test_markup_in_a_filter_is_text(author: Author) -> None:
    author.has_command("aaa", "true")

    async with opened(author) as eyes:
        for typed in ("[/]", "[@click=a]", "\\["):
            await eyes.press("slash", *typed)
            await eyes.see("nothing matches", f"'{typed}'")
            await eyes.press("escape", "4", "slash", *typed)
            await eyes.see(f"'{typed}'")
            await eyes.press("escape", "t", *typed)
            await eyes.see("nothing matches '")
            await eyes.press("escape", "1")
            await eyes.see("● aaa")


@pytest.mark.exhaustive
async def test_what_strangers_name_and_write_is_shown_harmlessly_everywhere(author: Author) -> None:
    fields = {
        "[/b]who": {"type": "string", "default": EVIL, "description": EVIL},
        "mood": {"enum": [EVIL, "[/]"], "default": EVIL},
        "often": {"type": "integer", "minimum": 1, "description": EVIL},
    }
    schema = {"type": "object", "properties": fields}
    author.has_command("aaa", "printf", "%s", EVIL, description=EVIL, input_schema=schema, example={"[/b]who": EVIL})
    author.writes("aaa/[red]notes\x1b[2J.txt", EVIL)
    author.writes("[b]bad[/]\x1b/skill.json", f'{{"name": "{EVIL[8:]}", "[/]": 1')
    author.writes("worse/skill.json", {"name": "[/worse]", "version": EVIL, "type": EVIL, EVIL: EVIL})
    author.writes("\x1b[2J[/b]group/ccc/SKILL.md", f"---\nname: ccc\ndescription: x\n---\n{EVIL}\n")
    author.has_function("fails", "raise ValueError(x)", parameters=f"x: str = {EVIL!r}")

    async with opened(author, size=(160, 60)) as eyes:
        eyes.app.skills_pane.look_at("aaa")
        for keys in (
            ("i", "tab", "tab"),
            ("alt+1", "enter"),
            ("alt+f",),
            ("e", "alt+d"),
            ("escape", "alt+1", "end"),
            ("up", "enter"),
            ("alt+o",),
            ("escape", "5", "down", "enter"),
            ("alt+n", "alt+s"),
            ("escape", "question_mark"),
            ("escape", "ctrl+p", "[", "/", "]"),
            ("escape", "alt+5", "y", "alt+1", "y"),
        ):
            await eyes.press(*keys)
            assert "\x1b" not in eyes.text
            assert "\x07" not in eyes.text
        eyes.app.say(EVIL)
        await eyes.see("\\x1b[2J", "[red]x[/]")
        for name in ("fails", "aaa"):
            eyes.app.skills_pane.look_at(name)
            await eyes.until(lambda name=name: eyes.app.chosen is not None and eyes.app.chosen.name == name)  # type: ignore[misc]
            await eyes.press("alt+1", "enter")
            await eyes.until(lambda: not eyes.app.runs.is_under_way)
            assert "\x1b" not in eyes.text
        assert eyes.app._exception is None


@pytest.mark.exhaustive
async def test_a_home_that_cannot_be_written_is_no_reason_not_to_work(author: Author, tmp_path: Path) -> None:
    home = tmp_path / "nowhere"
    if os.geteuid() == 0:
        home.write_text("a file in place of a folder")
    else:
        home.mkdir(mode=0o500)
    homeless = Author(author.workspace, {**author.environ, "HOME": str(home)})
    homeless.has_function("aaa", "return 'at work'")

    async with opened(homeless, watch=True) as eyes:
        await eyes.press("enter")
        await eyes.see("✓ completed", "at work")
        await eyes.press("alt+y", "t", "down", "enter", "ctrl+q")
        assert eyes.app.return_code == 0


@pytest.mark.exhaustive
async def test_a_flood_can_be_cancelled_and_leaves_no_process(author: Author) -> None:
    flood = f"while :; do seq 300; sleep 0.01; done # flood-{author.workspace}"
    author.has_command("aaa", "sh", "-c", flood)

    async with opened(author) as eyes:
        await eyes.press("enter")
        await eyes.until(lambda: len(eyes.app.logbook) > 1_000, "a flood")
        await eyes.press("x")
        await eyes.see("cancelled; nothing of it is left")
        assert _processes(f"flood-{author.workspace}") == []
        await eyes.press("4", "home", "end", "1")


@pytest.mark.exhaustive
async def test_an_app_that_is_left_holds_no_file_open(author: Author) -> None:
    author.has_command("aaa", "seq", "30000")
    before = _files_without_names()

    async with opened(author) as eyes:
        await eyes.press("enter")
        await eyes.until(lambda: len(eyes.app.logbook) > 20_000, "many lines")
        await eyes.press("ctrl+q")

    assert _files_without_names() <= before


async def test_quitting_during_a_run_leaves_no_process(author: Author) -> None:
    author.has_command("aaa", "sh", "-c", f"sleep 600 & sleep 600; echo left-{author.workspace}")

    async with opened(author) as eyes:
        await eyes.press("enter")
        await eyes.until(lambda: _processes(f"left-{author.workspace}") != [], "the process")
        await eyes.press("ctrl+q")
        assert eyes.app.return_code == 0

    with anyio.fail_after(10):
        while _processes(f"left-{author.workspace}"):
            await anyio.sleep(0.02)


@pytest.mark.exhaustive
async def test_an_input_of_a_hundred_thousand_characters_is_given_whole(author: Author) -> None:
    author.has_function("aaa", "return len(who)", parameters="who: str")

    async with opened(author) as eyes:
        await eyes.press("i")
        eyes.app.post_message(Paste("word " * 20_000))
        await eyes.settle()
        assert isinstance(eyes.app.focused, TextArea)
        await eyes.press("ctrl+r")
        await eyes.see("✓ completed", "100000")


@pytest.mark.exhaustive
async def test_a_burst_of_keys_loses_none(author: Author) -> None:
    author.has_function("aaa", "return who", parameters="who: str")
    typed = "the quick brown fox jumps over the lazy dog" * 3

    async with opened(author) as eyes:
        await eyes.press("i")
        _types_at_once(eyes, typed)
        eyes.app.post_message(Key("ctrl+r", None))
        await eyes.see("✓ completed")
        assert isinstance(eyes.app.focused, TextArea)
        assert eyes.app.focused.text == typed


def _files_without_names() -> int:
    links = [entry.readlink() for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
    return sum(str(link).endswith("(deleted)") for link in links)


def _types_at_once(eyes: Eyes, text: str) -> None:
    for letter in text:
        eyes.app.post_message(Key("space" if letter == " " else letter, letter))


def _processes(mark: str) -> list[str]:
    """The ids of the processes, beside our own, that have these words in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(mark) in words:
                found.append(entry.name)
    return found
