"""Saves, as editors make them, and what answers before, during and after."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
import watchfiles._rust_notify

from tests.author import Author, function
from tests.runtime.devsessions.watched import watching
from workbench.assembly import open_workbench
from workbench.model.events import (
    SkillHotReloaded,
    SkillRegistered,
    SkillReloadFailed,
    SkillUnregistered,
    WatchStarted,
)
from workbench.model.skill import Scope, SkillState
from workbench.runtime.store.database import Database

pytestmark = pytest.mark.anyio


def in_place(path: Path, text: str) -> None:
    path.write_text(text)


def by_rename(path: Path, text: str) -> None:
    beside = path.with_name(f"{path.name}.tmp{os.getpid()}")
    beside.write_text(text)
    os.replace(beside, path)


def as_vim_does(path: Path, text: str) -> None:
    (path.parent / "4913").touch()
    (path.parent / "4913").unlink()
    os.rename(path, f"{path}~")
    path.write_text(text)
    os.unlink(f"{path}~")


def delete_and_create(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text)


def in_pieces(path: Path, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        for start in range(0, len(text), 40):
            file.write(text[start : start + 40])
            file.flush()
            os.fsync(file.fileno())


@pytest.mark.parametrize("save", [in_place, by_rename, as_vim_does, delete_and_create, in_pieces])
@pytest.mark.exhaustive
async def test_every_way_of_saving_reloads_once_and_whole(author: Author, save: Callable[[Path, str], None]) -> None:
    author.has_function("greet", "return 'hello'")

    async with watching(author) as watched:
        assert await watched.answers("greet") == "hello"
        save(author.skills / "greet/skill.py", function("greet", "return 'howdy'"))
        event = await watched.hears(SkillHotReloaded)
        assert await watched.answers("greet") == "howdy"

    assert (event.skill, event.revision) == ("greet", 2)
    assert [name for name, _ in event.steps] == ["settle", "read", "show", "keep", "load", "accept"]


CLASS = """from workbench.sdk import SkillInterface, SkillMetadata


class One(SkillInterface):
    def get_metadata(self):
        return SkillMetadata(skill_id="{name}", version="1.0.0", description="one", author="me")

    async def execute(self, input_data, context):
        return 1
