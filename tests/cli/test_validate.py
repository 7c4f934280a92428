"""`workbench validate`: what only warns leaves a skill valid, in words, in its glyph and in the exit code."""

from __future__ import annotations

import pytest

from tests.author import Author


@pytest.fixture
def asked(author: Author) -> Author:
    author.has_command("fine", "true")
    author.has_command("warned", "true", descripton="a", tagz=[])
    author.has_command("noted", "true", timeout=3)
    author.writes("bad/skill.json", "{")
    return author


def test_a_skill_with_warnings_is_valid_and_said_to_be(asked: Author) -> None:
    said = asked.calls("validate", "warned")

    assert said.code == 0
    assert said.out.startswith("▲ valid, 2 warnings  warned  92 of 100\n")
    assert said.err == "1 skill · 1 valid with warnings\n"


def test_a_note_is_no_warning(asked: Author) -> None:
    said = asked.calls("validate", "noted", "fine")

    assert said.code == 0
    assert said.out.startswith("· valid, 1 note  noted  99 of 100\n")
    assert said.err == "2 skills · 1 without findings · 1 valid with notes\n"


def test_each_skill_is_counted_once_and_one_that_is_broken_fails_the_call(asked: Author) -> None:
    assert asked.calls("disable", "warned").code == 0
    said = asked.calls("validate", "fine", "warned", "noted", "bad")

    assert said.code == 1
    assert "✕ broken  bad  60 of 100\n" in said.out
    assert said.err == "4 skills · 1 without findings · 1 valid with notes · 1 valid with warnings · 1 broken\n"
