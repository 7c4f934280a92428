"""Wrapping: every character stays, no line is too long."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.ui.widgets.rows import Row, wrapped

pieces = st.lists(st.tuples(st.text(alphabet="ab c", max_size=60), st.sampled_from(["plain", "dim"])), max_size=5)


@given(pieces=pieces, width=st.integers(min_value=10, max_value=40))
def test_wrapping_loses_nothing_but_the_spaces_it_breaks_at(pieces: list[tuple[str, str]], width: int) -> None:
    lines = ["".join(text for text, _ in row.pieces) for row in wrapped(Row(pieces=tuple(pieces)), width)]

    assert all(len(line) <= width for line in lines)
    before = "".join(text for text, _ in pieces)
    assert "".join(lines).replace(" ", "") == before.replace(" ", "")


def test_lines_break_at_spaces() -> None:
    rows = wrapped(Row(pieces=(("one two three four", "plain"),)), 10)
    assert ["".join(text for text, _ in row.pieces) for row in rows] == ["one two", "three four"]


def test_what_wraps_hangs_below_its_column() -> None:
    row = Row(pieces=(("ctrl+s   ", "plain"), ("Save the file now", "dim")), hang=9)

    assert ["".join(text for text, _ in line.pieces) for line in wrapped(row, 20)] == [
        "ctrl+s   Save the",
        " " * 9 + "file now",
    ]
