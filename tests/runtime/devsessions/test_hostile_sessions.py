"""Sessions that somebody means ill with, and those that two people want something of at once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.author import REPOSITORY, Author, function
from tests.runtime.devsessions.test_sessions import edit, opened, said
from tests.runtime.devsessions.watched import watching
from workbench.assembly import Workbench
from workbench.model.errors import Conflict, WrongUse
from workbench.model.events import RevisionAccepted, SkillHotReloaded
from workbench.model.run import Status

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "changed",
    [
        {"folder": "/"},
        {"folder": ".."},
        {"folder": "WORKSPACE"},
        {"folder": "WORKSPACE/.", "is_overlay": False},
        {"folder": 7},
        {"folder": "/tmp/\0"},
        {"name": "two"},
        {"name": "../../skills"},
        {"created_at": "yesterday"},
        {"environment": ["PATH"]},
        {"environment": {"A": 1}},
        {"worktree_of": None},
        {"is_overlay": False},
    ],
    ids=str,
)
async def test_a_note_that_nobody_wrote_here_is_no_session_and_costs_no_file(
    author: Author, workbench: Workbench, changed: dict[str, Any]
) -> None:
    await opened(workbench, "one", "greet")
    await opened(workbench, "fine")
    note = author.workspace / ".workbench/dev/one/session.json"
    changed = {
        key: value.replace("WORKSPACE", str(author.workspace)) if isinstance(value, str) else value
        for key, value in changed.items()
    }
    note.write_text(json.dumps({**json.loads(note.read_text()), **changed}))

    assert [each.name for each in workbench.sessions.notes.all()] == ["fine"]
    with pytest.raises(WrongUse, match="no dev session 'one'") as refused:
        workbench.in_session("one")
    assert "is not what was written" in refused.value.hint
    assert author.calls("dev", "close", "one", "--give-up").code == 2
    assert (author.skills / "greet/skill.py").exists()


@pytest.mark.parametrize("kind", ["huge", "deep", "a link", "a folder", "a pipe", "a folder that is a link"])
async def test_a_note_that_is_no_note_is_no_session(
    author: Author, workbench: Workbench, tmp_path: Path, kind: str
) -> None:
    await opened(workbench, "one", "greet")
    note = author.workspace / ".workbench/dev/one/session.json"
    text = note.read_text()
    if kind == "a folder that is a link":
        shutil.move(note.parent, tmp_path / "elsewhere")
        note.parent.symlink_to(tmp_path / "elsewhere")
    else:
        note.unlink()
    match kind:
        case "huge":
            note.write_text(text + " " * 2_000_000 + "{")
        case "deep":
            note.write_text("[" * 500_000)
        case "a link":
            (tmp_path / "elsewhere").write_text(text)
            note.symlink_to(tmp_path / "elsewhere")
        case "a folder":
            note.mkdir()
        case "a pipe":
            os.mkfifo(note)
    assert workbench.sessions.notes.all() == ()
    await workbench.sessions.create("one")
    assert [each.name for each in workbench.sessions.notes.all()] == ["one"]


async def test_a_link_that_leads_out_of_a_session_takes_nothing_in_and_gets_nothing_out(
    author: Author, workbench: Workbench, tmp_path: Path
) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/key").write_text("a secret")
    author.writes("greet/data/a.txt", "a")
    (author.skills / "greet/etc").symlink_to("/etc")
    inside = await opened(workbench, "one", "greet")
    home = Path(edit(inside, "greet", function("greet", "return 'howdy'"))).parent
    shutil.rmtree(home / "data")
    (home / "data").symlink_to(tmp_path / "secret")
    (home / "key").symlink_to(tmp_path / "secret/key")
    inside.refresh()
    promoted = await inside.promote()

    assert {stand.path for stand in promoted.files} == {"skills/greet/skill.py", "skills/greet/data/a.txt"}
    assert sorted(path.name for path in (author.skills / "greet").iterdir()) == ["etc", "skill.py"]
    await workbench.sessions.close("one", give_up=True)
    assert (tmp_path / "secret/key").read_text() == "a secret"


async def test_of_two_sessions_with_one_skill_the_second_hears_that_the_first_was_there(workbench: Workbench) -> None:
    one, two = await opened(workbench, "one", "greet"), await opened(workbench, "two", "greet")
    edit(one, "greet", function("greet", "return 'one'"))
    edit(two, "greet", function("greet", "return 'two'"))
    ends: list[object] = []

    async def promoted(inside: Workbench) -> None:
        try:
            ends.append(await inside.promote())
        except Conflict as error:
            ends.append(error)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(promoted, one)
        tasks.start_soon(promoted, two)
    assert sorted(isinstance(end, Conflict) for end in ends) == [False, True]
    workbench.refresh()
    answers = {await said(workbench), await said(one), await said(two)}
    assert answers == {"one", "two"}


@pytest.mark.exhaustive
async def test_two_processes_that_promote_one_session_at_once_promote_it_once(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    author.calls("dev", "open", "one")
    path = Path(author.calls("dev", "edit", "one", "greet").out.strip())
    path.write_text(function("greet", "return 'howdy'"))
    ends: list[Any] = []
    threads = [
        threading.Thread(target=lambda: ends.append(author.calls("dev", "promote", "one", "--json"))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 in {end.code for end in ends}, ends
    assert {end.code for end in ends} <= {0, 1, 2}
    assert not any("Traceback" in end.err for end in ends)
    assert author.calls("run", "greet").out == "howdy\n"
    assert not list(author.workspace.glob(".workbench/promotions/*"))
    [session] = author.calls("dev", "list", "--json").json["sessions"]
    assert session["files"] == []


async def test_a_run_ends_though_its_session_is_closed_meanwhile(workbench: Workbench, tmp_path: Path) -> None:
    inside = await opened(workbench, "one", "greet")
    edit(inside, "greet", function("greet", "import time\ntime.sleep(0.5)\nimport helper\nreturn helper.WORD"))
    Path(inside.find("greet").folder, "helper.py").write_text("WORD = 'late'")
    inside.refresh()
    results = []

    async def run() -> None:
        results.append(await inside.run("greet"))

    with workbench.bus.subscribe() as events:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            async for event in events:
                if type(event).__name__ == "SkillExecutionStarted":
                    break
            await workbench.sessions.close("one", give_up=True)
    assert [(result.outcome.status, result.outcome.output) for result in results] == [(Status.COMPLETED, "late")]


@pytest.mark.exhaustive
async def test_fifty_sessions_are_fifty_places(workbench: Workbench) -> None:
    for number in range(50):
        await workbench.sessions.create(f"s{number}")
    first, last = workbench.in_session("s0"), workbench.in_session("s49")
    for inside in (first, last):
        await inside.exchange.take(inside.find("greet"))
        edit(inside, "greet", function("greet", f"return '{inside.session.realm.id}'"))
    assert len(workbench.sessions.notes.all()) == 50
    assert [await said(inside) for inside in (workbench, first, last)] == ["hello", "s0", "s49"]
    for number in range(50):
        await workbench.sessions.close(f"s{number}", give_up=True)
    assert workbench.sessions.notes.all() == ()


@pytest.mark.exhaustive
async def test_when_one_of_two_who_watch_is_killed_the_other_goes_on(author: Author) -> None:
    author.has_function("greet", "return 1")
    async with watching(author) as watched:
        await watched.answers("greet")
        other = await anyio.open_process(
            [sys.executable, "-m", "workbench", "watch", "--json"],
            cwd=author.workspace,
            env={**author.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        async with other:
            assert other.stdout is not None
            while b"WatchStarted" not in await other.stdout.receive():
                pass
            author.saves("greet/skill.py", function("greet", "return 2"))
            other.send_signal(signal.SIGKILL)
        await watched.until_it_answers("greet", 2)
        author.saves("greet/skill.py", function("greet", "return 3"))
        await watched.until_it_answers("greet", 3)
        assert {type(event) for event in watched.heard()} & {SkillHotReloaded, RevisionAccepted}
    assert author.calls("run", "greet", "--json").json["revision"] == 3


async def test_a_skill_that_another_of_its_name_hides_is_not_promoted_untested(
    author: Author, workbench: Workbench
) -> None:
    inside = await opened(workbench, "one", "greet")
    edit(inside, "greet", function("greet", "return 'howdy'"))
    twin = Path(inside.find("greet").folder).with_name("hidden") / "skill.py"
    twin.parent.mkdir()
    twin.write_text(function("greet", "return 'nobody has tried this'"))
    inside.refresh()
    with pytest.raises(Conflict, match="nothing was promoted") as refused:
        await inside.promote()
    assert str(twin) in refused.value.message
    assert inside.find("greet").path in refused.value.message
    assert [path.name for path in author.skills.iterdir()] == ["greet"]
    assert [stand.path for stand in (await inside.promote(["greet"])).files] == ["skills/greet/skill.py"]
