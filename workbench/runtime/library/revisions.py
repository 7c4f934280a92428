"""Accepted states of skills: the files as they were, kept under their digest, and a number for each."""

from __future__ import annotations

import errno
import hashlib
import os
import sqlite3
from collections.abc import Callable

from workbench.model.errors import Conflict, StoreUnavailable, UnknownRevision
from workbench.model.frozen import frozen, replace
from workbench.model.skill import SHARED, Scope, Skill
from workbench.runtime.atomic import remove_tree
from workbench.runtime.formats.reader import read_skill
from workbench.runtime.library import journal
from workbench.runtime.places import StatePlace
from workbench.runtime.store.database import Database

FOLDER = "rev"
_COPY_BYTES = 1 << 20


class ChangedMeanwhile(Exception):
    """A file is no longer what was read: read the skill again."""


@frozen
class Revision:
    """One accepted state."""

    skill: str
    number: int
    digest: str
    at: float
    message: str
    scope: Scope
    entry: str
    single_file: bool


class Revisions:
    """Keeps what was accepted, and finds it again."""

    def __init__(self, database: Database, place: StatePlace, now: Callable[[], float], origin: str) -> None:
        self._database, self._place, self._now, self._origin = database, place, now, origin

    def folder_of(self, skill: str) -> str:
        """Where every revision of a skill lies; a worker of this skill sees no more than this."""
        return f"{self._place.folder}/{FOLDER}/{skill}"

    def code_folder(self, skill: Skill) -> str:
        """Where the files of this very state lie once they are materialised."""
        return f"{self.folder_of(skill.name)}/{skill.digest}"

    def materialise(self, skill: Skill) -> str:
        """Copy a skill's files, byte for byte as they were read, to where its children may read them.

        Raises ChangedMeanwhile when the files have moved on, StoreUnavailable when there is no room.
        """
        target = self.code_folder(skill)
        if os.path.isdir(target):
            return target
        self._place.prepared()
        beside = f"{self.folder_of(skill.name)}/.{os.urandom(8).hex()}"
        try:
            os.makedirs(beside, mode=0o755)
            for file in skill.files:
                _copy(skill.path_of(file.path), f"{beside}/{file.path}", file.sha256, file.is_executable)
            os.rename(beside, target)
        except OSError as error:
            remove_tree(beside)
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST) and os.path.isdir(target):
                return target
            if error.errno in (errno.ENOENT, errno.EACCES, errno.ELOOP) and not os.path.isdir(beside):
                if not os.path.isdir(self._place.folder):
                    raise _no_room(target, error) from error
                raise ChangedMeanwhile(skill.name) from error
            raise _no_room(target, error) from error
        except ChangedMeanwhile:
            remove_tree(beside)
            raise
        return target

    def sweep(self, skill: Skill) -> None:
        """Forget the files of a candidate that was refused, unless they are a revision after all."""
        known = self._database.read(
            "SELECT 1 FROM revision WHERE skill = ? AND digest = ? LIMIT 1", (skill.name, skill.digest)
        )
        if not known:
            remove_tree(self.code_folder(skill))

    def head(self, name: str, realm: str = "main") -> Revision | None:
        """The newest accepted revision of a skill in a realm."""
        rows = self._database.read(
            "SELECT r.* FROM head h JOIN revision r ON r.skill = h.skill AND r.number = h.number"
            " WHERE h.realm = ? AND h.skill = ?",
            (realm, name),
        )
        return _revision(rows[0]) if rows else None

    def heads(self, realm: str) -> dict[str, tuple[int, str]]:
        """Number and digest of what each skill's newest accepted revision in a realm is."""
        rows = self._database.read("SELECT skill, number, digest FROM head WHERE realm = ?", (realm,))
        return {row["skill"]: (row["number"], row["digest"]) for row in rows}

    def numbered(self, name: str, number: int) -> Revision:
        """One revision by its number; raises UnknownRevision."""
        rows = self._database.read("SELECT * FROM revision WHERE skill = ? AND number = ?", (name, number))
        if not rows:
            newest = self.head(name)
            hint = f"the newest is r{newest.number}" if newest else "it has none yet: run it once"
            raise UnknownRevision(f"'{name}' has no revision r{number}", hint=hint)
        return _revision(rows[0])

    def history(self, name: str) -> tuple[Revision, ...]:
        """Every accepted revision of a skill, the newest first."""
        rows = self._database.read("SELECT * FROM revision WHERE skill = ? ORDER BY number DESC", (name,))
        return tuple(map(_revision, rows))

    def restored(self, revision: Revision) -> Skill | None:
        """A revision as a skill again, read from its kept files; None where they are gone."""
        folder = f"{self.folder_of(revision.skill)}/{revision.digest}"
        root, single_file = f"{folder}/{SHARED}", revision.single_file
        skill = read_skill(folder, revision.entry, revision.scope, root=root, single_file=single_file)
        if skill is None or skill.digest != revision.digest:
            return None
        manifest = replace(skill.manifest, name=revision.skill)
        return replace(skill, name=revision.skill, manifest=manifest, revision=revision.number)

    async def accept(
        self, skill: Skill, *, realm: str = "main", message: str = "", expected: int | None = None
    ) -> Skill:
        """Make this state the head, as a new revision if it is one; two processes accept the same state once.

        Raises Conflict where the head is not the revision that was expected.
        """
        head = self.head(skill.name, realm)
        if head is not None and head.digest == skill.digest and expected in (None, head.number):
            return replace(skill, revision=head.number)
        now = self._now()
        number = await self._database.write(
            lambda connection: _accept(connection, skill, realm, message, now, self._origin, expected)
        )
        return replace(skill, revision=number)


