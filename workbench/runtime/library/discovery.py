"""Finds every skill below the roots, nearest root first. What cannot be read is listed, never dropped."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from workbench.model.finding import Finding, Place, Severity, printable
from workbench.model.frozen import frozen, replace
from workbench.model.realm import Snapshot
from workbench.model.skill import Scope, Skill
from workbench.runtime.formats.folder import LEFT_OUT_FOLDERS, counts
from workbench.runtime.formats.reader import ENTRIES, broken, read_skill

MAX_DEPTH = 6
TWICE = "registry.twice"
CASE = "registry.case"


@frozen
class Root:
    """A folder that skills are read from."""

    folder: str
    scope: Scope


@frozen
class Spot:
    """Where a skill may be: a folder and the file in it that begins it; or why nobody can tell, and what helps."""

    folder: str
    entry: str
    scope: Scope
    single_file: bool = False
    alone: bool = False
    why_not: str = ""
    hint: str = ""


def take_snapshot(roots: Sequence[Root], *, generation: int = 1) -> Snapshot:
    """Read everything there is."""
    return gather((skill for root in distinct(roots) for skill in read_root(root)), generation=generation)


def distinct(roots: Iterable[Root]) -> Iterator[Root]:
    """The roots without those that are the same folder as a nearer one."""
    seen: set[tuple[int, int]] = set()
    for root in roots:
        try:
            status = os.stat(root.folder)
        except OSError:
            continue
        if (key := (status.st_dev, status.st_ino)) not in seen:
            seen.add(key)
            yield root


def read_root(root: Root) -> Iterator[Skill]:
    for spot in spots(root.folder, root.scope):
        skill = read_spot(spot, root.folder)
        if skill is not None:
            yield skill


def read_spot(spot: Spot, root: str) -> Skill | None:
    """The skill at a spot, if it is one."""
    if not spot.why_not:
        folder, entry, scope = spot.folder, spot.entry, spot.scope
        return read_skill(folder, entry, scope, root=root, single_file=spot.single_file, alone=spot.alone)
    finding = Finding(
        severity=Severity.ERROR,
        rule="folder.unreadable",
        message=spot.why_not,
        place=Place(file=spot.folder),
        hint=spot.hint,
    )
    return broken(spot.folder, "", spot.scope, spot.folder.rpartition("/")[2], (finding,))


def spots(folder: str, scope: Scope, depth: int = 0) -> Iterator[Spot]:
    """Where skills may be below a folder, in the order of their names."""
    if depth and os.path.islink(folder):
        yield _link(folder, scope)
    else:
        yield from _spots_in(folder, scope, depth)


def _spots_in(folder: str, scope: Scope, depth: int) -> Iterator[Spot]:
    try:
        with os.scandir(folder) as listing:
            items = sorted(listing, key=lambda item: item.name)
    except OSError as error:
        yield _unreadable(folder, scope, error)
        return
    if depth and (entry := _entry_among(items)):
        yield Spot(folder=folder, entry=entry, scope=scope, alone=len(items) == 1)
        return
    for item in items:
        if counts(item.name):
            try:
                yield from _spots_at(item, folder, scope, depth)
            except OSError as error:
                yield _unreadable(f"{folder}/{item.name}", scope, error)


def _spots_at(item: os.DirEntry[str], folder: str, scope: Scope, depth: int) -> Iterator[Spot]:
    name = item.name
    path = f"{folder}/{name}"
    if item.is_symlink():
        if os.path.isdir(path) or not os.path.exists(path):
            yield _link(path, scope)
    elif item.is_dir():
        if name in LEFT_OUT_FOLDERS or depth >= MAX_DEPTH:
            return
        if printable(name) == name:
            yield from _spots_in(path, scope, depth + 1)
        else:
            why = "a folder's name must be text without control characters"
            yield Spot(folder=printable(path), entry="", scope=scope, why_not=why, hint="rename it")
    elif name.endswith((".json", ".py")) and printable(name) == name and item.is_file():
        yield Spot(folder=folder, entry=name, scope=scope, single_file=True)


def _unreadable(path: str, scope: Scope, error: OSError) -> Spot:
    why = f"cannot be read: {error.strerror or error}"
    hint = "look at its permissions, and who owns it"
    return Spot(folder=printable(path), entry="", scope=scope, why_not=why, hint=hint)


def _link(path: str, scope: Scope) -> Spot:
    to = "to another folder" if os.path.isdir(path) else "that leads nowhere"
    why = f"is a link {to}, and links are not followed"
    return Spot(folder=printable(path), entry="", scope=scope, why_not=why, hint="put the folder itself here")


def _entry_among(items: Sequence[os.DirEntry[str]]) -> str:
    """The file that begins a skill: by the order of ENTRIES, SKILL.md in any case."""
    names = {item.name for item in items}
    for entry in ENTRIES:
        if entry in names:
            return entry
    return next((name for name in sorted(names) if name.casefold() == "skill.md"), "")


def gather(skills: Iterable[Skill], *, generation: int = 1) -> Snapshot:
    """One snapshot of skills in the order of their nearness: the nearest of a name wins, the rest is kept beside."""
    by_name: dict[str, Skill] = {}
    shadowed: list[Skill] = []
    by_fold: dict[str, str] = {}
    for skill in skills:
        winner = by_name.get(skill.name)
        if winner is None:
            by_name[skill.name] = skill
            first = by_fold.setdefault(skill.name.casefold(), skill.name)
            if first != skill.name:
                _tell_of_case(by_name, first, skill.name)
        elif winner.scope is skill.scope:
            if _is_at_home(skill) and not _is_at_home(winner):
                winner, skill = skill, winner
            shadowed.append(skill.with_findings((_twice(skill, winner, Severity.ERROR),)))
            by_name[skill.name] = winner.with_findings((_twice(winner, skill, Severity.WARNING),))
        else:
            shadowed.append(skill)
    return Snapshot(generation=generation, skills=by_name, shadowed=tuple(shadowed))


def has_neighbours(skill: Skill) -> bool:
    """Whether something has to be said of its name beside the others' names."""
    return any(finding.rule in (TWICE, CASE) for finding in skill.findings)


def with_neighbours(before: Skill, said: Skill) -> Skill:
    """What is known of a skill, with what has to be said of its name beside the others' names now."""
    own = tuple(finding for finding in before.findings if finding.rule not in (TWICE, CASE))
    findings = (*own, *(finding for finding in said.findings if finding.rule in (TWICE, CASE)))
    return before if findings == before.findings else replace(before, findings=findings)


def _is_at_home(skill: Skill) -> bool:
    """Whether the folder, or the file, has the skill's own name."""
    return skill.folder_name == skill.name


def _twice(skill: Skill, other: Skill, severity: Severity) -> Finding:
    return Finding(
        severity=severity,
        rule=TWICE,
        message=f"'{skill.name}' is also the name of {other.path}",
        place=Place(file=skill.path),
        hint="give one of them another name; until then the one in the folder of that name answers, else the first",
    )


def _tell_of_case(by_name: dict[str, Skill], first: str, second: str) -> None:
    for mine, other in ((first, second), (second, first)):
        skill = by_name[mine]
        finding = Finding(
            severity=Severity.WARNING,
            rule=CASE,
            message=f"'{mine}' and '{other}' differ in case only",
            place=Place(file=skill.path),
            hint="rename one of them: some file systems cannot hold both",
        )
        by_name[mine] = replace(skill, findings=(*skill.findings, finding))
