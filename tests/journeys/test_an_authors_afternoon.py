"""An author's afternoon, end to end, with real processes: two terminals on one workspace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.author import REPOSITORY, Author, function


class Terminal:
    """`workbench watch --json` in a terminal of its own."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def hears(self, kind: str, skill: str = "") -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event: dict[str, Any] = json.loads(line)
            if event["event"] == kind and skill in ("", event.get("skill")):
                return event
        raise AssertionError(f"the watch ended before it said {kind}")


@contextmanager
def watching(author: Author) -> Iterator[Terminal]:
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench", "watch", "--json"],
        cwd=author.workspace,
        env={**author.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
    )
    try:
        terminal = Terminal(process)
        terminal.hears("WatchStarted")
        yield terminal
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
    assert process.returncode == 130


def test_edit_break_mend_with_a_watch_in_one_terminal_and_runs_in_another(author: Author) -> None:
    author.has_function("greet", "return f'hello {who}'", parameters="who: str = 'you'")

    with watching(author) as terminal:
        assert author.calls("run", "greet").out == "hello you\n"

        author.saves("greet/skill.py", function("greet", "return f'howdy {who}'", parameters="who: str = 'you'"))
        reloaded = terminal.hears("SkillHotReloaded", "greet")
        assert author.calls("run", "greet").out == "howdy you\n"

        author.saves("greet/skill.py", "from workbench.sdk import skill\n\n@skill(\ndef greet(:\n")
        refused = terminal.hears("SkillReloadFailed", "greet")
        still = author.calls("run", "greet")

        author.saves("greet/skill.py", function("greet", "return 'mended'"))
        terminal.hears("SkillHotReloaded", "greet")
        assert author.calls("run", "greet").out == "mended\n"

    assert set(reloaded["steps"]) >= {"read", "load", "accept"}
    (finding,) = refused["findings"]
    assert finding["file"] == str(author.skills / "greet/skill.py")
    assert finding["line"] in (3, 4)
    assert still.out == "howdy you\n"
    assert f"greet/skill.py:{finding['line']}" in still.err


def test_a_killed_workbench_leaves_no_child_and_its_run_is_lost(author: Author) -> None:
    mark = f"6{os.getpid()}9"
    author.has_command("naps", "sh", "-c", f"setsid sleep {mark} & sleep {mark}")
    workbench = subprocess.Popen(
        [sys.executable, "-m", "workbench", "run", "naps"],
        cwd=author.workspace,
        env={**author.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    _wait_until(lambda: len(_running(mark)) >= 2)

    workbench.kill()
    workbench.wait()
    _wait_until(lambda: not _running(mark))

    before = author.calls("runs", "--json").json["runs"]
    author.has_command("other", "true")
    author.calls("run", "other")
    after = {run["skill"]: run["status"] for run in author.calls("runs", "--json").json["runs"]}

    assert [(run["skill"], run["status"]) for run in before] == [("naps", "lost")]
    assert after == {"naps": "lost", "other": "completed"}
    assert os.listdir(author.workspace / ".workbench" / "instances") == []


@pytest.mark.exhaustive
def test_an_interrupted_run_ends_its_children_and_is_cancelled(author: Author) -> None:
    mark = f"6{os.getpid()}8"
    author.has_command("naps", "sh", "-c", f"sleep {mark}")
    workbench = subprocess.Popen(
        [sys.executable, "-m", "workbench", "run", "naps"],
        cwd=author.workspace,
        env={**author.environ, "PYTHONPATH": str(REPOSITORY)},
        stderr=subprocess.PIPE,
    )
    _wait_until(lambda: bool(_running(mark)))

    workbench.send_signal(signal.SIGINT)
    _, words = workbench.communicate(timeout=10)

    assert workbench.returncode == 130
    assert b"Traceback" not in words
    assert _running(mark) == []
    assert [run["status"] for run in author.calls("runs", "--json").json["runs"]] == ["cancelled"]


@pytest.mark.exhaustive
@pytest.mark.slow
def test_ten_thousand_files_in_one_skill_harm_nobody_else(author: Author) -> None:
    author.has_command("good", "echo", "fine")
    author.has_command("huge", "true")
    for number in range(10_000):
        (author.skills / "huge" / f"{number}.txt").touch()

    document = author.calls("list", "--json").json

    states = {skill["name"]: skill for skill in document["skills"]}
    assert states["huge"]["state"] == "broken"
    assert ".skillignore" in states["huge"]["findings"][0]["hint"]
    assert author.calls("run", "good").out == "fine\n"


def _running(mark: str) -> list[str]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if words[:2] == [b"sleep", mark.encode()]:
                found.append(name)
    return found


def _wait_until(holds: object) -> None:
    import time

    end = time.monotonic() + 10
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)
