"""Where an offset is in a text, as editors count."""

from __future__ import annotations


def place_of(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1; a line ends with a line feed, a carriage return, or both."""
    before = text[:offset]
    if "\r" in before:
        before = before.replace("\r\n", "\n").replace("\r", "\n")
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def end_of(text: str) -> tuple[int, int]:
    """Line and column of what would follow a text."""
    return place_of(text, len(text))
