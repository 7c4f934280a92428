"""The coverage page names tests that are there, and counts itself rightly."""

from __future__ import annotations

import ast
import re
from functools import cache

from tests.author import REPOSITORY

PAGE = (REPOSITORY / "docs" / "COVERAGE.md").read_text(encoding="utf-8")


@cache
def functions_of(file: str) -> frozenset[str]:
    tree = ast.parse((REPOSITORY / file).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, functions))


def test_every_test_that_a_row_names_is_there() -> None:
    named = re.findall(r"`(tests/[\w/.-]+\.py)::(\w+)`", PAGE)
    assert named
    assert [f"{file}::{name}" for file, name in named if name not in functions_of(file)] == []


def test_ids_stand_once_and_the_counts_are_true() -> None:
    rows = re.findall(r"^\| ([0-9]+\.[0-9]+\.[0-9]+[a-z]?) \|(.*)\|$", PAGE, re.MULTILINE)
    ids = [id_ for id_, _ in rows]
    shown = sum("::test_" in row for _, row in rows)
    still_open = sum(row.endswith("| open ") for _, row in rows)

    assert len(ids) == len(set(ids))
    assert shown + still_open == len(rows)
    assert f"{shown} rows are shown and {still_open} are open" in PAGE
