"""The lines that a worker says have run, as lines of the author's files. The worker is a stranger's: all is bounded."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.model.coverage import FileLines
from workbench.model.skill import SHARED, Skill
from workbench.runtime.workers.wire import Said

LAST_LINE = 1_000_000


def lines_of(skill: Skill, said: Said) -> tuple[FileLines, ...]:
    """What ran of the skill's own files; nothing where nothing was counted."""
    own = [file.path for file in skill.files if file.path in said.lines and not file.path.startswith(f"{SHARED}/")]
    return tuple(
        FileLines(
            file=skill.path_of(path),
            ran=_expanded(said.lines[path].ran),
            can_run=_expanded(said.lines[path].can_run),
        )
        for path in own
    )


def _expanded(ranges: Iterable[tuple[int, int]]) -> frozenset[int]:
    lines: set[int] = set()
    for first, last in ranges:
        if not 1 <= first <= last <= LAST_LINE or len(lines) > LAST_LINE:
            break
        lines.update(range(first, last + 1))
    return frozenset(lines)
