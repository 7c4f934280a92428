"""Saves that come at a bad moment, or do to the files what nobody expects: what answers goes on, and it is said why."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import anyio
import pytest

from tests.author import Author, function
from tests.properties.leftovers import nothing_is_left_behind
from tests.runtime.devsessions.watched import watching
from workbench.assembly import open_workbench
from workbench.model.errors import SandboxUnavailable, StoreUnavailable
from workbench.model.events import SkillHotReloaded, SkillReloadFailed
from workbench.model.skill import Scope, SkillState
from workbench.runtime.devsessions import loading
from workbench.runtime.library import revisions
from workbench.runtime.library.revisions import ChangedMeanwhile
from workbench.runtime.workers.pool import WorkerPool

pytestmark = pytest.mark.anyio


async def test_of_two_skills_of_one_name_the_first_answers_whichever_is_saved(author: Author) -> None:
    author.has_function("greet", "return 'at home'")
    author.writes("other/skill.py", function("other", "return 'another'"))
    async with watching(author) as watched:
        assert await watched.answers("greet") == "at home"
        author.saves("other/skill.py", function("greet", "return 'a stranger'"))
        failed = await watched.hears(SkillReloadFailed, "greet")
        assert await watched.answers("greet") == "at home"
        assert len(watched.workbench.history("greet")) == 1
        assert "is also the name of" in failed.findings[0].message
        author.saves("greet/skill.py", function("greet", "return 'at home again'"))
        await watched.hears(SkillHotReloaded, "greet")
        assert await watched.answers("greet") == "at home again"
        shutil.rmtree(author.skills / "greet")
        await watched.until_it_answers("greet", "a stranger")


async def test_a_hidden_skill_that_is_saved_does_not_take_the_nearer_ones_place(author: Author) -> None:
    theirs = Path(author.environ["HOME"]) / ".local/share/skill-workbench/skills"
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        theirs = Path(next(root.folder for root in workbench.library.roots if root.scope is Scope.USER))
    (theirs / "greet").mkdir(parents=True)
    (theirs / "greet/skill.py").write_text(function("greet", "return 'the users'"))
    author.has_function("greet", "return 'the workspaces'")
    async with watching(author) as watched:
        assert await watched.answers("greet") == "the workspaces"
        (theirs / "greet/skill.py").write_text(function("greet", "return 'the users, changed'"))
        author.has_function("after", "return 1")
        await watched.hears(SkillHotReloaded, "after")
        await watched.until(lambda: any("after" in skill.path for skill in watched.workbench.snapshot))
        assert await watched.answers("greet") == "the workspaces"


async def test_what_is_said_of_a_twin_goes_with_the_twin(author: Author) -> None:
    author.has_function("greet", "return 1")
    async with watching(author) as watched:
        author.saves("greet/skill.py", "import nowhere_to_be_found\n" + function("greet", "return 1"))
        await watched.hears(SkillReloadFailed, "greet")
        author.has_function("other", "return 2")
        await watched.hears(SkillHotReloaded, "other")
        author.saves("other/skill.py", function("greet", "return 3"))
        await watched.until(lambda: len(watched.workbench.find("greet").findings) == 2)
        shutil.rmtree(author.skills / "other")
        await watched.until(lambda: len(watched.workbench.find("greet").findings) == 1)
        assert "nowhere_to_be_found" in watched.workbench.find("greet").findings[0].message


async def test_a_disk_that_is_full_refuses_the_save_and_the_watch_goes_on(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = revisions._copy

    def full(source: str, *rest: object) -> None:
        if "greet" in source:
            raise OSError(28, "No space left on device")
        real(source, *rest)  # type: ignore[arg-type]

    author.has_function("greet", "return 'hello'")
    async with watching(author) as watched:
        assert await watched.answers("greet") == "hello"
        monkeypatch.setattr(revisions, "_copy", full)
        author.saves("greet/skill.py", function("greet", "return 'howdy'"))
        failed = await watched.hears(SkillReloadFailed, "greet")
        assert "No space left" in failed.findings[0].message
        assert failed.findings[0].hint.startswith("free some space")
        author.has_function("other", "return 1")
        await watched.hears(SkillHotReloaded, "other")
        with pytest.raises(StoreUnavailable):
            await watched.answers("greet")
        monkeypatch.setattr(revisions, "_copy", real)
        assert await watched.answers("greet") == "howdy"
        assert watched.workbench.find("greet").state is SkillState.OK


async def test_a_file_that_becomes_a_folder_between_two_looks_is_one_that_is_being_written(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        skill = workbench.find("greet")
        before = os.listdir("/proc/self/fd")
        for replaced in (Path.mkdir, os.mkfifo):
            (author.skills / "greet/skill.py").unlink()
            replaced(author.skills / "greet/skill.py")
            with pytest.raises(ChangedMeanwhile):
                workbench.library.revisions.materialise(skill)
            shutil.move(author.skills / "greet/skill.py", author.workspace / "away")
            author.has_function("greet", "return 'hello'")
            shutil.move(author.workspace / "away", author.workspace / replaced.__name__)
        assert os.listdir("/proc/self/fd") == before
        assert (await workbench.run("greet")).outcome.output == "hello"


async def test_a_reload_that_is_cancelled_leaves_what_answers_as_it_was(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        await workbench.run("greet")
        text = (author.skills / "greet/skill.py").read_text()
        author.saves("greet/skill.py", "import time\ntime.sleep(60)\n" + text)
        author.saves("greet/skill.py", text)
        with workbench.bus.subscribe() as events:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(workbench.reload, "greet")
                async for _ in events:
                    assert workbench.find("greet").state is SkillState.RELOADING
                    tasks.cancel_scope.cancel()
                    break
        assert workbench.find("greet").state is SkillState.OK
        assert (await workbench.run("greet")).outcome.output == "hello"


async def test_what_one_process_refuses_stays_while_another_may_be_trying_it(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    author.has_function("greet", "return 'hello'")
    folder = author.workspace / ".workbench/rev/greet"

    def kept() -> int:
        return sum(not path.name.startswith(".") for path in folder.iterdir())

    async with watching(author) as watched:
        await watched.answers("greet")
        for word in ("one", "two"):
            author.saves("greet/skill.py", f"import nowhere_{word}\n" + function("greet", "return 1"))
            failed = await watched.hears(SkillReloadFailed, "greet")
            assert f"nowhere_{word}" in failed.findings[0].message
        assert kept() == 3
        monkeypatch.setattr(revisions, "REFUSED_SECONDS", -1.0)
        author.saves("greet/skill.py", "import nowhere_three\n" + function("greet", "return 1"))
        await watched.hears(SkillReloadFailed, "greet")
        assert kept() == 1
        assert await watched.answers("greet") == "hello"


async def test_what_was_read_before_another_process_accepted_something_newer_is_not_accepted_over_it(
    author: Author,
) -> None:
    author.has_function("greet", "return 'hello'")
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        author.saves("greet/skill.py", function("greet", "return 'howdy'"))
        assert author.calls("run", "greet").out == "howdy\n"
        result = await workbench.run("greet")
        assert (result.outcome.output, result.run.skill.revision) == ("howdy", 1)
        assert [each.number for each in workbench.history("greet")] == [1]


INITIALIZES = """from workbench.sdk import SkillInterface, SkillMetadata


