"""The registry: skills switched off and on, and called something else; nothing that is known of them is lost."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.author import Author, function
from tests.runtime.devsessions.watched import watching
from workbench.assembly import Workbench, open_workbench
from workbench.model.errors import Conflict, ErrorKind, MachineCannot, UnknownSkill, WrongUse
from workbench.model.events import SkillHotReloaded, SkillStateChanged
from workbench.model.skill import SkillState
from workbench.runtime.devsessions.session import Accepted
from workbench.runtime.library import renaming

pytestmark = pytest.mark.anyio


@pytest.mark.exhaustive
async def test_a_disabled_skill_is_refused_by_every_process_until_it_is_enabled(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    assert author.calls("disable", "greet").code == 0
    refused = author.calls("run", "greet", "--json")
    assert (refused.code, refused.json["error"]["kind"]) == (1, "permission_denied")
    assert "workbench enable greet" in refused.json["error"]["hint"]
    listed = {skill["name"]: skill["state"] for skill in author.calls("list", "--json").json["skills"]}
    assert listed["greet"] == "disabled"
    assert author.calls("enable", "greet", "--json").json == {"skills": [{"name": "greet", "state": "ok"}]}
    assert author.calls("run", "greet").code == 0


async def test_what_is_saved_while_disabled_answers_once_it_is_enabled(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    async with watching(author) as watched:
        assert await watched.answers("greet") == "hello"
        await watched.workbench.disable("greet")
        author.saves("greet/skill.py", function("greet", "return 'howdy'"))
        await watched.hears(SkillHotReloaded)
        assert watched.workbench.find("greet").state is SkillState.DISABLED
        error = (await watched.workbench.run("greet")).outcome.error
        assert error is not None
        assert error.kind is ErrorKind.PERMISSION_DENIED
        author.saves("greet/skill.py", "def greet(:")
        await watched.until(lambda: any(f.severity.breaks for f in watched.workbench.find("greet").findings))
        assert watched.workbench.find("greet").state is SkillState.DISABLED
        await watched.workbench.enable("greet")
        assert watched.workbench.find("greet").is_broken
        assert await watched.answers("greet") == "howdy"


@pytest.mark.exhaustive
async def test_what_is_saved_under_another_name_while_disabled_stays_disabled(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    async with watching(author) as watched:
        await watched.answers("greet")
        await watched.workbench.disable("greet")
        author.saves("greet/skill.py", function("hail", "return 'howdy'"))
        await watched.hears(SkillHotReloaded, "hail")
        assert watched.workbench.find("hail").state is SkillState.DISABLED
        assert (await watched.workbench.run("hail")).outcome.error is not None
    assert author.calls("run", "hail").code != 0
    assert author.calls("enable", "hail").code == 0
    assert author.calls("run", "hail").out == "howdy\n"


async def test_another_process_that_watches_sees_it_at_once(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    async with watching(author) as watched:
        await watched.answers("greet")
        author.calls("disable", "greet")
        event = await watched.hears(SkillStateChanged, "greet")
        while event.after != "disabled":
            event = await watched.hears(SkillStateChanged, "greet")
        assert (await watched.workbench.run("greet")).outcome.error is not None


async def test_a_renamed_skill_keeps_its_history_and_its_runs(author: Author, workbench: Workbench) -> None:
    await workbench.run("greet")
    author.saves("greet/skill.py", function("greet", "return 'howdy'"))
    await workbench.reload("greet", message="western")
    skill = await workbench.rename("greet", "hail")

    assert (skill.name, skill.home) == ("hail", str(author.skills / "hail"))
    assert not (author.skills / "greet").exists()
    assert 'name="hail"' in (author.skills / "hail/skill.py").read_text()
    assert (await workbench.run("hail")).outcome.output == "howdy"
    assert [each.message for each in workbench.history("hail")][-2:] == ["western", ""]
    assert (await workbench.run("hail@r1")).outcome.output == "hello"
    await workbench.roll_back("hail", 1)
    assert (await workbench.run("hail")).outcome.output == "hello"


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (
            "greet/skill.json",
            '{\n  // here\n  "name": "greet", "type": "prompt_inline",\n  "prompt_template": "greet"\n}',
        ),
        ("greet/SKILL.md", "---\nname: greet\ndescription: greet people\n---\ngreet them\n"),
        ("greet.json", '{"type": "prompt_inline", "prompt_template": "greet"}'),
        ("greet.py", function("greet", "return 'greet'")),
        ("greet/skill.json", '{"type": "prompt_inline", "prompt_template": "hi"}'),
    ],
)
async def test_only_the_name_is_changed_whatever_the_file_looks_like(author: Author, path: str, content: str) -> None:
    author.writes(path, content)
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        workbench.find("greet")
        skill = await workbench.rename("greet", "hail")
    text = Path(skill.path).read_text()
    assert skill.name == "hail"
    assert text in (content, *(content[:at] + "hail" + content[at + 5 :] for at in _places(content, "greet")))
    assert "hail" in skill.home


def _places(text: str, word: str) -> list[int]:
    return [at for at in range(len(text)) if text.startswith(word, at)]


async def test_a_rename_that_cannot_be_changes_nothing(
    author: Author, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await workbench.run("greet")
    before = (author.skills / "greet/skill.py").read_bytes()
    for name, kind in (("a b", WrongUse), ("", WrongUse), ("../x", WrongUse), ("echo", Conflict)):
        with pytest.raises(kind):
            await workbench.rename("greet", name)
    author.writes("hail/other.txt", "mine")
    with pytest.raises(Conflict, match="already a"):
        await workbench.rename("greet", "hail")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(renaming, "write_atomically", full)
    with pytest.raises(MachineCannot, match="No space left"):
        await workbench.rename("greet", "welcome")
    assert (author.skills / "greet/skill.py").read_bytes() == before
    assert len(workbench.history("greet")) == 1


async def test_a_name_that_is_not_written_as_text_is_the_authors_to_change(author: Author) -> None:
    content = '{"name": "gr\\u0065et", "type": "prompt_inline", "prompt_template": "hi"}'
    path = author.writes("mine/skill.json", content)
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        with pytest.raises(WrongUse, match="as plain text"):
            await workbench.rename("greet", "hail")
        assert path.read_text() == content


async def test_a_name_changed_by_hand_while_somebody_watches_keeps_its_history_too(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    async with watching(author) as watched:
        await watched.answers("greet")
        author.saves("greet/skill.py", function("hail", "return 'hello'"))
        event = await watched.hears(SkillHotReloaded)
        assert (event.skill, event.revision) == ("hail", 2)
        assert len(watched.workbench.history("hail")) == 2


@pytest.mark.exhaustive
async def test_a_database_of_an_earlier_version_is_brought_up_to_date_by_whoever_looks(author: Author) -> None:
    from workbench.runtime.store.migrations import SCRIPTS

    author.has_function("greet", "return 'hello'")
    author.calls("run", "greet")
    path = author.workspace / ".workbench/workbench.db"
    path.unlink()
    for beside in path.parent.glob("workbench.db-*"):
        beside.unlink()
    with sqlite3.connect(path) as connection:
        connection.executescript(SCRIPTS[0])
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    assert author.calls("list").code == 0
    assert author.calls("history", "greet").code == 0


@pytest.mark.exhaustive
async def test_many_are_loaded_at_once_and_each_has_an_end_of_its_own(author: Author) -> None:
    for number in range(8):
        author.has_function(f"slow{number}", f"return {number}")
        path = author.skills / f"slow{number}/skill.py"
        path.write_text("import time\ntime.sleep(0.3)\n" + path.read_text())
    author.writes(
        "bad/skill.py", "import time\ntime.sleep(0.3)\n" + function("bad", "return 1") + "raise ValueError(7)\n"
    )
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        names = [*(f"slow{number}" for number in range(8)), "bad"]
        ends = await workbench.reload_many(names)
        assert list(ends) == names
        assert [isinstance(end, Accepted) for end in ends.values()] == [True] * 8 + [False]
        spans = [dict(end.steps)["load"] for end in ends.values() if isinstance(end, Accepted)]
        assert all(span >= 300 for span in spans)
        with pytest.raises(UnknownSkill):
            await workbench.reload_many(["slow1", "nope"])


@pytest.mark.exhaustive
async def test_a_skill_from_anywhere_is_run_by_its_path(author: Author, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere/greet"
    folder.mkdir(parents=True)
    (folder / "skill.py").write_text(function("greet", "return 'hello'"))
    assert author.calls("run", str(folder), "--json").json["output"] == "hello"
    assert author.calls("run", str(tmp_path), "--json").code == 2
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        skill = workbench.register(str(folder))
        (folder / "skill.py").write_text(function("greet", "return 'howdy'"))
        workbench.refresh()
        assert (await workbench.run(skill.name)).outcome.output == "howdy"
        assert workbench.register(str(folder)).findings == ()
        await workbench.roll_back("greet", 1)
        assert (folder / "skill.py").read_text() == function("greet", "return 'hello'")
        assert (await workbench.run("greet")).outcome.output == "hello"
        workbench.unregister("greet")
        with pytest.raises(UnknownSkill):
            workbench.find("greet")
        author.has_function("greet", "return 'mine'")
        workbench.refresh()
        with pytest.raises(Conflict, match="cannot be registered"):
            workbench.register(str(folder))
        assert (await workbench.run("greet")).outcome.output == "mine"
        with pytest.raises(WrongUse, match="lies in a folder of skills"):
            workbench.unregister("echo")
        with pytest.raises(UnknownSkill, match="no file or folder"):
            workbench.register(str(tmp_path / "nothing"))


async def test_a_name_that_has_a_history_keeps_it_and_so_does_who_takes_it(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    author.has_function("hail", "return 'ahoy'")
    async with watching(author) as watched:
        workbench = watched.workbench
        assert [await watched.answers(name) for name in ("greet", "hail")] == ["hello", "ahoy"]
        (author.skills / "hail/skill.py").unlink()
        await watched.until(lambda: "hail" not in workbench.snapshot.skills)
        author.saves("greet/skill.py", function("hail", "return 'hello'"))
        await watched.until(lambda: "hail" in workbench.snapshot.skills)
        assert await watched.answers("hail") == "hello"
        author.saves("greet/skill.py", function("greet", "return 'hello'"))
        await watched.until(lambda: "greet" in workbench.snapshot.skills)
        assert await watched.answers("greet") == "hello"
        kept = {name: workbench.library.revisions.history(name) for name in ("greet", "hail")}
        restored = [workbench.library.revisions.restored(each) for every in kept.values() for each in every]
        assert [len(every) for every in kept.values()] == [1, 2]
        assert all(restored)


async def test_a_name_that_is_changed_in_a_session_leaves_the_workspaces_history_alone(workbench: Workbench) -> None:
    await workbench.run("greet")
    await workbench.sessions.create("one")
    inside = workbench.in_session("one")
    await inside.exchange.take(inside.find("greet"))
    Path(inside.find("greet").path).write_text(function("hail", "return 'ahoy'"))
    inside.refresh()
    assert (await inside.run("hail")).outcome.output == "ahoy"
    await inside.rename("hail", "welcome")
    assert len(inside.history("welcome")) == 2
    workbench.refresh()
    assert workbench.find("greet").revision == 1
    assert [each.number for each in workbench.history("greet")] == [1]


async def test_a_run_of_the_old_name_that_is_under_way_ends_as_it_would_have(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        await workbench.run("greet")
        before = workbench.new_run(workbench.find("greet"), {})
        await workbench.rename("greet", "hail")
        author.saves("hail/skill.py", function("hail", "return 'changed'"))
        assert (await workbench.handler(before)).output == "hello"
        assert (await workbench.run("hail@r1")).outcome.output == "hello"


async def test_files_that_are_neither_kept_nor_there_any_more_are_an_outcome(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        run = workbench.new_run(workbench.find("greet"), {})
        author.saves("greet/skill.py", function("greet", "return 'changed'"))
        error = (await workbench.handler(run)).error
        assert error is not None
        assert (error.kind, error.hint) == (ErrorKind.CRASHED, "run it once more")


async def test_a_shipped_skill_keeps_its_name(workbench: Workbench) -> None:
    with pytest.raises(WrongUse, match="is shipped"):
        await workbench.rename("echo", "hail")
    assert "echo" in workbench.snapshot.skills


async def test_going_back_past_a_rename_keeps_todays_name(author: Author, workbench: Workbench) -> None:
    await workbench.run("greet")
    await workbench.rename("greet", "hail")
    author.saves("hail/skill.py", function("hail", "return 'howdy'"))
    await workbench.reload("hail")
    skill = await workbench.roll_back("hail", 1)
    assert (skill.name, (await workbench.run("hail")).outcome.output) == ("hail", "hello")
    assert "greet" not in workbench.snapshot.skills


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("file", "good", "broken"),
    [
        ("skill.py", function("greet", "return 'hello'"), function("greet", "return 'hello'") + "x = ("),
        (
            "skill.json",
            '{\n  "name": "greet",\n  "type": "prompt_inline",\n  "prompt_template": "hello"\n}',
            '{\n  "name": "greet",\n  "type": "prompt_inline",\n  "prompt_template": "hello"\n',
        ),
    ],
)
async def test_a_broken_save_in_a_folder_of_another_name_is_still_that_skills(
    author: Author, file: str, good: str, broken: str
) -> None:
    author.writes(f"hand/{file}", good)
    assert author.calls("run", "greet").code == 0
    author.writes(f"hand/{file}", broken)
    said = author.calls("run", "greet", "--json")
    assert (said.code, said.json["output"], said.json["revision"]) == (0, "hello", 1)
    assert author.calls("history", "greet").code == 0


async def test_whoever_writes_may_say_which_revision_they_have_seen(author: Author, workbench: Workbench) -> None:
    await workbench.run("greet")
    for write in (workbench.disable, workbench.enable, lambda ref, **more: workbench.rename(ref, "other", **more)):
        with pytest.raises(Conflict, match="'greet' is at r1, and r7 was expected; nothing was changed"):
            await write("greet", expected_version=7)
    assert workbench.find("greet").state is SkillState.OK
    assert (author.skills / "greet/skill.py").exists()
    assert (await workbench.disable("greet", expected_version=1)).state is SkillState.DISABLED
    assert (await workbench.enable("greet", expected_version=1)).state is SkillState.OK
    assert (await workbench.rename("greet", "other", expected_version=1)).name == "other"


@pytest.mark.exhaustive
async def test_the_shell_says_which_revision_was_seen(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    author.has_function("other", "return 1")
    author.calls("run", "greet")
    refused = author.calls("disable", "greet", "--expected", "r4")
    assert refused.code == 1
    assert "'greet' is at r1, and r4 was expected" in refused.err
    assert author.calls("rename", "greet", "hello", "--expected", "4").code == 1
    assert author.calls("enable", "greet", "other", "--expected", "1").code == 2
    assert author.calls("rename", "greet", "hello", "--expected", "r1").code == 0
    assert author.calls("run", "hello").code == 0
