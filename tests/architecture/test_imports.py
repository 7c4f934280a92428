"""What each door may load: quick commands stay quick, and no door loads the screen."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.author import REPOSITORY


def loaded_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules), file=sys.__stderr__)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=20
    )
    return set(done.stderr.split())


def test_the_package_itself_loads_nothing() -> None:
    ours = {name for name in loaded_by("import workbench") if name.startswith("workbench")}
    assert ours == {"workbench"}


def test_asking_the_version_loads_neither_the_runtime_nor_anything_heavy() -> None:
    loaded = loaded_by("from workbench.cli.main import main; main(['--version'])")
    assert not {"asyncio", "argparse", "json", "dataclasses", "workbench.assembly"} & loaded


@pytest.mark.parametrize("module", ["workbench.assembly", "workbench.cli.run_command", "workbench.cli.list_command"])
def test_no_door_but_the_app_meets_the_screen(module: str) -> None:
    loaded = {name.split(".")[0] for name in loaded_by(f"import {module}")}
    assert not {"textual", "rich", "jinja2", "jsonschema", "psutil", "pexpect"} & loaded


def test_who_tests_nothing_reads_no_yaml() -> None:
    assert "yaml" not in {name.split(".")[0] for name in loaded_by("import workbench.assembly")}


def test_public_names_are_there_when_they_are_asked_for() -> None:
    import workbench

    assert {workbench.open_workbench.__name__, workbench.Settings.__name__} == {"open_workbench", "Settings"}
    with pytest.raises(AttributeError):
        workbench.nothing_of_the_sort  # noqa: B018
