"""Trying things as whoever runs the tests, and as an ordinary user where that is root."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SYSTEM_PYTHON = "/usr/bin/python3"
NOBODY = 65534
USERS = ["as we are", "as an ordinary user"]


def must_drop(user: str) -> bool:
    """Whether the child has to become an ordinary user; skips where that is not to be had."""
    drop = user == "as an ordinary user"
    if drop and os.getuid() != 0:
        pytest.skip("this is an ordinary user already")
    if drop and not _system_python_is_recent():
        pytest.skip(f"{SYSTEM_PYTHON} is missing or older than 3.11")
    return drop


def isolated(source: str, *, drop: bool) -> subprocess.CompletedProcess[str]:
    """A program in an interpreter that an ordinary user can start: ours may lie below a closed home."""
    return subprocess.run(
        [SYSTEM_PYTHON if drop else sys.executable, "-I", "-S", "-c", source],
        capture_output=True,
        check=False,
        text=True,
        timeout=25,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    )


def _system_python_is_recent() -> bool:
    if not os.path.exists(SYSTEM_PYTHON):
        return False
    question = "import sys; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([SYSTEM_PYTHON, "-I", "-S", "-c", question], check=False).returncode == 0
