"""Texts with holes, filled with a run's inputs: each hole once, and never more than a bound."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec


class TooMuch(Exception):
    """More than is ever put together."""


class Holes:
    """Fills a run's texts. What an input holds is never looked at again, and all that comes out is bounded together."""

    def __init__(self, inputs: Mapping[str, object], most: int) -> None:
        self._inputs, self._most, self._left = inputs, most, most
        self._words: dict[str, str] = {}

    def word(self, name: str) -> str | None:
        """What fills a hole of that name; None where no input does."""
        if name not in self._inputs:
            return None
        if name not in self._words:
            value = self._inputs[name]
            self._words[name] = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
        return self._words[name]

    def fill(self, text: str, hole: re.Pattern[str], filled: Callable[[re.Match[str]], str]) -> str:
        """A text with `filled` in each of its holes; raises TooMuch before there is too much of it."""
        self._left -= len(text) + sum(len(filled(each)) - len(each[0]) for each in hole.finditer(text))
        if self._left < 0:
            raise TooMuch(f"over {self._most / 1e6:g} million characters")
        return hole.sub(filled, text)
