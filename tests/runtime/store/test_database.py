"""The database: nothing before the first write, everything after it, and errors that say what to do."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import anyio
import pytest

from workbench.model.errors import StoreUnavailable
from workbench.runtime.places import StatePlace
from workbench.runtime.store.database import FILE_NAME, open_database

pytestmark = pytest.mark.anyio


def place(folder: Path) -> StatePlace:
    return StatePlace(folder=str(folder / ".workbench"), is_in_workspace=True, reason="")


def remember(connection: sqlite3.Connection, name: str) -> None:
    connection.execute("INSERT INTO metadata (digest, document) VALUES (?, '{}')", (name,))


async def test_reading_makes_nothing_on_disk(tmp_path: Path) -> None:
    with open_database(place(tmp_path)) as database:
        assert database.read("SELECT * FROM run") == []
    assert os.listdir(tmp_path) == []


async def test_what_was_written_is_read_by_another_process_of_the_same_workspace(tmp_path: Path) -> None:
    with open_database(place(tmp_path)) as mine, open_database(place(tmp_path)) as theirs:
        await mine.write(lambda connection: remember(connection, "a"))
        assert [row["digest"] for row in theirs.read("SELECT digest FROM metadata")] == ["a"]


async def test_what_was_posted_is_there_once_the_block_is_left(tmp_path: Path) -> None:
    with open_database(place(tmp_path)) as database:
        for number in range(2_000):
            database.post(lambda connection, number=number: remember(connection, str(number)))  # type: ignore[misc]
    with open_database(place(tmp_path)) as database:
        assert database.read("SELECT count(*) AS n FROM metadata")[0]["n"] == 2_000


async def test_a_job_that_fails_takes_nothing_of_its_neighbours_with_it(tmp_path: Path) -> None:
    with open_database(place(tmp_path)) as database:
        await database.write(lambda connection: remember(connection, "once"))
        database.post(lambda connection: remember(connection, "before"))
        with pytest.raises(sqlite3.IntegrityError):
            await database.write(lambda connection: remember(connection, "once"))
        database.post(lambda connection: remember(connection, "after"))
    with open_database(place(tmp_path)) as database:
        names = {row["digest"] for row in database.read("SELECT digest FROM metadata")}
    assert names == {"once", "before", "after"}


async def test_a_write_that_is_cancelled_does_not_stop_the_others(tmp_path: Path) -> None:
    with open_database(place(tmp_path)) as database:
        for number in range(40):
            with anyio.move_on_after(0.0001 * (number % 5)):
                await database.write(lambda connection, number=number: remember(connection, f"c{number}"))  # type: ignore[misc]
        with anyio.fail_after(5):
            await database.write(lambda connection: remember(connection, "after"))
        assert database.read("SELECT 1 FROM metadata WHERE digest = 'after'")


async def test_a_job_that_raises_anything_does_not_stop_the_others(tmp_path: Path) -> None:
    def breaks(connection: sqlite3.Connection) -> None:
        raise ZeroDivisionError

    with open_database(place(tmp_path)) as database:
        with pytest.raises(ZeroDivisionError):
            await database.write(breaks)
        with anyio.fail_after(5):
            await database.write(lambda connection: remember(connection, "after"))


async def test_two_processes_that_open_a_new_workspace_at_once_both_work(tmp_path: Path) -> None:
    with open_database(place(tmp_path)) as mine, open_database(place(tmp_path)) as theirs:
        mine.post(lambda connection: remember(connection, "mine"))
        theirs.post(lambda connection: remember(connection, "theirs"))
    with open_database(place(tmp_path)) as database:
        assert len(database.read("SELECT * FROM metadata")) == 2


async def test_a_database_that_another_process_is_making_at_this_moment_is_waited_for(tmp_path: Path) -> None:
    os.makedirs(tmp_path / ".workbench")
    other = sqlite3.connect(tmp_path / ".workbench" / FILE_NAME, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, other.execute, ["COMMIT"]).start()

    with open_database(place(tmp_path)) as database:
        await database.write(lambda connection: remember(connection, "a"))
        assert len(database.read("SELECT * FROM metadata")) == 1
    other.close()


async def test_a_damaged_file_is_named_and_the_way_out_too(tmp_path: Path) -> None:
    os.makedirs(tmp_path / ".workbench")
    (tmp_path / ".workbench" / "workbench.db").write_bytes(b"not a database at all, " * 500)

    with open_database(place(tmp_path)) as database, pytest.raises(StoreUnavailable) as error:
        await database.write(lambda connection: remember(connection, "a"))

    assert "workbench.db" in error.value.message
    assert "move that file away" in error.value.hint


async def test_a_database_of_a_newer_workbench_is_left_alone(tmp_path: Path) -> None:
    with open_database(place(tmp_path)) as database:
        await database.write(lambda connection: remember(connection, "a"))
    path = tmp_path / ".workbench" / "workbench.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()

    with open_database(place(tmp_path)) as database, pytest.raises(StoreUnavailable, match="newer workbench"):
        await database.write(lambda connection: remember(connection, "b"))


async def test_a_full_disk_is_an_error_of_the_machine_and_loses_nothing(tmp_path: Path) -> None:
    with open_database(place(tmp_path)) as database:
        await database.write(lambda connection: remember(connection, "kept"))

        def fill(connection: sqlite3.Connection) -> None:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages}")
            for number in range(10_000):
                remember(connection, f"{number}" * 50)

        with pytest.raises(StoreUnavailable) as error:
            await database.write(fill)
        assert "free some space" in error.value.hint
        assert [row["digest"] for row in database.read("SELECT digest FROM metadata")] == ["kept"]


async def test_a_folder_that_cannot_be_made_is_an_error_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / ".workbench").write_text("a file where the folder should be")

    with open_database(place(tmp_path)) as database, pytest.raises(StoreUnavailable):
        await database.write(lambda connection: remember(connection, "a"))


async def test_every_thread_may_read_while_another_writes(tmp_path: Path) -> None:
    with open_database(place(tmp_path)) as database:
        await database.write(lambda connection: remember(connection, "a"))
        seen: list[int] = []

        def read() -> None:
            for _ in range(50):
                seen.append(len(database.read("SELECT digest FROM metadata")))

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(anyio.to_thread.run_sync, read)
            for number in range(20):
                await database.write(lambda connection, number=number: remember(connection, f"b{number}"))  # type: ignore[misc]
        assert len(seen) == 400
        assert len(database.read("SELECT digest FROM metadata")) == 21
