"""Fenced blocks of a text, as Markdown has them: what stands between a line of backticks or tildes and its like."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

Fence = tuple[str, int]
_LINE = re.compile(r"^(`{3,}|~{3,})([ \t]*$)?", re.MULTILINE)
_CLOSING = re.compile(r"^(`{3,}|~{3,})[ \t]*$", re.MULTILINE)


def fenced_blocks(text: str) -> Iterator[str]:
    """What each block holds, in two passes over the text however many fences are never closed.

    A line of nothing but a fence closes a block. The longest fence that the opening line begins with and that is closed
    further on counts: four backticks are closed by four, and by three where four never come again.
    """
    last = {_fence(line): line.start() for line in _CLOSING.finditer(text)}
    end = max(last.values(), default=-1)
    opened, body = None, 0
    for line in _LINE.finditer(text):
        if line.start() > end:
            return
        if opened is None:
            opened, body = _opened(line, last), text.find("\n", line.end()) + 1
        elif line[2] is not None and _fence(line) == opened:
            yield text[body : line.start()]
            opened = None


def _fence(line: re.Match[str]) -> Fence:
    return line[1][0], len(line[1])


def _opened(line: re.Match[str], last: Mapping[Fence, int]) -> Fence | None:
    """The fence that closes what this line opens, if one does."""
    character, longest = _fence(line)
    fences = ((character, length) for length in range(longest, 2, -1))
    return next((fence for fence in fences if last.get(fence, -1) > line.start()), None)
