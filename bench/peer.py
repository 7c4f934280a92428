"""`python -m bench.peer PROGRAM WORDS [ARGUMENT]`: another terminal app beside ours, in the same run.

PROGRAM is its executable (posting, harlequin), WORDS what its first frame shows. Three figures for each: from the
command to the first frame in a real terminal, the memory of the idle app, and what it takes to say its version
(ARGUMENT, where it is not `--version`).
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
import time

from bench.figures import PYTHON, clean_environ, spawned
from bench.first_frame import Pane, workspace_of_two_hundred

ROUNDS = 5
SETTLED_SECONDS = 5


def measured(folder: str, command: str, version: list[str], words: str) -> dict[str, float]:
    """The three figures of one program: milliseconds, megabytes, milliseconds."""
    environ = clean_environ(folder)
    frames, memory = [], 0.0
    for _ in range(ROUNDS + 1):
        pane = Pane(folder, environ)
        try:
            frames.append(pane.until_seen(command, words))
            if len(frames) > ROUNDS:
                time.sleep(SETTLED_SECONDS)
                memory = sum(process.memory_info().rss for process in pane.processes()) / 1e6
        finally:
            pane.close()
    return {
        "first frame (ms)": round(statistics.median(frames[1:]) * 1000, 1),  # the first one wrote what is remembered
        "idle memory of all its processes (MB)": round(memory, 1),
        "version (ms)": round(statistics.median(spawned(version, 9, environ=environ)) * 1000, 1),
    }


def main() -> None:
    program, words, argument = (*sys.argv[1:], "--version")[:3]
    folder = os.path.realpath(tempfile.mkdtemp(prefix="workbench-peer-", dir="/var/tmp"))
    try:
        workbench = os.path.join(os.path.dirname(PYTHON), "workbench")
        ours = f"clear; cd {workspace_of_two_hundred(folder)}; {workbench}"
        figures = {
            "workbench": measured(folder, ours, [workbench, "--version"], "skill-0"),
            os.path.basename(program): measured(folder, f"clear; {program}", [program, argument], words),
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
