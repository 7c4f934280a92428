"""YAML that is not ours: small, shallow, read from the parser's events so that no input can hurt the loader.

Values are built here by YAML 1.2's core rules: what is not plainly a number, true, false or null is text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from workbench.runtime.texts.lines import place_of

MAX_BYTES = 64_000
MAX_DEPTH = 64
MAX_NODES = 10_000

Pointer = tuple[str | int, ...]
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_VALUES = frozenset({yaml.ScalarEvent, yaml.AliasEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent})
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,2})?", re.ASCII)
_LONGEST_NUMBER = 40
_WORDS: dict[str, object] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


class YamlRefused(Exception):
    """The text is not YAML, or more of it than we take; says where, counted from the text's first line as 1."""

    def __init__(self, message: str, line: int, column: int, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.line, self.column, self.hint = message, line, column, hint


class YamlDocument:
    """A document's value, and where each key and item stands in it, which is looked up when it is first asked for."""

    def __init__(self, value: object, text: str, places: Mapping[Pointer, tuple[int, int]] | None = None) -> None:
        self.value = value
        self._text, self._places = text, places

    @property
    def places(self) -> Mapping[Pointer, tuple[int, int]]:
        """Line and column, from 1, by the path of keys and positions."""
        if self._places is None:
            offsets: dict[Pointer, int] = {}
            _read(self._text, offsets, as_text=True)
            self._places = {pointer: place_of(self._text, offset) for pointer, offset in offsets.items()}
        return self._places


def read_yaml(text: str, *, as_text: bool = False) -> YamlDocument:
    """The first document of a text, with every value as it was written where `as_text`; raises YamlRefused."""
    if len(text) > MAX_BYTES:
        raise YamlRefused(f"over {MAX_BYTES // 1000} kB of YAML", 1, 1, "keep data in a file of its own")
    return YamlDocument(_read(text, None, as_text=as_text), text)


def _read(text: str, offsets: dict[Pointer, int] | None, *, as_text: bool) -> object:
    try:
        loader = _LOADER(text)
    except UnicodeEncodeError as error:
        raise YamlRefused("half of a character", *place_of(text, error.start), "save it as UTF-8") from error
    except yaml.reader.ReaderError as error:
        raise _unprintable(text, error) from error
    try:
        return _Builder(text, loader, offsets, as_text=as_text).build()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = place_of(text, mark.index) if mark else (1, 1)
        raise YamlRefused(*_worded(error.problem or str(error.context), place)) from error
    except yaml.reader.ReaderError as error:
        raise _unprintable(text, error) from error
    finally:
        loader.dispose()


def _unprintable(text: str, error: yaml.reader.ReaderError) -> YamlRefused:
    match = yaml.reader.Reader.NON_PRINTABLE.search(text)
    place = place_of(text, match.start()) if match else (1, 1)
    return YamlRefused(f"not YAML: {error.reason}", *place, "remove this character: it cannot be seen")


def _worded(problem: str, place: tuple[int, int]) -> tuple[str, int, int, str]:
    quotes = "put the text in quotes"
    if "mapping values are not allowed" in problem:
        return "a text without quotes has a colon in it", *place, quotes
    if "cannot start any token" in problem or "alphabetic or numeric" in problem:
        return "a text cannot begin with this character", *place, f"{quotes}; indent with spaces, not tabs"
    if "end of stream" in problem or "expected ',' or" in problem:
        return "a quote or bracket has no end", *place, "close it"
    return f"not YAML: {problem}", *place, "write key: value, one a line, all indented alike"


class _Builder:
    """Makes the value from the events of one document."""

    def __init__(self, text: str, loader: Any, offsets: dict[Pointer, int] | None, *, as_text: bool) -> None:
        self._text, self._next, self._offsets, self._as_text = text, loader.get_event, offsets, as_text
        self._anchors: dict[str, object] = {}
        self._depth = self._nodes = 0

    def build(self) -> object:
        while (event := self._next()) is not None:
            kind = type(event)
            if kind in _VALUES:
                return self._value(event, kind, ())
            if kind is yaml.DocumentEndEvent:
                break
        return None

    def _value(self, event: Any, kind: Any, path: Pointer) -> object:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._refused(event, f"more than {MAX_NODES:,} values", "keep data in a file of its own")
        if kind is yaml.ScalarEvent:
            value = event.value if self._as_text or event.style else _plain_value(event.value)
            if event.anchor:
                self._anchors[event.anchor] = value
            return value
        if kind is yaml.AliasEvent:
            return self._aliased(event)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._refused(event, f"nested more than {MAX_DEPTH} levels deep", "make it flatter")
        if event.anchor:
            self._anchors[event.anchor] = _Builder
        container = self._mapping(path) if kind is yaml.MappingStartEvent else self._sequence(path)
        self._depth -= 1
        return container

    def _mapping(self, path: Pointer) -> dict[str, object]:
        items: dict[str, object] = {}
        while type(event := self._next()) is not yaml.MappingEndEvent:
            if type(event) is not yaml.ScalarEvent:
                raise self._refused(event, "a key must be a plain text", "put it in quotes")
            key: str = event.value
            if key in items:
                raise self._refused(event, f"the key '{key[:80]}' stands twice", "remove one of them")
            below = (*path, key)
            if self._offsets is not None:
                self._offsets[below] = _begin_of(event)
            self._nodes += 1
            event = self._next()
            items[key] = self._value(event, type(event), below)
        return items

    def _sequence(self, path: Pointer) -> list[object]:
        items: list[object] = []
        while (kind := type(event := self._next())) is not yaml.SequenceEndEvent:
            below = (*path, len(items))
            if self._offsets is not None:
                self._offsets[below] = _begin_of(event)
            items.append(self._value(event, kind, below))
        return items

    def _aliased(self, event: Any) -> object:
        value = self._anchors.get(event.anchor, self)
        if value is self:
            raise self._refused(event, f"nothing is called '&{event.anchor[:80]}'", "put the text in quotes")
        if value is _Builder:
            raise self._refused(event, "an alias may stand for a plain value only", "write the value out")
        return value

    def _refused(self, event: Any, message: str, hint: str) -> YamlRefused:
        return YamlRefused(message, *place_of(self._text, _begin_of(event)), hint)


def _begin_of(event: Any) -> int:
    offset: int = event.start_mark.index
    return offset


def _plain_value(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if (text[0].isdigit() or text[0] in "+-.") and len(text) <= _LONGEST_NUMBER:
        if _INTEGER.fullmatch(text):
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
    return text
