"""A real terminal: a program in tmux, driven by keys, read as text."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.author import REPOSITORY

PATIENCE = 25.0
needs_tmux = pytest.mark.skipif(
    shutil.which("tmux") is None, reason="tmux is not here: it is the terminal of these tests"
)


class Terminal:
    """One tmux server with one shell in it."""

    def __init__(self, environ: dict[str, str], *, width: int = 120, height: int = 40) -> None:
        self._folder = tempfile.mkdtemp(prefix="workbench-", dir="/tmp")  # a socket's path may be a hundred letters
        self._socket = f"{self._folder}/tmux"
        self._environ = {**environ, "TERM": "xterm-256color", "PYTHONPATH": str(REPOSITORY), "PS1": "$ "}
        shell = ["env", "-i", *(f"{name}={value}" for name, value in self._environ.items()), "/bin/sh"]
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height), shlex.join(shell))

    @property
    def text(self) -> str:
        return self._tmux("capture-pane", "-p")

    @property
    def shell_pid(self) -> int:
        return int(self._tmux("list-panes", "-F", "#{pane_pid}"))

    def types(self, text: str) -> None:
        self._tmux("send-keys", "-l", text)

    def presses(self, *keys: str) -> None:
        for key in keys:
            self._tmux("send-keys", key)

    def says(self, command: str) -> None:
        """A line for the shell."""
        self.types(command)
        self.presses("Enter")

    def opens(self, workspace: Path) -> None:
        self.says(f"cd {workspace}; clear; {sys.executable} -m workbench; echo ended with $?")

    def sees(self, *words: str, but_not: str = "") -> str:
        self.until(
            lambda: all(word in self.text for word in words) and (not but_not or but_not not in self.text), words
        )
        return self.text

    def until(self, holds: Callable[[], bool], what: object) -> None:
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, f"never {what}\n{self.text}"
            time.sleep(0.02)

    def waits(self, holds: Callable[[], bool]) -> None:
        """For what can be seen without the terminal."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def app_pid(self) -> int:
        """The app itself: the child of the keeper, which is the child of the shell."""
        return _child_of(_child_of(self.shell_pid))

    def close(self) -> None:
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], check=False, capture_output=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._socket, *arguments], check=True, capture_output=True, timeout=10, env={**os.environ}
        )
        return done.stdout.decode("utf-8", "replace")


def _child_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0])
