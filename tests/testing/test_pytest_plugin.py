"""The pytest plugin: both kinds of tests beside a skill, and no trace of it where there are no skills."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import psutil
import pytest

from tests.author import REPOSITORY, Author, Said

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
PYTHON = """import os


def test_twice(skill):
    outcome = skill.run({"text": "ab"})
    assert outcome.is_ok
    assert outcome.output == "abab"
    assert outcome.sandbox is not None


def test_once(skill):
    assert skill.run({"text": "ab"}).output == "ab"


def test_any(workbench):
    assert workbench.run("twice", {"text": 3}).error.kind == "input_invalid"
    assert workbench.skill("twice").name == "twice"
"""


def pytest_says(author: Author, *arguments: str, given: tuple[str, ...] = ("-p", "workbench.testing.plugin")) -> Said:
    """Plain pytest, in the workspace."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *given, *arguments],
        cwd=author.workspace,
        env={**author.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        timeout=28,
        check=False,
    )
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def doubler(author: Author) -> Author:
    author.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # what else is installed here takes its time to import
    author.has_function("twice", "return text * 2", parameters="text: str")
    author.writes("twice/tests/twice.yaml", CASES)
    author.writes("twice/tests/test_twice.py", PYTHON)
    return author


def test_plain_pytest_runs_both_kinds_and_reports_each_case_at_its_place(doubler: Author) -> None:
    said = pytest_says(doubler, "skills", "-v")
    assert said.code == 1, said.out
    assert "4 passed" not in said.out
    assert "2 failed, 3 passed, 1 skipped" in said.out
    assert "skills/twice/tests/twice.yaml::says it twice PASSED" in said.out
    assert "skills/twice/tests/twice.yaml::says it once FAILED" in said.out
    assert 'skills/twice/tests/twice.yaml:5: the output is "abab", and not "ab"' in said.out
    assert "Traceback" not in said.out
    assert doubler.calls("runs", "--json").json["runs"] == []


@pytest.mark.exhaustive
def test_a_case_has_its_variables_and_a_python_test_gives_its_own(author: Author) -> None:
    author.has_function(
        "home", "import os\nreturn os.environ.get('PLACE')", options=", permissions={'environment': ['PLACE']}"
    )
    author.writes("home/tests/a.yaml", "cases: [{name: there, environment: {PLACE: there}, expect: {output: there}}]\n")
    source = "def test_here(skill):\n    assert skill.run({}, environment={'PLACE': 'here'}).output == 'here'\n"
    author.writes("home/tests/test_home.py", source)
    said = pytest_says(author, "skills")
    assert said.code == 0, said.out
    assert "2 passed" in said.out


def test_what_is_wrong_with_cases_is_red_and_keeps_nothing_else_from_running(doubler: Author) -> None:
    doubler.writes("twice/tests/odd.yaml", "cases:\n  - name: a\n    expekt: {}\n")
    doubler.saves("broken/skill.py", "def broken(:")
    doubler.writes("broken/tests/a.yaml", "cases: [{name: a}]\n")
    said = pytest_says(doubler, "skills")
    assert "4 failed, 3 passed, 1 skipped" in said.out, said.out
    assert "odd.yaml:3" in said.out
    assert "unknown key 'expekt'" in said.out
    assert "'broken' is broken" in said.out
    assert "skill.py:1" in said.out


@pytest.mark.exhaustive
def test_files_that_belong_to_no_skill_are_left_alone(author: Author) -> None:
    author.writes("none/tests/a.yaml", "cases: [{name: a}]\n")
    outside = author.workspace / "other/tests"
    outside.mkdir(parents=True)
    (author.workspace / "other/skill.py").write_text("")
    (outside / "b.yaml").write_text("cases: [{name: b}]\n")
    (outside / "test_one.py").write_text(
        "import sys\n\ndef test_one():\n    assert not {n for n in sys.modules if n.startswith('workbench.runtime')}\n"
    )
    said = pytest_says(author, "other")
    assert (said.code, "1 passed" in said.out) == (0, True), said.out
    said = pytest_says(author, "skills")
    assert "no tests ran" in said.out


def test_the_plugin_imports_nothing_before_there_is_a_skill(author: Author) -> None:
    script = "import sys, pytest; before = set(sys.modules); import workbench.testing.plugin; "
    script += "print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=20
    )
    assert done.stdout.split() == ["workbench", "workbench.testing", "workbench.testing.plugin"]


@pytest.mark.exhaustive
def test_the_entry_point_of_the_wheel_is_found_and_may_be_named_besides(doubler: Author, tmp_path: Path) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    [(name, module)] = project["entry-points"]["pytest11"].items()
    folder = tmp_path / "installed/skill_workbench_as_installed-9.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: skill-workbench-as-installed\nVersion: 9\n")
    (folder / "entry_points.txt").write_text(f"[pytest11]\n{name} = {module}\n")
    del doubler.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
    for given in ((), ("-p", "workbench.testing.plugin")):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *given, "skills"],
            cwd=doubler.workspace,
            env={**doubler.environ, "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{folder.parent}"},
            capture_output=True,
            text=True,
            timeout=28,
            check=False,
        )
        assert "2 failed, 3 passed, 1 skipped" in done.stdout, done.stdout + done.stderr


@pytest.mark.exhaustive
def test_several_processes_may_run_the_tests_at_once(doubler: Author) -> None:
    said = pytest_says(doubler, "skills", "-n", "2", given=("-p", "workbench.testing.plugin", "-p", "xdist"))
    assert "2 failed, 3 passed, 1 skipped" in said.out, said.out


def test_an_interruption_ends_the_run_that_is_under_way_at_once(author: Author) -> None:
    author.has_function("slow", "import time\ntime.sleep(20)")
    author.writes("slow/tests/a.yaml", "cases: [{name: waits}]\n")
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "pytest", "-v", "-p", "workbench.testing.plugin", "skills"],
        cwd=author.workspace,
        env={**author.environ, "PYTHONPATH": str(REPOSITORY), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = ""
        while "::waits" not in said:
            letter = process.stdout.read(1)
            assert letter, said
            said += letter
        below = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=12)
        assert process.returncode in (2, -signal.SIGINT)
        assert psutil.wait_procs(below, timeout=5)[1] == []
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]


@pytest.mark.exhaustive
def test_the_skills_that_ship_pass_under_pytest_too(author: Author) -> None:
    for name in ("echo", "redact"):
        for path in (REPOSITORY / "skills" / name).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                author.writes(f"{name}/{path.relative_to(REPOSITORY / 'skills' / name)}", path.read_bytes())
    said = pytest_says(author, "skills")
    assert said.code == 0, said.out
    assert re.search(r"\d+ passed", said.out)
