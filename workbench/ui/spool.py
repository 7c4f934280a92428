"""Older lines of the log on disk: blocks of records in nameless files, bounded, the oldest half forgotten when full."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from typing import IO, TypeVar

import msgspec

from workbench.runtime.atomic import nameless_file

MOST_BYTES = 512 << 20
BLOCK_RECORDS = 128
BLOCK_CHARACTERS = 64_000
CACHED_BLOCKS = 4

T = TypeVar("T")
Record = tuple[float, str, str, str, str, str]
"""at, level, topic, skill, run, text"""
OpenFile = Callable[[], IO[bytes]]
Block = list[Record]


class _Part:
    """One of the two files: where its blocks lie, and the numbers of their first records."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.size = 0
        self.firsts = array("Q")
        self.begins = array("Q")
        self.ends = array("Q")
        self.whole: dict[int, tuple[int, int]] = {}

    def append(self, data: bytes) -> tuple[int, int]:
        begin, view = self.size, memoryview(data)
        while view:
            written = os.pwrite(self.file.fileno(), view, self.size)
            self.size += written
            view = view[written:]
        return begin, self.size

    def read(self, begin: int, end: int) -> bytes:
        return os.pread(self.file.fileno(), end - begin, begin)


class Spool:
    """Records by their numbers. When the disk fails it lets go of everything and says why; it never raises."""

    def __init__(self, *, most_bytes: int = MOST_BYTES, open_file: OpenFile = nameless_file) -> None:
        self.trouble = ""
        self.end = 0
        self._most_bytes = most_bytes
        self._open_file = open_file
        self._parts: list[_Part] = []
        self._waiting: Block = []
        self._waiting_characters = 0
        self._cache: OrderedDict[int, Block] = OrderedDict()
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(list[Record]).decode

    @property
    def first(self) -> int:
        """The number of the oldest record there is."""
        return next((part.firsts[0] for part in self._parts if part.firsts), self.end - len(self._waiting))

    def add(self, record: Record, size: int, whole: str = "") -> None:
        """Take in the next record, of about so many characters, and the whole of a text that was cut."""
        if whole and not self.trouble:
            self._keep_whole(whole)
        if self.trouble:
            return
        self._waiting.append(record)
        self._waiting_characters += size
        self.end += 1
        if len(self._waiting) >= BLOCK_RECORDS or self._waiting_characters >= BLOCK_CHARACTERS:
            self._write_block()

    def block_of(self, number: int) -> tuple[int, Block]:
        """The records around one, and the number of the first of them; none if it is not there."""
        waiting_from = self.end - len(self._waiting)
        if waiting_from <= number < self.end:
            return waiting_from, self._waiting
        for part in reversed(self._parts):
            if part.firsts and part.firsts[0] <= number < waiting_from:
                return self._read_block(part, bisect_right(part.firsts, number) - 1)
        return number, []

    def whole_of(self, number: int) -> str | None:
        """The whole of a text that was cut, if it is kept."""
        part = next((part for part in self._parts if number in part.whole), None)
        if part is None:
            return None
        data = self._guarded(lambda: part.read(*part.whole[number]))
        return None if data is None else data.decode(errors="replace")

    def close(self) -> None:
        self._let_go("closed")

    def _keep_whole(self, text: str) -> None:
        number = self.end

        def keep() -> None:
            data = text.encode("utf-8", "backslashreplace")
            part = self._part_for(len(data))
            part.whole[number] = part.append(data)

        self._guarded(keep)

    def _write_block(self) -> None:
        number, block = self.end - len(self._waiting), self._waiting
        self._waiting, self._waiting_characters = [], 0

        def write() -> None:
            data = self._encoded(block)
            part = self._part_for(len(data))
            begin, end = part.append(data)
            part.firsts.append(number)
            part.begins.append(begin)
            part.ends.append(end)

        self._guarded(write)

    def _encoded(self, block: Block) -> bytes:
        try:
            return self._encode(block)
        except UnicodeEncodeError:  # lone surrogates
            return self._encode([(at, *(_encodable(text) for text in texts)) for at, *texts in block])

    def _part_for(self, size: int) -> _Part:
        """The newer file; a new one when that is half of what there may be, and then the older one is forgotten."""
        if not self._parts or (self._parts[-1].size and self._parts[-1].size + size > self._most_bytes // 2):
            self._parts.append(_Part(self._open_file()))
            if len(self._parts) > 2:
                self._parts.pop(0).file.close()
                self._cache.clear()
        return self._parts[-1]

    def _read_block(self, part: _Part, index: int) -> tuple[int, Block]:
        number = part.firsts[index]
        block = self._cache.pop(number, None)
        if block is None:
            block = self._guarded(lambda: self._decode(part.read(part.begins[index], part.ends[index])))
        if block is None:
            return number, []
        self._cache[number] = block
        if len(self._cache) > CACHED_BLOCKS:
            self._cache.popitem(last=False)
        return number, block

    def _guarded(self, act: Callable[[], T]) -> T | None:
        try:
            return act()
        except OSError as error:
            self._let_go(error.strerror or str(error))
        except (ValueError, msgspec.MsgspecError) as error:
            self._let_go(f"its file is damaged ({error})")
        return None

    def _let_go(self, why: str) -> None:
        self.trouble = self.trouble or why
        for part in self._parts:
            part.file.close()
        self._parts.clear()
        self._waiting.clear()
        self._cache.clear()


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
