"""Accepted states of skills: the files as they were, kept under their digest, and a number for each."""

from __future__ import annotations

import errno
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress

from workbench.model.devsession import MAIN
from workbench.model.errors import Conflict, StoreUnavailable, UnknownRevision
from workbench.model.frozen import frozen, replace
from workbench.model.skill import SHARED, Scope, Skill
from workbench.runtime.atomic import mirror_tree, open_regular, remove_tree
from workbench.runtime.formats.reader import read_skill
from workbench.runtime.library import journal
from workbench.runtime.places import StatePlace
from workbench.runtime.store.database import Database

FOLDER = "rev"
REFUSED_SECONDS = 60.0
_REFUSED = ".refused-"
_COPY_BYTES = 1 << 20
# What a file says that is gone, or is a link, a folder, a socket by now, or whose owner has closed it.
_MOVED_ON = (errno.ENOENT, errno.EACCES, errno.ELOOP, errno.EISDIR, errno.ENOTDIR, errno.ENXIO)
_HAS_WORDS = "UPDATE revision SET message = ? WHERE skill = ? AND number = ? AND message = ''"
_KNOWN_ELSEWHERE = "SELECT 1 FROM revision WHERE skill = ? AND realm <> ? LIMIT 1"
# What a realm sees: its own heads first, and the workspace's where it has none.
_SEEN = f"h.realm IN (?, '{MAIN}') ORDER BY h.realm = '{MAIN}'"


