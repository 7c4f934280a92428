"""A filter over the log: finds the newest lines first, a small step at a time, and goes on with what is added."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import islice
from operator import neg

from workbench.model.frozen import frozen
from workbench.ui.logbook import LEVELS, Logbook
from workbench.ui.spool import Record


@frozen
class LogFilter:
    """What a line has to have: a text in topic, skill or words whatever its case, a least level, a skill."""

    text: str = ""
    level: str = LEVELS[0]
    skill: str = ""

    @property
    def lets_all_through(self) -> bool:
        return not self.text and not self.skill and self.level == LEVELS[0]


class Sieve:
    """The numbers of the lines that pass, in order. `advance` looks, `settle` shows what was found since."""

    def __init__(self, logbook: Logbook, wanted: LogFilter) -> None:
        self.wanted = wanted
        self._logbook = logbook
        self._needle = wanted.text.casefold()
        at = LEVELS.index(wanted.level) if wanted.level in LEVELS else 0
        self._unwanted_levels = frozenset(LEVELS[:at])
        # What was found below the place where the search began, newest first, and above it, oldest first.
        self._older = array("Q")
        self._newer = array("Q")
        self._low = self._high = logbook.end
        self._older_shown = self._newer_shown = 0

    def __len__(self) -> int:
        return self._older_shown + self._newer_shown

    def __getitem__(self, position: int) -> int:
        if position < 0:
            position += len(self)
        if not 0 <= position < len(self):
            raise IndexError(position)
        if position < self._older_shown:
            return self._older[self._older_shown - 1 - position]
        return self._newer[position - self._older_shown]

    @property
    def has_more(self) -> bool:
        """Whether there are lines that were not looked at yet."""
        return self._high < self._logbook.end or self._low > self._logbook.first

    @property
    def looked_at(self) -> float:
        """The share of the lines that was looked at."""
        unseen = self._logbook.end - self._high + max(0, self._low - self._logbook.first)
        return 1 - unseen / max(1, len(self._logbook))

    def advance(self) -> bool:
        """Look at some hundred lines more, first at those that were added since; whether there are more."""
        if self._high < self._logbook.end:
            self._look_up()
        elif self._low > self._logbook.first:
            self._look_down()
        return self.has_more

    def settle(self) -> None:
        """Show what was found, and forget what the logbook has forgotten."""
        first = self._logbook.first
        del self._older[bisect_right(self._older, -first, key=neg) :]
        del self._newer[: bisect_left(self._newer, first)]
        self._older_shown, self._newer_shown = len(self._older), len(self._newer)

    def _look_up(self) -> None:
        number = max(self._high, self._logbook.first)
        begin, records = self._logbook.stretch(number)
        self._newer.extend(self._passing(islice(enumerate(records, begin), number - begin, None)))
        self._high = max(number + 1, begin + len(records))

    def _look_down(self) -> None:
        begin, records = self._logbook.stretch(self._low - 1)
        found = list(self._passing(islice(enumerate(records, begin), self._low - begin)))
        self._older.extend(reversed(found))
        self._low = min(self._low - 1, begin)

    def _passing(self, numbered: Iterator[tuple[int, Record]]) -> Iterator[int]:
        unwanted, skill, needle = self._unwanted_levels, self.wanted.skill, self._needle
        for number, (_, level, topic, its_skill, _, text) in numbered:
            if level in unwanted or (skill and its_skill != skill):
                continue
            if not needle or needle in f"{topic} {its_skill} {text}".casefold():
                yield number
