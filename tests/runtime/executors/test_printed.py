"""What a command printed, read as its manifest says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.author import Author
from tests.runtime.executors.running import outcome_of
from workbench.model.errors import ErrorKind
from workbench.model.run import Status

pytestmark = pytest.mark.anyio


def prints(author: Author, output: bytes, output_format: str, **manifest: Any) -> None:
    author.has_command("prints", "cat", "printed", output_format=output_format, **manifest)
    author.writes("prints/printed", output)


@pytest.mark.parametrize(
    ("printed", "output_format", "value"),
    [
        (b'{"a": [1, null]}\n', "json", {"a": [1, None]}),
        (b'  "5"\n', "json", "5"),
        (b"123456789012345678901234567890", "json", 123456789012345678901234567890),
        (b'{"a": 1}\n\n \t\r\n2\r\n"x"', "json_lines", [{"a": 1}, 2, "x"]),
        (b"", "json_lines", []),
        (b"\n\n", "json_lines", []),
        (b'{"a": 1}', "text", '{"a": 1}'),
    ],
)
async def test_output_is_read_as_its_manifest_says(
    printed: bytes, output_format: str, value: object, author: Author
) -> None:
    prints(author, printed, output_format)

    outcome = await outcome_of(author, "prints")

    assert (outcome.status, outcome.output, outcome.output_bytes) == (Status.COMPLETED, value, None)


@pytest.mark.parametrize(
    ("printed", "output_format", "words"),
    [
        (b"", "json", "nothing was printed (line 1, column 1)"),
        (b'{"a": 1,\n "b": oops}', "json", "the text oops has no quotes (line 2, column 7)"),
        (b'{"a": 1}\n{"a": 2}\n', "json", "something follows the end of the JSON (line 2, column 1)"),
        (b'{"a": 1', "json", "the output ends too early (line 1, column 8)"),
        (b"[" * 100_000, "json", "nested more than 64 levels deep (line 1, column 65)"),
        (b'1\n\n{"a": }\n3', "json_lines", "'}' does not belong here (line 3, column 7)"),
        (b"1\n2\0\n3", "json_lines", "something follows the end of the JSON (line 2, column 2)"),
        (b'"a\0b"\n', "json_lines", "a control character within a text (line 1, column 3)"),
        (b"1 2\n", "json_lines", "something follows the end of the JSON (line 1, column 3)"),
        (b"[1,\n2]\n", "json_lines", "the line ends too early (line 1, column 4)"),
        (b"NaN", "json", "NaN is not JSON (line 1, column 1)"),
    ],
)
async def test_output_that_cannot_be_read_is_told_by_its_place_and_kept(
    printed: bytes, output_format: str, words: str, author: Author
) -> None:
    prints(author, printed, output_format, output_schema={"type": "object"})

    outcome = await outcome_of(author, "prints")

    assert outcome.error is not None
    assert (outcome.error.kind, outcome.error.findings) == (ErrorKind.OUTPUT_INVALID, ())
    assert words in outcome.error.message
    assert outcome.output == printed.decode()


async def test_bytes_that_are_no_text_are_kept_too(author: Author) -> None:
    prints(author, b'"ab\xff"', "json")

    outcome = await outcome_of(author, "prints")

    assert outcome.error is not None
    assert "not UTF-8 text (line 1, column 4)" in outcome.error.message
    assert outcome.output_bytes == b'"ab\xff"'


async def test_what_was_read_is_held_to_the_schema_as_it_is(author: Author) -> None:
    prints(author, b'"5"', "json", output_schema={"type": "integer"})

    outcome = await outcome_of(author, "prints")

    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.OUTPUT_INVALID
    assert outcome.output == "5"


async def test_what_is_read_from_lines_is_held_to_the_schema(author: Author) -> None:
    prints(author, b'{"a": 1}\n{"a": 2}\n', "json_lines", output_schema={"type": "array", "maxItems": 2})

    assert (await outcome_of(author, "prints")).is_ok


async def test_a_command_that_failed_keeps_its_words_unread(author: Author) -> None:
    author.has_command("fails", "echo '[1]'; exit 3", shell=True, output_format="json")

    outcome = await outcome_of(author, "fails")

    assert (outcome.status, outcome.output) == (Status.FAILED, "[1]\n")


async def test_a_deep_text_is_no_reason_to_crash_where_only_a_schema_is_given(author: Author) -> None:
    prints(author, b"[" * 100_000, "text", output_schema={"type": "object"})

    outcome = await outcome_of(author, "prints")

    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.OUTPUT_INVALID


@pytest.mark.slow
@pytest.mark.parametrize("output_format", ["json", "json_lines"])
async def test_as_much_json_as_may_be_printed_is_read(output_format: str, author: Author) -> None:
    line = b'{"name": "' + b"x" * 80 + b'", "numbers": [1, 2, 3]}'
    count = 15_900_000 // (len(line) + 2)
    between = b",\n" if output_format == "json" else b"\n"
    lines = between.join([line] * count)
    prints(author, b"[" + lines + b"]" if output_format == "json" else lines, output_format)

    outcome = await outcome_of(author, "prints")

    assert outcome.is_ok, outcome.error
    assert isinstance(outcome.output, list)
    assert len(outcome.output) == count
