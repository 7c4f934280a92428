"""What a workspace keeps and nobody comes back to: old revisions' files, what old runs left. Found, and taken away.

What a revision was is kept for ever, as its number, digest and message; its files are what takes room.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from workbench.model.errors import StoreUnavailable
from workbench.model.frozen import frozen
from workbench.runtime.atomic import remove_tree
from workbench.runtime.library.revisions import FOLDER as REVISIONS_FOLDER
from workbench.runtime.places import HELD_FOLDER, RUNS_FOLDER, StatePlace
from workbench.runtime.store.database import Database

DAY_SECONDS = 86_400.0


@frozen
class Leftover:
    """One folder that may go, and how much it holds."""

    kind: str
    path: str
    size: int


class Tidying:
    """Of each skill the newest revisions stay, those that answer anywhere, and those of the last day; of runs, and of
    what was never accepted, what is younger than so many days, and than one."""

    def __init__(self, database: Database, place: StatePlace, *, keep: int, days: float, now: float) -> None:
        self._database, self._place = database, place
        self._keep, self._before = keep, now - days * DAY_SECONDS
        self._yesterday = now - DAY_SECONDS

    def found(self) -> tuple[Leftover, ...]:
        """What may go, the revisions first; raises StoreUnavailable where nobody can say which of them answer."""
        revisions = f"{self._place.folder}/{REVISIONS_FOLDER}"
        if any(_folders(revisions)) and not os.path.exists(self._database.path):
            hint = "put the database back; without it nobody knows what is still needed"
            raise StoreUnavailable(f"{revisions} holds files, and the library {self._database.path} is gone", hint=hint)
        return (*self._revisions(), *self._runs("artifacts", RUNS_FOLDER), *self._runs("held back", HELD_FOLDER))

    def take_away(self, leftovers: tuple[Leftover, ...]) -> tuple[Leftover, ...]:
        """What is gone now; what could not be removed is not among it."""
        for each in leftovers:
            if each.kind != "revisions" or not self._is_kept(each):  # it may have become one that answers
                self._remove(each.path)
        return tuple(each for each in leftovers if not os.path.lexists(each.path))

    def _is_kept(self, leftover: Leftover) -> bool:
        skill_folder, digest = os.path.split(leftover.path)
        return digest in self._kept(os.path.basename(skill_folder))

    def _remove(self, path: str) -> None:
        """It loses its name first: nobody takes the half of it for the whole."""
        folder, name = os.path.split(path)
        away = f"{folder}/.{name[:40]}.{os.urandom(6).hex()}"
        try:
            os.rename(path, away)
        except OSError:
            return
        remove_tree(away)

    def _revisions(self) -> Iterator[Leftover]:
        for skill, skill_folder in _folders(f"{self._place.folder}/{REVISIONS_FOLDER}"):
            kept = self._kept(skill)
            rows = self._database.read("SELECT digest FROM revision WHERE skill = ?", (skill,))
            known = {row["digest"] for row in rows}
            for digest, folder in _folders(skill_folder):
                is_known = digest in known
                if digest not in kept and _last_change(folder) < (self._yesterday if is_known else self._before):
                    yield Leftover(kind="revisions", path=folder, size=size_of(folder))

    def _kept(self, skill: str) -> set[str]:
        newest = "SELECT digest FROM revision WHERE skill = ? ORDER BY number DESC LIMIT ?"
        young = "SELECT digest FROM revision WHERE skill = ? AND at > ?"
        rows = (
            *self._database.read(newest, (skill, self._keep)),
            *self._database.read(young, (skill, self._yesterday)),
            *self._database.read("SELECT digest FROM head WHERE skill = ?", (skill,)),
        )
        return {row["digest"] for row in rows}

    def _runs(self, kind: str, name: str) -> Iterator[Leftover]:
        for _, folder in _folders(f"{self._place.folder}/{name}"):
            if _last_change(folder) < min(self._before, self._yesterday):
                yield Leftover(kind=kind, path=folder, size=size_of(folder))


def _folders(folder: str) -> Iterator[tuple[str, str]]:
    """The real folders in one, by name."""
    try:
        with os.scandir(folder) as listing:
            found = [(entry.name, entry.path) for entry in listing if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return
    yield from sorted(found)


def _last_change(folder: str) -> float:
    try:
        return os.lstat(folder).st_ctime
    except OSError:
        return float("inf")


def size_of(folder: str) -> int:
    """How many bytes the files below it have; no link is followed."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(f"{parent}/{name}").st_size
            except OSError:
                continue
    return total
