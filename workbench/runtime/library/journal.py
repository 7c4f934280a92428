"""The journal: what other processes on the same workspace did, read from the database and told to our own bus."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import anyio

from workbench.model.errors import StoreUnavailable
from workbench.model.events import Event, RevisionAccepted, RunEnded, SessionChanged
from workbench.runtime.bus import Bus
from workbench.runtime.clock import Clock
from workbench.runtime.store.database import Database

LOOK_SECONDS = 0.1
MOST_AT_ONCE = 500
KEPT = 10_000
_EVENTS: dict[str, type[Event]] = {
    "RevisionAccepted": RevisionAccepted,
    "RunEnded": RunEnded,
    "SessionChanged": SessionChanged,
}


def write(connection: sqlite3.Connection, origin: str, event: str, at: float, facts: Mapping[str, Any]) -> None:
    """Put a fact down, in the transaction that makes it true; the oldest facts go."""
    cursor = connection.execute(
        "INSERT INTO journal (at, origin, event, payload) VALUES (?, ?, ?, ?)", (at, origin, event, json.dumps(facts))
    )
    if cursor.lastrowid and cursor.lastrowid % 1_000 == 0:
        connection.execute("DELETE FROM journal WHERE seq <= ?", (cursor.lastrowid - KEPT,))


class Journal:
    """Follows the others; our own facts came over the bus already."""

    def __init__(self, database: Database, origin: str, bus: Bus, clock: Clock) -> None:
        self._database, self._origin, self._bus, self._clock = database, origin, bus, clock
        self._turn = anyio.Lock()

    async def follow(self) -> None:
        """Tell what others do from now on, a tenth of a second later at most. Of several who ask for it one does it."""
        async with self._turn:
            await self._follow()

    async def _follow(self) -> None:
        cursor = self._newest()
        version = -1
        while True:
            with suppress(StoreUnavailable):  # whoever has to write will be told; hearing of others can wait
                if (now := self._database.data_version()) != version:
                    version = now
                    cursor = self._tell_since(cursor)
            await self._clock.sleep(LOOK_SECONDS)

    def _newest(self) -> int:
        rows = self._database.read("SELECT max(seq) AS seq FROM journal")
        return int(rows[0]["seq"] or 0) if rows else 0

    def _tell_since(self, cursor: int) -> int:
        rows = self._database.read("SELECT * FROM journal WHERE seq > ? ORDER BY seq LIMIT ?", (cursor, MOST_AT_ONCE))
        for row in rows:
            kind = _EVENTS.get(row["event"])
            if kind is not None and row["origin"] != self._origin:
                self._bus.publish(kind(at=row["at"], origin=row["origin"], **json.loads(row["payload"])))
        return int(rows[-1]["seq"]) if rows else cursor
