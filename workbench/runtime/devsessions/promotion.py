"""A session's files become the workspace's: said beforehand, file by file, finished by whoever comes after a crash."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress

import anyio

from workbench.model.devsession import FileStand
from workbench.model.errors import Conflict, MachineCannot
from workbench.model.frozen import as_mapping, frozen
from workbench.runtime.atomic import remove_tree, write_atomically
from workbench.runtime.devsessions.files import refuse_links
from workbench.runtime.devsessions.overlay import Overlay, making_room, mark_of, remove_empty, remove_if_hollow
from workbench.runtime.formats.reader import ENTRIES
from workbench.runtime.own_hand import OwnHand
from workbench.runtime.places import StatePlace
from workbench.runtime.store.database import Database
from workbench.runtime.store.instances import is_at_work

FOLDER = "promotions"


@frozen
class Intent:
    """What is to be written where, and where its text lies until that is done."""

    id: str
    session: str
    overlay: Overlay
    stands: tuple[FileStand, ...]

    @property
    def in_order(self) -> list[FileStand]:
        """The files that begin a skill come last: until then what was there goes on answering.

        What goes so that another can come, a file for a folder or the other way round, goes first.
        """
        gone = [stand.path for stand in self.stands if not stand.mine]
        first = making_room(gone, [stand.path for stand in self.stands if stand.mine])
        return sorted(self.stands, key=lambda each: (each.path not in first, os.path.basename(each.path) in ENTRIES))


class Promotions:
    """Carries promotions out, one at a time in a workspace."""

    def __init__(
        self,
        database: Database,
        place: StatePlace,
        workspace: str,
        claim: Callable[[], str],
        now: Callable[[], float],
        hand: OwnHand,
    ) -> None:
        self._database, self._place, self._workspace = database, place, workspace
        self._claim, self._now, self._hand = claim, now, hand

    async def carry_out(self, session: str, overlay: Overlay, stands: Sequence[FileStand]) -> None:
        """Write these files into the workspace: all of them, or none where one is not what it is expected to be.

        Raises Conflict, and MachineCannot. A crash in between leaves an intent, and the next start finishes it.
        """
        intent = Intent(id=os.urandom(8).hex(), session=session, overlay=overlay, stands=tuple(stands))
        staged, owner = self._staged(intent), self._claim()
        try:
            await anyio.to_thread.run_sync(_stage, intent, staged)
            await self._database.write(lambda connection: self._intend(connection, intent, owner))
        except BaseException:
            with anyio.CancelScope(shield=True):  # it may have been written all the same
                await self._done(intent)
            raise
        with anyio.CancelScope(shield=True):  # what is begun is finished, or taken back
            try:
                await anyio.to_thread.run_sync(self._carry_out, intent, staged)
            except Exception:
                await self._done(intent)
                raise
            await self._done(intent)

    def _carry_out(self, intent: Intent, staged: str) -> None:
        try:
            self._write(intent, staged)
        except (Conflict, OSError) as error:
            self._take_back(intent)
            if isinstance(error, Conflict):
                raise
            hint = f"nothing was changed; look at the room and the permissions in {self._workspace}"
            raise MachineCannot(f"the files cannot be written: {error.strerror or error}", hint=hint) from error
        for stand in intent.stands:
            with suppress(OSError):  # the workspace has it; what the session knows of it can be brought up to date
                intent.overlay.settle(stand.path, source=staged)

    async def finish_left_behind(self) -> tuple[Intent, ...]:
        """What a process that is gone had begun; a file that was changed since then stays as it is.

        The database may have come with a folder from anywhere: what was not begun by one's own hand is nobody's.
        """
        left = [
            row["document"]
            for row in self._database.read("SELECT * FROM promotion ORDER BY at")
            if self._hand.is_own(str(row["document"]), row["proof"]) and not is_at_work(self._place, row["owner"])
        ]
        found = list(map(_intent, left))
        for intent in found:
            staged = self._staged(intent)
            for stand in intent.in_order if os.path.isdir(staged) else ():
                if mark_of(f"{staged}/{stand.path}") == stand.mine:
                    try:
                        self._write_one(intent, staged, stand)
                    except (Conflict, OSError):
                        continue
                    if os.path.isdir(intent.overlay.mine):
                        intent.overlay.settle(stand.path, source=staged)
            await self._done(intent)
        return tuple(found)

    def _staged(self, intent: Intent) -> str:
        return f"{self._place.prepared()}/{FOLDER}/{intent.id}"

    def _intend(self, connection: sqlite3.Connection, intent: Intent, owner: str) -> None:
        for row in connection.execute("SELECT owner, session FROM promotion").fetchall():
            if is_at_work(self._place, str(row["owner"])):
                raise Conflict(
                    f"session {row['session']} is being promoted at this moment", hint="try again in a moment"
                )
        document = _document(intent)
        connection.execute(
            "INSERT INTO promotion (id, session, owner, at, document, proof) VALUES (?, ?, ?, ?, ?, ?)",
            (intent.id, intent.session, owner, self._now(), document, self._hand.signed(document)),
        )

    async def _done(self, intent: Intent) -> None:
        await self._database.write(
            lambda connection: connection.execute("DELETE FROM promotion WHERE id = ?", (intent.id,))
        )
        remove_tree(self._staged(intent))

    def _write(self, intent: Intent, staged: str) -> None:
        for stand in intent.stands:
            self._expect(stand, (stand.theirs,))
        for stand in intent.in_order:
            self._write_one(intent, staged, stand)

    def _write_one(self, intent: Intent, staged: str, stand: FileStand) -> None:
        target = f"{self._workspace}/{stand.path}"
        if self._expect(stand, (stand.theirs, stand.mine)) == stand.mine:
            return
        refuse_links(self._workspace, os.path.dirname(target))
        if not stand.mine:
            os.unlink(target)
            remove_empty(os.path.dirname(target))
            return
        _copy_over(f"{staged}/{stand.path}", target, stand.mine)

    def _expect(self, stand: FileStand, marks: tuple[str, ...]) -> str:
        now = mark_of(f"{self._workspace}/{stand.path}")
        if now not in marks:
            raise Conflict(f"{stand.path} was changed in the workspace meanwhile", hint="nothing was changed; compare")
        return now

    def _take_back(self, intent: Intent) -> None:
        """What was written already is again what it was, the last of it first; that text lies in the session's base."""
        for stand in reversed(intent.in_order):
            target = f"{self._workspace}/{stand.path}"
            if stand.mine != stand.theirs and mark_of(target) == stand.mine:
                if not stand.theirs:
                    os.unlink(target)
                    remove_empty(os.path.dirname(target))
                else:
                    _copy_over(f"{intent.overlay.base}/{stand.path}", target, stand.theirs)


