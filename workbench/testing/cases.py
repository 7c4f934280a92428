"""Cases in YAML as pytest's items: one for each case, reported at its line with everything that is not as expected."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench.model.errors import WorkbenchError
from workbench.model.finding import Finding, printable
from workbench.model.skilltest import Case, Verdict
from workbench.runtime.formats.reader import ENTRIES
from workbench.runtime.places import SKILL_FOLDERS
from workbench.runtime.skilltests.cases import read_case_file
from workbench.testing.plugin import open_workbenches


class Red(Exception):
    """A case that is not as expected."""


def is_beside_a_skill(path: Path) -> bool:
    """Whether a file lies in the tests folder of a skill below a workspace's skills."""
    folder = path.parent.parent
    is_below = any(f"/{name}/" in f"{folder.parent}/" for name in SKILL_FOLDERS)
    return is_below and not path.name.startswith(".") and any((folder / entry).is_file() for entry in ENTRIES)


class CaseFile(pytest.File):
    """A file of cases; what is wrong with it is an item of its own, so that it keeps nothing else from running."""

    def collect(self) -> Iterator[pytest.Item]:
        cases, findings = read_case_file(str(self.path))
        for case in cases:
            yield CaseItem.from_parent(self, name=printable(case.name), case=case)
        if findings:
            yield UnreadItem.from_parent(self, name="the cases can be read", findings=findings)


class CaseItem(pytest.Item):
    """One case."""

    def __init__(self, *, case: Case, **more: Any) -> None:
        super().__init__(**more)
        self._case = case

    def runtest(self) -> None:
        result = open_workbenches(self.config).skill_around(self.path).result_of(self._case)
        if result.verdict is Verdict.SKIPPED:
            pytest.skip(result.problems[0])
        if result.verdict is not Verdict.PASSED:
            raise Red("\n".join(f"{os.path.relpath(self.path)}:{self._case.place.line}: {p}" for p in result.problems))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return _told(excinfo.value) or super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self._case.place.line - 1, self.name


class UnreadItem(pytest.Item):
    """What is wrong with a file of cases."""

    def __init__(self, *, findings: tuple[Finding, ...], **more: Any) -> None:
        super().__init__(**more)
        self._findings = findings

    def runtest(self) -> None:
        raise Red("\n".join(map(str, self._findings)))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return _told(excinfo.value) or super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, max(0, self._findings[0].place.line - 1), self.name


def _told(error: BaseException) -> str:
    if isinstance(error, WorkbenchError):
        return f"{error.message}\n  {error.hint}" if error.hint else error.message
    return str(error) if isinstance(error, Red) else ""
