"""Whose files may be edited where they lie, and what becomes of the others when they are saved."""

from __future__ import annotations

from typing import Protocol

from workbench.model.skill import SHARED, Skill


class Owner(Protocol):
    """Knows which skills are one's own here, and makes copies of the others that are; raises WorkbenchError."""

    def stranger_of(self, path: str) -> Skill | None:
        """The skill that a file belongs to, where it is not one's own."""

    async def made_own(self, skill: Skill) -> Skill: ...


def name_in(skill: Skill, path: str) -> str:
    """What a file is called within a skill: below its folder, or among the modules that it shares."""
    own = path.removeprefix(f"{skill.folder}/")
    return own if own != path else f"{SHARED}/{path.removeprefix(f'{skill.shared_root}/')}"
