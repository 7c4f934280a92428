"""An approval holds for all that is a skill's own: its last good revision, an older one, its tests, its loading."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.author import Author


def has_reader(author: Author, place: Path, *, command: str = "cat") -> None:
    author.has_command("reads", command, f"{place}/secret.txt", security={"permissions": {"file_read": [str(place)]}})


def test_the_last_good_revision_of_an_approved_skill_answers(author: Author, place: Path) -> None:
    has_reader(author, place)
    author.calls("approve", "reads")
    assert author.calls("run", "reads").out == "secret\n"
    author.writes("reads/skill.json", "{")

    said = author.calls("run", "reads")

    assert (said.code, said.out) == (0, "secret\n")


@pytest.mark.exhaustive
def test_an_older_revision_of_an_approved_skill_answers(author: Author, place: Path) -> None:
    has_reader(author, place)
    author.calls("approve", "reads")
    author.calls("run", "reads")
    has_reader(author, place, command="head")
    author.calls("run", "reads")

    assert author.calls("run", "reads@r1").out == "secret\n"


def test_tests_of_an_approved_skill_may_do_what_it_may(author: Author, place: Path) -> None:
    has_reader(author, place)
    author.writes("reads/tests/case.yaml", "cases:\n  - name: reads\n    inputs: {}\n    expect: {includes: secret}\n")
    assert author.calls("test", "reads").code == 1
    author.calls("approve", "reads")

    said = author.calls("test", "reads")

    assert said.code == 0, said.out + said.err


def test_what_is_read_while_it_is_loaded_may_be_approved(author: Author, place: Path) -> None:
    author.saves(
        "early/skill.py",
        "from workbench.sdk import skill\n"
        f"WORDS = open('{place}/secret.txt').read()\n\n"
        f"@skill(name='early', version='1.0.0', permissions={{'file_read': ['{place}']}})\n"
        "def early():\n    '''Knows it early.'''\n    return WORDS\n",
    )
    assert author.calls("run", "early").code != 0

    approved = author.calls("approve", "early")

    assert approved.code == 0, approved.err
    assert author.calls("run", "early").out == "secret\n"


def test_what_is_disabled_does_not_answer_as_an_older_revision(author: Author, place: Path) -> None:
    author.has_function("one", "return 1")
    author.calls("run", "one")
    author.calls("disable", "one")

    assert "is disabled" in author.calls("run", "one@r1").err
