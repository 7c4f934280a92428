"""`workbench test --from-run`: a run that happened becomes a case, and what people wrote stays to the letter."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.author import Author, function
from workbench.assembly import open_workbench
from workbench.runtime.skilltests.from_run import _NewCase
from workbench.runtime.texts.yaml_reader import YamlRefused, read_yaml

MINE = """# These are mine.
cases:
    - name:   says it twice   # as it should
      inputs: {text: ab}
      expect:
        output: abab
"""


@pytest.fixture
def doubler(author: Author) -> Author:
    author.has_function("twice", "return {'text': text * 2}", parameters="text: str")
    return author


def run_of(author: Author, name: str, *inputs: str) -> str:
    return str(author.calls("run", name, "--json", *(word for each in inputs for word in ("-i", each))).json["run_id"])


def test_a_run_becomes_a_case_in_a_file_of_its_own_and_the_case_is_green(doubler: Author) -> None:
    run = run_of(doubler, "twice", "text=ab")
    said = doubler.calls("test", "--from-run", run, "--name", "twice: as it was")
    assert (said.code, said.out) == (0, "+ twice: as it was  skills/twice/tests/twice.yaml:2\n")
    text = (doubler.skills / "twice/tests/twice.yaml").read_text()
    assert text == (
        'cases:\n  - name: "twice: as it was"\n    inputs: {"text": "ab"}\n    expect: {output: {"text": "abab"}}\n'
    )
    assert doubler.calls("test").code == 0
    doubler.saves("twice/skill.py", function("twice", "return 1", parameters="text: str"))
    assert doubler.calls("test").code == 1


@pytest.mark.exhaustive
def test_what_people_wrote_stays_and_the_case_is_added_behind_it_as_deep_as_theirs(doubler: Author) -> None:
    doubler.writes("twice/tests/twice.yaml", MINE.rstrip("\n"))
    run = run_of(doubler, "twice", "text=b")
    document = doubler.calls("test", "--from-run", run.lower(), "--json").json
    assert document == {
        "skill": "twice",
        "name": f"as in run {run}",
        "file": str(doubler.skills / "twice/tests/twice.yaml"),
        "line": 7,
    }
    text = (doubler.skills / "twice/tests/twice.yaml").read_text()
    assert text.startswith(MINE)
    assert text.removeprefix(MINE).splitlines()[0] == f'    - name: "as in run {run}"'
    [skill] = doubler.calls("test", "--json").json["skills"]
    assert [case["verdict"] for case in skill["cases"]] == ["failed", "passed"]


@pytest.mark.parametrize(
    "before", ["", "# nothing yet\n", "cases:\n", "cases:\n- name: a\n", "cases: []\n", "a: 1\ncases:\n  - {name: a}\n"]
)
@pytest.mark.exhaustive
def test_files_of_many_shapes_are_added_to_or_refused_and_never_harmed(doubler: Author, before: str) -> None:
    path = doubler.writes("twice/tests/twice.yaml", before)
    said = doubler.calls("test", "--from-run", run_of(doubler, "twice", "text=b"), "--name", "new")
    after = path.read_text()
    if said.code == 0:
        assert after.startswith(before)
        assert read_yaml(after).value["cases"][-1]["name"] == "new"  # type: ignore[index]
    else:
        assert (said.code, after) == (2, before)
        assert "put `- name: …` below `cases:`" in said.err
    assert said.code == (2 if "[]" in before else 0)


@pytest.mark.exhaustive
def test_a_failure_is_expected_by_its_kind(doubler: Author) -> None:
    run = doubler.calls("run", "twice", "--json", "--input", '{"text": 3}').json
    assert run["error"]["kind"] == "input_invalid"
    assert doubler.calls("test", "--from-run", run["run_id"]).code == 0
    assert 'expect: {error: "input_invalid"}' in (doubler.skills / "twice/tests/twice.yaml").read_text()
    assert doubler.calls("test").code == 0


@pytest.mark.exhaustive
def test_bytes_are_expected_to_come_and_it_says_that_this_is_all(author: Author) -> None:
    author.has_function("raw", "return b'\\xff\\x00'")
    assert author.calls("test", "--from-run", run_of(author, "raw")).code == 0
    assert "# its output is bytes" in (author.skills / "raw/tests/raw.yaml").read_text()
    assert author.calls("test").code == 0


@pytest.mark.exhaustive
def test_the_same_run_twice_or_a_name_twice_is_refused_with_the_line(doubler: Author) -> None:
    run = run_of(doubler, "twice", "text=ab")
    assert doubler.calls("test", "--from-run", run, "--name", "one").code == 0
    said = doubler.calls("test", "--from-run", run, "--name", "two")
    assert (said.code, "twice.yaml:2 has this case already" in said.err) == (1, True)
    said = doubler.calls("test", "--from-run", run_of(doubler, "twice", "text=b"), "--name", "one")
    assert (said.code, "choose another one with --name" in said.err) == (1, True)


@pytest.mark.exhaustive
def test_what_cannot_become_a_case_says_why_and_what_to_do(author: Author) -> None:
    author.saves("alone.py", function("alone", "return 1"))
    author.has_function("large", "return 'a' * 600_000")
    author.has_function("big", "return 'a' * 100_000")
    author.has_function("far", "return 1e300")
    for name, code, words in (
        ("alone", 2, "make "),
        ("echo", 2, "'echo' is shipped"),
        ("large", 2, "the output of this run was too long to be kept"),
        ("big", 2, "nothing can be added"),
        ("far", 2, "nothing can be added"),
    ):
        inputs = ("text=a",) if name == "echo" else ()
        said = author.calls("test", "--from-run", run_of(author, name, *inputs))
        assert (said.code, words in said.err) == (code, True), (name, said.err)
    said = author.calls("test", "--from-run", "01JUNK")
    assert (said.code, "there is no run 01JUNK" in said.err) == (2, True)
    assert author.calls("test", "--name", "x").code == 2
    assert not list(author.skills.glob("*/tests"))


@pytest.mark.exhaustive
def test_a_run_whose_skill_is_gone_or_links_in_its_place_are_refused(doubler: Author) -> None:
    run = run_of(doubler, "twice", "text=ab")
    victim = doubler.workspace / "victim.yaml"
    victim.write_text("cases:\n")
    tests = doubler.skills / "twice/tests"
    tests.mkdir()
    (tests / "twice.yaml").symlink_to(victim)
    said = doubler.calls("test", "--from-run", run)
    assert (said.code, "links are not followed" in said.err) == (2, True)
    (tests / "twice.yaml").unlink()
    tests.rmdir()
    tests.symlink_to(doubler.workspace)
    assert doubler.calls("test", "--from-run", run).code == 2
    assert (victim.read_text(), sorted(path.name for path in doubler.workspace.glob("*.yaml"))) == (
        "cases:\n",
        ["victim.yaml"],
    )
    tests.unlink()
    (doubler.skills / "twice/skill.py").unlink()
    said = doubler.calls("test", "--from-run", run)
    assert (said.code, "there is no skill 'twice'" in said.err) == (2, True)


@pytest.mark.anyio
async def test_several_at_once_are_all_there_or_refused(doubler: Author) -> None:
    async with open_workbench(workspace=str(doubler.workspace), environ=doubler.environ) as workbench:
        runs = [(await workbench.run("twice", {"text": str(number)})).run.id for number in range(4)]
        async with anyio.create_task_group() as tasks:
            for run in runs:
                tasks.start_soon(workbench.case_from, run)
        report = await workbench.test("twice")
    assert (report.is_green, len(report.results)) == (True, 4)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.exhaustive
@settings(max_examples=300)
@given(st.text(min_size=1), st.dictionaries(st.text(max_size=8), JSON, max_size=3), JSON)
def test_whatever_is_written_is_read_as_the_same_or_is_seen_to_differ(name: str, inputs: Any, output: Any) -> None:
    case = _NewCase(name=name, inputs=inputs, expect={"output": output})
    text = f"cases:\n{case.text(2)}"
    assert text.isprintable() or set(text) - {"\n"} == {each for each in text if each.isprintable()}
    try:
        read = read_yaml(text).value
    except YamlRefused:
        return
    differs = read != {"cases": [case.value]}
    assert not differs or any(mark in text for mark in ("e-", "e+", "E"))  # numbers that our YAML takes for text
