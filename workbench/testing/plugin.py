"""The pytest plugin: `tests/*.yaml` beside a skill are tests like any other, and fixtures run skills in their sandbox.

It is loaded by every run of pytest, so it imports nothing of the workbench before a test lies beside a skill.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.testing.opened import OpenWorkbench, OpenWorkbenches, SkillUnderTest

_OPEN = pytest.StashKey["OpenWorkbenches"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("workbench", "tests of skills")
    group.addoption(
        "--workbench-workspace",
        metavar="PATH",
        default="",
        help="the workspace whose skills are tested (default: the one around each test)",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Files of cases, where they lie in the tests folder of a skill below a workspace's skills."""
    if file_path.suffix not in (".yaml", ".yml") or file_path.parent.name != "tests" or "skills" not in file_path.parts:
        return None
    from workbench.testing.cases import CaseFile, is_beside_a_skill

    return CaseFile.from_parent(parent, path=file_path) if is_beside_a_skill(file_path) else None


@pytest.fixture
def workbench(request: pytest.FixtureRequest) -> OpenWorkbench:
    """The open workbench of the workspace around the test."""
    return open_workbenches(request.config).around(request.path)


@pytest.fixture
def skill(request: pytest.FixtureRequest) -> SkillUnderTest:
    """The skill in whose folder the test lies."""
    return open_workbenches(request.config).skill_around(request.path)


def open_workbenches(config: pytest.Config) -> OpenWorkbenches:
    """Those of this run of pytest; each is opened when it is first wanted, and closed at the end."""
    known = config.stash.get(_OPEN, None)
    if known is None:
        from workbench.testing.opened import OpenWorkbenches

        known = config.stash[_OPEN] = OpenWorkbenches(config.getoption("--workbench-workspace"))
        config.add_cleanup(known.close)
    return known
