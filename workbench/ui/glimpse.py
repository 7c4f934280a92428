"""A skill as the list shows it: little enough to be remembered, so that the first frame need not wait for the files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from workbench.model.frozen import as_mapping, frozen
from workbench.model.skill import Scope, Skill, SkillState

MOST_REMEMBERED = 5_000


@frozen
class Glimpse:
    """One skill at a glance."""

    name: str
    scope: Scope
    group: str
    state: SkillState
    version: str
    revision: int
    last_good: int
    description: str = ""
    path: str = ""

    @property
    def is_broken(self) -> bool:
        return self.state is SkillState.BROKEN


def glimpse_of(skill: Skill) -> Glimpse:
    """What the list shows of a skill. What a broken one did not say is not known, and not 0.0.0."""
    manifest = skill.manifest
    return Glimpse(
        name=skill.name,
        scope=skill.scope,
        group=_group(skill),
        state=skill.state,
        version="–" if skill.is_broken and manifest.version == "0.0.0" else manifest.version,
        revision=skill.revision,
        last_good=skill.last_good,
        description=manifest.description,
        path=skill.path,
    )


def remembered(glimpses: Iterable[Glimpse]) -> list[dict[str, Any]]:
    """Glimpses as they are written down; the descriptions are not needed before the files are read."""
    written = [{**as_mapping(glimpse), "description": ""} for glimpse in glimpses]
    return written[:MOST_REMEMBERED]


def recalled(written: object) -> tuple[Glimpse, ...]:
    """What was written down; nothing where it is damaged, or of another version of ours."""
    try:
        glimpses = tuple(
            Glimpse(**{**each, "scope": Scope(each["scope"]), "state": SkillState(each["state"])})
            for each in written  # type: ignore[attr-defined]
        )
    except (TypeError, ValueError, KeyError, AttributeError):
        return ()
    return glimpses[:MOST_REMEMBERED] if all(map(_is_whole, glimpses)) else ()


def path_of(name: str, glimpses: Iterable[Glimpse], workspace: str) -> str:
    """Where the text of a skill lay the last time; what is not the workspace's own waits until it is known whose."""
    path = next((glimpse.path for glimpse in glimpses if glimpse.name == name), "")
    return path if os.path.realpath(path).startswith(f"{os.path.realpath(workspace)}/") else ""


def _is_whole(glimpse: Glimpse) -> bool:
    """Whether each field holds what it is to hold."""
    texts = (glimpse.name, glimpse.group, glimpse.version, glimpse.description, glimpse.path)
    return all(type(text) is str for text in texts) and type(glimpse.revision) is type(glimpse.last_good) is int


def _group(skill: Skill) -> str:
    """The folder between the root and the skill, if there is one."""
    home = skill.folder if skill.single_file else os.path.dirname(skill.folder)
    return "" if os.path.basename(home) == "skills" else os.path.basename(home)
