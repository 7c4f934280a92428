"""Copying: by a program that works, else by the terminal and a file; and what became of it is said."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.ui.clipboard import MOST_SENT, copy

pytestmark = pytest.mark.anyio
Program = Callable[[str, str], Path]


@pytest.fixture
def desk(tmp_path: Path) -> dict[str, str]:
    """The environment of a desktop on which nothing is installed but what a test puts there."""
    (tmp_path / "bin").mkdir()
    return {
        "PATH": str(tmp_path / "bin"),
        "WAYLAND_DISPLAY": "wayland-0",
        "DISPLAY": ":0",
        "TAKEN": f"{tmp_path}/taken",
    }


@pytest.fixture
def has_program(desk: dict[str, str]) -> Program:
    def put(name: str, body: str) -> Path:
        program = Path(desk["PATH"], name)
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
        return program

    return put


def sent(sequence: str) -> str:
    assert sequence.startswith("\x1b]52;c;")
    assert sequence.endswith("\a")
    return base64.b64decode(sequence[7:-1]).decode()


async def test_a_program_of_the_system_gets_the_text_and_is_named(
    desk: dict[str, str], has_program: Program, tmp_path: Path
) -> None:
    has_program("wl-copy", '/bin/cat > "$TAKEN"')

    copied = await copy("grüße\n", desk, str(tmp_path / "state"))

    assert copied.words == "6 characters copied (wl-copy)"
    assert not copied.sequence
    assert Path(desk["TAKEN"]).read_text() == "grüße\n"
    assert not (tmp_path / "state").exists()


async def test_a_program_that_fails_is_passed_over_for_the_next(
    desk: dict[str, str], has_program: Program, tmp_path: Path
) -> None:
    has_program("wl-copy", "exit 1")
    has_program("xclip", 'echo "$@" > "$TAKEN"')

    copied = await copy("x", desk, str(tmp_path))

    assert copied.words == "1 character copied (xclip)"
    assert Path(desk["TAKEN"]).read_text() == "-selection clipboard\n"


async def test_a_program_that_hangs_is_ended_and_passed_over(
    desk: dict[str, str], has_program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.ui.clipboard.PROGRAM_SECONDS", 0.05)
    has_program("wl-copy", "exec /bin/sleep 60")

    copied = await copy("x", desk, str(tmp_path))

    assert sent(copied.sequence) == "x"


async def test_a_program_that_ends_without_reading_all_of_it_breaks_nothing(
    desk: dict[str, str], has_program: Program, tmp_path: Path
) -> None:
    has_program("wl-copy", "/usr/bin/head -c 10 > /dev/null; exit 1")

    copied = await copy("x" * 3_000_000, desk, str(tmp_path))

    assert copied.words.startswith("too long for the terminal's clipboard")


async def test_a_program_that_is_no_program_is_passed_over(
    desk: dict[str, str], has_program: Program, tmp_path: Path
) -> None:
    has_program("wl-copy", "").write_bytes(b"\x7fELF nonsense")

    copied = await copy("x", desk, str(tmp_path))

    assert sent(copied.sequence) == "x"


async def test_a_program_for_another_display_is_not_asked(
    desk: dict[str, str], has_program: Program, tmp_path: Path
) -> None:
    has_program("wl-copy", 'echo > "$TAKEN"')
    del desk["WAYLAND_DISPLAY"]

    copied = await copy("x", desk, str(tmp_path))

    assert copied.sequence
    assert not Path(desk["TAKEN"]).exists()


async def test_without_a_program_the_terminal_gets_the_text_and_a_file_too(
    desk: dict[str, str], tmp_path: Path
) -> None:
    copied = await copy("grüße", desk, str(tmp_path / "state"))

    kept = tmp_path / "state" / "clipboard.txt"
    assert sent(copied.sequence) == "grüße"
    assert copied.words == f"5 characters sent to the terminal's clipboard; if yours does not take it: {kept}"
    assert kept.read_text() == "grüße"
    assert kept.stat().st_mode & 0o777 == 0o600


async def test_a_text_that_is_too_long_for_the_terminal_is_in_the_file(desk: dict[str, str], tmp_path: Path) -> None:
    text = "x" * (MOST_SENT * 3 // 4 + 3)

    copied = await copy(text, desk, str(tmp_path))

    assert not copied.sequence
    assert copied.words.endswith(f"characters are in {tmp_path}/clipboard.txt")
    assert (tmp_path / "clipboard.txt").read_text() == text
    assert (await copy(text[:-3], desk, str(tmp_path))).sequence


async def test_where_no_file_can_be_written_none_is_named(desk: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    copied = await copy("x", desk, f"{tmp_path}/file/state")

    assert copied.words == "1 character sent to the terminal's clipboard"
    assert (await copy("x" * MOST_SENT, desk, f"{tmp_path}/file/state")).words == "too long to copy"


async def test_nothing_is_not_copied(desk: dict[str, str], has_program: Program, tmp_path: Path) -> None:
    has_program("wl-copy", 'echo > "$TAKEN"')

    copied = await copy("", desk, str(tmp_path / "state"))

    assert copied.words == "there is nothing to copy"
    assert not copied.sequence
    assert not Path(desk["TAKEN"]).exists()


async def test_what_is_no_text_is_copied_as_well_as_it_can_be(
    desk: dict[str, str], has_program: Program, tmp_path: Path
) -> None:
    assert sent((await copy("a\udcffb\x1b]52;c;!\a", desk, str(tmp_path))).sequence) == "a?b\x1b]52;c;!\a"
    has_program("wl-copy", '/bin/cat > "$TAKEN"')
    await copy("a\udcffb", desk, str(tmp_path))
    assert Path(desk["TAKEN"]).read_text() == "a?b"
