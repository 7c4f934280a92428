"""What people install: everything that ships is in it, and it works from an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.author import REPOSITORY, needs_node


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content in a folder of its own, apart from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, timeout=60)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "content")
    return folder / "content"


def calls(installed: Path, folder: Path, *arguments: str) -> str:
    packages = [path for path in sys.path if path.endswith("site-packages")]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "workbench", *arguments],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": os.pathsep.join([str(installed), *packages]),
        },
        capture_output=True,
        text=True,
        timeout=25,
        check=True,
    )
    return done.stdout


@pytest.mark.timeout(90)
def test_skills_profiles_themes_and_schemas_ship(installed: Path) -> None:
    shipped = installed / "workbench" / "shipped"
    for name, ending in (("skills", ""), ("sessions", ".toml"), ("themes", ".toml")):
        there = {path.name for path in (REPOSITORY / name).iterdir() if path.name.endswith(ending)}
        assert {path.name for path in (shipped / name).iterdir()} >= there
    assert (installed / "workbench/model/schema/skill.json").is_file()
    (entry_points,) = installed.glob("*.dist-info/entry_points.txt")
    assert "[pytest11]\nworkbench.testing.plugin = workbench.testing.plugin\n" in entry_points.read_text()


@pytest.mark.timeout(90)
def test_it_works_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    listed = json.loads(calls(installed, tmp_path, "list", "--json"))["skills"]

    assert {skill["scope"] for skill in listed} == {"builtin"}
    assert all(str(installed) in skill["path"] for skill in listed)
    assert calls(installed, tmp_path, "run", "echo", "-i", "text=from the wheel") == "from the wheel\n"
    assert json.loads(calls(installed, tmp_path, "run", "summarise", "--example", "--json"))["status"] == "completed"


@needs_node
@pytest.mark.timeout(90)
def test_a_module_runs_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    assert json.loads(calls(installed, tmp_path, "run", "json-diff", "--example", "--json"))["output"]["added"] == 1