class Greet(SkillInterface):
    def get_metadata(self):
        return SkillMetadata(skill_id="greet", name="greet", version="1.0.0", description="greet")

    async def initialize(self, config):
        raise ValueError("no such place")

    async def execute(self, input_data, context):
        return 1
"""


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("while True:\n    pass\n" + function("greet", "return 1"), "did not finish loading"),
        (
            "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n" + function("greet", "return 1"),
            "ended its process",
        ),
        ("import os\nos.fork()\n" + function("greet", "return 1"), "not permitted"),
        (INITIALIZES, "no such place"),
    ],
    ids=["an endless import", "a segfault", "a fork", "an error in initialize"],
)
async def test_code_that_does_harm_while_it_loads_is_refused_and_nothing_of_it_stays(
    author: Author, monkeypatch: pytest.MonkeyPatch, source: str, words: str
) -> None:
    monkeypatch.setattr(loading, "LOAD_SECONDS", 2.0)
    author.has_function("greet", "return 'hello'")
    async with nothing_is_left_behind(author), watching(author) as watched:
        assert await watched.answers("greet") == "hello"
        author.saves("greet/skill.py", source)
        failed = await watched.hears(SkillReloadFailed, "greet")
        assert words in failed.findings[0].message
        assert await watched.answers("greet") == "hello"


@pytest.mark.exhaustive
async def test_a_thread_that_never_ends_goes_with_the_revision_that_began_it(author: Author) -> None:
    endless = "import threading, time\nthreading.Thread(target=lambda: time.sleep(1e6)).start()\nreturn 'hello'"
    author.has_function("greet", endless)
    async with nothing_is_left_behind(author), watching(author) as watched:
        assert await watched.answers("greet") == "hello"
        author.saves("greet/skill.py", function("greet", "return 'howdy'"))
        await watched.hears(SkillHotReloaded, "greet")
        assert await watched.answers("greet") == "howdy"


async def test_what_the_machine_cannot_start_refuses_the_save_and_the_watch_goes_on(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_more(*_: object, **__: object) -> None:
        raise SandboxUnavailable("fork: Resource temporarily unavailable", hint="wait")

    author.has_function("greet", "return 'hello'")
    async with watching(author) as watched:
        assert await watched.answers("greet") == "hello"
        monkeypatch.setattr(WorkerPool, "load", no_more)
        author.saves("greet/skill.py", function("greet", "return 'howdy'"))
        failed = await watched.hears(SkillReloadFailed, "greet")
        assert (failed.findings[0].rule, failed.findings[0].hint) == ("sandbox.unavailable", "wait")
        monkeypatch.undo()
        author.has_function("other", "return 1")
        await watched.hears(SkillHotReloaded, "other")
        assert await watched.answers("greet") == "howdy"


async def test_what_was_not_replaced_for_want_of_room_is_looked_at_again(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    author.has_function("greet", "return 'mine'")
    author.calls("run", "greet")
    [kept] = (author.workspace / ".workbench/rev/greet").glob("*/skill.py")
    kept.chmod(0o644)
    kept.write_text(function("greet", "return 'a stranger'"))
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        with monkeypatch.context() as disk:
            disk.setattr(revisions, "_copy", full)
            with pytest.raises(StoreUnavailable):
                await workbench.run("greet")
        assert (await workbench.run("greet")).outcome.output == "mine"
