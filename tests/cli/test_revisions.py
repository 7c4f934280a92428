"""History, differences, reloading and rolling back from the shell."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.author import Author, function


@pytest.fixture
def greeter(author: Author) -> Author:
    author.has_function("greet", "return text", parameters="text: str")
    assert author.calls("reload", "greet", "-m", "as it began").code == 0
    author.saves("greet/skill.py", function("greet", "return text * often", parameters="text: str, often: int"))
    assert author.calls("reload", "greet", "-m", "says it often").code == 0
    return author


def test_history_lists_what_was_accepted_with_the_authors_words(greeter: Author) -> None:
    newest, first = greeter.calls("history", "greet").out.splitlines()
    assert newest.startswith("● r2")
    assert newest.endswith("says it often")
    assert first.split()[0] == "r1"
    document = greeter.calls("history", "greet", "--json").json
    assert [(each["revision"], each["message"]) for each in document["revisions"]] == [
        (2, "says it often"),
        (1, "as it began"),
    ]
    assert document["stands"] is True
    assert [each["is_newest"] for each in document["revisions"]] == [True, False]
    saved = datetime.fromisoformat(document["revisions"][0]["saved_at"])
    assert abs((datetime.now(UTC) - saved).total_seconds()) < 60


def test_a_skill_that_was_never_accepted_has_no_history_and_says_how_to_get_one(author: Author) -> None:
    author.has_function("greet", "return 1")
    said = author.calls("history", "greet")
    assert (said.code, "run it once" in said.out) == (0, True)
    assert author.calls("diff", "greet").code == 2


def test_a_difference_says_that_it_breaks_callers(greeter: Author) -> None:
    said = greeter.calls("diff", "greet", "r1", "r2")
    assert "✕ inputs.often  is new and must be given" in said.out
    assert "+    return text * often" in said.out
    document = greeter.calls("diff", "greet", "2", "1", "--json").json
    assert [(each["where"], each["words"]) for each in document["changes"]] == [("inputs.often", "is gone")]
    assert [file["path"] for file in document["files"]] == ["skill.py"]


@pytest.mark.exhaustive
def test_the_files_as_they_are_are_compared_with_the_newest_revision(greeter: Author) -> None:
    assert "are the same" in greeter.calls("diff", "greet").out
    greeter.writes("greet/data.bin", b"\0\1")
    assert "data.bin  new, and no text" in greeter.calls("diff", "greet").out
    assert "no revision has" in greeter.calls("history", "greet").out


@pytest.mark.exhaustive
def test_rolling_back_names_both_revisions(greeter: Author) -> None:
    said = greeter.calls("rollback", "greet", "1", "-m", "too often", "--json")
    assert said.json["revision"] == 3
    assert said.json["as"] == 1
    assert greeter.calls("history", "greet", "--json").json["revisions"][0]["message"] == "too often"
    assert greeter.calls("run", "greet", "-i", "text=a").out == "a\n"


@pytest.mark.exhaustive
def test_wrong_words_are_told_and_change_nothing(greeter: Author) -> None:
    for words, code, message in (
        (("rollback", "greet", "x"), 2, "'x' is no revision"),
        (("rollback", "greet", "-1"), 2, ""),
        (("rollback", "greet", "7"), 2, "has no revision r7"),
        (("rollback", "greet", "1", "--expected", "1"), 1, "r1 was expected"),
        (("diff", "greet", "1", "9"), 2, "has no revision r9"),
        (("history", "nobody"), 2, "nobody"),
        (("reload", "greet", "nobody"), 2, "nobody"),
    ):
        said = greeter.calls(*words)
        assert (said.code, message in said.err) == (code, True), (words, said.err)
    assert len(greeter.calls("history", "greet", "--json").json["revisions"]) == 2


@pytest.mark.exhaustive
def test_reloading_a_broken_skill_says_why_and_who_answers(greeter: Author) -> None:
    greeter.saves("greet/skill.py", "def greet(:")
    said = greeter.calls("reload", "greet", "--json")
    assert said.code == 1
    [document] = said.json["reloaded"]
    assert (document["is_reloaded"], document["revision"]) == (False, 2)
    assert document["findings"][0]["line"] == 1
