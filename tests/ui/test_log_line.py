"""A line of the log: its columns keep their width whatever strangers write into them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from workbench.ui.logbook import LogEntry
from workbench.ui.widgets.log_line import pieces_of

AT = time.mktime((2026, 11, 21, 14, 2, 11, 0, 0, -1))


def shown(
    text: str, *, width: int = 119, level: str = "info", topic: str = "reload", skill: str = "summarise", at: float = AT
) -> str:
    entry = LogEntry(at=at, level=level, topic=topic, skill=skill, text=text)
    return "".join(piece for piece, _ in pieces_of(entry, width))


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (60, "14:02:11  reload    summarise   a long line of very many wo…"),
        (45, "14:02:11  reload    a long line of very many…"),
        (19, "a long line of ver…"),
        (1, "…"),
        (0, ""),
    ],
)
def test_the_narrower_the_fewer_columns(width: int, line: str) -> None:
    assert shown("a long line of very many words " * 9, width=width) == line


@given(
    text=st.text(max_size=50) | st.text("漢\u0301\u200d\ufe0f☁🧑🚀 \x1b\n\t\r…", max_size=300),
    name=st.text(max_size=30),
    width=st.integers(min_value=0, max_value=200),
    level=st.sampled_from(["debug", "info", "warning", "error", "no such level"]),
)
def test_every_line_is_just_as_wide_as_it_is_to_be(text: str, name: str, width: int, level: str) -> None:
    line = shown(text, width=width, topic=name, skill=name, level=level)

    assert cell_len(line) == width
    assert not set("\x1b\n\t\r\x00") & set(line)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\x1b]0;title\x07\x1b[2J\x00", "\\x1b]0;title\\x07\\x1b[2J\\x00"),
        ("[bold red]x[/] [@click=app.quit]quit[/]", "[bold red]x[/] [@click=app.quit]quit[/]"),
        ("\u202eevil \ud800", "\\x202eevil \\ud800"),
        ("one\ntwo\r\nthree\tfour\n", "one ↵ two ↵ three   four"),
        ("\u0301" * 3_000, "\u0301" * 333 + "…"),
    ],
)
def test_what_strangers_write_is_shown_and_does_nothing(text: str, words: str) -> None:
    assert shown(text)[36:].rstrip() == words


@pytest.mark.parametrize(("character", "fit"), [("x", 82), ("漢", 41)])
def test_of_thirty_megabytes_the_beginning_is_shown(character: str, fit: int) -> None:
    assert shown(character * 30_000_000)[36:].rstrip() == character * fit + "…"


def test_strange_names_stay_in_their_columns() -> None:
    assert shown("x", topic="\x1b[31mtopic", skill="\x1b[2J" * 10).startswith(
        "14:02:11  \\x1b[31…  \\x1b[2J\\x1b[2…  x "
    )
    assert shown("x", topic="漢字漢字漢字", skill="漢字" * 5).startswith("14:02:11  漢字漢…   漢字漢字漢字…   x ")


@pytest.mark.parametrize("at", [float("nan"), float("inf"), 1e300, -1e300])
def test_a_time_that_is_none_is_not_known(at: float) -> None:
    assert shown("x", at=at).startswith("–         reload    summarise       x ")


@pytest.mark.parametrize(
    ("text", "level", "words"),
    [
        ("bad", "error", "✕ bad"),
        ("odd", "warning", "▲ odd"),
        ("✕ failed", "error", "✕ failed"),
        ("well", "info", "well"),
    ],
)
def test_bad_lines_can_be_told_without_colours(text: str, level: str, words: str) -> None:
    assert shown(text, level=level)[36:].strip() == words
