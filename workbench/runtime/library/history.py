"""What ran and how it ended: begun in one write that survives kill -9, ended in the database."""

from __future__ import annotations

import json
import sqlite3
from functools import partial
from typing import Any

import msgspec

from workbench.model.documents import outcome_document
from workbench.model.frozen import frozen, replace
from workbench.model.observed import Observed
from workbench.model.run import Outcome, Run, Status
from workbench.runtime.library import journal
from workbench.runtime.library.observing import observed_in
from workbench.runtime.places import StatePlace
from workbench.runtime.store.database import Database
from workbench.runtime.store.instances import Instance, Orphan, orphans

MOST_STORED_BYTES = 256_000
MOST_OBSERVED = 200
_INSERT = (
    "INSERT OR IGNORE INTO run (id, skill, version, revision, digest, realm, status, error, started_at, duration_ms,"
    " correlation_id, inputs, outcome) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@frozen
class PastRun:
    """One line of the history."""

    id: str
    skill: str
    version: str
    revision: int
    status: Status
    error: str
    started_at: float
    duration_ms: float | None

    def document(self) -> dict[str, Any]:
        return {
            "run_id": self.id,
            "skill": self.skill,
            "version": self.version,
            "revision": self.revision or None,
            "status": self.status.value,
            "error": self.error or None,
            "started_at": self.started_at,
            "duration_ms": self.duration_ms,
        }


class History:
    """Records runs. `began` returns when the fact is safe; `ended` follows in the writer's next batch."""

    def __init__(self, database: Database, place: StatePlace, instance: Instance) -> None:
        self._database, self._place, self._instance = database, place, instance
        self._has_settled = False

    def began(self, run: Run) -> None:
        self._instance.write(
            {
                "run": run.id,
                "skill": run.skill.name,
                "version": run.skill.manifest.version,
                "revision": run.skill.revision,
                "digest": run.skill.digest,
                "realm": run.realm.id,
                "at": run.started_at,
                "correlation": run.correlation_id,
            }
        )

    def ended(self, run: Run, outcome: Outcome) -> None:
        row = (
            run.id,
            run.skill.name,
            run.skill.manifest.version,
            run.skill.revision,
            run.skill.digest,
            run.realm.id,
            outcome.status.value,
            outcome.error.kind.value if outcome.error else "",
            run.started_at,
            outcome.duration_ms,
            run.correlation_id,
            _stored(run.inputs),
        )

        facts = {
            "skill": run.skill.name,
            "realm": run.realm.id,
            "run": run.id,
            "revision": run.skill.revision,
            "status": outcome.status.value,
            "duration_ms": round(outcome.duration_ms, 3),
        }

        def insert(connection: sqlite3.Connection) -> None:
            connection.execute(_INSERT, (*row, _stored_outcome(outcome)))
            journal.write(connection, self._instance.id, "RunEnded", run.started_at, facts)

        self._database.post(insert)

    def runs(self, *, skill: str = "", failed_only: bool = False, most: int = 50) -> list[PastRun]:
        """The newest runs first; what nobody has settled yet counts as lost."""
        where, parameters = ["1"], []
        if skill:
            where.append("skill = ?")
            parameters.append(skill)
        if failed_only:
            where.append("status <> 'completed'")
        rows = self._database.read(
            f"SELECT * FROM run WHERE {' AND '.join(where)} ORDER BY started_at DESC, id DESC LIMIT ?",
            (*parameters, most),
        )
        known = [_past_run(row) for row in rows]
        ids = {run.id for run in known}
        lost = [run for run in self._unsettled() if run.id not in ids and skill in ("", run.skill)]
        return sorted((*known, *lost), key=lambda run: run.started_at, reverse=True)[:most]

    def one(self, run_id: str) -> dict[str, Any] | None:
        """All that was kept of one run: what it was given, and how it ended."""
        rows = self._database.read("SELECT * FROM run WHERE id = ?", (run_id.upper(),))
        if not rows:
            return None
        row = rows[0]
        ended = json.loads(row["outcome"]) or {}
        return {**_past_run(row).document(), "digest": row["digest"], "inputs": json.loads(row["inputs"]), **ended}

    def observed(self, skill: str, most: int = MOST_OBSERVED) -> Observed:
        """What the newest runs of a skill did, as far as it was noted."""
        rows = self._database.read(
            "SELECT outcome FROM run WHERE skill = ? AND outcome <> 'null' ORDER BY started_at DESC LIMIT ?",
            (skill, most),
        )
        return observed_in(json.loads(row["outcome"]) or {} for row in rows)

    def _unsettled(self) -> list[PastRun]:
        """Runs that processes that are gone had begun, and that are not known to have ended."""
        lost: list[PastRun] = []
        for orphan in orphans(self._place):
            lost += [_lost(fact) for fact in orphan.facts if "run" in fact]
            orphan.released()
        return [run for run in lost if not self._database.read("SELECT 1 FROM run WHERE id = ?", (run.id,))]

    async def settle_once(self) -> None:
        """Before our first run: settle what others left."""
        if not self._has_settled:
            self._has_settled = True
            await self.settle()

    async def settle(self) -> int:
        """Write down as lost what processes that are gone had begun and not ended; says how many there were."""
        count = 0
        for orphan in orphans(self._place):
            try:
                count += await self._database.write(partial(_settle, orphan))
            except BaseException:
                orphan.released()
                raise
            orphan.settled()
        return count


def _settle(orphan: Orphan, connection: sqlite3.Connection) -> int:
    before = connection.total_changes
    for fact in orphan.facts:
        if "run" not in fact:
            continue
        connection.execute(
            _INSERT,
            (
                str(fact["run"]),
                str(fact.get("skill", "")),
                str(fact.get("version", "")),
                int(fact.get("revision") or 0),
                str(fact.get("digest", "")),
                str(fact.get("realm", "main")),
                Status.LOST.value,
                "",
                float(fact.get("at") or 0.0),
                None,
                str(fact.get("correlation", "")),
                "null",
                "null",
            ),
        )
    return connection.total_changes - before


def _lost(fact: dict[str, Any]) -> PastRun:
    return PastRun(
        id=str(fact["run"]),
        skill=str(fact.get("skill", "")),
        version=str(fact.get("version", "")),
        revision=int(fact.get("revision") or 0),
        status=Status.LOST,
        error="",
        started_at=float(fact.get("at") or 0.0),
        duration_ms=None,
    )


def _past_run(row: sqlite3.Row) -> PastRun:
    return PastRun(
        id=row["id"],
        skill=row["skill"],
        version=row["version"],
        revision=row["revision"],
        status=Status(row["status"]),
        error=row["error"],
        started_at=row["started_at"],
        duration_ms=row["duration_ms"],
    )


def _stored(value: object) -> str:
    text = _encoded(value)
    return text if len(text) <= MOST_STORED_BYTES else "null"


def _encoded(value: object) -> str:
    """JSON of whatever there is: an outcome has to be written down even where it holds half a character."""
    try:
        return msgspec.json.encode(value, enc_hook=str).decode()
    except (TypeError, ValueError, RecursionError):
        return json.dumps(value, default=str, skipkeys=True)


def _stored_outcome(outcome: Outcome) -> str:
    """Without its output where that is too much; of a flood nothing is encoded only to be thrown away."""
    output = outcome.output if outcome.output_bytes is None else outcome.output_bytes
    is_flood = isinstance(output, str | bytes) and len(output) > MOST_STORED_BYTES
    if not is_flood and len(text := _encoded(outcome_document(outcome))) <= MOST_STORED_BYTES:
        return text
    cut = replace(outcome, output=None, output_bytes=None, stderr=outcome.stderr[-4096:], truncated=True)
    return _encoded(outcome_document(cut))