def _accept(
    connection: sqlite3.Connection,
    skill: Skill,
    realm: str,
    message: str,
    now: float,
    origin: str,
    expected: int | None,
) -> int:
    head = connection.execute(
        "SELECT number, digest FROM head WHERE realm = ? AND skill = ?", (realm, skill.name)
    ).fetchone()
    newest = int(head["number"]) if head else 0
    if expected not in (None, newest):
        raise conflict_of(skill.name, expected, newest)
    if head is not None and head["digest"] == skill.digest:
        return int(head["number"])
    last = connection.execute("SELECT max(number) FROM revision WHERE skill = ?", (skill.name,)).fetchone()[0]
    number = int(last or 0) + 1
    connection.execute(
        "INSERT INTO revision (skill, number, digest, at, message, scope, entry, single_file)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (skill.name, number, skill.digest, now, message, skill.scope.value, skill.entry, skill.single_file),
    )
    connection.execute(
        "INSERT INTO head (realm, skill, number, digest) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (realm, skill) DO UPDATE SET number = excluded.number, digest = excluded.digest",
        (realm, skill.name, number, skill.digest),
    )
    facts = {"skill": skill.name, "realm": realm, "revision": number, "digest": skill.digest}
    journal.write(connection, origin, "RevisionAccepted", now, facts)
    return number


def conflict_of(name: str, expected: int | None, newest: int) -> Conflict:
    """Somebody was first."""
    hint = f"`workbench diff {name} {expected or newest} {newest}` shows what came between" if newest else ""
    return Conflict(f"'{name}' is at r{newest}, and r{expected} was expected; nothing was changed", hint=hint)


def _revision(row: sqlite3.Row) -> Revision:
    return Revision(
        skill=row["skill"],
        number=row["number"],
        digest=row["digest"],
        at=row["at"],
        message=row["message"],
        scope=Scope(row["scope"]),
        entry=row["entry"],
        single_file=bool(row["single_file"]),
    )


def _copy(source: str, target: str, sha256: str, executable: bool) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    digest = hashlib.sha256()
    with open(descriptor, "rb") as reading, open(target, "xb") as writing:
        while chunk := reading.read(_COPY_BYTES):
            digest.update(chunk)
            writing.write(chunk)
        os.fchmod(writing.fileno(), 0o555 if executable else 0o444)
    if digest.hexdigest() != sha256:
        raise ChangedMeanwhile(source)


def _no_room(path: str, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        f"cannot keep a revision in {path}: {error.strerror or error}",
        hint="free some space, or look at the folder's permissions",
    )
