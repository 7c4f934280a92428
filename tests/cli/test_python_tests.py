"""Python tests beside a skill, as `workbench test` runs them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import psutil
import pytest

from tests.author import REPOSITORY, Author

TESTS = """import pytest


def test_twice(skill):
    assert skill.run({"text": "ab"}).output == "abab"


class TestMore:
    @pytest.mark.parametrize("text", ["ab", "b"])
    def test_once(self, skill, text):
        assert skill.run({"text": text}).output == "ab"


@pytest.mark.skip(reason="not decided yet")
def test_later():
    pass


@pytest.mark.xfail(reason="known")
def test_known():
    assert False
"""


@pytest.fixture
def doubler(author: Author) -> Author:
    author.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # what else is installed here takes its time to import
    author.has_function("twice", "return text * 2", parameters="text: str")
    author.writes("twice/tests/test_twice.py", TESTS)
    return author


def test_python_tests_are_in_the_report_with_their_places_and_in_the_junit(doubler: Author) -> None:
    doubler.writes("twice/tests/a.yaml", "cases: [{name: says it, inputs: {text: a}, expect: {output: aa}}]\n")
    path = doubler.workspace / "results.xml"
    said = doubler.calls("test", "--json", "--junit", str(path))
    [skill] = said.json["skills"]
    told = {case["name"]: (case["verdict"], case["line"]) for case in skill["cases"]}
    assert told == {
        "says it": ("passed", 1),
        "test_twice": ("passed", 4),
        "TestMore::test_once[ab]": ("failed", 9),
        "TestMore::test_once[b]": ("failed", 9),
        "test_later": ("skipped", 14),
        "test_known": ("skipped", 19),
    }
    assert said.code == 1
    [red] = [case for case in skill["cases"] if case["name"] == "TestMore::test_once[b]"]
    assert red["file"] == str(doubler.skills / "twice/tests/test_twice.py")
    assert red["problems"][0].startswith("test_twice.py:11: AssertionError: assert 'bb' == 'ab'")
    [suite] = ElementTree.parse(path).getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("6", "2", "2")
    assert doubler.calls("runs", "--json").json["runs"] == []


@pytest.mark.exhaustive
def test_failed_runs_the_file_again_that_was_red_and_changed_knows_python_tests(doubler: Author) -> None:
    doubler.writes("twice/tests/a.yaml", "cases: [{name: says it, inputs: {text: a}, expect: {output: aa}}]\n")
    doubler.writes("twice/tests/test_green.py", "def test_green():\n    pass\n")
    assert doubler.calls("test").code == 1
    assert doubler.calls("test", "--changed").out == ""
    doubler.writes("twice/tests/test_twice.py", "def test_renamed(skill):\n    assert skill.run({'text': 'a'}).is_ok\n")
    [skill] = doubler.calls("test", "--failed", "--json").json["skills"]
    assert [case["name"] for case in skill["cases"]] == ["test_renamed"]
    assert doubler.calls("test", "--failed", "--json").json["skills"] == []
    [skill] = doubler.calls("test", "--changed", "--json").json["skills"]
    assert [case["name"] for case in skill["cases"]] == ["says it", "test_green", "test_renamed"]


def test_a_file_that_cannot_be_imported_is_told_with_its_line(doubler: Author) -> None:
    doubler.writes("twice/tests/test_odd.py", "import twice_as_odd\n")
    said = doubler.calls("test", "twice")
    assert said.code == 1
    assert "skills/twice/tests/test_odd.py" in said.out
    assert "No module named 'twice_as_odd'" in said.out
    assert "python -m pytest" in said.out


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("os.kill(os.getpid(), 9)", "pytest was ended by signal 9"),
        ("os._exit(0)", "pytest ended with 0 before it was done"),
    ],
)
def test_a_test_that_ends_pytest_is_told_and_what_was_done_before_is_kept(
    doubler: Author, end: str, words: str
) -> None:
    source = f"import os\n\ndef test_a():\n    pass\n\ndef test_b():\n    {end}\n"
    doubler.writes("twice/tests/test_twice.py", source)
    said = doubler.calls("test", "twice", "--json")
    [skill] = said.json["skills"]
    assert [(case["name"], case["verdict"]) for case in skill["cases"]] == [("test_a", "passed")]
    assert words in skill["findings"][0]["message"]
    assert said.code == 1


def test_what_a_test_writes_where_it_should_not_ends_nothing(doubler: Author) -> None:
    source = (
        "import os\n\ndef test_a():\n"
        "    for number in range(3, 20):\n"
        "        try:\n"
        "            os.write(number, b'{}\\n\\xff\\n{\"verdict\": \"no\"}\\n' + b'[' * 100_000 + b'\\n')\n"
        "        except OSError:\n"
        "            pass\n"
        "    print('\\x1b[2J' * 10)\n"
        "    assert False, '\\x1b[2J\\ud800'\n"
    )
    doubler.writes("twice/tests/test_twice.py", source)
    said = doubler.calls("test", "twice")
    assert (said.code, "✕ test_a" in said.out, "\x1b[2J" in said.out) == (1, True, False), said.out + said.err


@pytest.mark.exhaustive
def test_options_of_the_authors_own_are_heeded_and_wrong_ones_are_told(doubler: Author) -> None:
    doubler.writes("twice/tests/test_twice.py", "def test_a():\n    pass\n\n\ndef test_b():\n    pass\n")
    configuration = doubler.workspace / "pytest.ini"
    configuration.write_text("[pytest]\naddopts = -p xdist -n 1 -p no:cacheprovider --strict-config -k test_b\n")
    [skill] = doubler.calls("test", "--json").json["skills"]
    assert [case["name"] for case in skill["cases"]] == ["test_b"]
    configuration.write_text("[pytest]\naddopts = --no-such-option\n")
    said = doubler.calls("test")
    assert said.code == 1
    assert "pytest ended with 4" in said.out


def test_without_pytest_it_says_what_to_install_and_cases_alone_need_none(doubler: Author) -> None:
    script = (
        "import sys; sys.modules['pytest'] = None; from workbench.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )

    def says(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", script, *arguments],
            cwd=doubler.workspace,
            env={**doubler.environ, "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
            timeout=25,
            check=False,
        )

    said = says("test")
    assert said.returncode == 3
    assert "wants pytest, which is not installed" in said.stderr
    assert "-m pip install pytest" in said.stderr
    (doubler.skills / "twice/tests/test_twice.py").unlink()
    doubler.writes("twice/tests/a.yaml", "cases: [{name: says it, inputs: {text: a}}]\n")
    assert says("test").returncode == 0


@pytest.mark.exhaustive
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_of_them_is_left_when_the_workbench_is_ended(doubler: Author, tmp_path: Path, number: int) -> None:
    mark = tmp_path / "mark"
    source = f"""import os, subprocess, time

def test_long(skill):
    below = subprocess.Popen(["sleep", "1000"])
    with open({str(mark)!r} + ".new", "w") as file:
        file.write(f"{{os.getpid()}} {{below.pid}}")
    os.rename({str(mark)!r} + ".new", {str(mark)!r})
    time.sleep(1000)
"""
    doubler.writes("twice/tests/test_twice.py", source)
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench", "test"],
        cwd=doubler.workspace,
        env={**doubler.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 20
        while not mark.exists():
            assert time.monotonic() < end
            time.sleep(0.02)
        children = [psutil.Process(int(pid)) for pid in mark.read_text().split()]
        os.kill(process.pid, number)
        _, alive = psutil.wait_procs(children, timeout=10)
        assert [each for each in alive if each.status() != psutil.STATUS_ZOMBIE] == []
    finally:
        process.kill()
        process.wait()
