"""Where the tests of a skill lie."""

from __future__ import annotations

import os
from collections.abc import Callable

from workbench.model.skill import Skill

TESTS_FOLDER = "tests"
ENDINGS = (".yaml", ".yml")
MOST_FILES = 100


def case_files(skill: Skill) -> list[str]:
    """The files of cases in a skill's folder."""
    return files_of(skill, lambda name: name.endswith(ENDINGS))


def files_of(skill: Skill, is_wanted: Callable[[str], bool]) -> list[str]:
    """The files of some kind in a skill's tests folder; a skill that is a single file has none."""
    folder = f"{skill.folder}/{TESTS_FOLDER}"
    if skill.single_file:
        return []
    try:
        names = sorted(name for name in os.listdir(folder) if is_wanted(name) and not name.startswith("."))
    except OSError:
        return []
    return [f"{folder}/{name}" for name in names[:MOST_FILES]]
