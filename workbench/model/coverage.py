"""Which lines of a file ran, of those that can."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.model.frozen import frozen


@frozen
class FileLines:
    """One file of a skill."""

    file: str
    ran: frozenset[int]
    can_run: frozenset[int]

    @property
    def missing(self) -> tuple[int, ...]:
        """The lines that can run and did not, in their order."""
        return tuple(sorted(self.can_run - self.ran))

    @property
    def percent(self) -> int:
        """How much of it ran, rounded down: 100 is everything. A file without a line that can run has run."""
        return len(self.can_run & self.ran) * 100 // len(self.can_run) if self.can_run else 100


def joined(lines: Iterable[FileLines]) -> tuple[FileLines, ...]:
    """What ran in any of several runs, a file each, in the order of their names."""
    known: dict[str, FileLines] = {}
    for each in lines:
        before = known.get(each.file, each)
        known[each.file] = FileLines(file=each.file, ran=before.ran | each.ran, can_run=before.can_run | each.can_run)
    return tuple(known[file] for file in sorted(known))


def as_ranges(lines: Iterable[int]) -> str:
    """Lines in a few words, as in `3-5, 9`."""
    ranges: list[list[int]] = []
    for line in lines:
        if ranges and line == ranges[-1][1] + 1:
            ranges[-1][1] = line
        else:
            ranges.append([line, line])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
