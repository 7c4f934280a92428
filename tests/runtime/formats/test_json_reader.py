from __future__ import annotations

import pytest

from workbench.runtime.formats.json_reader import JsonRefused, place_in_json, read_json, repeated_keys

MANIFEST = """{
  "name": "greet",
  "args": ["-a", "-b",
    "-c"],
  "security": { "permissions": {"file_read": [ "a" ]} },
  "na\\u006de2": 1, "ü": [[1], [2, 3]]
}
"""


def refused(data: bytes | str) -> JsonRefused:
    with pytest.raises(JsonRefused) as caught:
        read_json(data.encode() if isinstance(data, str) else data)
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        ('{\n "a": 1,\n}', 2, 8, "a comma before the closing bracket", "remove the comma"),
        ("[1, 2,]", 1, 6, "a comma before the closing bracket", "remove the comma"),
        ("{'a': 1}", 1, 2, "JSON wants double quotes", 'write "…"'),
        ("{“a”: 1}", 1, 2, "JSON wants double quotes", 'write "…"'),
        ('{"a": 1 // one\n}', 1, 9, "a comment, and JSON has none", "remove it"),
        ("/* a */ {}", 1, 1, "a comment, and JSON has none", "remove it"),
        ("# a\n{}", 1, 1, "a comment, and JSON has none", "remove it"),
        ("\ufeff{}", 1, 1, "the file begins with a byte order mark", "save it as UTF-8 without one"),
        ('{"a":\n  NaN}', 2, 3, "NaN is not JSON", "write a number, or null"),
        ('{"NaN": "NaN", "a": -Infinity}', 1, 21, "-Infinity is not JSON", "write a number, or null"),
        ('{\n "a": 1\n "b": 2}', 2, 8, "a comma is missing", "write a comma here"),
        ('["a" "b"]', 1, 5, "a comma is missing", "write a comma here"),
        ('{"a" 1}', 1, 6, "a colon is missing", 'write "key": value'),
        ("{a: 1}", 1, 2, "the key a has no quotes", 'write "a"'),
        ('{"a": True}', 1, 7, "True is not JSON", "write true"),
        ('{"a": None}', 1, 7, "None is not JSON", "write null"),
        ('{"a": hello}', 1, 7, "the text hello has no quotes", 'write "hello"'),
        ('{"a": .5}', 1, 7, "'.' does not belong here", 'a value is "text"'),
        ('{"a": 01}', 1, 8, "'1' does not belong here", 'a value is "text"'),
        ('{"a": "x\ny"}', 1, 9, "a line break within a text", 'write "\\n"'),
        ('{"a": "\t"}', 1, 8, "a control character within a text", 'write "\\n"'),
        ('{"a": "C:\\dir"}', 1, 10, "a backslash that escapes nothing", 'write "\\\\"'),
        ('{"a": "x', 1, 7, "this text has no end", 'close it with "'),
        ('{\n "a": [1,\n', 2, 10, "the file ends too early", "is a closing bracket missing?"),
        ("{} {}", 1, 4, "something follows the end of the JSON", "a file holds one value"),
        ("", 1, 1, "the file is empty", 'write {"name"'),
        (" \n\n ", 1, 1, "the file is empty", 'write {"name"'),
        ('{"a": 1e400}', 1, 7, "a number that is too large", "write it as a text"),
        ('{"a": ' + "9" * 5000 + "}", 1, 7, "a number that is too large", "write it as a text"),
        ('{"a": "\\ud800"}', 1, 7, "an escape for half a character", "write the character itself"),
        ("[" * 60_000, 1, 65, "nested more than 64 levels deep", "make it flatter"),
        ('{"a":\n' * 70 + "1" + "}" * 70, 65, 1, "nested more than 64 levels deep", "make it flatter"),
    ],
)
def test_what_is_not_json_is_told_by_its_place_and_what_was_likely_meant(
    text: str, line: int, column: int, message: str, hint: str
) -> None:
    error = refused(text)

    assert (error.line, error.column, error.message) == (line, column, message)
    assert error.hint.startswith(hint)


def test_what_is_not_utf_8_is_told_by_its_place() -> None:
    latin, utf_16 = refused(b'{"\xc3\xa4":\n "\xc3\xbc\xff"}'), refused('{"a": 1}'.encode("utf-16"))

    assert (latin.line, latin.column, latin.message, latin.hint) == (2, 4, "not UTF-8 text", "save it as UTF-8")
    assert utf_16.hint == "it looks like UTF-16: save it as UTF-8"


@pytest.mark.parametrize("text", ['{"a": "[[[[' + "[" * 100 + '"}', "[" + "[]," * 100 + "[]]", "[" * 64 + "]" * 64])
def test_brackets_that_are_not_nested_deep_are_taken(text: str) -> None:
    assert read_json(text.encode())


def test_whole_characters_and_large_integers_are_taken() -> None:
    assert read_json(b'["\\ud83d\\ude00", 123456789012345678901234567890]') == ["😀", 123456789012345678901234567890]


@pytest.mark.parametrize(
    ("pointer", "line", "column"),
    [
        ((), 1, 1),
        (("name",), 2, 3),
        (("args",), 3, 3),
        (("args", 0), 3, 12),
        (("args", 2), 4, 5),
        (("args", 3), 3, 3),
        (("security", "permissions", "file_read", 0), 5, 48),
        (("security", "permissions", "missing"), 5, 17),
        (("security", 0), 5, 3),
        (("args", "name"), 3, 3),
        (("name2",), 6, 3),
        (("ü", 1, 1), 6, 35),
        (("missing", "below"), 1, 1),
    ],
)
def test_a_key_or_item_is_found_where_it_stands_or_where_its_parent_does(
    pointer: tuple[str | int, ...], line: int, column: int
) -> None:
    assert place_in_json(MANIFEST, pointer) == (line, column)


def test_of_a_key_that_stands_twice_the_one_that_counts_is_found() -> None:
    assert place_in_json('{"a": 1,\n "a": {"b": 2}}', ("a", "b")) == (2, 8)


@pytest.mark.parametrize("text", ["", "{", '{"a"', '{"a": ', "[", "[[[", '{"a": [1,', "nonsense", '{"a": {]'])
def test_a_place_in_a_text_that_is_no_json_is_the_nearest_that_is_there(text: str) -> None:
    line, column = place_in_json(text, ("a", 1, "b"))

    assert line == 1
    assert 1 <= column <= len(text) + 1


def test_keys_that_stand_twice_are_found_with_the_place_of_the_later() -> None:
    text = '{"a": 1, "b": {"a": "a:"},\n "a": [{"c": 1}, {"c": 2}],\n "\\u0062": 4}'

    assert list(repeated_keys(text)) == [("a", 2, 2), ("b", 3, 2)]
