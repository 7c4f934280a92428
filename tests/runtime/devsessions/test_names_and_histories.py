"""Whose history a name has: a rename takes along what is the skill's own, and nothing of anybody else's."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence

import anyio
import pytest

from tests.author import Author, function
from tests.runtime.devsessions.test_sessions import edit, opened, said
from workbench.assembly import Workbench, open_workbench
from workbench.model.errors import MachineCannot, WrongUse
from workbench.model.skill import SkillState
from workbench.runtime.library import renaming
from workbench.runtime.library.verdicts import Verdicts

pytestmark = pytest.mark.anyio


async def deleted(workbench: Workbench, author: Author, name: str, *answers: object) -> None:
    """A skill that answered so, and is gone; its history stays."""
    for answer in answers:
        author.has_function(name, f"return {answer!r}")
        await workbench.reload(name)
        await workbench.run(name)
    shutil.rmtree(author.skills / name)
    workbench.refresh()


def numbers(workbench: Workbench, name: str) -> Sequence[int]:
    return [each.number for each in workbench.library.revisions.history(name)]


async def fails_to_rename(workbench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(renaming, "write_atomically", full)
    with pytest.raises(MachineCannot):
        await workbench.rename("greet", "hail")


async def until_there_are_runs(workbench: Workbench, **counts: int) -> None:
    """They are written in batches, a moment after they ended."""
    read = workbench.library.database.read
    with anyio.fail_after(5):
        while {name: len(read("SELECT id FROM run WHERE skill = ?", (name,))) for name in counts} != counts:
            await anyio.sleep(0.02)


@pytest.mark.parametrize("is_accepted", [False, True])
async def test_a_rename_that_fails_leaves_a_deleted_skills_history_where_it_was(
    author: Author, workbench: Workbench, monkeypatch: pytest.MonkeyPatch, is_accepted: bool
) -> None:
    await deleted(workbench, author, "hail", 1, 2)
    if is_accepted:
        await workbench.reload("greet")

    await fails_to_rename(workbench, monkeypatch)
    assert numbers(workbench, "hail") == [2, 1]
    await until_there_are_runs(workbench, hail=2)
    assert numbers(workbench, "greet") == ([1] if is_accepted else [])


async def test_a_rename_that_fails_leaves_the_skills_own_history_where_it_was(
    workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await workbench.run("greet")

    await fails_to_rename(workbench, monkeypatch)
    assert (numbers(workbench, "greet"), numbers(workbench, "hail")) == ([1], [])
    assert workbench.find("greet").revision == 1


@pytest.mark.exhaustive
async def test_whoever_renames_to_a_name_with_a_history_is_told_that_theirs_stays(author: Author) -> None:
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        await deleted(workbench, author, "hail", 1, 2)
        for name in ("greet", "other"):
            author.has_function(name, "return 'hello'")
            await workbench.reload(name)
        await workbench.rename("greet", "hail")
        words = "the history of 'greet' stays under that name, 'hail' goes on with its own"
        assert workbench.history("hail")[0].message == f"renamed from greet; {words}"
        assert (numbers(workbench, "greet"), numbers(workbench, "hail")) == ([1], [3, 2, 1])
    shutil.rmtree(author.skills / "hail")
    author.has_function("greet", "return 'hello'")
    told = author.calls("rename", "greet", "hail")
    assert words in told.out
    assert author.calls("rename", "other", "another", "--json").json["note"] is None


async def test_a_rename_in_the_workspace_takes_nothing_of_a_sessions_along(
    author: Author, workbench: Workbench
) -> None:
    await workbench.run("greet")
    inside = await opened(workbench, "one", "greet")
    edit(inside, "greet", function("greet", "return 'howdy'"))
    assert await said(inside) == "howdy"
    workbench.refresh()
    await workbench.rename("greet", "hail")
    inside.refresh()

    assert {each.realm for each in workbench.history("hail")} == {"main"}
    assert [(each.number, each.realm) for each in inside.history("greet")] == [(2, "one")]
    assert inside.find("greet").revision == 2
    assert await said(inside) == "howdy"
    assert (await inside.run("greet@r2")).outcome.output == "howdy"
    assert (await workbench.run("hail@r1")).outcome.output == "hello"
    await until_there_are_runs(workbench, greet=3, hail=2)


async def test_what_a_session_promoted_belongs_to_the_skill_and_goes_there_and_back(workbench: Workbench) -> None:
    await workbench.run("greet")
    inside = await opened(workbench, "one", "greet")
    edit(inside, "greet", function("greet", "return 'howdy'"))
    await inside.promote()
    await workbench.rename("greet", "hail")
    await workbench.rename("hail", "greet")
    assert numbers(workbench, "hail") == []
    assert (await workbench.run("greet@r1")).outcome.output == "hello"
    assert len(numbers(workbench, "greet")) == 5


async def test_what_is_known_of_a_skills_tests_goes_along(author: Author, workbench: Workbench) -> None:
    author.writes("greet/tests/a.yaml", "cases: [{name: says hello, expect: {output: hello}}]")
    await workbench.test("greet")
    verdicts = Verdicts(workbench.library.database)
    before = verdicts.known()["greet"]
    await workbench.rename("greet", "hail")
    assert set(verdicts.known()) == {"hail"}
    assert verdicts.known()["hail"].tests == before.tests


@pytest.mark.parametrize("has_history", [False, True])
async def test_what_is_disabled_stays_so_under_its_new_name(
    author: Author, workbench: Workbench, has_history: bool
) -> None:
    if has_history:
        await deleted(workbench, author, "hail", 1)
    await workbench.run("greet")
    await workbench.disable("greet")

    renamed = await workbench.rename("greet", "hail")

    assert (renamed.state, workbench.find("hail").state) == (SkillState.DISABLED, SkillState.DISABLED)
    author.has_function("greet", "return 'another'")
    workbench.refresh()
    assert workbench.find("greet").state is not SkillState.DISABLED


@pytest.mark.parametrize("has_history", [False, True])
async def test_what_is_disabled_stays_so_where_its_name_is_changed_by_hand(
    author: Author, workbench: Workbench, has_history: bool
) -> None:
    if has_history:
        await deleted(workbench, author, "hail", 1)
    await workbench.run("greet")
    await workbench.disable("greet")

    edit(workbench, "greet", function("hail", "return 'hello'"))

    assert workbench.find("hail").state is SkillState.DISABLED
    assert (await workbench.run("hail")).outcome.error is not None


async def test_a_rename_that_fails_leaves_a_disabled_skill_disabled(
    author: Author, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deleted(workbench, author, "hail", 1)
    await workbench.disable("greet")

    await fails_to_rename(workbench, monkeypatch)
    workbench.refresh()
    assert workbench.find("greet").state is SkillState.DISABLED


async def test_a_rename_that_fails_leaves_the_skill_running_though_the_other_name_was_disabled(
    author: Author, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    author.has_function("hail", "return 1")
    workbench.refresh()
    await workbench.run("hail")
    await workbench.disable("hail")
    shutil.rmtree(author.skills / "hail")
    await fails_to_rename(workbench, monkeypatch)
    workbench.refresh()
    assert await said(workbench) == "hello"


async def test_what_cannot_be_a_name_is_refused_before_anything_is_moved(author: Author, workbench: Workbench) -> None:
    await workbench.run("greet")
    for name in ("../../skills/other", "../../../outside", ""):
        with pytest.raises(WrongUse, match="cannot be a skill's name"):
            await workbench.rename("greet", name)
    assert sorted(each.name for each in author.skills.iterdir()) == ["greet"]
    assert not (author.workspace / "outside").exists()
    assert numbers(workbench, "greet") == [1]


async def test_what_is_disabled_does_not_run_while_its_new_name_waits_to_be_written(
    author: Author, workbench: Workbench
) -> None:
    await workbench.run("greet")
    await workbench.disable("greet")
    writer = sqlite3.connect(workbench.library.database.path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    edit(workbench, "greet", function("hail", "return 'hello'"))
    workbench.refresh()
    assert workbench.find("hail").state is SkillState.DISABLED
    writer.execute("COMMIT")
    writer.close()
    assert (await workbench.run("hail")).outcome.error is not None
