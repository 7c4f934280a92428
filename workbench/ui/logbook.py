"""The log: what was said, by its number; the newest in memory, all of it in a spool on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice
from operator import attrgetter

from workbench.model.frozen import frozen, replace
from workbench.model.words import counted
from workbench.ui.spool import Block, Record, Spool

LEVELS = ("debug", "info", "warning", "error")
MOST_NEWEST = 10_000
MOST_NEWEST_CHARACTERS = 8_000_000
MOST_CHARACTERS = 10_000
MOST_WHOLE_CHARACTERS = 1_000_000
MOST_NAME_CHARACTERS = 200
STRETCH = 16


@frozen
class LogEntry:
    """One line: when, how bad, what about, which skill and run, and the words."""

    at: float
    level: str
    topic: str
    skill: str
    run: str = ""
    text: str


_as_record = attrgetter("at", "level", "topic", "skill", "run", "text")


class Logbook:
    """Only ever added to. A line keeps its number for good; the numbers that can be read run from `first` to `end`."""

    def __init__(self, *, most_newest: int = MOST_NEWEST, spool: Spool | None = None) -> None:
        self.end = 0
        self._most_newest = most_newest
        # Records and not entries: tuples of plain values are nothing to the garbage collector, which stalls for 40 ms
        # each second when fifty thousand objects a second grow old.
        self._newest: deque[Record] = deque()
        self._sizes: deque[int] = deque()
        self._characters = 0
        self._spool = Spool() if spool is None else spool

    def __enter__(self) -> Logbook:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        """How many lines can be read."""
        return self.end - self.first

    @property
    def first(self) -> int:
        """The number of the oldest line that can be read."""
        newest_from = self.end - len(self._newest)
        return newest_from if self._spool.trouble else min(newest_from, self._spool.first)

    @property
    def trouble(self) -> str:
        """Why older lines are not kept; "" while they are."""
        return self._spool.trouble

    @property
    def words(self) -> str:
        """How many lines there are, and how many are gone and why."""
        if not self.first:
            return counted(self.end, "line")
        why = f": {self.trouble}" if self.trouble else ""
        return f"the newest {len(self):,} of {self.end:,} lines, older ones are gone{why}"

    def add(self, entries: Iterable[LogEntry]) -> None:
        """Take in a batch; some thousand lines at once keep the event loop quick."""
        newest, sizes, spool = self._newest, self._sizes, self._spool
        for entry in entries:
            size, whole = _size(entry), ""
            if size > MOST_CHARACTERS:
                entry, whole = _cut(entry)
                size = _size(entry)
            record = _as_record(entry)
            newest.append(record)
            sizes.append(size)
            self._characters += size
            spool.add(record, size, whole)
            self.end += 1
            while len(newest) > self._most_newest or self._characters > MOST_NEWEST_CHARACTERS:
                newest.popleft()
                self._characters -= sizes.popleft()

    def entry(self, number: int) -> LogEntry | None:
        """A line, cut if it is very long; None if it is gone or was never there."""
        position = number - (self.end - len(self._newest))
        if 0 <= position < len(self._newest):
            return _from_record(self._newest[position])
        begin, records = self._spool.block_of(number)
        return _from_record(records[number - begin]) if number - begin < len(records) else None

    def slice(self, start: int, stop: int) -> list[LogEntry]:
        """Those of the lines from start to before stop that can be read."""
        numbers = range(max(start, self.first), min(stop, self.end))
        return [entry for number in numbers if (entry := self.entry(number)) is not None]

    def whole(self, number: int) -> LogEntry | None:
        """A line with all of its text that was kept."""
        entry = self.entry(number)
        text = self._spool.whole_of(number)
        return entry if entry is None or text is None else replace(entry, text=text)

    def stretch(self, number: int) -> tuple[int, Block]:
        """Some lines around one, cheaply, as records; and the number of the first of them."""
        if not self._spool.trouble:
            begin, records = self._spool.block_of(number)
            if records:
                return begin, records
        position = (number - (self.end - len(self._newest))) // STRETCH * STRETCH
        if not 0 <= position < len(self._newest):
            return number, []
        records = list(islice(self._newest, position, position + STRETCH))
        return self.end - len(self._newest) + position, records

    def close(self) -> None:
        """Let go of the file; the newest lines stay readable."""
        self._spool.close()


def _size(entry: LogEntry) -> int:
    return len(entry.text) + len(entry.skill) + len(entry.topic) + len(entry.run) + len(entry.level)


def _from_record(record: Record) -> LogEntry:
    at, level, topic, skill, run, text = record
    return LogEntry(at=at, level=level, topic=topic, skill=skill, run=run, text=text)


def _cut(entry: LogEntry) -> tuple[LogEntry, str]:
    """A line that memory can hold, and as much of its text as the disk shall; "" where nothing was lost."""
    names = {name: getattr(entry, name)[:MOST_NAME_CHARACTERS] for name in ("level", "topic", "skill", "run")}
    text = entry.text
    if len(text) <= MOST_CHARACTERS:
        return replace(entry, **names), ""
    ending = f"… {_spoken(len(text))} line, cut"
    whole = text if len(text) <= MOST_WHOLE_CHARACTERS else text[:MOST_WHOLE_CHARACTERS] + ending
    return replace(entry, **names, text=text[:MOST_CHARACTERS] + ending), whole


def _spoken(characters: int) -> str:
    """A length as a size. A character counts as a byte: to count bytes would take as long as to keep them."""
    return f"{characters / 1e6:.0f} MB" if characters >= 1e6 else f"{characters / 1e3:.0f} kB"
