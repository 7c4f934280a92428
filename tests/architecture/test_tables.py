"""Tables that have to stay complete."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.author import REPOSITORY
from workbench.model import errors
from workbench.model.errors import CONSEQUENCES, ErrorKind, WorkbenchError
from workbench.model.skill import MOVES, SkillState

SOURCES = sorted((REPOSITORY / "workbench").rglob("*.py"))


def test_every_kind_of_error_has_its_consequences() -> None:
    assert set(CONSEQUENCES) == set(ErrorKind)


def test_every_state_of_a_skill_has_its_moves() -> None:
    assert set(MOVES) == set(SkillState)


def test_the_error_tree_in_the_docstring_names_every_error() -> None:
    classes = [
        name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, WorkbenchError)
    ]
    assert [name for name in classes if name not in (errors.__doc__ or "")] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_module_says_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if text.strip() and "templates" not in path.parts:
        assert ast.get_docstring(ast.parse(text)), f"{path} has no docstring"


def test_no_file_has_grown_past_what_one_person_reads() -> None:
    assert [path.name for path in SOURCES if len(path.read_text(encoding="utf-8").splitlines()) > 400] == []


def test_every_command_has_its_file() -> None:
    from workbench.cli.main import COMMANDS

    files = {path.stem.removesuffix("_command") for path in (REPOSITORY / "workbench/cli").glob("*_command.py")}
    assert set(COMMANDS) == files
