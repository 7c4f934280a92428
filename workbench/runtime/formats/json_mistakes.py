"""Why a text is not JSON: where it goes wrong, in words that do not depend on a decoder, and what was likely meant."""

from __future__ import annotations

import json
import re

from workbench.runtime.texts.lines import end_of, place_of

MAX_DEPTH = 64
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_STRING_OR_BRACKET = re.compile(rf"{_STRING}|([\[{{])|([\]}}])", re.DOTALL)
_STRING_OR_NUMBER = re.compile(rf"({_STRING})|(-?Infinity|NaN)|(-?[0-9][0-9.eE+-]*)", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_QUOTES = frozenset("'`‘’“”„«»")


class JsonRefused(Exception):
    """The text is not JSON; says where."""

    def __init__(self, message: str, line: int, column: int, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.line, self.column, self.hint = message, line, column, hint


def is_too_deep(text: str) -> bool:
    return _too_deep_at(text) is not None


def explained(data: bytes, refusal: str) -> JsonRefused:
    """What is wrong with a text that the decoder refused."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        hint = "save it as UTF-8" if data[:2] not in _UTF_16_MARKS else "it looks like UTF-16: save it as UTF-8"
        return JsonRefused("not UTF-8 text", *end_of(data[: error.start].decode()), hint)
    message, offset, hint = _mistake(text) or ("not JSON", 0, refusal)
    return JsonRefused(message, *place_of(text, min(offset, len(text.rstrip()))), hint)


def _mistake(text: str) -> tuple[str, int, str] | None:
    if not text.strip():
        return "the file is empty", 0, 'write {"name": "…", "type": "…"}'
    if text.startswith("\ufeff"):
        return "the file begins with a byte order mark", 0, "save it as UTF-8 without one"
    if (deep := _too_deep_at(text)) is not None:
        return f"nested more than {MAX_DEPTH} levels deep", deep, "make it flatter"
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return _syntax_mistake(text, error.pos, error.msg)
    except ValueError:
        pass  # a number of thousands of digits, which is found below
    return _value_mistake(text)


def _too_deep_at(text: str) -> int | None:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        if match[1]:
            depth += 1
            if depth > MAX_DEPTH:
                return match.start()
        elif match[2]:
            depth -= 1
    return None


def _syntax_mistake(text: str, at: int, decoder_message: str) -> tuple[str, int, str]:
    found, before = text[at : at + 1], text[:at].rstrip()
    if found == "," and text[at + 1 :].lstrip()[:1] in ("}", "]"):
        return _comma_too_many(at)
    if before.endswith(",") and found in ("}", "]"):
        return _comma_too_many(len(before) - 1)
    if text.startswith(("//", "/*", "#"), at):
        return "a comment, and JSON has none", at, 'remove it, or put it under a key such as "$comment"'
    if found in _QUOTES:
        return "JSON wants double quotes", at, 'write "…"'
    if "control character" in decoder_message:
        what = "a line break" if found in "\r\n" else "a control character"
        return f"{what} within a text", at, 'write "\\n" for a line break, "\\t" for a tab'
    if "escape" in decoder_message:
        return (
            "a backslash that escapes nothing",
            at,
            'write "\\\\" for a backslash, "\\u00e9" for a character by its number',
        )
    if decoder_message.startswith("Unterminated"):
        return "this text has no end", at, 'close it with "'
    if not found or not text[at:].strip():
        return "the file ends too early", len(before), "is a closing bracket missing?"
    if "',' delimiter" in decoder_message and at > len(before):
        return "a comma is missing", len(before), "write a comma here"
    if "':' delimiter" in decoder_message:
        return "a colon is missing", at, 'write "key": value'
    if "Extra data" in decoder_message:
        return "something follows the end of the JSON", at, "a file holds one value: remove the rest"
    if match := _WORD.match(text, at):
        return _word_mistake(match[0][:40], at, wants_key="property name" in decoder_message)
    hint = 'a value is "text", a number such as 0.5 or -1, true, false, null, […] or {…}'
    return f"'{found}' does not belong here", at, hint


def _comma_too_many(at: int) -> tuple[str, int, str]:
    return "a comma before the closing bracket", at, "remove the comma"


def _word_mistake(word: str, at: int, *, wants_key: bool) -> tuple[str, int, str]:
    if wants_key:
        return f"the key {word} has no quotes", at, f'write "{word}"'
    plain = {"none": "null", "undefined": "null", "nil": "null"}.get(word.lower(), word.lower())
    if plain in ("true", "false", "null"):
        return f"{word} is not JSON", at, f"write {plain}"
    return f"the text {word} has no quotes", at, f'write "{word}"'


def _value_mistake(text: str) -> tuple[str, int, str] | None:
    """What a lax decoder lets pass: NaN, numbers out of range, halves of characters."""
    for match in _STRING_OR_NUMBER.finditer(text):
        string, constant, number = match.groups()
        if constant:
            return f"{constant} is not JSON", match.start(), "write a number, or null"
        if number and (len(number) > 4000 or abs(float(number)) == float("inf")):
            return "a number that is too large", match.start(), "write it as a text"
        if string and "\\u" in string and not _is_whole(json.loads(string)):
            return "an escape for half a character", match.start(), "write the character itself"
    return None


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
