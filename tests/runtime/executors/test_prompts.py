"""Prompts with single braces: filled once, and never into more than a memory holds."""

from __future__ import annotations

import pytest

from tests.author import Author
from tests.runtime.executors.running import outcome_of
from workbench.model.errors import ErrorKind
from workbench.model.run import Status
from workbench.runtime.executors.holes import TooMuch
from workbench.runtime.executors.prompt_inline import MOST_CHARACTERS, substituted

pytestmark = pytest.mark.anyio


def has_prompt(author: Author, prompt: str, **default: str) -> None:
    parameters = [{"name": name, "type": "string", "default": text} for name, text in default.items()]
    manifest = {"name": "page", "version": "1.0.0", "type": "prompt_inline", "parameters": parameters}
    author.writes("page.json", {**manifest, "prompt": prompt})


@pytest.mark.parametrize("holes", [1_000, 100_000])
async def test_a_prompt_whose_holes_would_fill_the_memory_is_refused_before_they_do(holes: int, author: Author) -> None:
    has_prompt(author, "{a}" * holes, a="x" * 400_000)

    outcome = await outcome_of(author, "page")

    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.INPUT_INVALID
    assert "over 2 million characters" in outcome.error.message
    assert outcome.error.hint


async def test_a_long_prompt_is_filled_as_a_short_one(author: Author) -> None:
    has_prompt(author, "{{{a}}}, " * 50_000, a="{a}")

    outcome = await outcome_of(author, "page")

    assert (outcome.status, outcome.output) == (Status.COMPLETED, "{{a}}, " * 50_000)


@pytest.mark.parametrize(("more", "is_taken"), [(0, True), (1, False)])
def test_a_prompt_is_as_long_as_a_template_may_become(more: int, is_taken: bool) -> None:
    inputs = {"a": "x" * (MOST_CHARACTERS - len("{} y") + more)}

    try:
        text = substituted("{{}} {a}y", inputs)
    except TooMuch:
        assert not is_taken
    else:
        assert is_taken
        assert len(text) == MOST_CHARACTERS
