"""The shipped skill that tries the walls: what it finds on each tier, and that it harms nothing without them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.author import REPOSITORY, Author
from workbench.runtime.sandbox.warden import landlock

FOLDER = REPOSITORY / "skills" / "try-the-walls"
needs_bubblewrap = pytest.mark.skipif(not os.path.exists("/usr/bin/bwrap"), reason="bubblewrap is not here")
needs_landlock = pytest.mark.skipif(not landlock.abi(), reason="the kernel has no Landlock")
FROM_ABI_6 = {"seeing others"}
BEFORE = FROM_ABI_6 | {"a signal to another"}


def opened(author: Author, tier: str) -> set[str]:
    environ = {"WORKBENCH_SECURITY_STRONGEST_TIER": tier}
    said = author.calls("run", "try-the-walls", "-i", "format=json", "--json", environ=environ).json
    assert said["status"] == "completed"
    assert said["sandbox"]["tier"] == tier
    output = said["output"]
    assert output["own_folder"]
    assert output["tried"] == len(output["doors"]) == output["shut"] + len(output["open"])
    assert all(door["why"] for door in output["doors"])
    return set(output["open"])


@needs_bubblewrap
def test_behind_namespaces_every_door_is_shut(author: Author) -> None:
    assert opened(author, "A") == set()


@needs_landlock
def test_behind_landlock_only_what_the_doctor_says_is_open(author: Author) -> None:
    assert opened(author, "B") == (FROM_ABI_6 if landlock.abi() >= 6 else BEFORE)


def test_the_page_says_each_door_on_a_line(author: Author) -> None:
    first, *lines = author.calls("run", "try-the-walls", "--example").out.splitlines()
    assert first.startswith("20 doors tried from inside: ")
    assert sum(line.startswith(("  ● shut", "  ▲ open")) for line in lines) == 20
    assert max(map(len, lines)) <= 80


def test_without_walls_it_finds_doors_open_and_changes_nothing(tmp_path: Path) -> None:
    """The same program, started by nobody in particular."""
    script = tmp_path / "code" / "try_the_walls.py"
    script.parent.mkdir()
    script.write_bytes((FOLDER / "try_the_walls.py").read_bytes())
    out = tmp_path / "out"
    out.mkdir()
    before = stamps(tmp_path)
    done = subprocess.run(
        [sys.executable, "-I", str(script)],
        input=json.dumps({"format": "json"}),
        env={"WORKBENCH_OUT": str(out)},
        cwd=script.parent,
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    said = json.loads(done.stdout)
    assert {"its own code", "datagrams", "another program", "memory that nobody counts"} <= set(said["open"])
    assert stamps(tmp_path) == before


def stamps(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Every file: its size, when it was written, and its mode."""
    return {
        str(path): (status.st_size, status.st_mtime_ns, status.st_mode)
        for path in folder.rglob("*")
        if path.is_file() and (status := path.stat())
    }
