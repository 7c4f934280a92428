"""Somebody new at a real terminal: runs the sample, edits it, breaks it, mends it, and loses nothing to a crash."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.author import REPOSITORY
from tests.journeys.terminal import Terminal, needs_tmux

pytestmark = [needs_tmux, pytest.mark.timeout(150)]


@pytest.fixture
def terminal(tmp_path: Path, workspace: Path, environ: dict[str, str]) -> Iterator[Terminal]:
    for name in ("summarise", "echo"):
        shutil.copytree(REPOSITORY / "skills" / name, workspace / "skills" / name)
    terminal = Terminal(environ)
    yield terminal
    terminal.close()


def goes_to_line_five(terminal: Terminal) -> None:
    terminal.presses("e")
    terminal.sees("▌2 Editor")
    terminal.presses(*["Down"] * 4)
    terminal.presses("End")


def test_run_edit_break_mend_and_leave(terminal: Terminal, workspace: Path) -> None:
    source = workspace / "skills" / "summarise" / "skill.py"
    before = source.read_text()
    terminal.opens(workspace)
    terminal.sees("▌● summarise", "enter runs it", "watching")

    terminal.presses("Enter")
    terminal.sees("✓ completed", "The harbour of Odd was built", "e: another sign in line 5")

    goes_to_line_five(terminal)
    terminal.types("  # mine")
    terminal.sees("+ unsaved")
    terminal.presses("C-s")
    terminal.sees("→ r2", "it answers already", but_not="+ unsaved")
    assert "# mine" in source.read_text()

    terminal.presses("Home")
    terminal.types("(")
    terminal.presses("C-s")
    terminal.sees("✕ broken", "r2 goes on answering", "'(' was never closed")
    terminal.presses("C-r")
    terminal.sees("is broken as it stands; r2 answered", "✓ completed")

    terminal.presses("C-z", "C-s")
    terminal.sees("→ r2", "9 ok", "n makes a skill of y", but_not="+ unsaved")
    assert source.read_text().splitlines()[5:] == before.splitlines()[5:]

    terminal.presses("C-q")
    terminal.sees("ended with 0")


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGSEGV, marks=pytest.mark.exhaustive)])
def test_a_crash_gives_the_terminal_back_and_loses_no_text(
    terminal: Terminal, workspace: Path, number: signal.Signals
) -> None:
    drafts = workspace / ".workbench" / "drafts"
    terminal.opens(workspace)
    terminal.sees("▌● summarise", "watching")
    goes_to_line_five(terminal)
    terminal.types("  # never saved")
    terminal.until(lambda: any("never saved" in each.read_text() for each in drafts.glob("[!.]*")), "kept")

    os.kill(terminal.app_pid(), number)

    text = terminal.sees(f"ended by {number.name}", "unsaved text is kept in", "ended with")
    assert ("where it was at that moment" in text) == (number is signal.SIGSEGV)
    terminal.says("clear; stty -a")
    modes = terminal.sees("icanon").split()
    assert "icanon" in modes
    assert "echo" in modes

    terminal.opens(workspace)
    terminal.sees("unsaved text of", "alt+t take it")
    terminal.presses("M-t")
    terminal.sees("# never saved", "+ unsaved")
    terminal.presses("C-s")
    source = workspace / "skills" / "summarise" / "skill.py"
    terminal.until(lambda: "# never saved" in source.read_text(), "the file saved")
    terminal.sees("1 Skills", but_not="+ unsaved")
    terminal.until(lambda: not list(drafts.iterdir()), "nothing kept any more")


@pytest.mark.exhaustive
def test_nobody_is_left_when_the_keeper_is_killed(terminal: Terminal, workspace: Path) -> None:
    terminal.opens(workspace)
    terminal.sees("▌● summarise", "watching")
    app = terminal.app_pid()
    keeper = int(Path(f"/proc/{app}/stat").read_text().rpartition(")")[2].split()[1])

    os.kill(keeper, signal.SIGKILL)

    terminal.until(lambda: not Path(f"/proc/{app}").exists(), "the app's end")


@pytest.mark.exhaustive
@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGTSTP])
def test_it_stops_and_goes_on_like_any_job(terminal: Terminal, workspace: Path, number: signal.Signals) -> None:
    terminal.says("set -m")
    terminal.opens(workspace)
    terminal.sees("▌● summarise", "watching")

    os.kill(terminal.app_pid(), number)
    terminal.sees("Stopped", "ended with 147", but_not="summarise")
    terminal.says("fg")
    terminal.sees("▌● summarise", "2 Editor", but_not="Stopped")
    terminal.presses("?")
    terminal.sees("everywhere", "go up and down")
    terminal.presses("Escape", "C-q")
    terminal.sees("Stopped", but_not="Skill Workbench")
    terminal.says("echo the terminal is $((40 + 2))")
    terminal.sees("the terminal is 42")


@pytest.mark.exhaustive
def test_nobody_is_left_when_the_terminal_is_closed(terminal: Terminal, workspace: Path) -> None:
    terminal.opens(workspace)
    terminal.sees("▌● summarise", "watching")
    app = terminal.app_pid()

    terminal.close()

    terminal.waits(lambda: not Path(f"/proc/{app}").exists())
