"""Dev sessions from the shell: begun, edited, run, compared, promoted and closed, in a process each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.author import Author, function


def said(author: Author, *arguments: str) -> object:
    return author.calls("run", *arguments, "--json").json["output"]


def test_a_session_from_its_beginning_to_its_end(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    assert author.calls("dev", "open", "try", "-e", "PLACE=x").code == 0
    path = Path(author.calls("dev", "edit", "try", "greet").out.strip())
    path.write_text(function("greet", "return 'howdy'"))

    assert (said(author, "greet", "--dev", "try"), said(author, "greet")) == ("howdy", "hello")
    [session] = author.calls("dev", "list", "--json").json["sessions"]
    assert (session["name"], session["environment"]) == ("try", {"PLACE": "x"})
    assert [(file["path"], file["standing"]) for file in session["files"]] == [("skills/greet/skill.py", "here")]
    compared = author.calls("dev", "compare", "try", "--text").out
    assert "-    return 'hello'" in compared
    assert "+    return 'howdy'" in compared

    promoted = author.calls("dev", "promote", "try", "-m", "more western", "--json")
    assert (promoted.code, promoted.json["skills"][0]["name"], promoted.json["skills"][0]["is_loaded"]) == (
        0,
        "greet",
        True,
    )
    assert said(author, "greet") == "howdy"
    assert author.calls("history", "greet", "--json").json["revisions"][0]["message"] == "more western"
    assert author.calls("dev", "close", "try").code == 0
    assert author.calls("dev", "list", "--json").json == {"sessions": []}


def test_a_variable_that_no_run_gets_is_said_to_be_left_out(author: Author) -> None:
    opened = author.calls("dev", "open", "try", "-e", "PATH=/x", "-e", "PLACE=x")
    given = author.calls("dev", "env", "try", "PYTHONPATH=/x", "not-a-name=1", "PATH=", "--json")
    shown = author.calls("dev", "env", "try", "PYTHONPATH=", "not-a-name=")

    assert (opened.code, given.code, shown.code) == (0, 0, 0)
    assert "PATH is left out of every run" in opened.err
    assert "PLACE" not in opened.err
    assert "PYTHONPATH is left out of every run" in given.err
    assert "not-a-name is left out of every run: it is no name" in given.err
    assert "▲ PATH" not in given.err
    assert shown.err == ""


@pytest.mark.exhaustive
def test_what_cannot_be_done_says_what_can(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    author.calls("dev", "open", "try")
    for arguments, code, words in (
        (["dev", "open", "try"], 2, "already"),
        (["dev", "open", "a b"], 2, "cannot be a session's name"),
        (["dev", "edit", "try", "nope"], 2, "no skill 'nope'"),
        (["dev", "edit", "nope", "greet"], 2, "there is try"),
        (["dev", "promote", "try"], 2, "dev edit try"),
        (["dev", "compare", "main"], 2, "main is the workspace itself"),
        (["dev", "close", "main"], 2, "main is the workspace itself"),
        (["dev", "env", "try", "nonsense"], 2, "KEY=VALUE"),
        (["run", "greet", "--dev", "nope"], 2, "no dev session 'nope'"),
        (["list", "--dev", "../x"], 2, "no dev session '../x'"),
        (["dev"], 2, "--help"),
    ):
        answer = author.calls(*arguments)
        assert (answer.code, words in answer.err) == (code, True), (arguments, answer)


@pytest.mark.exhaustive
def test_a_conflict_ends_with_1_and_is_told_file_by_file(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    author.calls("dev", "open", "try")
    path = Path(author.calls("dev", "edit", "try", "greet").out.strip())
    path.write_text(function("greet", "return 'howdy'"))
    author.has_function("greet", "return 'bye'")

    refused = author.calls("dev", "promote", "try", "--json")
    assert (refused.code, refused.json["error"]["kind"]) == (1, "conflict")
    assert "skills/greet/skill.py" in refused.json["error"]["message"]
    left = author.calls("dev", "update", "try")
    assert (left.code, "changed here, changed in the workspace" in left.out) == (1, True)
    assert author.calls("dev", "close", "try").code == 1
    assert author.calls("dev", "update", "try", "--prefer", "mine").code == 0
    assert author.calls("dev", "promote", "try").code == 0
    assert said(author, "greet") == "howdy"


@pytest.mark.exhaustive
def test_other_commands_look_into_a_session_too(author: Author) -> None:
    author.calls("dev", "open", "try")
    assert author.calls("new", "fresh", "--dev", "try").code == 0
    assert not (author.skills / "fresh").exists()
    listed = {skill["name"]: skill["scope"] for skill in author.calls("list", "--dev", "try", "--json").json["skills"]}
    assert listed["fresh"] == "dev"
    for command in ("show", "validate", "test", "reload", "history"):
        assert author.calls(command, "fresh", "--dev", "try").code == 0, command
        assert author.calls(command, "fresh").code == 2, command
    assert author.calls("dev", "give-back", "try", "fresh").code == 1
    assert author.calls("dev", "give-back", "try", "fresh", "--give-up").code == 0
    assert author.calls("show", "fresh", "--dev", "try").code == 2


@pytest.mark.exhaustive
def test_what_was_never_taken_is_not_given_back(author: Author) -> None:
    author.calls("dev", "open", "try")
    said = author.calls("dev", "give-back", "try", "echo")
    assert (said.code, "try has none of echo" in said.err) == (2, True)
    listed = author.calls("dev", "list", "--json", "--workspace", str(author.workspace))
    assert [each["name"] for each in listed.json["sessions"]] == ["try"]