"""


async def test_skills_that_did_not_change_are_not_looked_up_again(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("one", "two", "three")
    for name in names:
        author.saves(f"{name}/skill.py", CLASS.format(name=name))
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        for name in names:
            assert (await workbench.run(name)).outcome.output == 1
        session, asked, read = workbench.session, list[str](), Database.read

        def heard(database: Database, sql: str, *given: Any) -> Any:
            asked.append(sql)
            return read(database, sql, *given)

        session.show(session.files)
        stands = workbench.snapshot
        monkeypatch.setattr(Database, "read", heard)
        session.show(session.files)
        assert not [sql for sql in asked if "metadata" in sql]
        assert all(workbench.snapshot.skills[name] is stands.skills[name] for name in names)
        assert workbench.find("one").manifest.description == "one"


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("def execute(:", 1, "invalid syntax"),
        (function("greet", "return 1").replace("def greet", "import nowhere_to_be_found\n\ndef greet"), 5, ""),
        ("import nowhere_to_be_found\n" + function("greet", "return 1"), 1, "nowhere_to_be_found"),
        ("import os\nos._exit(3)\n" + function("greet", "return 1"), 0, "ended its process"),
        ("raise SystemExit\n" + function("greet", "return 1"), 1, "SystemExit"),
        ("", 0, ""),
    ],
)
async def test_a_broken_save_leaves_the_last_good_version_answering(
    author: Author, source: str, line: int, words: str
) -> None:
    author.has_function("greet", "return 'hello'")

    async with watching(author) as watched:
        assert await watched.answers("greet") == "hello"
        author.saves("greet/skill.py", source)
        event = await watched.hears(SkillReloadFailed, "greet")
        state = watched.workbench.find("greet").state
        assert await watched.answers("greet") == "hello"
        author.saves("greet/skill.py", function("greet", "return 'mended'"))
        await watched.hears(SkillHotReloaded, "greet")
        assert await watched.answers("greet") == "mended"

    assert event.answering_revision == 1
    assert state is SkillState.BROKEN
    assert words in event.findings[0].message
    if line:
        assert event.findings[0].place.line == line
        assert event.findings[0].place.file == str(author.skills / "greet/skill.py")


async def test_runs_that_began_before_a_save_end_on_the_revision_they_began_with(author: Author) -> None:
    author.has_function("slow", "import time\ntime.sleep(0.5)\nreturn 'old'")
    outputs: list[object] = []

    async with watching(author) as watched, anyio.create_task_group() as tasks:
        await watched.answers("slow")

        async def run() -> None:
            outputs.append(await watched.answers("slow"))

        tasks.start_soon(run)
        await anyio.sleep(0.1)
        author.saves("slow/skill.py", function("slow", "return 'new'"))
        await watched.hears(SkillHotReloaded)
        assert await watched.answers("slow") == "new"

    assert outputs == ["old"]


async def test_a_helper_beside_the_skill_reloads_it(author: Author) -> None:
    author.writes("greet/words.py", "WORD = 'hello'\n")
    author.has_function("greet", "import words\nreturn words.WORD")

    async with watching(author) as watched:
        assert await watched.answers("greet") == "hello"
        author.saves("greet/words.py", "WORD = 'howdy'\n")
        await watched.hears(SkillHotReloaded)
        assert await watched.answers("greet") == "howdy"


async def test_the_same_bytes_again_reload_nothing(author: Author) -> None:
    author.has_function("greet", "return 1")
    author.has_function("other", "return 1")

    async with watching(author) as watched:
        await watched.answers("greet")
        author.has_function("greet", "return 1")
        author.has_function("other", "return 2")
        event = await watched.hears(SkillHotReloaded)

    assert event.skill == "other"


async def test_a_new_skill_comes_and_a_deleted_one_goes(author: Author) -> None:
    async with watching(author) as watched:
        author.has_function("fresh", "return 'here'")
        await watched.hears(SkillHotReloaded, "fresh")
        assert await watched.answers("fresh") == "here"
        shutil.rmtree(author.skills / "fresh")
        await watched.hears(SkillUnregistered, "fresh")
        assert "fresh" not in watched.workbench.snapshot.skills


async def test_a_folder_that_is_renamed_in_is_found(author: Author, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    for name in ("one", "two"):
        (elsewhere / name).mkdir(parents=True)
        (elsewhere / name / "skill.py").write_text(function(name, f"return '{name}'"))

    async with watching(author) as watched:
        os.rename(elsewhere, author.skills / "group")
        await watched.hears(SkillRegistered)
        assert {"one", "two"} <= set(watched.workbench.snapshot.skills)


async def test_the_skills_folder_may_come_after_the_watching_began(author: Author) -> None:
    shutil.rmtree(author.skills)

    async with watching(author) as watched:
        author.has_function("late", "return 'in time'")
        await watched.hears(SkillRegistered, "late")
        assert await watched.answers("late") == "in time"


async def test_a_watched_root_that_is_renamed_away_and_back_is_watched_again(author: Author) -> None:
    author.has_function("greet", "return 1")

    async with watching(author) as watched:
        os.rename(author.skills, author.workspace / "away")
        await watched.hears(SkillUnregistered, "greet")
        os.rename(author.workspace / "away", author.skills)
        await watched.hears(SkillRegistered, "greet")
        author.saves("greet/skill.py", function("greet", "return 'again'"))
        await watched.hears(SkillHotReloaded, "greet")
        assert await watched.answers("greet") == "again"


@pytest.mark.exhaustive
async def test_forty_saves_of_one_size_are_never_stale(author: Author) -> None:
    author.has_function("digit", "return 1000")

    async with watching(author) as watched:
        for number in range(1001, 1041):
            author.saves("digit/skill.py", function("digit", f"return {number}"))
            await watched.hears(SkillHotReloaded)
            assert await watched.answers("digit") == number


async def test_a_storm_of_saves_ends_with_every_skill_as_its_files_say(author: Author) -> None:
    for number in range(40):
        author.has_command(f"skill-{number}", "echo", "old")

    async with watching(author) as watched:
        for number in range(40):
            author.has_command(f"skill-{number}", "echo", "new")
        with anyio.fail_after(10):
            while not all(
                skill.manifest.command is not None and skill.manifest.command.arguments == ("new",)
                for name, skill in watched.workbench.snapshot.skills.items()
                if name.startswith("skill-")
            ):
                await anyio.sleep(0.01)
        assert await watched.answers("skill-39") == "new\n"


async def test_a_workspace_that_polls_reloads_too(author: Author) -> None:
    (author.workspace / "workbench.toml").write_text("[development]\nforce_polling = true\n")
    author.has_function("greet", "return 'hello'")

    async with watching(author) as watched:
        assert await watched.answers("greet") == "hello"
        author.saves("greet/skill.py", function("greet", "return 'howdy'"))
        await watched.hears(SkillHotReloaded)
        assert await watched.answers("greet") == "howdy"


async def test_whoever_stops_watching_does_not_wait(author: Author) -> None:
    author.has_command("aaa", "true")

    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        async with workbench.watching():
            await anyio.sleep(0.2)  # the thread that looks is looking
            began = time.monotonic()

        assert time.monotonic() - began < 1


@pytest.mark.parametrize("moment", ["at once", "later"])
async def test_where_the_systems_watches_are_used_up_it_looks_by_itself_and_says_how_to_get_more(
    author: Author, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    real = watchfiles._rust_notify.RustNotify

    class UsedUp:
        def __init__(self, *arguments: object) -> None:
            if moment == "at once":
                raise watchfiles._rust_notify.WatchfilesRustInternalError("OS file watch limit reached. about [..]")
            self._ear = real(*arguments)  # type: ignore[arg-type]

        def watch(self, *_: object) -> None:
            raise watchfiles._rust_notify.WatchfilesRustInternalError("No space left on device (os error 28)")

        def close(self) -> None:
            self._ear.close()

    monkeypatch.setattr(watchfiles._rust_notify, "RustNotify", UsedUp)
    author.has_function("greet", "return 'hello'")

    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        with workbench.bus.subscribe() as events:
            async with workbench.watching():
                with anyio.fail_after(10):
                    async for event in events:
                        if isinstance(event, WatchStarted) and event.polling:
                            break
                    assert isinstance(event, WatchStarted)
                    assert "sysctl fs.inotify.max_user_watches" in event.polling
                    author.saves("greet/skill.py", function("greet", "return 'howdy'"))
                    while (await workbench.run("greet")).outcome.output != "howdy":
                        await anyio.sleep(0.05)


async def test_saves_change_nothing_while_it_is_paused_and_are_caught_up_with(author: Author) -> None:
    author.has_function("one", "return 1")
    author.has_function("two", "return 2")
    async with (
        open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench,
        workbench.watching() as reloader,
    ):
        for name in ("one", "two"):
            await workbench.run(name)
        reloader.pause()
        author.saves("one/skill.py", function("one", "return 10"))
        author.saves("three/skill.py", function("three", "return 3"))
        shutil.rmtree(author.skills / "two")
        await anyio.sleep(0.5)
        assert [skill.name for skill in workbench.snapshot if skill.scope is Scope.WORKSPACE] == ["one", "two"]
        assert workbench.find("one").revision == 1
        with workbench.bus.subscribe() as events:
            await reloader.resume()
            with anyio.fail_after(10):
                async for event in events:
                    if isinstance(event, SkillHotReloaded) and event.skill == "one":
                        break
        assert (await workbench.run("one")).outcome.output == 10
        assert (await workbench.run("three")).outcome.output == 3
        with anyio.fail_after(5):
            while "two" in workbench.snapshot.skills:
                await anyio.sleep(0.02)
