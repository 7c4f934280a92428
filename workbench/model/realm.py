"""What a run sees: one immutable snapshot of the registry, and the environment around it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from workbench.model.errors import AmbiguousSkill, UnknownSkill
from workbench.model.finding import printable
from workbench.model.frozen import field, frozen
from workbench.model.skill import Ref, Skill
from workbench.model.version import parse_version, satisfies

COMPARED_NAMES = 2_000


@frozen
class Snapshot:
    """Every skill at one generation, by name. What a nearer scope hides is kept beside, never dropped."""

    generation: int = 0
    skills: Mapping[str, Skill] = field(default_factory=dict)
    shadowed: tuple[Skill, ...] = ()

    def __iter__(self) -> Iterator[Skill]:
        return iter(self.skills.values())

    def __len__(self) -> int:
        return len(self.skills)

    def _by_other_names(self) -> Mapping[str, tuple[Skill, ...]]:
        others: dict[str, dict[str, Skill]] = {}
        for skill in self.skills.values():
            for name in {*skill.manifest.aliases, skill.folder_name} - {skill.name}:
                others.setdefault(name, {})[skill.name] = skill
        return {name: tuple(found.values()) for name, found in others.items()}

    def find(self, ref: Ref) -> Skill:
        """The skill that a reference names: by name, then by alias or folder where that is unambiguous."""
        skill = self.skills.get(ref.name) or self._by_another_name(ref.name)
        version = parse_version(skill.manifest.version)
        if ref.version and not (version and satisfies(version, ref.version)):
            raise UnknownSkill(
                f"'{skill.name}' is here in version {skill.manifest.version}, not {printable(ref.version[:80])}",
                hint=f"use {skill.name}, or {skill.name}@{skill.manifest.version}",
            )
        return skill

    def _by_another_name(self, name: str) -> Skill:
        candidates = self._by_other_names().get(name, ())
        if not candidates:
            raise self._unknown(name)
        if len(candidates) > 1:
            names = ", ".join(sorted(candidate.name for candidate in candidates))
            raise AmbiguousSkill(
                f"'{printable(name)}' names more than one skill: {names}", hint="use one of these names"
            )
        return candidates[0]

    def with_skill(self, skill: Skill) -> Snapshot:
        """The next generation, with one skill new or changed."""
        return Snapshot(
            generation=self.generation + 1, skills={**self.skills, skill.name: skill}, shadowed=self.shadowed
        )

    def without(self, names: Iterable[str]) -> Snapshot:
        """The next generation, with some skills gone."""
        gone = set(names)
        kept = {name: skill for name, skill in self.skills.items() if name not in gone}
        return Snapshot(generation=self.generation + 1, skills=kept, shadowed=self.shadowed)

    def renamed_since(self, before: Snapshot) -> Mapping[str, str]:
        """The new names by the old ones of skills that go by another name: the same place, or the same content."""
        gone = [before.skills[name] for name in before.skills.keys() - self.skills.keys()]
        new = [self.skills[name] for name in self.skills.keys() - before.skills.keys()] if gone else []
        renamed: dict[str, str] = {}
        for skill in new:
            old = [each for each in gone if each.home == skill.home or (skill.digest and each.digest == skill.digest)]
            if len(old) == 1 and old[0].scope is skill.scope:
                renamed[old[0].name] = skill.name
                gone.remove(old[0])
        return renamed

    def _unknown(self, name: str) -> UnknownSkill:
        wanted = name[:128].casefold()
        folded = {known.casefold(): known for known in (*self._by_other_names(), *self.skills)}
        likely = folded if len(folded) <= COMPARED_NAMES else [each for each in folded if each[:1] == wanted[:1]]
        near = difflib.get_close_matches(wanted, islice(likely, COMPARED_NAMES), n=1, cutoff=0.55)
        hint = f"did you mean '{folded[near[0]]}'?" if near else "`workbench list` shows every skill there is"
        return UnknownSkill(f"there is no skill '{printable(name[:128])}'", hint=hint)


@frozen
class Realm:
    """An isolated place to run in. Keys of cache, breakers, state, metrics and workers begin with its id.

    `workspace:` in permissions is a place in its workspace. Where it has a clock, it is that time in it, in seconds
    since 1970, and stays it. Where it counts lines, each run leaves in its trail which lines of the skill have run.
    """

    id: str
    snapshot: Snapshot
    workspace: str
    environment: Mapping[str, str] = field(default_factory=dict)
    is_debugging: bool = False
    clock: float | None = None
    counts_lines: bool = False