def _copy_over(source: str, target: str, mark: str) -> None:
    """Have a file hold what another does; folders that were left empty in its place go."""
    remove_if_hollow(target)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(source, "rb") as file:
        write_atomically(target, file.read(), mode=0o755 if mark.endswith("x") else 0o644)


def _stage(intent: Intent, staged: str) -> None:
    """A copy of what was looked at: whoever types on meanwhile changes nothing of it."""
    os.makedirs(staged)
    for stand in intent.stands:
        if stand.mine:
            target = f"{staged}/{stand.path}"
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(f"{intent.overlay.mine}/{stand.path}", target)
            if mark_of(target) != stand.mine:
                raise Conflict(f"{stand.path} is being written at this moment", hint="promote once more")


def _document(intent: Intent) -> str:
    overlay = intent.overlay
    return json.dumps(
        {
            "id": intent.id,
            "session": intent.session,
            "folders": [overlay.workspace, overlay.mine, overlay.base],
            "stands": [as_mapping(stand) for stand in intent.stands],
        }
    )


def _intent(document: str) -> Intent:
    told = json.loads(document)
    stands = tuple(FileStand(**stand) for stand in told["stands"])
    return Intent(id=told["id"], session=told["session"], overlay=Overlay(*told["folders"]), stands=stands)
