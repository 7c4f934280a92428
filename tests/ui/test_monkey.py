"""A monkey at the keyboard: whatever is pressed, clicked and resized, nothing breaks and the screen goes on working."""

from __future__ import annotations

import os
import random
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from textual.events import Paste

from tests.author import Author, function
from tests.ui.eyes import Eyes, opened
from workbench.ui.commands import REGISTRY

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore:coroutine .Screen._watch_selections. was never awaited:RuntimeWarning"),
]

STEPS = 250 if os.environ.get("WORKBENCH_TESTS") == "all" else 150
SIZES = ((20, 5), (80, 24), (120, 40), (200, 60))
COMMANDS = tuple(
    key
    for command in REGISTRY
    if command.id not in ("app.quit", "editor.outside")
    for key in command.keys
    if key not in ("ctrl+q", "alt+e")
)
MOVES = ("up", "down", "left", "right", "pageup", "pagedown", "home", "end", "shift+up", "shift+end", "ctrl+home")
EDITS = ("tab", "shift+tab", "enter", "escape", "backspace", "delete", "ctrl+z", "ctrl+y", "ctrl+x", "ctrl+c", "ctrl+v")
LETTERS = tuple("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789 :/?.,;'\"[]{}()=+-_#@!\\|é漢🙂ß\u0301\u200d")
PASTES = ("[b]bold[/]", "\x1b[2J\x1b]0;x\a", "line\nline\r\nline", "{" * 300, "\ud800", "\x00\t\x7f", "漢🙂" * 200)


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", [1, 20, 300])
async def test_a_monkey_breaks_nothing(author: Author, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    _has_something_of_everything(author)
    done: deque[str] = deque(maxlen=25)

    with _telling_what_was_done(done):
        async with opened(author, watch=True) as eyes:
            monkeypatch.setattr(eyes.app, "leave", _stays)
            await _plays(eyes, random.Random(seed), done)
            await _still_works(author, eyes)


async def _plays(eyes: Eyes, dice: random.Random, done: deque[str]) -> None:
    """Keys come in bursts, as from a keyboard that is leant on; a mouse is slower."""
    for step in range(STEPS):
        await _does_something(eyes, dice, done, step)
        if eyes.app._exception is not None:
            return


async def _does_something(eyes: Eyes, dice: random.Random, done: deque[str], step: int) -> None:
    kinds = ("command", "move", "edit", "letter", "click", "drag", "paste", "resize")
    kind = dice.choices(kinds, (30, 15, 20, 20, 6, 1, 1, 2))[0]
    match kind:
        case "command" | "move" | "edit" | "letter":
            key = dice.choice({"command": COMMANDS, "move": MOVES, "edit": EDITS, "letter": LETTERS}[kind])
            done.append(f"{step} {key!r}")
            eyes.strike(key)
            if dice.random() < 0.2:
                await eyes.settle()
        case "click":
            offset = _somewhere(eyes, dice)
            done.append(f"{step} click {offset}")
            await eyes.click(offset, times=dice.choice((1, 1, 2)))
        case "drag":
            begin, end = _somewhere(eyes, dice), _somewhere(eyes, dice)
            done.append(f"{step} drag {begin} to {end}")
            await eyes.drag(begin, end)
        case "paste":
            text = dice.choice(PASTES)
            done.append(f"{step} paste {text[:20]!r}")
            eyes.app.post_message(Paste(text))
        case "resize":
            size = dice.choice(SIZES)
            done.append(f"{step} resize {size}")
            await eyes.pilot.resize_terminal(*size)


async def _still_works(author: Author, eyes: Eyes) -> None:
    app = eyes.app
    await eyes.pilot.resize_terminal(120, 40)
    for _ in range(8):
        if len(app.screen_stack) > 1:
            await eyes.press("escape")
    assert len(app.screen_stack) == 1, app.screen_stack
    if app.layout_chosen.is_maximised:
        await eyes.press("alt+m")

    if not app.following.is_on:
        await app.following.switch()

    await eyes.press("ctrl+g")
    await eyes.until(lambda: not app.runs.is_under_way, "the run to end")
    author.has_command("zqj", "echo", "well and good")
    await eyes.press("alt+1", "escape")
    await eyes.see("● zqj")
    await eyes.press("slash", *"zqj", "enter")
    await eyes.until(lambda: app.chosen is not None and app.chosen.name == "zqj", "zqj chosen")
    await eyes.press("enter")
    await eyes.see("✓ completed", "well and good")
    await eyes.until(lambda: not app.runs.is_under_way, "the end of it")
    assert app._exception is None


def _has_something_of_everything(author: Author) -> None:
    parameters = "who: str, often: int = 1, loud: bool = False, others: list = []"
    author.has_function("asks", "return who * often", parameters=parameters, options=", example={'who': 'ada'}")
    author.has_function("raises", "raise ValueError('[b]not so[/b]')")
    author.saves("bare/skill.py", function("bare", "return 1").replace('"""A skill of a test."""', "pass"))
    author.has_command("says", "echo", "hello [b]there")
    author.has_command("sleeps", "sleep", "60")
    author.has_command("floods", "yes", "[red]flood", resilience={"timeout_ms": 3_000})
    author.writes("broken/skill.json", "{")
    author.writes("guide/SKILL.md", "---\nname: guide\ndescription: Guides. Use it when lost.\n---\n\nGo left.\n")
    author.writes("guide/notes.txt", "notes\n" * 50)


def _somewhere(eyes: Eyes, dice: random.Random) -> tuple[int, int]:
    width, height = eyes.app.screen.size
    return dice.randrange(max(1, width)), dice.randrange(max(1, height))


def _stays(_code: int) -> None:
    """The monkey may choose to quit from the palette, and shall not."""


@contextmanager
def _telling_what_was_done(done: deque[str]) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        error.add_note("the monkey's last steps:\n" + "\n".join(done))
        raise
