"""What the snapshot says, as the panes want it; what has not changed since the last look is not made again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from workbench.model.finding import Finding
from workbench.model.skill import Skill
from workbench.model.skilltest import TestReport
from workbench.ui.glimpse import Glimpse, glimpse_of

if TYPE_CHECKING:
    from workbench.runtime.runtime import Workbench


class Lookout:
    """Looks at one workbench."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench
        self._glimpsed: dict[str, tuple[Skill, Glimpse]] = {}
        self._answers: dict[str, Skill] = {}

    def glimpses(self) -> tuple[Glimpse, ...]:
        """Every skill as the list shows it."""
        return tuple(self._glimpse(skill) for skill in self._workbench.snapshot)

    def findings(self) -> Iterator[Finding]:
        """What any check has to say about any skill."""
        return (finding for skill in self._workbench.snapshot for finding in skill.findings)

    def reports(self) -> tuple[TestReport, ...]:
        """What came of the last tests of each skill that is still here."""
        known = self._workbench.session.reports
        found = ((skill, known[skill.name]) for skill in self._workbench.snapshot if skill.name in known)
        return tuple(report for skill, (home, report) in found if home == skill.home)

    def skill(self, name: str) -> Skill | None:
        return self._workbench.snapshot.skills.get(name)

    def owner_of(self, path: str) -> Skill | None:
        """The skill that a file belongs to."""
        return self._workbench.owner_of(path)

    def owners_of(self, paths: Iterable[str]) -> set[str]:
        """The names of the skills that these files belong to."""
        return {owner.name for path in paths if (owner := self.owner_of(path))}

    def answering(self, skill: Skill | None) -> Skill | None:
        """What answers in place of a broken skill."""
        if skill is None or not skill.is_broken:
            return None
        known = self._answers.get(skill.name)
        if known is None or known.revision != skill.last_good:
            known = self._workbench.library.last_good(skill)
            if known is not None:
                self._answers[skill.name] = known
        return known

    def _glimpse(self, skill: Skill) -> Glimpse:
        known = self._glimpsed.get(skill.name)
        if known is None or known[0] is not skill:
            known = self._glimpsed[skill.name] = (skill, glimpse_of(skill))
        return known[1]
