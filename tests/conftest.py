"""What every test may use: a home of its own, a workspace of its own, and the event loop that the product runs on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.author import Author


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has never used the workbench; a tier that the tests are run at is kept."""
    home = tmp_path / "home"
    home.mkdir()
    names = ("PATH", "LANG", "LC_ALL", "WORKBENCH_SECURITY_STRONGEST_TIER")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {**kept, "HOME": str(home)}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    (folder / "skills").mkdir(parents=True)
    return folder


@pytest.fixture
def author(workspace: Path, environ: dict[str, str]) -> Author:
    return Author(workspace, environ)
