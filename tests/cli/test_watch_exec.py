"""`watch --exec`: a command after each accepted save, and nothing of it left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import anyio
import pytest

from tests.author import REPOSITORY, Author, function
from workbench.cli.following import following
from workbench.model.events import SkillHotReloaded


@contextmanager
def watching(author: Author, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench", "watch", *arguments],
        cwd=author.workspace,
        env={**author.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        while "atch" not in process.stdout.readline():
            pass
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)


def until(path: Path, content: str) -> None:
    end = monotonic() + 10
    while not (path.exists() and content in path.read_text()):
        assert monotonic() < end, path.read_text() if path.exists() else "nothing"
        sleep(0.01)


def test_the_command_runs_after_each_accepted_save_and_is_told_of_it(author: Author) -> None:
    author.has_function("greet", "return 1")
    told = author.workspace / "told"
    with watching(author, "--exec", f'echo "$WORKBENCH_SKILL r$WORKBENCH_REVISION" >> {told}'):
        author.saves("greet/skill.py", function("greet", "return 2"))
        until(told, "greet r1\n")
        author.saves("greet/skill.py", "def greet(:")
        author.saves("greet/skill.py", function("greet", "return 3"))
        until(told, "greet r2\n")
    assert told.read_text() == "greet r1\ngreet r2\n"


@pytest.mark.exhaustive
def test_a_newer_save_and_the_end_of_watching_end_the_command_with_its_children(author: Author) -> None:
    author.has_function("greet", "return 1")
    told = author.workspace / "told"
    with watching(author, "--exec", f"echo $$ >> {told}; sleep 60 & sleep 60", "--json"):
        author.saves("greet/skill.py", function("greet", "return 2"))
        until(told, "\n")
        author.saves("greet/skill.py", function("greet", "return 3"))
        end = monotonic() + 10
        while len(told.read_text().splitlines()) < 2:
            assert monotonic() < end
            sleep(0.01)
    for group in map(int, told.read_text().split()):
        end = monotonic() + 5
        while _lives(group):
            assert monotonic() < end
            sleep(0.01)


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.anyio
async def test_a_command_that_is_being_started_when_watching_ends_leaves_nothing(tmp_path: Path) -> None:
    told = tmp_path / "told"
    event = SkillHotReloaded(at=0.0, skill="greet", realm="main", revision=1, digest="x")
    with anyio.move_on_after(0.001):
        async with following(f"echo $$ >> {told}; sleep 60 & sleep 60", to_stderr=True) as follow:
            follow(event)
            await anyio.sleep(60)
    await anyio.sleep(0.2)
    groups = [int(line) for line in told.read_text().split()] if told.exists() else []
    with anyio.fail_after(5):
        while any(map(_lives, groups)):
            await anyio.sleep(0.02)
