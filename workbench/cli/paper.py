"""Text as the shell shows it: columns that line up, paths that are short, and nothing that steers the terminal."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Iterable, Sequence

from workbench.model.finding import Finding, Place, Severity
from workbench.model.skill import SkillState

GLYPHS = {
    SkillState.OK: "● ok",
    SkillState.UNREAD: "○ unread",
    SkillState.RELOADING: "↻ reloading",
    SkillState.BROKEN: "✕ broken",
    SkillState.TESTS_RED: "▲ tests red",
    SkillState.DISABLED: "◌ disabled",
}
MARKS = {Severity.CRITICAL: "✕", Severity.ERROR: "✕", Severity.WARNING: "▲", Severity.INFO: "·"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def safe(text: str) -> str:
    """Control characters made visible, lone surrogates too: names and messages come from strangers."""
    shown = _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
    return shown.encode("utf-8", "backslashreplace").decode()


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
    """A path from here where that is shorter."""
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


def ago(then: float, now: float | None = None) -> str:
    """How long ago, as people say it."""
    seconds = max(0.0, (time.time() if now is None else now) - then)
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds // 86_400)} d ago"


def duration(ms: float | None) -> str:
    """A time as people say it; what is not known is –."""
    if ms is None:
        return "–"
    if ms < 1:
        return f"{ms:.1f} ms"
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"
