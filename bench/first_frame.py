"""From a command typed into a real terminal to the first frame, and what an open app costs while nothing happens."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence

import psutil

from bench.figures import PYTHON, Figure, at_most, clean_environ
from workbench.runtime.devsessions.watcher import REST_SECONDS

SKILLS = 200
ROUNDS = 7
PATIENCE_SECONDS = 30.0
IDLE_SECONDS = 10.0
BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    BINDINGS = [("down", "down", "")]
    def compose(self): yield Static("first frame is here")
    def action_down(self): self.query_one(Static).update("and it listens")
Bare().run()
"""


class Pane:
    """A tmux server with one pane, whose output is watched as it comes."""

    def __init__(self, folder: str, environ: dict[str, str]) -> None:
        self._socket = f"{folder}/tmux-{os.urandom(4).hex()}"
        self._seen = f"{self._socket}.out"
        shell = ["env", "-i", *(f"{key}={value}" for key, value in environ.items()), "TERM=xterm-256color", "/bin/sh"]
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40", " ".join(map(_quoted, shell)))
        with open(self._seen, "wb"):
            self._tmux("pipe-pane", "-O", f"cat >> {self._seen}")
        self._tmux("send-keys", "-l", "echo the shell is $((40 + 2))")
        self._tmux("send-keys", "Enter")
        self._wait_for("the shell is 42")

    def first_sight(self, command: str, words: str, key: str, answer: str) -> tuple[float, float]:
        """Seconds from the command to the words, and to what a key brought."""
        began = time.perf_counter()
        seen = self.until_seen(command, words)
        self._tmux("send-keys", key)
        self._wait_for(answer)
        return seen, time.perf_counter() - began

    def until_seen(self, command: str, words: str) -> float:
        """Seconds from the command to the words."""
        began = time.perf_counter()
        self._tmux("send-keys", "-l", command)
        self._tmux("send-keys", "Enter")
        self._wait_for(words)
        return time.perf_counter() - began

    def processes(self) -> list[psutil.Process]:
        """Everything that the shell has started."""
        shell = psutil.Process(int(self._tmux("list-panes", "-F", "#{pane_pid}")))
        return list(shell.children(recursive=True))

    def close(self) -> None:
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], check=False, capture_output=True)

    def _wait_for(self, words: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        wanted = words.encode()
        while True:
            with open(self._seen, "rb") as file:
                if wanted in file.read():
                    return
            if time.monotonic() > deadline:
                raise TimeoutError(f"never saw {words!r}:\n{self._tmux('capture-pane', '-p')}")
            time.sleep(0.001)

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(["tmux", "-S", self._socket, *arguments], check=True, capture_output=True)
        return done.stdout.decode()


def measure(folder: str) -> Iterator[Figure]:
    if shutil.which("tmux") is None:
        return
    workspace, environ = workspace_of_two_hundred(folder), clean_environ(folder)
    bare = f"{folder}/bare.py"
    with open(bare, "w", encoding="utf-8") as file:
        file.write(BARE)
    ours = f"clear; cd {workspace}; {os.path.dirname(PYTHON)}/workbench"
    theirs = f"clear; {PYTHON} {bare}"
    _once(folder, environ, ours, "skill-0", "Down", "/skill.json")  # so that there is something to be remembered
    rounds = [
        (
            _once(folder, environ, ours, "skill-0", "Down", "/skill.json"),
            _once(folder, environ, theirs, "first frame is here", "Down", "and it listens"),
        )
        for _ in range(ROUNDS)
    ]
    first, usable = (statistics.median(each[0][index] for each in rounds) * 1000 for index in (0, 1))
    bare_first = statistics.median(each[1][0] for each in rounds) * 1000
    baseline = {"bare Textual app (ms)": round(bare_first, 1)}
    detail = {"workbench (ms)": round(first, 1)}
    yield at_most("first_frame_x", first / bare_first, 1.8, baseline=baseline, detail=detail)
    yield at_most("usable_x", usable / first, 1.3, baseline=detail, detail={"usable (ms)": round(usable, 1)})
    yield from _idle(folder, environ, ours, theirs)


def _idle(folder: str, environ: dict[str, str], ours: str, theirs: str) -> Iterator[Figure]:
    weights = []
    for command, words, key, answer in (
        (ours, "skill-0", "Down", "/skill.json"),
        (theirs, "first frame is here", "Down", "and it listens"),
    ):
        pane = Pane(folder, environ)
        try:
            pane.first_sight(command, words, key, answer)
            time.sleep(
                REST_SECONDS + 4
            )  # what follows behind the first frame is done, and nobody has saved for a while
            app = max(pane.processes(), key=lambda process: process.memory_info().rss)
            before, began = sum(app.cpu_times()[:2]), time.monotonic()
            time.sleep(IDLE_SECONDS)
            share = 100 * (sum(app.cpu_times()[:2]) - before) / (time.monotonic() - began)
            weights.append((app.memory_info().rss / 1e6, share))
        finally:
            pane.close()
    (mine, share), (bare, bare_share) = weights
    yield at_most(
        "idle_rss_x", mine / bare, 2.2, baseline={"bare (MB)": round(bare, 1)}, detail={"ours (MB)": round(mine, 1)}
    )
    yield at_most("idle_cpu_pct", share, 1, "%", baseline={"bare (%)": round(bare_share, 2)})


def _once(folder: str, environ: dict[str, str], command: str, words: str, key: str, answer: str) -> Sequence[float]:
    pane = Pane(folder, environ)
    try:
        return pane.first_sight(command, words, key, answer)
    finally:
        pane.close()


def workspace_of_two_hundred(folder: str) -> str:
    workspace = f"{folder}/two-hundred"
    for number in range(SKILLS):
        home = f"{workspace}/skills/skill-{number:03}"
        os.makedirs(home, exist_ok=True)
        said = {"name": f"skill-{number:03}", "version": "1.0.0", "type": "code_inline", "command": "true"}
        with open(f"{home}/skill.json", "w", encoding="utf-8") as file:
            json.dump({**said, "description": "One of two hundred."}, file)
    return workspace


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"
