"""JSON with places: the value by the fast decoder, and where a key stands only when somebody asks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import count

import msgspec

from workbench.runtime.formats.json_mistakes import MAX_DEPTH, JsonRefused, explained, is_too_deep
from workbench.runtime.texts.json_parts import uncollected
from workbench.runtime.texts.lines import place_of

__all__ = ["JsonPlaces", "JsonRefused", "place_in_json", "read_json", "repeated_keys"]

Pointer = tuple[str | int, ...]
_GAP = re.compile(r"[ \t\r\n]*")
_KEY_OR_BRACE = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*")[ \t\r\n]*(:?)|[{}]', re.DOTALL)
_DECODER = json.JSONDecoder(strict=False)


def read_json(data: bytes) -> object:
    """The value of a JSON text; raises JsonRefused with the place and what is likely meant."""
    try:
        with uncollected():
            value: object = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise explained(data, str(error)) from None
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH and is_too_deep(data.decode()):
        raise explained(data, "")
    return value


def repeated_keys(text: str) -> Iterator[tuple[str, int, int]]:
    """Keys that stand twice in one object of a JSON text, with the line and column of the later one."""
    objects: list[set[str]] = []
    for match in _KEY_OR_BRACE.finditer(text):
        if match[0] == "{":
            objects.append(set())
        elif match[0] == "}":
            objects.pop()
        elif match[2]:
            key = json.loads(match[1]) if "\\" in match[1] else match[1][1:-1]
            if key in objects[-1]:
                yield key, *place_of(text, match.start())
            objects[-1].add(key)


def place_in_json(text: str, pointer: Pointer) -> tuple[int, int]:
    """Line and column of the key or item at a pointer, from 1; of the nearest parent that is there otherwise."""
    return JsonPlaces(text).place_of(pointer)


class JsonPlaces:
    """Where the keys and items of one text stand; each object and array is looked through once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._known: dict[int, dict[str | int, tuple[int, int]]] = {}

    def place_of(self, pointer: Pointer) -> tuple[int, int]:
        """As place_in_json tells it."""
        place = value = _after_gap(self._text, 0)
        for part in pointer:
            if value not in self._known:
                self._known[value] = dict(_children(self._text, value))
            if (found := self._known[value].get(part)) is None:
                break
            place, value = found
        return place_of(self._text, place)


def _children(text: str, start: int) -> Iterator[tuple[str | int, tuple[int, int]]]:
    """The key or position, the place and the place of the value of all that the object or array at `start` holds."""
    with suppress(ValueError, IndexError, StopIteration, RecursionError):  # from there on it is not JSON
        is_object = text[start] == "{"
        at = _after_gap(text, start + 1)
        if not is_object and (text[start] != "[" or text[at] == "]"):
            return
        for index in count():
            name, value = index, at
            if is_object:
                if text[at] != '"':
                    return
                name, behind = _DECODER.raw_decode(text, at)
                value = _after_gap(text, _after_gap(text, behind) + 1)
            yield name, (at, value)
            at = _after_gap(text, _DECODER.raw_decode(text, value)[1])
            if text[at] != ",":
                return
            at = _after_gap(text, at + 1)


def _after_gap(text: str, at: int) -> int:
    match = _GAP.match(text, at)
    return match.end() if match else at
