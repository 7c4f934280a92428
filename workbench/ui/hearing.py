"""What runs say, read from their spools a bounded bit at a time and cut into lines."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator

from workbench.model.events import OutputReceived
from workbench.model.frozen import frozen
from workbench.model.run import Stream

MOST_AT_ONCE = 512_000
MOST_UNBROKEN = 1_000_000
Read = Callable[[str, Stream, int, int], bytes]


@frozen
class Heard:
    """A bit of what a run said: its text as it came, and the lines that are whole by now."""

    skill: str
    run: str
    stream: Stream
    at: float
    text: str
    lines: tuple[str, ...]


class _Ear:
    """One stream of one run."""

    def __init__(self, event: OutputReceived) -> None:
        self.skill, self.run, self.stream, self.at = event.skill, event.run, event.stream, event.at
        self.offset, self.end = event.offset, event.offset
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""

    def take(self, data: bytes, *, is_last: bool) -> Heard:
        text = self._decode(data, is_last)
        *lines, self._rest = (self._rest + text).split("\n")
        if self._rest and (is_last or len(self._rest) > MOST_UNBROKEN):
            lines.append(self._rest)
            self._rest = ""
        return Heard(skill=self.skill, run=self.run, stream=self.stream, at=self.at, text=text, lines=tuple(lines))


class Hearing:
    """Told of growth and of ends; reads on when asked, never more than a bit."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._ears: dict[tuple[str, Stream], _Ear] = {}
        self._ended: set[str] = set()

    @property
    def is_behind(self) -> bool:
        """Whether there is more to be read."""
        return any(ear.offset < ear.end or ear.run in self._ended for ear in self._ears.values())

    def told(self, event: OutputReceived) -> None:
        """A spool has grown."""
        ear = self._ears.setdefault((event.run, event.stream), _Ear(event))
        ear.end, ear.at = max(ear.end, event.offset + event.length), event.at

    def ended(self, run: str) -> None:
        """Nothing more will come of this run."""
        if any(ear.run == run for ear in self._ears.values()):
            self._ended.add(run)

    def read_on(self) -> Iterator[Heard]:
        """The next bit of every stream that has one; none waits for another."""
        behind = sum(ear.offset < ear.end for ear in self._ears.values())
        share = max(1, MOST_AT_ONCE // max(1, behind))
        for key, ear in list(self._ears.items()):
            wanted = min(share, ear.end - ear.offset)
            data = self._read(ear.run, ear.stream, ear.offset, wanted) if wanted > 0 else b""
            ear.offset = ear.offset + len(data) if data else ear.end  # what is not kept any more is not waited for
            is_last = ear.run in self._ended and ear.offset >= ear.end
            if data or is_last:
                yield ear.take(data, is_last=is_last)
            if is_last:
                del self._ears[key]
        self._ended &= {ear.run for ear in self._ears.values()}
