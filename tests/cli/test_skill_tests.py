"""`workbench test`: cases beside a skill, from the shell and as JUnit's XML."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.author import REPOSITORY, Author, function
from workbench.runtime.store.migrations import SCRIPTS

CASES = """cases:
  - name: says it twice
    inputs: {text: ab}
    expect: {output: abab}
  - name: says it once
    inputs: {text: ab}
    expect: {output: ab}
  - name: later
    skip: not decided yet
"""


@pytest.fixture
def doubler(author: Author) -> Author:
    author.has_function("twice", "return text * 2", parameters="text: str")
    author.writes("twice/tests/twice.yaml", CASES)
    return author


def test_a_red_case_is_told_with_its_place_and_ends_with_1(doubler: Author) -> None:
    said = doubler.calls("test", "twice")
    assert said.code == 1
    assert "✕ twice r1  1 passed, 1 failed, 1 skipped" in said.out
    assert "✕ says it once  skills/twice/tests/twice.yaml:5" in said.out
    assert 'the output is "abab", and not "ab"' in said.out
    assert "– later" in said.out


def test_a_green_skill_ends_with_0_and_nothing_of_it_is_in_the_history_of_runs(doubler: Author) -> None:
    doubler.writes("twice/tests/twice.yaml", CASES.replace("output: ab}", "includes: ab}"))
    assert doubler.calls("test").code == 0
    assert doubler.calls("runs", "--json").json["runs"] == []


def test_one_json_document_has_every_case(doubler: Author) -> None:
    document = doubler.calls("test", "--json").json
    assert document["is_green"] is False
    [skill] = document["skills"]
    assert [(case["name"], case["verdict"], case["line"]) for case in skill["cases"]] == [
        ("says it twice", "passed", 2),
        ("says it once", "failed", 5),
        ("later", "skipped", 8),
    ]


def test_junit_reads_what_is_written(doubler: Author) -> None:
    path = doubler.workspace / "results.xml"
    doubler.writes("twice/tests/odd.yaml", 'cases: [{name: "odd \\u0001 <&> name", inputs: {text: a}}]')
    assert doubler.calls("test", "--junit", str(path)).code == 1
    [suite] = ElementTree.parse(path).getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "1", "1")
    assert doubler.calls("test", "--junit", "/nowhere/at/all.xml").code == 3


@pytest.mark.parametrize(
    ("cases", "line", "words"),
    [
        ("cases:\n  - inputs: {}\n", 2, "'name' is missing"),
        ("cases:\n  - name: a\n    expekt: {}\n", 3, "expekt"),
        ("cases:\n  - name: a\n    expect:\n      status: done\n", 4, "done"),
        ("cases: [", 1, ""),
        ("cases: []\n", 1, ""),
        ("- a\n", 1, ""),
    ],
)
def test_what_is_wrong_with_a_case_is_told_at_its_line(author: Author, cases: str, line: int, words: str) -> None:
    author.has_function("twice", "return 1")
    author.writes("twice/tests/twice.yaml", cases)
    said = author.calls("test", "twice", "--json")
    assert said.code == 1
    [finding, *_] = said.json["skills"][0]["findings"]
    assert finding["line"] == line
    assert words in finding["message"]


def test_hostile_cases_end_nothing_but_themselves(author: Author) -> None:
    author.has_function("twice", "return 'a' * 40", parameters="")
    author.writes("twice/tests/a.yaml", "cases:\n  - {name: slow, expect: {matches: '(a+)+b'}}\n")
    author.writes(
        "twice/tests/b.yaml", "cases:\n  - {name: deep, expect: {path: {'a.b[99999999999999999999].c': 1}}}\n"
    )
    author.writes("twice/tests/c.yaml", "a: &a [x, x]\nb: &b [*a, *a]\n" * 3)
    author.writes("twice/tests/d.yaml", b"\xff\xfe")
    (author.skills / "twice/tests/e.yaml").symlink_to("/etc/passwd")
    author.writes("twice/tests/f.yaml", b"cases:\n  - {name: '[red]\x1b[2J'}\n")
    author.writes("twice/tests/g.yaml", "cases:\n  - {name: half, expect: {matches: '('}}\n")
    said = author.calls("test", "twice")
    assert said.code == 1
    assert "nothing that matches '(a+)+b'" in said.out
    assert "g.yaml:2" in said.out
    assert "root:" not in said.out
    assert "error of the workbench" not in said.err
    assert "\x1b[2J" not in said.out


def test_a_broken_skill_is_red_and_says_why(author: Author) -> None:
    author.saves("twice/skill.py", "def twice(:")
    author.writes("twice/tests/a.yaml", "cases: [{name: a}]")
    said = author.calls("test", "twice")
    assert said.code == 1
    assert "skill.py:1" in said.out


@pytest.mark.exhaustive
def test_a_case_has_variables_of_its_own(author: Author) -> None:
    author.has_function(
        "home", "import os\nreturn os.environ.get('PLACE')", options=", permissions={'environment': ['PLACE']}"
    )
    cases = [f"{{name: {at}, environment: {{PLACE: {at}}}, expect: {{output: {at}}}}}" for at in ("here", "there")]
    author.writes("home/tests/a.yaml", f"cases: [{', '.join(cases)}]\n")
    said = author.calls("test", "home", environ={"PLACE": "the real one"})
    assert said.code == 0, said.out
    author.has_command("shell", "sh", "-c", "echo $PLACE")
    author.writes(
        "shell/tests/a.yaml", "cases:\n  - {name: here, environment: {PLACE: here}, expect: {includes: here}}\n"
    )
    assert author.calls("test", "shell").code == 0


def test_without_any_tests_it_says_where_to_put_them(author: Author) -> None:
    said = author.calls("test")
    assert (said.code, "tests/NAME.yaml" in said.err) == (0, True)


def test_every_shipped_skill_that_runs_without_a_model_has_green_tests(author: Author) -> None:
    names = [path.name for path in (REPOSITORY / "skills").iterdir() if path.name != "write-a-skill"]
    document = author.calls("test", *names, "--json").json
    assert document["is_green"], document
    assert all(len(skill["cases"]) >= 2 for skill in document["skills"])


def test_the_schema_of_cases_is_printed(author: Author) -> None:
    assert author.calls("schema", "test").json["title"] == "Tests of a skill"


def test_a_skill_that_is_a_single_file_has_no_tests_folder(author: Author) -> None:
    author.saves("alone.py", function("alone", "return 1"))
    assert author.calls("test", "alone").code == 0


def names_of(said: Any) -> dict[str, list[str]]:
    return {skill["skill"]: [case["name"] for case in skill["cases"]] for skill in said.json["skills"]}


@pytest.mark.exhaustive
def test_changed_tests_what_is_not_as_it_was_when_it_was_last_tested(doubler: Author) -> None:
    doubler.has_function("other", "return 1")
    doubler.writes("other/tests/other.yaml", "cases: [{name: runs}]\n")
    assert set(names_of(doubler.calls("test", "--changed", "--json"))) == {"other", "twice"}
    said = doubler.calls("test", "--changed", "--json")
    assert (said.code, names_of(said)) == (0, {})
    assert "nothing to do: no skill changed since it was last tested" in said.err
    doubler.saves("other/skill.py", function("other", "return  1"))
    assert set(names_of(doubler.calls("test", "--changed", "--json"))) == {"other"}
    doubler.writes("twice/tests/data.txt", "read by a test")
    assert set(names_of(doubler.calls("test", "--changed", "--json"))) == {"twice"}
    assert set(names_of(doubler.calls("test", "--changed", "other", "--json"))) == set()


@pytest.mark.exhaustive
def test_failed_runs_the_red_cases_alone_until_they_are_green(doubler: Author) -> None:
    doubler.has_function("other", "return 1")
    doubler.writes("other/tests/other.yaml", "cases: [{name: runs}]\n")
    assert "no skill was red when it was last tested" in doubler.calls("test", "--failed").err
    assert doubler.calls("test").code == 1
    said = doubler.calls("test", "--failed", "--json")
    assert (said.code, names_of(said)) == (1, {"twice": ["says it once"]})
    doubler.saves("twice/skill.py", function("twice", "return text", parameters="text: str"))
    said = doubler.calls("test", "--failed", "--json")
    assert (said.code, names_of(said)) == (0, {"twice": ["says it once"]})
    assert names_of(doubler.calls("test", "--failed", "--json")) == {}
    said = doubler.calls("test", "--changed", "--json")  # only a part of it was run since
    assert (said.code, names_of(said)) == (1, {"twice": ["says it twice", "says it once", "later"]})


@pytest.mark.exhaustive
def test_failed_runs_everything_of_a_skill_whose_cases_could_not_be_read_or_are_other_ones_now(author: Author) -> None:
    author.has_function("twice", "return 2", parameters="")
    author.writes("twice/tests/a.yaml", "cases: [")
    author.writes("twice/tests/b.yaml", "cases: [{name: fine}]\n")
    assert author.calls("test").code == 1
    author.writes("twice/tests/a.yaml", "cases: [{name: new, expect: {output: 3}}]\n")
    assert names_of(author.calls("test", "--failed", "--json")) == {"twice": ["new", "fine"]}
    author.writes("twice/tests/a.yaml", "cases: [{name: renamed, expect: {output: 2}}]\n")
    assert names_of(author.calls("test", "--failed", "--json")) == {"twice": ["renamed", "fine"]}
    assert names_of(author.calls("test", "--failed", "--json")) == {}


@pytest.mark.exhaustive
def test_a_library_of_an_older_workbench_learns_to_keep_verdicts(doubler: Author) -> None:
    assert doubler.calls("run", "twice", "-i", "text=a").code == 0
    path = doubler.workspace / ".workbench/workbench.db"
    path.unlink()
    for beside in path.parent.glob("workbench.db-*"):
        beside.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"{SCRIPTS[0]}; PRAGMA user_version = 1")
    assert doubler.calls("test", "--failed").code == 0
    assert doubler.calls("test").code == 1
    assert names_of(doubler.calls("test", "--failed", "--json")) == {"twice": ["says it once"]}


@pytest.mark.exhaustive
def test_hostile_tests_folders_are_told_apart_and_end_nothing(author: Author) -> None:
    author.has_function("twice", "return 2", parameters="")
    author.writes("twice/tests/a.yaml", "cases: [{name: fine}]\n")
    folder = author.skills / "twice/tests"
    (folder / "loop").symlink_to(folder)
    (folder / "secret").symlink_to("/etc/shadow")
    os.mkfifo(folder / "pipe")
    (folder / os.fsdecode(b"\xff")).write_text("a name that is no text")
    with (folder / "huge").open("wb") as huge:
        huge.truncate(1 << 40)
    assert author.calls("test").code == 0
    assert author.calls("test", "--changed").out == ""
    with (folder / "huge").open("ab") as huge:
        huge.truncate((1 << 40) + 1)
    assert author.calls("test", "--changed").out != ""


@pytest.mark.exhaustive
def test_with_changed_and_failed_both_kinds_are_tested(doubler: Author) -> None:
    doubler.has_function("other", "return 1")
    doubler.writes("other/tests/other.yaml", "cases: [{name: runs}]\n")
    assert doubler.calls("test").code == 1
    doubler.saves("other/skill.py", function("other", "return 2"))
    said = doubler.calls("test", "--changed", "--failed", "--json")
    assert names_of(said) == {"other": ["runs"], "twice": ["says it once"]}
