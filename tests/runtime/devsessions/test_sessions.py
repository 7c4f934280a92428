"""Dev sessions: the same skill with other code and other variables, at the same time; nobody sees the other's files."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.author import Author, function
from tests.runtime.devsessions.watched import Watched
from workbench.assembly import Workbench, open_workbench
from workbench.model.errors import Conflict, WrongUse
from workbench.model.events import SkillHotReloaded, WatchStarted
from workbench.model.skill import Scope

pytestmark = pytest.mark.anyio
COUNTS = "global count\ncount += 1\nreturn [os.environ.get('PLACE', '-'), 'main', count]"


def counting(says: str) -> str:
    body = COUNTS.replace("'main'", repr(says))
    return "import os\ncount = 0\n" + function("greet", body, options=', permissions={"environment": ["PLACE"]}')


async def opened(workbench: Workbench, name: str, *taken: str, **environment: str) -> Workbench:
    """A new session, seen from inside, with these skills in it."""
    await workbench.sessions.create(name, environment=environment)
    inside = workbench.in_session(name)
    for skill in taken:
        await inside.exchange.take(inside.find(skill))
    return inside


async def said(workbench: Workbench, name: str = "greet") -> object:
    return (await workbench.run(name)).outcome.output


def edit(workbench: Workbench, name: str, content: str) -> Path:
    """Save the file that begins a skill, as it lies where this workbench sees it."""
    path = Path(workbench.find(name).path)
    path.write_text(content)
    workbench.refresh()
    return path


async def test_two_sessions_answer_with_their_own_code_variables_and_state(
    author: Author, workbench: Workbench
) -> None:
    edit(workbench, "greet", counting("main"))
    one = await opened(workbench, "one", "greet", PLACE="here")
    two = await opened(workbench, "two", "greet", PLACE="there")
    edit(two, "greet", counting("two"))
    await said(one)

    assert await said(one) == ["here", "main", 2]
    assert await said(two) == ["there", "two", 1]
    assert await said(workbench) == ["-", "main", 1]
    assert {skill.scope for skill in (one.find("greet"), two.find("greet"))} == {Scope.DEV}


async def test_what_is_not_taken_is_the_workspaces_as_it_is_now(workbench: Workbench) -> None:
    inside = await opened(workbench, "one")
    edit(workbench, "greet", function("greet", "return 'howdy'"))
    inside.refresh()

    assert await said(inside) == "howdy"
    assert inside.find("greet").scope is Scope.WORKSPACE
    assert len(inside.history("greet")) == 1


async def test_a_skill_deleted_or_renamed_in_a_session_is_so_there_only(author: Author, workbench: Workbench) -> None:
    author.has_function("other", "return 1")
    workbench.refresh()
    inside = await opened(workbench, "one", "greet", "other")
    shutil.rmtree(inside.find("greet").folder)
    edit(inside, "other", function("another", "return 2"))

    assert {skill.name for skill in inside.snapshot if skill.scope is not Scope.BUILTIN} == {"another"}
    assert await said(workbench) == "hello"
    assert await said(workbench, "other") == 1


async def test_a_save_in_a_session_reloads_there_and_only_there(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        inside = await opened(workbench, "one", "greet")
        await said(workbench)
        with workbench.bus.subscribe(capacity=10_000) as events:
            async with workbench.watching(), inside.watching():
                watched = Watched(inside, events)
                await watched.hears(WatchStarted)
                await watched.hears(WatchStarted)
                Path(inside.find("greet").path).write_text(function("greet", "return 'howdy'"))
                event = await watched.hears(SkillHotReloaded)
                assert (event.realm, await said(inside), await said(workbench)) == ("one", "howdy", "hello")
                author.saves("greet/skill.py", function("greet", "return 'bye'"))
                event = await watched.hears(SkillHotReloaded)
                assert (event.realm, await said(inside), await said(workbench)) == ("main", "howdy", "bye")


async def test_shared_modules_come_with_the_skill_that_imports_them(author: Author, workbench: Workbench) -> None:
    module = author.writes("words.py", "HELLO = 'hello'\n")
    edit(workbench, "greet", "from words import HELLO\n" + function("greet", "return HELLO"))
    inside = await opened(workbench, "one", "greet")
    Path(inside.find("greet").folder).with_name("words.py").write_text("HELLO = 'howdy'\n")
    inside.refresh()

    assert (await said(inside), await said(workbench)) == ("howdy", "hello")
    assert module.read_text() == "HELLO = 'hello'\n"


async def test_a_broken_skill_of_a_session_has_the_workspaces_last_good_answer(workbench: Workbench) -> None:
    await said(workbench)
    inside = await opened(workbench, "one", "greet")
    edit(inside, "greet", "def greet(:")
    result = await inside.run("greet")

    assert (result.outcome.output, result.instead_of is not None) == ("hello", True)
    assert not workbench.find("greet").is_broken


async def test_a_session_is_there_for_every_process_and_after_a_restart(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        inside = await opened(workbench, "one", "greet", PLACE="x")
        edit(inside, "greet", function("greet", "return 'howdy'"))
        assert await said(inside) == "howdy"
    async with open_workbench(workspace=str(author.workspace), environ=author.environ, dev="one") as again:
        assert await said(again) == "howdy"
        assert again.find("greet").revision == 1
        assert again.session.realm.environment == {"PLACE": "x"}


async def test_what_was_taken_is_given_back_and_no_change_is_lost_unasked(workbench: Workbench) -> None:
    inside = await opened(workbench, "one", "greet")
    edit(inside, "greet", function("greet", "return 'howdy'"))
    with pytest.raises(Conflict, match="changed here and not in the workspace"):
        await inside.exchange.give_back(["greet"])
    assert await said(inside) == "howdy"
    await inside.exchange.give_back(["greet"], give_up=True)
    assert (await said(inside), inside.find("greet").scope) == ("hello", Scope.WORKSPACE)


async def test_other_variables_are_found_from_the_next_run_on(workbench: Workbench) -> None:
    inside = await opened(workbench, "one", "greet", PLACE="here")
    edit(inside, "greet", counting("one"))
    assert await said(inside) == ["here", "one", 1]
    await workbench.sessions.set_environment("one", {"PLACE": "elsewhere"})
    assert await said(inside) == ["elsewhere", "one", 1]


async def test_a_session_that_is_closed_leaves_its_files_for_a_while(workbench: Workbench) -> None:
    inside = await opened(workbench, "one", "greet")
    edit(inside, "greet", function("greet", "return 'howdy'"))
    with pytest.raises(Conflict, match="changes that the workspace does not have"):
        await workbench.sessions.close("one")
    kept = await workbench.sessions.close("one", give_up=True)

    assert "howdy" in Path(kept, "skills/greet/skill.py").read_text()
    assert workbench.sessions.notes.all() == ()
    with pytest.raises(WrongUse, match="no dev session 'one'"):
        workbench.in_session("one")
    again = await opened(workbench, "one", "greet")
    assert await said(again) == "hello"


@pytest.mark.parametrize("name", ["main", "", "..", "a/b", "-x", "x" * 200, "a\nb"])
async def test_a_name_that_cannot_be_one_is_refused(workbench: Workbench, name: str) -> None:
    with pytest.raises(WrongUse):
        await workbench.sessions.create(name)
    assert workbench.sessions.notes.all() == ()


async def test_a_note_that_cannot_be_read_is_no_session_and_costs_nobody_a_file(
    author: Author, workbench: Workbench
) -> None:
    inside = await opened(workbench, "one", "greet")
    edit(inside, "greet", function("greet", "return 'howdy'"))
    note = next(author.workspace.glob(".workbench/dev/one/session.json"))
    for content in ("{", "[]", '{"name": "one"}'):
        note.write_text(content)
        assert workbench.sessions.notes.all() == ()
    await workbench.sessions.create("one")
    assert [each.name for each in workbench.sessions.notes.all()] == ["one"]
    [kept] = author.workspace.glob(".workbench/dev/.closed/one-*/skills/greet/skill.py")
    assert "howdy" in kept.read_text()


async def test_a_folder_that_is_built_like_a_workspace_can_be_one(
    author: Author, workbench: Workbench, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(author.skills, copy / "skills")
    await workbench.sessions.create("copy", folder=str(copy))
    inside = workbench.in_session("copy")
    edit(inside, "greet", function("greet", "return 'howdy'"))

    assert (await said(inside), await said(workbench)) == ("howdy", "hello")
    await inside.promote()
    assert await said(workbench) == "howdy"
    with pytest.raises(WrongUse, match="no skills folder"):
        await workbench.sessions.create("other", folder=str(tmp_path))
    with pytest.raises(WrongUse, match="workspace itself"):
        await workbench.sessions.create("other", folder=str(author.workspace))
    await workbench.sessions.close("copy")
    assert (copy / "skills/greet/skill.py").exists()


async def test_workspace_is_the_sessions_own_folder_where_it_has_one(
    author: Author, workbench: Workbench, tmp_path: Path
) -> None:
    asks = {"file_read": ["workspace:name.txt"], "file_write": ["workspace:notes"]}
    body = "open(f'{place}/notes/seen', 'w'); return open(f'{place}/name.txt').read()"
    note = function("note", body, options=f", permissions={asks}")
    author.saves("note/skill.py", f"import os\nplace = os.environ['WORKBENCH_WORKSPACE']\n{note}")
    author.has_command("show", "sh", "-c", "cat $WORKBENCH_WORKSPACE/name.txt", security={"permissions": asks})
    copy = tmp_path / "copy"
    shutil.copytree(author.skills, copy / "skills")
    for folder, name in ((author.workspace, "ours"), (copy, "theirs")):
        (folder / "notes").mkdir()
        (folder / "name.txt").write_text(name)
    workbench.refresh()
    beside = await opened(workbench, "beside")
    await workbench.sessions.create("copy", folder=str(copy))
    inside = workbench.in_session("copy")

    assert [await said(inside, name) for name in ("note", "show")] == ["theirs"] * 2
    assert [(copy / "notes/seen").exists(), (author.workspace / "notes/seen").exists()] == [True, False]
    assert [await said(each, name) for each in (beside, workbench) for name in ("note", "show")] == ["ours"] * 4
    assert str(copy) in str(inside.policy("note"))
    assert str(copy) not in str(beside.policy("note"))


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
async def test_a_git_worktree_is_a_session_of_its_branch(author: Author, workbench: Workbench) -> None:
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        done = subprocess.run(
            ["git", *identity, "-C", str(author.workspace), *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout

    git("init", "-q", "-b", "trunk")
    git("add", "skills")
    git("commit", "-q", "-m", "first")
    await workbench.sessions.create("try", worktree="idea")
    inside = workbench.in_session("try")
    edit(inside, "greet", function("greet", "return 'an idea'"))

    assert (await said(inside), await said(workbench)) == ("an idea", "hello")
    assert "idea" in git("branch", "--list", "idea")
    with pytest.raises(Conflict):
        await workbench.sessions.close("try")
    kept = await workbench.sessions.close("try", give_up=True)
    assert "an idea" in Path(kept, "tree/skills/greet/skill.py").read_text()
    assert git("worktree", "list").count("\n") == 1
    with pytest.raises(WrongUse):
        await workbench.sessions.create("try", worktree="--force")
