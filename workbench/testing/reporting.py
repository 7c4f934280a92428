"""What `workbench test` has pytest load besides: each test's end is written down, and pytest ends with who asked."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from typing import Any

import pytest

GRACE_SECONDS = 0.5
MOST_SAID = 2_000


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("workbench")
    group.addoption("--workbench-report", type=int, default=-1, help="descriptor of a file for the ends of tests")
    group.addoption("--workbench-alive", type=int, default=-1, help="descriptor that is closed when nobody waits")


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return  # of a run in several processes, the one that the others report to writes
    descriptor, alive = config.getoption("--workbench-report"), config.getoption("--workbench-alive")
    if descriptor >= 0:
        config.pluginmanager.register(Reporter(descriptor, config.rootpath.as_posix()), "workbench-reporter")
    if alive >= 0:
        threading.Thread(target=_end_with, args=(alive,), name="workbench-alive", daemon=True).start()


class Reporter:
    """A line for each test, written when it is over, so that nothing is lost where a test ends the process."""

    def __init__(self, descriptor: int, root: str) -> None:
        self._descriptor, self._root = descriptor, root
        self._open: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        fact = self._open.setdefault(report.nodeid, {"verdict": "passed", "message": "", "ms": 0.0})
        fact["ms"] = round(fact["ms"] + report.duration * 1000, 3)
        if report.outcome == "failed" or (report.outcome == "skipped" and fact["verdict"] == "passed"):
            fact |= {"verdict": report.outcome, "message": fact["message"] or _message(report)}
        if report.when == "teardown":
            file, line, _ = report.location
            path = os.path.normpath(os.path.join(self._root, file))
            name = report.nodeid.partition("::")[2]
            self._write({**self._open.pop(report.nodeid), "name": name, "file": path, "line": (line or 0) + 1})

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            file = os.path.normpath(os.path.join(self._root, report.nodeid.partition("::")[0]))
            self._write({"verdict": "broken", "message": _message(report), "file": file, "line": 0})

    def pytest_sessionfinish(self) -> None:
        """Where this is missing, a test ended the process, whatever its exit code says."""
        self._write({"verdict": "done", "file": "", "line": 0})

    def _write(self, fact: dict[str, Any]) -> None:
        """Half a character, which no reader of JSON takes, is written as people write it."""
        whole = {key: _whole(value) if isinstance(value, str) else value for key, value in fact.items()}
        os.write(self._descriptor, json.dumps(whole).encode() + b"\n")


def _whole(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _message(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why a test is not green, with the place where it went wrong."""
    if (reason := getattr(report, "wasxfail", None)) is not None:
        return f"expected to fail{f': {reason}' if reason else ''}"
    told = report.longrepr
    if isinstance(told, tuple):
        return str(told[2]).removeprefix("Skipped: ")[:MOST_SAID]
    crash = getattr(told, "reprcrash", None)
    if crash is None:
        lines = str(told).strip().splitlines()
        return "\n".join(lines[-3:])[-MOST_SAID:]
    return f"{os.path.basename(crash.path)}:{crash.lineno}: {crash.message}"[:MOST_SAID]


def _end_with(alive: int) -> None:
    """Whoever asked for the tests is gone: nothing of them stays."""
    while os.read(alive, 1):
        """Nobody writes; it only ends."""
    os.killpg(0, signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)
