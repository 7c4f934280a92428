"""Results with very many lists and objects are refused, in the same words wherever they come from."""

from __future__ import annotations

import pytest

from tests.author import Author, needs_node
from tests.runtime.executors.running import outcome_of
from workbench.model.errors import ErrorKind
from workbench.model.run import Outcome, Status

pytestmark = pytest.mark.anyio

MOST = 300_000
WORDS = "a result of 300,001 lists and objects, and at most 300,000 are taken"


async def outcome_of_kind(author: Author, kind: str, inner: int) -> Outcome:
    """The outcome of a skill whose result is a list of so many empty ones."""
    if kind == "python":
        author.has_function("many", f"return [[]] * {inner}")
    elif kind == "overlapping":
        author.saves("many/skill.py", OVERLAPPING.format(inner))
    elif kind == "node":
        author.has_module("many", f"return Array({inner}).fill([]);")
    else:
        text = f"[{','.join(['[]'] * inner)}]"
        how = {"schema": {"output_schema": {"type": "array"}}}.get(kind, {"output_format": kind})
        if kind == "json_lines":
            text = "[]\n" * (inner + 1)
        author.has_command("many", "cat", "printed", **how)
        author.writes("many/printed", text)
    return await outcome_of(author, "many")


KINDS = ["python", "overlapping", pytest.param("node", marks=needs_node), "json", "json_lines", "schema"]
OVERLAPPING = """import asyncio

from workbench.sdk import skill


@skill(name="many", version="1.0.0", description="many")
async def many():
    await asyncio.sleep(0)
    return [[]] * {}
"""


@pytest.mark.parametrize("kind", KINDS)
async def test_a_result_of_too_many_lists_is_refused_in_words(kind: str, author: Author) -> None:
    outcome = await outcome_of_kind(author, kind, MOST)

    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.OUTPUT_INVALID
    assert WORDS in outcome.error.message
    assert "write it to a file in" in f"{outcome.error.message} {outcome.error.hint} {outcome.error.findings}"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_result_of_as_many_lists_as_are_taken_is_taken(kind: str, author: Author) -> None:
    outcome = await outcome_of_kind(author, kind, MOST - 1)

    assert outcome.status is Status.COMPLETED
    assert isinstance(outcome.output, list)
    assert len(outcome.output) == MOST - (kind != "json_lines")


async def test_a_text_may_hold_any_number_of_brackets(author: Author) -> None:
    author.has_function("text", """return {"said": '[{\\\\"' * 500_000}""")
    author.writes("script/skill.json", '{"name": "script", "version": "1.0.0", "type": "node", "entry_point": "m.mjs"}')
    author.writes("script/m.mjs", "export const execute = () => ({ said: '[{\\\\\"'.repeat(500_000) });\n")
    author.has_command("prints", "cat", "printed", output_format="json")
    author.writes("prints/printed", '{"said": "' + '[{\\\\\\"' * 500_000 + '"}')

    for name in ("text", "prints"):
        assert (await outcome_of(author, name)).output == {"said": '[{\\"' * 500_000}


@needs_node
async def test_a_text_of_a_module_may_hold_any_number_of_brackets(author: Author) -> None:
    author.has_module("text", """return { said: '[{\\\\"'.repeat(500_000) };""")

    assert (await outcome_of(author, "text")).output == {"said": '[{\\"' * 500_000}
