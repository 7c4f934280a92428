"""How the database grew: one script for each version, applied in order, never changed once released."""

from __future__ import annotations

import sqlite3

from workbench.model.errors import StoreUnavailable

SCRIPTS = (
    """
    CREATE TABLE revision (
        skill TEXT NOT NULL,
        number INTEGER NOT NULL,
        digest TEXT NOT NULL,
        at REAL NOT NULL,
        message TEXT NOT NULL DEFAULT '',
        scope TEXT NOT NULL,
        entry TEXT NOT NULL,
        single_file INTEGER NOT NULL,
        PRIMARY KEY (skill, number)
    ) WITHOUT ROWID;
    CREATE INDEX revision_by_digest ON revision (digest);
    CREATE TABLE head (
        realm TEXT NOT NULL,
        skill TEXT NOT NULL,
        number INTEGER NOT NULL,
        digest TEXT NOT NULL,
        PRIMARY KEY (realm, skill)
    ) WITHOUT ROWID;
    CREATE TABLE metadata (
        digest TEXT PRIMARY KEY,
        document TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE run (
        id TEXT PRIMARY KEY,
        skill TEXT NOT NULL,
        version TEXT NOT NULL,
        revision INTEGER NOT NULL,
        digest TEXT NOT NULL,
        realm TEXT NOT NULL,
        status TEXT NOT NULL,
        error TEXT NOT NULL DEFAULT '',
        started_at REAL NOT NULL,
        duration_ms REAL,
        correlation_id TEXT NOT NULL,
        inputs TEXT NOT NULL,
        outcome TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX run_by_skill ON run (skill, started_at);
    CREATE INDEX run_by_time ON run (started_at);
    CREATE TABLE journal (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        at REAL NOT NULL,
        origin TEXT NOT NULL,
        event TEXT NOT NULL,
        payload TEXT NOT NULL
    );
    """,
    """
    ALTER TABLE revision ADD COLUMN realm TEXT NOT NULL DEFAULT 'main';
    CREATE TABLE promotion (
        id TEXT PRIMARY KEY,
        session TEXT NOT NULL,
        owner TEXT NOT NULL,
        at REAL NOT NULL,
        document TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE disabled (
        realm TEXT NOT NULL,
        skill TEXT NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (realm, skill)
    ) WITHOUT ROWID;
    CREATE TABLE tested (
        skill TEXT PRIMARY KEY,
        digest TEXT NOT NULL,
        tests TEXT NOT NULL,
        passed INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        skipped INTEGER NOT NULL,
        is_green INTEGER NOT NULL,
        red TEXT NOT NULL,
        at REAL NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE approval (
        realm TEXT NOT NULL,
        skill TEXT NOT NULL,
        consents TEXT NOT NULL,
        asked TEXT NOT NULL,
        home TEXT NOT NULL,
        digest TEXT NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (realm, skill)
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE approval ADD COLUMN proof TEXT NOT NULL DEFAULT '';
    """,
    """
    ALTER TABLE promotion ADD COLUMN proof TEXT NOT NULL DEFAULT '';
    """,
)

NEWEST = len(SCRIPTS)


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring a database to the newest version; one process does it, the others wait and find it done."""
    if _version(connection) == NEWEST:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)
        if version > NEWEST:
            raise StoreUnavailable(
                f"the library {path} was written by a newer workbench", hint="update the workbench, or move it away"
            )
        for script in SCRIPTS[version:]:
            for statement in script.split(";"):
                if statement.strip():
                    connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {NEWEST}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
