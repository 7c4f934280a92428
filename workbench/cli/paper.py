"""Text as the shell shows it: columns that line up, paths that are short, and nothing that steers the terminal."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence

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
    table = [[safe(cell).replace("\n", " ") for cell in row] for row in rows]
    if not table:
        return []
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    most = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 10_000
    return [_cut(_line(row, widths, right), most) for row in table]


def _line(row: Sequence[str], widths: Sequence[int], right: frozenset[int]) -> str:
    cells = [
        cell.rjust(width) if index in right else cell.ljust(width)
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


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
