"""Two changed texts and the one that both began with, made one where their changes keep out of each other's way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from workbench.model.frozen import frozen


@frozen
class _Hunk:
    """Lines that stand in place of the base's lines from `start` up to `end`."""

    start: int
    end: int
    lines: tuple[str, ...]


def merged(base: str, mine: str, theirs: str) -> str | None:
    """The base with both changes; None where both changed the same lines in different ways."""
    lines = base.splitlines(keepends=True)
    hunks = sorted({*_hunks(lines, mine), *_hunks(lines, theirs)}, key=lambda hunk: (hunk.start, hunk.end))
    text: list[str] = []
    at, before = 0, None
    for hunk in hunks:
        if before is not None and _meet(before, hunk):
            return None
        text += [*lines[at : hunk.start], *hunk.lines]
        at, before = hunk.end, hunk
    return "".join([*text, *lines[at:]])


def _hunks(base: Sequence[str], changed: str) -> Iterator[_Hunk]:
    now = changed.splitlines(keepends=True)
    for tag, start, end, first, last in SequenceMatcher(None, base, now, autojunk=False).get_opcodes():
        if tag != "equal":
            yield _Hunk(start=start, end=end, lines=tuple(now[first:last]))


def _meet(first: _Hunk, second: _Hunk) -> bool:
    """Whether one begins before the other ends, or something is put in right where the other changes something."""
    if first.start == first.end or second.start == second.end:
        return second.start <= first.end
    return second.start < first.end
