"""What people allowed skills: kept in the workspace's database, and asked before each run."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping

from workbench.model.consent import Approval, Consent, Right, approval_of
from workbench.model.skill import Skill
from workbench.runtime.clock import Clock
from workbench.runtime.own_hand import OwnHand
from workbench.runtime.store.database import Database

NOTHING: frozenset[Consent] = frozenset()
OUR_OWN = frozenset({Consent(right=Right.UNSANDBOXED)})
_COLUMNS = ("realm", "skill", "consents", "asked", "home", "digest", "at")
_PUT = f"INSERT OR REPLACE INTO approval ({', '.join(_COLUMNS)}, proof) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


class Approvals:
    """One approval for each skill of each realm; what is allowed later is added to it.

    The database lies in the workspace, and a workspace may come from anywhere: only what is signed by one's own hand
    holds.
    """

    def __init__(self, database: Database, clock: Clock, hand: OwnHand, *, shipped: str) -> None:
        self._database, self._clock, self._hand = database, clock, hand
        self._shipped = f"{shipped}/"
        self._known: Mapping[tuple[str, str], Approval] = {}
        self._version = -1

    def listed(self) -> tuple[Approval, ...]:
        """Every approval there is, whether it holds or not."""
        return tuple(sorted(self._all().values(), key=lambda each: (each.skill, each.realm)))

    def of(self, skill: Skill, realm: str) -> frozenset[Consent]:
        """What a skill is allowed now; an approval that is void for it as it stands allows nothing.

        Where there is no sandbox what came with the workbench runs as the workbench itself does. Tests run in realms of
        their own below a session's, and are allowed what the session is.
        """
        approval = self._all().get((realm.partition("/")[0], skill.name))
        given = NOTHING if approval is None or approval.void_for(skill) else approval.consents
        return given | OUR_OWN if skill.path.startswith(self._shipped) else given

    async def give(self, skill: Skill, realm: str, consents: Iterable[Consent]) -> Approval:
        """Allow a skill these things, besides what it was allowed before and is still."""
        given = frozenset(consents)

        def put(connection: sqlite3.Connection) -> Approval:
            row = connection.execute(
                "SELECT * FROM approval WHERE realm = ? AND skill = ?", (realm, skill.name)
            ).fetchone()
            before = self._approval(row) if row else None
            kept = before.consents if before is not None and not before.void_for(skill) else NOTHING
            approval = approval_of(skill, realm, kept | given, self._clock.now())
            lists = (_written(approval.consents), _written(approval.asked))
            values = (realm, skill.name, *lists, approval.home, approval.digest, approval.at)
            connection.execute(_PUT, (*values, self._hand.signed(json.dumps(values))))
            return approval

        return await self._database.write(put)

    async def revoke(self, name: str, realm: str) -> Approval | None:
        """Allow a skill nothing any more; what it had been allowed, if anything."""

        def take(connection: sqlite3.Connection) -> Approval | None:
            row = connection.execute("SELECT * FROM approval WHERE realm = ? AND skill = ?", (realm, name)).fetchone()
            connection.execute("DELETE FROM approval WHERE realm = ? AND skill = ?", (realm, name))
            return self._approval(row) if row else None

        return await self._database.write(take)

    def _all(self) -> Mapping[tuple[str, str], Approval]:
        """Read again only once the database has changed: this is asked before each run."""
        version = self._database.data_version()
        if version != self._version:
            rows: Iterable[sqlite3.Row] = ()
            if self._database.read("SELECT 1 FROM sqlite_master WHERE name = 'approval'"):
                rows = self._database.read("SELECT * FROM approval")
            self._known = {(row["realm"], row["skill"]): self._approval(row) for row in rows}
            self._version = version
        return self._known

    def _approval(self, row: sqlite3.Row) -> Approval:
        """What one row says, once it is known who wrote it: another's may hold anything."""
        if not self._hand.is_own(json.dumps([row[name] for name in _COLUMNS], default=repr), row["proof"]):
            named = {name: str(row[name]) for name in ("skill", "realm", "home", "digest")}
            return Approval(**named, consents=NOTHING, asked=NOTHING, at=0.0, is_own=False)
        return Approval(
            skill=row["skill"],
            realm=row["realm"],
            consents=_read(row["consents"]),
            asked=_read(row["asked"]),
            home=row["home"],
            digest=row["digest"],
            at=row["at"],
        )


def _written(consents: Iterable[Consent]) -> str:
    return json.dumps(sorted([each.right.value, each.value] for each in consents))


def _read(text: str) -> frozenset[Consent]:
    return frozenset(Consent(right=Right(right), value=value) for right, value in json.loads(text))
