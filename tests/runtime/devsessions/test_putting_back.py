"""The files of an earlier revision take the place of today's, and of nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.author import Author, function
from workbench.assembly import Workbench, open_workbench
from workbench.model.errors import Conflict, MachineCannot, WrongUse
from workbench.runtime.atomic import write_atomically
from workbench.runtime.devsessions import putting_back

pytestmark = pytest.mark.anyio


def files_below(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


async def accepted_with(workbench: Workbench, author: Author, **files: str) -> None:
    for path, text in files.items():
        author.saves(f"greet/{path}", text)
    await workbench.reload("greet")


async def test_a_single_file_goes_back_under_the_name_that_it_has_today(author: Author) -> None:
    author.writes("one.py", function("one", "return 'then'"))
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        await workbench.reload("one")
        await workbench.rename("one", "two")
        author.saves("two.py", function("two", "return 'now'"))
        await workbench.reload("two")
        stranger = author.writes("one.py", function("one", "return 'a stranger'"))
        skill = await workbench.roll_back("two", 1)
        assert stranger.read_text() == function("one", "return 'a stranger'")
        assert (skill.name, skill.path) == ("two", str(author.skills / "two.py"))
        answers = [(await workbench.run(name)).outcome.output for name in ("one", "two")]
    assert answers == ["a stranger", "then"]


@pytest.mark.parametrize(
    ("before", "after"),
    [("greet/skill.py", "greet.py"), ("greet.py", "greet/skill.py"), ("greet.py", "greet.json")],
    ids=["a folder then", "a single file then", "another format then"],
)
async def test_a_revision_of_another_shape_is_not_poured_over_the_skill(
    author: Author, before: str, after: str
) -> None:
    texts = {"py": function("greet", "return 1"), "json": '{"type": "prompt_inline", "prompt_template": "hi"}'}
    first = author.writes(before, texts[before.rpartition(".")[2]])
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        await workbench.reload("greet")
        first.unlink()
        author.writes(after, texts[after.rpartition(".")[2]] + "\n")
        await workbench.reload("greet")
        there = files_below(author.skills)
        with pytest.raises(WrongUse, match="r1 was") as refused:
            await workbench.roll_back("greet", 1)
        assert files_below(author.skills) == there
        assert os.path.isdir(refused.value.hint.rpartition(" ")[2])


async def test_a_file_that_is_not_the_skills_is_not_written_over(author: Author) -> None:
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        await accepted_with(workbench, author, **{"skill.py": function("greet", "return 1"), "notes.txt": "then"})
        (author.skills / "greet/notes.txt").unlink()
        await accepted_with(
            workbench, author, **{"skill.py": function("greet", "return 2"), ".skillignore": "notes.txt"}
        )
        author.writes("greet/notes.txt", "nobody else has this")
        there = files_below(author.skills)
        with pytest.raises(Conflict, match=r"notes\.txt stands where a file of that revision is to be"):
            await workbench.roll_back("greet", 1)
        assert files_below(author.skills) == there


@pytest.mark.parametrize("saved", ["a.txt", "skill.py", "new.txt"])
async def test_a_save_in_the_middle_stops_it_and_what_was_written_is_taken_back(
    author: Author, monkeypatch: pytest.MonkeyPatch, saved: str
) -> None:
    def with_somebody_else(path: str, data: bytes, *, mode: int) -> None:
        write_atomically(path, data, mode=mode)
        if path.endswith("0.txt"):
            author.saves(f"greet/{saved}", "somebody else's")

    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        first = {"skill.py": function("greet", "return 1"), "0.txt": "then", "a.txt": "then"}
        await accepted_with(workbench, author, **first)
        second = {"skill.py": function("greet", "return 2"), "0.txt": "now", "a.txt": "now", "new.txt": "now"}
        await accepted_with(workbench, author, **second)
        monkeypatch.setattr(putting_back, "write_atomically", with_somebody_else)
        with pytest.raises(Conflict, match=f"{saved} was changed meanwhile; nothing was put back"):
            await workbench.roll_back("greet", 1)
        assert files_below(author.skills / "greet") == {**second, saved: "somebody else's"}
        assert len(workbench.history("greet")) == 2


async def test_a_name_that_cannot_be_written_takes_the_files_back(author: Author) -> None:
    prompt = '"type": "prompt_inline", "prompt_template": "{}"'
    text = "{" + f'"name": "gr\\u0065et", {prompt.format("then")}' + "}"
    author.writes("mine/skill.json", text)
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        await workbench.reload("greet")
        today = author.writes("mine/skill.json", "{" + f'"name": "hail", {prompt.format("now")}' + "}")
        workbench.refresh()
        await workbench.reload("hail")
        there = today.read_text()
        with pytest.raises(WrongUse, match="as plain text"):
            await workbench.roll_back("hail", 1)
        assert today.read_text() == there


@pytest.mark.parametrize("then", ["data", "data/x/y"], ids=["a file then", "a folder then"])
async def test_a_file_that_has_become_a_folder_is_one_again_and_the_reverse(
    author: Author, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    def full(path: str, data: bytes, *, mode: int) -> None:
        if path.endswith("skill.py"):
            raise OSError(28, "No space left on device")
        write_atomically(path, data, mode=mode)

    now = "data/x" if then == "data" else "data"
    home = author.skills / "greet"
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        first = {"skill.py": function("greet", "return 1"), then: "then"}
        await accepted_with(workbench, author, **first)
        (home / then).unlink()
        for folder in sorted((path for path in home.rglob("*") if path.is_dir()), reverse=True):
            folder.rmdir()
        second = {"skill.py": function("greet", "return 2"), now: "now"}
        await accepted_with(workbench, author, **second)
        monkeypatch.setattr(putting_back, "write_atomically", full)
        with pytest.raises(MachineCannot, match="No space left"):
            await workbench.roll_back("greet", 1)
        assert files_below(home) == second
        monkeypatch.undo()
        await workbench.roll_back("greet", 1)
        assert files_below(home) == first
        await workbench.roll_back("greet", 2)
        assert files_below(home) == second


async def test_a_folder_with_something_that_is_not_the_skills_stays_where_a_file_was(author: Author) -> None:
    home = author.skills / "greet"
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        await accepted_with(workbench, author, **{"skill.py": function("greet", "return 1"), "data": "then"})
        (home / "data").unlink()
        second = {"skill.py": function("greet", "return 2"), "data/x": "now", ".skillignore": "data/mine"}
        await accepted_with(workbench, author, **second)
        author.writes("greet/data/mine", "nobody else has this")
        there = files_below(home)
        with pytest.raises(Conflict, match="data stands where a file of that revision is to be"):
            await workbench.roll_back("greet", 1)
        assert files_below(home) == there
