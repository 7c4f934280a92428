"""Python tests beside a skill: pytest runs them in a process of the workbench's own Python, outside the sandbox.

They are the author's code, run because the author asked for it: never by a save.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatch
from importlib.util import find_spec
from typing import IO, Literal

import anyio
import msgspec
from anyio.abc import Process

from workbench.model.errors import MachineCannot
from workbench.model.finding import Finding, Place, Severity
from workbench.model.skill import Skill
from workbench.model.skilltest import Case, CaseId, CaseResult, Verdict
from workbench.runtime.atomic import nameless_file
from workbench.runtime.skilltests.files import TESTS_FOLDER, files_of
from workbench.runtime.skilltests.run import Once, settled

PATTERN = "test_*.py"
GRACE_SECONDS = 0.5
LAST_WORDS = 4_000
SOME_FAILED, NOTHING_COLLECTED = 1, 5
_ENDED_WELL = (0, SOME_FAILED, NOTHING_COLLECTED)
_PACKAGE_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
# The package's folder comes last, so that it hides nothing of the author's.
_BOOT = "import sys, runpy; sys.path.append(sys.argv.pop(1)); runpy.run_module('pytest', None, '__main__', True)"
Results = tuple[tuple[CaseResult, ...], tuple[Finding, ...]]


class Fact(msgspec.Struct):
    """One line of the report: how a test ended, what kept a file from being read, or that all of it is done."""

    verdict: Literal["passed", "failed", "skipped", "broken", "done"]
    file: str
    line: int
    message: str = ""
    name: str = ""
    ms: float = 0.0


_decode = msgspec.json.Decoder(Fact).decode


def python_files(skill: Skill) -> list[str]:
    """The files of Python tests in a skill's folder."""
    return files_of(skill, lambda name: fnmatch(name, PATTERN))


def demand_pytest() -> None:
    """Raises MachineCannot where pytest is not installed."""
    if find_spec("pytest") is None:
        hint = f"{sys.executable} -m pip install pytest"
        raise MachineCannot(f"{TESTS_FOLDER}/{PATTERN} wants pytest, which is not installed", hint=hint)


async def python_results(paths: Sequence[str], workspace: str, repeat: int = 1) -> Results:
    """How each test in these files ended, or whether it ended alike each time; raises MachineCannot.

    Findings say what kept them from running.
    """
    demand_pytest()
    times: dict[CaseId, list[Once]] = {}
    findings: tuple[Finding, ...] = ()
    for _ in range(repeat):
        results, findings = await _results_once(paths, workspace)
        for result in results:
            once = Once(result=result, mark=result.verdict.value, shown=result.verdict.value)
            times.setdefault(result.case.id, []).append(once)
        if findings:
            break
    return tuple(map(settled, times.values())), findings


async def _results_once(paths: Sequence[str], workspace: str) -> Results:
    with nameless_file() as report, nameless_file() as words:
        code = await _exit_code(paths, workspace, report, words)
        report.seek(0)
        told = tuple(_facts(report.read().splitlines()))
        results = tuple(_result(fact) for fact in told if fact.verdict not in ("broken", "done"))
        findings = tuple(_finding(fact.file, fact.line, fact.message) for fact in told if fact.verdict == "broken")
        is_done = any(fact.verdict == "done" for fact in told)
        is_told = is_done and code in _ENDED_WELL and (code != SOME_FAILED or any(result.is_red for result in results))
        if not is_told and not findings:
            findings = (_ended_badly(paths[0], code, words),)
        return results, findings


async def _exit_code(paths: Sequence[str], workspace: str, report: IO[bytes], words: IO[bytes]) -> int:
    """Run pytest until it ends. It ends when this process does, too: the pipe that it holds says so."""
    alive, ours = os.pipe()
    try:
        process = await anyio.open_process(
            [*_command(workspace, report.fileno(), alive), *paths],
            cwd=workspace,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=words.fileno(),
            stderr=words.fileno(),
            pass_fds=(report.fileno(), alive),
            start_new_session=True,
        )
        os.close(alive)
        alive = -1
        try:
            return await process.wait()
        finally:
            with anyio.CancelScope(shield=True):
                await _ended(process)
    finally:
        os.close(ours)
        if alive >= 0:
            os.close(alive)


def _command(workspace: str, report: int, alive: int) -> list[str]:
    return [
        *(sys.executable, "-c", _BOOT, _PACKAGE_ROOT),
        *("-p", "workbench.testing.plugin", "-p", "workbench.testing.reporting"),
        *("--workbench-workspace", workspace, "--workbench-report", str(report), "--workbench-alive", str(alive)),
        *("--rootdir", workspace, "-q"),
    ]


async def _ended(process: Process) -> None:
    """End the whole group, whether or not pytest itself has ended: what it left goes too."""
    for number, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, None)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with anyio.move_on_after(seconds):
            await process.wait()


def _facts(lines: Iterable[bytes]) -> Iterator[Fact]:
    """What is in the report; the last line may be cut where pytest was ended, and a test may write there too."""
    for line in lines:
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            yield _decode(line)


def _result(fact: Fact) -> CaseResult:
    case = Case(name=fact.name, place=Place(file=fact.file, line=fact.line))
    problems = (fact.message,) if fact.message else ()
    return CaseResult(case=case, verdict=Verdict(fact.verdict), problems=problems, duration_ms=fact.ms)


def _ended_badly(path: str, code: int, words: IO[bytes]) -> Finding:
    size = words.seek(0, os.SEEK_END)
    words.seek(max(0, size - LAST_WORDS))
    said = words.read().decode("utf-8", "replace").strip().splitlines()[-1:] or ["it said nothing"]
    how = f"was ended by signal {-code}" if code < 0 else f"ended with {code} before it was done"
    return _finding(path, 0, f"pytest {how}: {said[0]}")


def _finding(file: str, line: int, message: str) -> Finding:
    hint = f"`python -m pytest {file}` shows all of it"
    place = Place(file=file, line=line)
    return Finding(severity=Severity.ERROR, rule="test.python", message=message, place=place, hint=hint)
