"""Text as the shell shows it: columns that line up, paths that are short, and nothing that steers the terminal."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from workbench.model.finding import Finding, Place, Severity
from workbench.model.skill import SkillState
from workbench.model.words import safe

GLYPHS = {
    SkillState.OK: "● ok",
    SkillState.UNREAD: "○ unread",
    SkillState.RELOADING: "↻ reloading",
    SkillState.BROKEN: "✕ broken",
    SkillState.TESTS_RED: "▲ tests red",
    SkillState.DISABLED: "◌ disabled",
}
GAP, BETWEEN = "  ", " · "
NARROW, LEAST = 16, 6
"""So narrow a column is not folded, as long as so much is left for each of the others."""
_PIECES = re.compile(r" *[^ /]*/*")
_KEPT = re.compile(r"/rev/(?P<skill>[^/]+)/[0-9a-f]{64}/(?P<file>.+)")
MARKS = {Severity.CRITICAL: "✕", Severity.ERROR: "✕", Severity.WARNING: "▲", Severity.INFO: "·"}


def write(text: str) -> None:
    """A line on stdout."""
    sys.stdout.buffer.write(safe(text).encode() + b"\n")


def say(text: str) -> None:
    """A line on stderr: a message, not a result."""
    sys.stdout.flush()
    sys.stderr.buffer.write(safe(text).encode() + b"\n")
    sys.stderr.flush()


def columns(rows: Iterable[Sequence[str]], *, right: frozenset[int] = frozenset()) -> list[str]:
    """Rows as lines; the last column is cut where the terminal ends."""
    table, widths = _table(rows)
    most = _room()
    return [_cut(_line(row, widths, right), most) for row in table]


def paragraphs(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows of which nothing may be lost: what is wider than its column goes on below, within it."""
    table, natural = _table(rows)
    widths = _shared(natural, _room() - len(GAP) * (len(natural) - 1))
    lines: list[str] = []
    for row in table:
        cells = [_folded(cell, width) for cell, width in zip(row, widths, strict=True)]
        lines += [_line(parts, widths, frozenset()) for parts in zip_longest(*cells, fillvalue="")]
    return lines


def _table(rows: Iterable[Sequence[str]]) -> tuple[list[list[str]], list[int]]:
    """The cells as they are shown, and how wide each column is."""
    table = [[safe(cell).replace("\n", " ") for cell in row] for row in rows]
    return table, [max(map(len, cells)) for cells in zip(*table, strict=True)]


def _room() -> int:
    return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 10_000


def _shared(natural: Sequence[int], room: int) -> list[int]:
    """Room for each column: what is narrow keeps its width, the others have the rest in equal parts."""
    widths = [0] * len(natural)
    for rank, column in enumerate(sorted(range(len(natural)), key=natural.__getitem__)):
        others = len(natural) - rank - 1
        is_narrow = natural[column] <= NARROW and room - natural[column] >= LEAST * others
        widths[column] = natural[column] if is_narrow else max(1, min(natural[column], room // (others + 1)))
        room -= widths[column]
    return widths


def _folded(text: str, width: int) -> list[str]:
    """A text as lines of this width: each of several things begins one, broken at spaces and at slashes of paths."""
    if len(text) <= width:
        return [text]
    margin = GAP if width > LEAST else ""
    lines: list[str] = []
    for thing in text.split(BETWEEN):
        lines.append("")
        for piece in _PIECES.findall(thing):
            if len(lines[-1]) + len(piece) > width >= len(margin) + len(piece.lstrip()):
                lines.append(margin)
                piece = piece.lstrip()
            while len(lines[-1]) + len(piece) > width:
                room = width - len(lines[-1])
                lines[-1], piece = lines[-1] + piece[:room], piece[room:]
                lines.append(margin)
            lines[-1] += piece
    return [line.rstrip() for line in lines]


def _line(row: Sequence[str], widths: Sequence[int], right: frozenset[int]) -> str:
    cells = [
        cell.rjust(width) if index in right else cell.ljust(width)
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return GAP.join(cells).rstrip()


def _cut(line: str, most: int) -> str:
    return line if len(line) <= most else f"{line[: most - 1]}…"


def short_path(path: str) -> str:
    """A path from here where that is shorter; a kept revision's file by the skill's name."""
    if (kept := _KEPT.search(path)) is not None:
        return f"{kept['skill']} (last good)/{kept['file']}"
    try:
        relative = os.path.relpath(path)
    except (OSError, ValueError):
        return path
    return relative if len(relative) < len(path) and not relative.startswith("../../..") else path


def place(where: Place) -> str:
    return str(Place(file=short_path(where.file), line=where.line, column=where.column))


def finding_lines(finding: Finding) -> list[str]:
    """A finding as people read it: where, what, and what to do."""
    lines = [f"{MARKS[finding.severity]} {place(finding.place)}  {finding.message}"]
    return [*lines, f"    {finding.hint}"] if finding.hint else lines
