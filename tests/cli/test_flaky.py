"""`workbench test --repeat N`: what does not always end in the same way is flaky, and red."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.author import Author

COUNTS = "count = globals().get('count', 0) + 1\nglobals()['count'] = count\n"


@pytest.mark.exhaustive
def test_an_output_that_differs_is_flaky_though_every_run_passes(author: Author) -> None:
    author.has_function("tick", f"{COUNTS}return count % 2")
    author.writes("tick/tests/a.yaml", "cases: [{name: any, expect: {schema: {type: integer}}}]\n")
    assert author.calls("test").code == 0
    path = author.workspace / "results.xml"
    said = author.calls("test", "--repeat", "5", "--junit", str(path))
    assert said.code == 1
    assert "✕ tick r1  1 flaky" in said.out
    assert "≈ any  skills/tick/tests/a.yaml:1" in said.out
    assert "it passed 5 of 5 times, and ended in 2 ways" in said.out
    assert "3 × 1" in said.out
    assert "2 × 0" in said.out
    [suite] = ElementTree.parse(path).getroot()
    assert suite.get("failures") == "1"
    [failure] = suite.iter("failure")
    assert "it passed 5 of 5 times" in failure.get("message", "")


@pytest.mark.exhaustive
def test_a_verdict_that_differs_is_told_with_what_was_wrong(author: Author) -> None:
    author.has_function("tick", f"{COUNTS}if count == 2:\n    raise ValueError('two')\nreturn 'fine'")
    author.writes("tick/tests/a.yaml", "cases: [{name: any}]\n")
    document = author.calls("test", "--repeat", "3", "--json").json
    [case] = document["skills"][0]["cases"]
    assert (document["is_green"], case["verdict"]) == (False, "flaky")
    assert case["problems"][0] == "it passed 2 of 3 times, and ended in 2 ways"
    assert case["problems"][1] == '2 × "fine"'
    assert case["problems"][2].startswith("1 × crashed: ValueError: two; it ended as failed")
    assert author.calls("test", "--failed", "--json").json["skills"][0]["cases"][0]["name"] == "any"


def test_what_ends_alike_each_time_is_as_it_would_be_once(author: Author) -> None:
    author.has_function("same", "return {'b': 1, 'a': [text]}", parameters="text: str")
    cases = "cases:\n  - {name: good, inputs: {text: a}}\n  - {name: bad, inputs: {text: a}, expect: {output: 1}}\n"
    author.writes("same/tests/a.yaml", cases + "  - {name: late, skip: not yet}\n")
    document = author.calls("test", "--repeat", "3", "--json").json
    told = {case["name"]: (case["verdict"], len(case["problems"])) for case in document["skills"][0]["cases"]}
    assert told == {"good": ("passed", 0), "bad": ("failed", 1), "late": ("skipped", 1)}


def test_of_many_ways_only_the_commonest_are_shown_and_long_ones_shortly(author: Author) -> None:
    author.has_function("tick", f"{COUNTS}return str(count) * 1000")
    author.writes("tick/tests/a.yaml", "cases: [{name: any}]\n")
    [case] = author.calls("test", "--repeat", "9", "--json").json["skills"][0]["cases"]
    assert case["problems"][-1] == "… and 4 other ways"
    assert max(map(len, case["problems"])) < 300


@pytest.mark.exhaustive
def test_a_python_test_may_be_flaky_too(author: Author, tmp_path: object) -> None:
    author.has_function("same", "return 1")
    source = f"import os\n\ndef test_once():\n    os.mkdir({str(tmp_path)!r} + '/made')\n\ndef test_fine():\n    pass\n"
    author.writes("same/tests/test_same.py", source)
    document = author.calls("test", "--repeat", "2", "--json").json
    told = {case["name"]: case["verdict"] for case in document["skills"][0]["cases"]}
    assert told == {"test_once": "flaky", "test_fine": "passed"}


@pytest.mark.parametrize("number", ["0", "-1", "1001", "x"])
def test_a_number_that_makes_no_sense_is_refused(author: Author, number: str) -> None:
    said = author.calls("test", "--repeat", number)
    assert (said.code, "--repeat" in said.err) == (2, True)
