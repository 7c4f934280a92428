"""A skill that is to be what it was: its files, its history, and whoever changes it at the same time."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from tests.author import Author, function
from tests.runtime.devsessions.watched import watching
from workbench.assembly import Workbench, open_workbench
from workbench.model.errors import Conflict, MachineCannot, UnknownRevision, WrongUse
from workbench.model.events import SkillHotReloaded
from workbench.model.skill import Skill

pytestmark = pytest.mark.anyio


async def accepted(workbench: Workbench, author: Author, *answers: str) -> None:
    """A revision for each answer."""
    for answer in answers:
        author.saves("greet/skill.py", function("greet", f"return {answer!r}"))
        await workbench.reload("greet", message=f"says {answer}")


async def answer_of(workbench: Workbench) -> object:
    return (await workbench.run("greet")).outcome.output


async def test_a_skill_is_what_it_was_and_that_is_a_new_revision(author: Author) -> None:
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        author.has_function("greet", "return 'zero'")
        await accepted(workbench, author, "one", "two")
        skill = await workbench.roll_back("greet", 1)
        assert skill.revision == 3
        assert "return 'one'" in (author.skills / "greet/skill.py").read_text()
        assert await answer_of(workbench) == "one"
        history = [(each.number, each.message) for each in workbench.history("greet")]

    assert history == [(3, "rolled back to r1"), (2, "says two"), (1, "says one")]
    assert author.calls("run", "greet", "--json").json["revision"] == 3


async def test_files_that_came_go_and_files_that_went_come_again_as_they_were(author: Author) -> None:
    author.has_function("greet", "return 1")
    author.writes("greet/run.sh", "true").chmod(0o755)
    author.writes("greet/data/old.txt", "old")
    author.writes("greet/tests/kept.yaml", "cases: []")
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        await workbench.reload("greet")
        home = author.skills / "greet"
        (home / "data/old.txt").unlink()
        (home / "run.sh").chmod(0o644)
        author.writes("greet/data/new.txt", "new")
        await workbench.reload("greet")
        await workbench.roll_back("greet", 1)
        assert {path.name for path in (home / "data").iterdir()} == {"old.txt"}
        assert os.access(home / "run.sh", os.X_OK)
        assert (home / "tests/kept.yaml").exists()


async def test_whoever_watches_hears_of_it_once_and_no_run_fails(author: Author) -> None:
    author.has_function("greet", "return 'one'")
    async with watching(author) as watched:
        assert await watched.answers("greet") == "one"
        author.saves("greet/skill.py", function("greet", "return 'two'"))
        await watched.hears(SkillHotReloaded)
        answers: list[object] = []

        async def run_on() -> None:
            while True:
                answers.append(await watched.answers("greet"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_on)
            await watched.workbench.roll_back("greet", 1)
            await watched.until_it_answers("greet", "one")
            await anyio.sleep(0.3)
            tasks.cancel_scope.cancel()
        heard = [event.revision for event in watched.heard() if isinstance(event, SkillHotReloaded)]

    assert heard == [3]
    assert set(answers) <= {"one", "two"}


async def test_what_no_revision_has_is_not_written_over_unless_it_is_given_up(author: Author) -> None:
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        author.has_function("greet", "return 'zero'")
        await accepted(workbench, author, "one", "two")
        broken = author.saves("greet/skill.py", "def greet(:")
        with pytest.raises(Conflict, match="no revision has"):
            await workbench.roll_back("greet", 1)
        assert broken.read_text() == "def greet(:"
        with pytest.raises(Conflict) as refused:
            await workbench.roll_back("greet", 1)
        await workbench.roll_back("greet", 1, give_up_changes=True)
        assert await answer_of(workbench) == "one"
        kept = refused.value.hint.rpartition(" ")[2]
        assert Path(kept, "skill.py").read_text() == "def greet(:"


async def test_wrong_numbers_and_expectations_change_nothing(author: Author) -> None:
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        author.has_function("greet", "return 'zero'")
        await accepted(workbench, author, "one", "two")
        with pytest.raises(UnknownRevision):
            await workbench.roll_back("greet", 9)
        with pytest.raises(WrongUse, match="already"):
            await workbench.roll_back("greet", 2)
        with pytest.raises(Conflict, match="is at r2, and r1 was expected"):
            await workbench.roll_back("greet", 1, expected_version=1)
        with pytest.raises(WrongUse, match="shipped"):
            await workbench.roll_back("summarise", 1)
        assert await answer_of(workbench) == "two"


async def test_a_file_that_cannot_be_put_back_leaves_what_was_accepted_answering(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.runtime.devsessions import putting_back

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        author.has_function("greet", "return 'zero'")
        await accepted(workbench, author, "one", "two")
        monkeypatch.setattr(putting_back, "write_atomically", full)
        with pytest.raises(MachineCannot, match="No space left"):
            await workbench.roll_back("greet", 1)
        assert await answer_of(workbench) == "two"
        assert len(workbench.history("greet")) == 2


@pytest.mark.exhaustive
async def test_two_processes_that_expect_the_same_revision_are_served_once(author: Author) -> None:
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        author.has_function("greet", "return 'zero'")
        await accepted(workbench, author, "one", "two", "three")

    def rolls_back(number: int) -> int:
        return author.calls("rollback", "greet", str(number), "--expected", "3").code

    codes = await asyncio.gather(*(asyncio.to_thread(rolls_back, number) for number in (1, 2)))
    assert sorted(codes) == [0, 1]
    revisions = author.calls("history", "greet", "--json").json["revisions"]
    assert [each["revision"] for each in revisions] == [4, 3, 2, 1]


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(3))
async def test_saves_reloads_and_rollbacks_equal_a_simple_model(author: Author, seed: int) -> None:
    """The model: a list of answers, one for each revision."""
    chance = random.Random(seed)
    author.has_function("greet", "return 0")
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        await workbench.reload("greet")
        model = [0]
        for step in range(25):
            match chance.choice(["save", "save the same", "roll back", "expect wrong"]):
                case "save":
                    model.append(step + 1)
                    author.saves("greet/skill.py", function("greet", f"return {step + 1}"))
                    await workbench.reload("greet")
                case "save the same":
                    await workbench.reload("greet")
                case "roll back":
                    to = chance.randrange(len(model))
                    if model[to] == model[-1]:
                        with pytest.raises(WrongUse):
                            await workbench.roll_back("greet", to + 1)
                    else:
                        await workbench.roll_back("greet", to + 1, expected_version=len(model))
                        model.append(model[to])
                case "expect wrong":
                    with pytest.raises(Conflict):
                        await workbench.roll_back("greet", 1, expected_version=len(model) + 1)
            assert await answer_of(workbench) == model[-1]
        assert [each.number for each in workbench.history("greet")] == list(range(len(model), 0, -1))


async def test_a_folder_that_has_become_a_link_is_not_written_through(author: Author, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    author.has_function("greet", "return 1")
    author.writes("greet/data/old.txt", "old")
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        await workbench.reload("greet")
        shutil.rmtree(author.skills / "greet/data")
        await workbench.reload("greet")
        (author.skills / "greet/data").symlink_to(elsewhere)
        with pytest.raises(MachineCannot, match="leads elsewhere"):
            await workbench.roll_back("greet", 1)
        assert list(elsewhere.iterdir()) == []


async def test_a_skill_that_began_with_another_file_then_does_so_again(author: Author) -> None:
    author.writes("greet/skill.json", {"name": "greet", "type": "prompt_inline", "prompt_template": "one"})
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        await workbench.reload("greet")
        (author.skills / "greet/skill.json").unlink()
        author.has_function("greet", "return 'two'")
        await workbench.reload("greet")
        skill = await workbench.roll_back("greet", 1)
        assert (skill.path, await answer_of(workbench)) == (str(author.skills / "greet/skill.json"), "one")
        assert [path.name for path in (author.skills / "greet").iterdir()] == ["skill.json"]


async def test_a_shared_module_that_has_changed_since_is_not_written_over(author: Author) -> None:
    author.writes("words.py", "HELLO = 'hello'\n")
    author.saves("greet/skill.py", "from words import HELLO\n" + function("greet", "return HELLO"))
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        await workbench.reload("greet")
        author.writes("words.py", "HELLO = 'howdy'\n")
        author.saves("greet/skill.py", "from words import HELLO\n" + function("greet", "return HELLO + '!'"))
        await workbench.reload("greet")
        with pytest.raises(Conflict, match="is not what r1 was accepted with") as refused:
            await workbench.roll_back("greet", 1)
        assert await answer_of(workbench) == "howdy!"
        author.writes("words.py", Path(refused.value.hint.split()[4], "words.py").read_text())
        await workbench.roll_back("greet", 1, give_up_changes=True)
        assert await answer_of(workbench) == "hello"


@pytest.mark.exhaustive
async def test_whoever_watches_may_be_first_to_accept_it_and_the_words_are_still_there(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.runtime.devsessions import putting_back, session

    @contextmanager
    def seen_by_another(old: Skill, now: Skill, kept: str) -> Iterator[None]:
        with putting_back.put_back(old, now, kept):
            assert author.calls("run", "greet").code == 0
            yield

    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        author.has_function("greet", "return 'zero'")
        await accepted(workbench, author, "one", "two")
        monkeypatch.setattr(session, "put_back", seen_by_another)
        skill = await workbench.roll_back("greet", 1, expected_version=2)
        assert (skill.revision, await answer_of(workbench)) == (3, "one")
        assert [each.message for each in workbench.history("greet")] == ["rolled back to r1", "says two", "says one"]


async def test_who_is_interrupted_while_another_process_writes_has_files_and_history_alike(author: Author) -> None:
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        await accepted(workbench, author, "one", "two")
        writer = sqlite3.connect(workbench.library.database.path, isolation_level=None, check_same_thread=False)
        writer.execute("BEGIN IMMEDIATE")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(workbench.roll_back, "greet", 1)
            while "one" not in (author.skills / "greet/skill.py").read_text():
                await anyio.sleep(0.01)
            threading.Timer(0.2, writer.execute, ["COMMIT"]).start()
            tasks.cancel_scope.cancel()
        assert [each.number for each in workbench.history("greet")] == [3, 2, 1]
        assert await answer_of(workbench) == "one"
        await workbench.roll_back("greet", 2)
        assert await answer_of(workbench) == "two"
        writer.close()