class ChangedMeanwhile(Conflict):
    """A file is no longer what was read: read the skill again."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is being written at this moment", hint="try again once it is saved")


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
    realm: str = MAIN


class Revisions:
    """Keeps what was accepted, and finds it again."""

    def __init__(self, database: Database, place: StatePlace, now: Callable[[], float], origin: str) -> None:
        self._database, self._place, self._now, self._origin = database, place, now, origin
        self._intact: set[str] = set()
        self._marked: set[tuple[str, str]] = set()

    def folder_of(self, skill: str) -> str:
        """Where every revision of a skill lies; a worker of this skill sees no more than this."""
        return f"{self._place.folder}/{FOLDER}/{skill}"

    def code_folder(self, skill: Skill) -> str:
        """Where the files of this very state lie once they are materialised."""
        return f"{self.folder_of(skill.name)}/{skill.digest}"

    def materialise(self, skill: Skill) -> str:
        """Copy a skill's files, byte for byte as they were read, to where its children may read them.

        What lies there from before is looked at once: the state may have come with a folder from anywhere, and what
        runs has to be what was read. Raises ChangedMeanwhile when the files have moved on, StoreUnavailable when there
        is no room.
        """
        target = self.code_folder(skill)
        is_there = os.path.isdir(target)
        is_another = is_there and target not in self._intact and not _holds(target, skill)
        if is_there and not is_another:
            self._intact.add(target)
            with suppress(OSError):
                os.unlink(f"{self.folder_of(skill.name)}/{_REFUSED}{skill.digest}")
            return target
        self._place.prepared()
        beside = f"{self.folder_of(skill.name)}/.{os.urandom(8).hex()}"
        try:
            os.makedirs(beside, mode=0o755)
            for file in skill.files:
                _copy(skill.path_of(file.path), f"{beside}/{file.path}", file.sha256, file.is_executable)
            if is_another:  # only now: it may be what the skill was read from
                os.rename(target, f"{beside}.old")
                remove_tree(f"{beside}.old")
            os.rename(beside, target)
            self._intact.add(target)
        except OSError as error:
            remove_tree(beside)
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST) and os.path.isdir(target):
                return target
            if error.errno in _MOVED_ON and not os.path.isdir(beside):
                if not os.path.isdir(self._place.folder):
                    raise _no_room(target, error) from error
                raise ChangedMeanwhile(skill.name) from error
            raise _no_room(target, error) from error
        except ChangedMeanwhile:
            remove_tree(beside)
            raise
        return target

    def sweep(self, skill: Skill) -> None:
        """Forget the files of candidates that were refused a while ago, unless they are a revision after all.

        Not at once: another process may be trying the same ones at this moment.
        """
        folder = self.folder_of(skill.name)
        with suppress(OSError):
            with open(f"{folder}/{_REFUSED}{skill.digest}", "wb"):
                pass
            for mark in os.listdir(folder):
                if mark.startswith(_REFUSED) and os.stat(f"{folder}/{mark}").st_mtime < self._now() - REFUSED_SECONDS:
                    self._forget_files(skill.name, mark.removeprefix(_REFUSED))

    def _forget_files(self, name: str, digest: str) -> None:
        known = "SELECT 1 FROM revision WHERE skill = ? AND digest = ? LIMIT 1"
        if not self._database.read(known, (name, digest)):
            remove_tree(f"{self.folder_of(name)}/{digest}")
        os.unlink(f"{self.folder_of(name)}/{_REFUSED}{digest}")

    def head(self, name: str, realm: str = MAIN) -> Revision | None:
        """The newest accepted revision of a skill in a realm; the workspace's where the realm has none of its own."""
        rows = self._database.read(
            "SELECT r.* FROM head h JOIN revision r ON r.skill = h.skill AND r.number = h.number"
            f" WHERE h.skill = ? AND {_SEEN} LIMIT 1",
            (name, realm),
        )
        return _revision(rows[0]) if rows else None

    def heads(self, realm: str) -> dict[str, tuple[int, str]]:
        """Number and digest of what each skill's newest accepted revision is, as a realm sees it."""
        rows = self._database.read(f"SELECT skill, number, digest FROM head h WHERE {_SEEN}", (realm,))
        return {row["skill"]: (row["number"], row["digest"]) for row in reversed(rows)}

    def disabled(self, realm: str) -> frozenset[str]:
        """The skills that do not run in a realm until somebody says so."""
        coming = {name for at, name in tuple(self._marked) if at == realm}
        rows = self._database.read("SELECT skill FROM disabled WHERE realm = ?", (realm,))
        return frozenset(coming | {row["skill"] for row in rows})

    async def switch(self, name: str, realm: str, *, is_enabled: bool, expected: int | None = None) -> None:
        """Whether a skill runs in a realm; raises Conflict where its head is not what was expected."""
        statement = "DELETE FROM disabled WHERE realm = ? AND skill = ?"
        values: tuple[object, ...] = (realm, name)
        if not is_enabled:
            statement, values = (
                "INSERT OR REPLACE INTO disabled (realm, skill, at) VALUES (?, ?, ?)",
                (*values, self._now()),
            )

        def write(connection: sqlite3.Connection) -> None:
            _refuse_unless(connection, name, realm, expected)
            connection.execute(statement, values)

        await self._database.write(write)

    async def rename(self, old: str, new: str, realm: str = MAIN, *, expected: int | None = None) -> bool:
        """What a realm knew under the old name it knows under the new one, unless that has a history of its own.

        What sessions that work on the old one know stays there, and a session's new name is its own: what anybody else
        knows stays. Returns whether it was moved; raises Conflict where the head is not what was expected.
        """

        def write(connection: sqlite3.Connection) -> bool:
            _refuse_unless(connection, old, realm, expected)
            return self._rename(connection, old, new, realm)

        return await self._database.write(write)

    async def rename_back(self, old: str, new: str, realm: str = MAIN, *, is_moved: bool, was_disabled: bool) -> None:
        """A rename that came to nothing did not happen, whether it had moved the history or not."""
        if is_moved or was_disabled:
            back = self._move if is_moved else self._move_mark
            await self._database.write(lambda connection: back(connection, new, old, realm))

    def rename_soon(self, old: str, new: str, realm: str = MAIN) -> None:
        """The same for who cannot wait: whoever writes next finds it done, because writes keep their order."""
        mark = (realm, new)
        if old in self.disabled(realm):
            self._marked.add(mark)  # until that is written, too, nobody runs it

        def write(connection: sqlite3.Connection) -> None:
            try:
                self._rename(connection, old, new, realm)
            finally:
                self._marked.discard(mark)

        self._database.post(write)

    def _rename(self, connection: sqlite3.Connection, old: str, new: str, realm: str) -> bool:
        is_taken = connection.execute("SELECT 1 FROM revision WHERE skill = ? LIMIT 1", (new,)).fetchone()
        if is_taken or (realm != MAIN and connection.execute(_KNOWN_ELSEWHERE, (old, realm)).fetchone()):
            self._move_mark(connection, old, new, realm)
            return False
        self._move(connection, old, new, realm)
        return True

    def _move_mark(self, connection: sqlite3.Connection, old: str, new: str, realm: str) -> None:
        """What does not run does not run under another name either."""
        connection.execute("UPDATE OR REPLACE disabled SET skill = ? WHERE skill = ? AND realm = ?", (new, old, realm))

    def _move(self, connection: sqlite3.Connection, old: str, new: str, realm: str) -> None:
        """All but what belongs to other realms that have the old one at work."""
        at_work = connection.execute("SELECT realm FROM head WHERE skill = ? AND realm <> ?", (old, realm)).fetchall()
        others = tuple(row["realm"] for row in at_work)
        here = f"realm NOT IN ({', '.join('?' * len(others))})"
        for table in ("revision", "head", "disabled", "run"):
            statement = f"UPDATE OR REPLACE {table} SET skill = ? WHERE skill = ? AND {here}"
            connection.execute(statement, (new, old, *others))
        connection.execute("UPDATE OR REPLACE tested SET skill = ? WHERE skill = ?", (new, old))
        kept = connection.execute("SELECT DISTINCT digest FROM revision WHERE skill = ?", (new,)).fetchall()
        self._share_kept(old, new, [row["digest"] for row in kept])

    def _share_kept(self, old: str, new: str, digests: Iterable[str]) -> None:
        """The files of these revisions under both names: what is running still reads them under the old one."""
        before, after = self.folder_of(old), self.folder_of(new)
        with suppress(OSError):
            os.makedirs(after, exist_ok=True)
        for digest in digests:
            if not os.path.lexists(f"{after}/{digest}"):
                beside = f"{after}/.{os.urandom(8).hex()}"
                try:
                    mirror_tree(f"{before}/{digest}", beside)
                    os.rename(beside, f"{after}/{digest}")
                except OSError:
                    remove_tree(beside)

    async def forget(self, realm: str, names: Iterable[str] | None = None) -> None:
        """A realm has no revisions of its own of these skills any more, or of any; their numbers stay taken."""
        wanted = None if names is None else list(names)
        await self._database.write(lambda connection: _forget(connection, realm, wanted))

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

    async def accept(self, skill: Skill, *, realm: str = MAIN, message: str = "", expected: int | None = None) -> Skill:
        """Make this state the head, as a new revision if it is one; two processes accept the same state once.

        Whoever watches may have been first, and knew no words for it: then these are its words.
        Raises Conflict where the head is neither this state nor the revision that was expected.
        """
        head = self.head(skill.name, realm)
        if head is not None and head.digest == skill.digest and (head.message or not message):
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
    newest, digest = _head(connection, skill.name, realm)
    if newest and digest == skill.digest:
        if message:
            connection.execute(_HAS_WORDS, (message, skill.name, newest))
        return newest
    _refuse_unless(connection, skill.name, realm, expected)
    last = connection.execute("SELECT max(number) FROM revision WHERE skill = ?", (skill.name,)).fetchone()[0]
    number = int(last or 0) + 1
    connection.execute(
        "INSERT INTO revision (skill, number, digest, at, message, scope, entry, single_file, realm)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (skill.name, number, skill.digest, now, message, skill.scope.value, skill.entry, skill.single_file, realm),
    )
    connection.execute(
        "INSERT INTO head (realm, skill, number, digest) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (realm, skill) DO UPDATE SET number = excluded.number, digest = excluded.digest",
        (realm, skill.name, number, skill.digest),
    )
    facts = {"skill": skill.name, "realm": realm, "revision": number, "digest": skill.digest}
    journal.write(connection, origin, "RevisionAccepted", now, facts)
    return number


