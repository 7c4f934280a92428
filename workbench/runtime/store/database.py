"""One SQLite file: a thread that writes, batches what waits, and readers on connections of their own.

Nothing is made on disk before the first write. SQLite's own errors end here: who calls sees StoreUnavailable.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from workbench.model.errors import StoreUnavailable, WorkbenchError
from workbench.runtime.places import StatePlace
from workbench.runtime.store.migrations import NEWEST, migrate

FILE_NAME = "workbench.db"
BUSY_SECONDS = 10.0
LONGEST_BATCH = 500

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], Any]


class Database:
    """The workspace's database. `write` waits for its turn, `post` does not, `read` never waits for a writer."""

    def __init__(self, place: StatePlace) -> None:
        self._place = place
        self._jobs: queue.SimpleQueue[tuple[Job, Future[Any] | None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._reader: sqlite3.Connection | None = None
        self._reads = threading.Lock()
        self._failure: Exception | None = None

    @property
    def path(self) -> str:
        return f"{self._place.folder}/{FILE_NAME}"

    async def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Do a job in a transaction of the writing thread, and wait until it is committed."""
        future: Future[T] = Future()
        self._submit(job, future)
        return await asyncio.wrap_future(future)

    def post(self, job: Job) -> None:
        """Have a job done soon; `close` waits for it, and raises what went wrong with the machine."""
        self._submit(job, None)

    def read(self, sql: str, parameters: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Rows as they were last committed, from whichever thread; none while there is no database."""
        with _translated(self.path), self._reads:
            connection = self._reading()
            return [] if connection is None else connection.execute(sql, parameters).fetchall()

    def data_version(self) -> int:
        """A number that changes when another connection has changed the database; 0 while there is none."""
        rows = self.read("PRAGMA data_version")
        return int(rows[0][0]) if rows else 0

    def close(self) -> None:
        """Write what waits, then let go; raises what a posted job met."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def _submit(self, job: Job, future: Future[Any] | None) -> None:
        if self._thread is None:
            connection = self._open_for_writing()
            self._thread = threading.Thread(target=self._serve, args=(connection,), name="store-writer", daemon=True)
            self._thread.start()
        self._jobs.put((job, future))

    def _open_for_writing(self) -> sqlite3.Connection:
        self._place.prepared()
        with _translated(self.path):
            connection = sqlite3.connect(
                self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
            )
            try:
                _prepare(connection)
                migrate(connection, self.path)
            except BaseException:
                connection.close()
                raise
            return connection

    def _reading(self) -> sqlite3.Connection | None:
        if self._reader is None:
            if not os.path.exists(self.path):  # a workspace where nothing has run is asked ten times a second
                return None
            try:
                uri = f"file:{_quoted(self.path)}?mode=ro"
                connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
                connection.row_factory = sqlite3.Row
                version = connection.execute("PRAGMA user_version").fetchone()[0]
            except sqlite3.OperationalError as error:
                if "unable to open" in str(error):
                    return None
                raise
            if version != NEWEST:
                connection.close()
                if version == 0:  # somebody is making it at this moment
                    return None
                self._open_for_writing().close()
                return self._reading()
            self._reader = connection
        return self._reader

    def _serve(self, connection: sqlite3.Connection) -> None:
        """The writing thread: everything that waits goes into one transaction."""
        is_open = True
        while is_open:
            batch = [self._jobs.get()]
            while len(batch) < LONGEST_BATCH and batch[-1] is not None:
                try:
                    batch.append(self._jobs.get_nowait())
                except queue.Empty:
                    break
            is_open = batch[-1] is not None
            self._do([job for job in batch if job is not None], connection)
        connection.close()

    def _do(self, jobs: list[tuple[Job, Future[Any] | None]], connection: sqlite3.Connection) -> None:
        jobs = [(job, future) for job, future in jobs if future is None or future.set_running_or_notify_cancel()]
        if not jobs:
            return
        try:
            with _translated(self.path):
                connection.execute("BEGIN IMMEDIATE")
                results = [self._attempt(job, connection) for job, _ in jobs]
                connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  the thread that writes outlives whatever a job does
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            results = [error] * len(jobs)
        for (_, future), result in zip(jobs, results, strict=True):
            self._deliver(future, result)

    def _attempt(self, job: Job, connection: sqlite3.Connection) -> object:
        """One job in a savepoint of its own, so that its failure undoes nothing of its neighbours'."""
        connection.execute("SAVEPOINT job")
        try:
            result = job(connection)
        except (WorkbenchError, sqlite3.IntegrityError) as error:
            connection.execute("ROLLBACK TO job")
            result = error
        connection.execute("RELEASE job")
        return result

    def _deliver(self, future: Future[Any] | None, result: object) -> None:
        if future is None:
            if isinstance(result, Exception):
                self._failure = result
        elif isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)


def _prepare(connection: sqlite3.Connection) -> None:
    connection.row_factory = sqlite3.Row
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")  # it may have come with a folder from anywhere
    connection.execute("PRAGMA temp_store = MEMORY")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn the write-ahead log on. SQLite waits for no other process here, whatever its timeout says: so we do."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.005)
        else:
            return


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


@contextmanager
def _translated(path: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.Error as error:
        raise StoreUnavailable(f"the library {path}: {error}", hint=_hint(str(error))) from error


def _hint(message: str) -> str:
    if "full" in message:
        return "free some space on that disk and try again; nothing that was saved is lost"
    if "locked" in message:
        return "another process holds it for very long; try again"
    if "malformed" in message or "not a database" in message:
        return "move that file away to begin a new history; the skills themselves are not in it"
    return "look at the folder's permissions and free space"


@contextmanager
def open_database(place: StatePlace) -> Iterator[Database]:
    """The database for as long as the block lasts; what was posted is written before it ends."""
    database = Database(place)
    try:
        yield database
    finally:
        database.close()