def _head(connection: sqlite3.Connection, name: str, realm: str) -> tuple[int, str]:
    """Number and digest of the newest revision as a realm sees it; 0 and nothing where there is none."""
    statement = f"SELECT number, digest FROM head h WHERE skill = ? AND {_SEEN} LIMIT 1"
    head = connection.execute(statement, (name, realm)).fetchone()
    return (int(head["number"]), head["digest"]) if head else (0, "")


def _refuse_unless(connection: sqlite3.Connection, name: str, realm: str, expected: int | None) -> None:
    """Raises Conflict where somebody accepted another revision than the one that was expected."""
    newest, _ = _head(connection, name, realm)
    if expected not in (None, newest):
        raise conflict_of(name, expected, newest)


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
        realm=row["realm"],
    )


def _forget(connection: sqlite3.Connection, realm: str, names: list[str] | None) -> None:
    for row in connection.execute("SELECT skill FROM head WHERE realm = ?", (realm,)).fetchall():
        if names is None or row["skill"] in names:
            connection.execute("DELETE FROM head WHERE realm = ? AND skill = ?", (realm, row["skill"]))


def _copy(source: str, target: str, sha256: str, executable: bool) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    digest = hashlib.sha256()
    with open_regular(source) as reading, open(target, "xb") as writing:
        while chunk := reading.read(_COPY_BYTES):
            digest.update(chunk)
            writing.write(chunk)
        os.fchmod(writing.fileno(), 0o555 if executable else 0o444)
    if digest.hexdigest() != sha256:
        raise ChangedMeanwhile(source)


def _holds(folder: str, skill: Skill) -> bool:
    """Whether it holds a skill's files as they were read, and nothing else."""
    there = {os.path.relpath(f"{parent}/{name}", folder) for parent, _, names in os.walk(folder) for name in names}
    return there == {file.path for file in skill.files} and all(
        _has(f"{folder}/{file.path}", file.sha256, is_executable=file.is_executable) for file in skill.files
    )


def _has(path: str, sha256: str, *, is_executable: bool) -> bool:
    try:
        with open_regular(path) as file:
            mode = os.fstat(file.fileno()).st_mode
            return bool(mode & 0o111) == is_executable and hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False


def _no_room(path: str, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        f"cannot keep a revision in {path}: {error.strerror or error}",
        hint="free some space, or look at the folder's permissions",
    )
