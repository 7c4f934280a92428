"""The pool: what is warm stays within bounds, and what no longer answers goes."""

from __future__ import annotations

import os
import socket

import anyio
import pytest

from tests.author import Author, function
from workbench.assembly import Workbench, open_workbench
from workbench.configuration import read_settings
from workbench.model.frozen import replace
from workbench.runtime.workers import wire

pytestmark = pytest.mark.anyio


def workers_of(workbench: Workbench) -> int:
    """How many worker processes of ours live."""
    folder = workbench.library.revisions.folder_of("x").rpartition("/rev/")[0]
    count = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    environment = file.read()
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    command = file.read()
            except OSError:
                continue
            count += folder.encode() in environment and command.split(b"\0")[0].endswith(b"bwrap")
    return count


def open_ends() -> int:
    """How many sockets and nameless files this process has."""
    links = [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
    return sum("socket:" in link or "(deleted)" in link for link in links)


async def test_no_more_workers_idle_than_the_settings_allow(author: Author) -> None:
    for number in range(6):
        author.has_function(f"skill-{number}", f"return {number}")
    settings = read_settings(str(author.workspace), author.environ)
    settings = replace(settings, performance=replace(settings.performance, max_workers=2))

    async with open_workbench(settings, environ=author.environ) as workbench:
        for number in range(6):
            assert (await workbench.run(f"skill-{number}")).outcome.output == number
        warm = [skill.name for skill in workbench.snapshot if workbench.session.is_warm(skill.name)]

    assert warm == ["skill-4", "skill-5"]


@pytest.mark.exhaustive
async def test_a_worker_that_is_busy_when_its_revision_goes_ends_after_its_run(author: Author) -> None:
    author.has_function("slow", "import time\ntime.sleep(1.5)\nreturn 'old'")
    outputs: list[object] = []

    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        await workbench.run("slow")
        old = workbench.find("slow")

        async def run() -> None:
            outputs.append((await workbench.run("slow")).outcome.output)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await anyio.sleep(0.1)
            author.saves("slow/skill.py", function("slow", "return 'new'"))
            workbench.refresh()
            outputs.append((await workbench.run("slow")).outcome.output)
        assert not workbench.pool.is_warm("main", old.digest)

    assert outputs == ["new", "old"]


@pytest.mark.exhaustive
async def test_a_worker_that_dies_while_idle_is_replaced(author: Author) -> None:
    body = "import os, threading\nthreading.Timer(0.5, lambda: os._exit(1)).start()\nreturn 'well'"
    author.has_function("dies", body)

    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        for _ in range(3):
            assert (await workbench.run("dies")).outcome.output == "well"
            await anyio.sleep(0.8)


async def test_a_worker_whose_skill_raised_serves_the_next_run(author: Author) -> None:
    body = (
        "import sys\nsys.runs = getattr(sys, 'runs', 0) + 1\nif sys.runs == 2:\n    raise SystemExit\nreturn sys.runs"
    )
    author.has_function("moody", body)

    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        outcomes = [(await workbench.run("moody")).outcome for _ in range(3)]

    assert [outcome.output for outcome in outcomes] == [1, None, 3]
    assert outcomes[1].error is not None


async def test_a_revision_that_answers_again_keeps_its_worker_warm(author: Author) -> None:
    body = "import sys\nsys.runs = getattr(sys, 'runs', 0) + 1\nreturn [{}, sys.runs]"
    author.has_function("greet", body.format(1))

    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        await workbench.run("greet")
        author.has_function("greet", body.format(2))
        workbench.refresh()
        await workbench.run("greet")
        await workbench.roll_back("greet", 1)
        outputs = [(await workbench.run("greet")).outcome.output for _ in range(3)]

    assert outputs == [[1, 1], [1, 2], [1, 3]]


async def test_a_worker_with_other_variables_is_not_used(author: Author) -> None:
    author.has_function(
        "says", "import os\nreturn os.environ.get('WORD')", options=", permissions={'environment': ['WORD']}"
    )

    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        await workbench.sessions.create("try")
    said = []
    async with open_workbench(workspace=str(author.workspace), environ=author.environ, dev="try") as workbench:
        for word in ("one", "two"):
            await workbench.sessions.set_environment("try", {"WORD": word})
            said.append((await workbench.run("says")).outcome.output)

    assert said == ["one", "two"]


async def test_a_closed_workbench_leaves_no_worker_and_no_scratch(author: Author) -> None:
    author.has_function("greet", "return 1")

    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        await workbench.run("greet")
        during = workers_of(workbench)
    after = workers_of(workbench)

    if workbench.tier.value.startswith("A"):
        assert during > 0
    assert after == 0
    assert os.listdir(author.workspace / ".workbench" / "scratch") == []


async def test_a_start_that_is_given_up_half_way_leaves_nothing_open(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    author.has_function("aaa", "return 1")
    connect = wire.connect

    async def slowly(end: socket.socket, most: int) -> wire.FrameChannel:
        channel = await connect(end, most)
        await anyio.sleep(0.2)
        return channel

    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        before = open_ends()
        monkeypatch.setattr(wire, "connect", slowly)
        for _ in range(3):
            with anyio.move_on_after(0.1):
                await workbench.run("aaa")
        with anyio.fail_after(5):
            while open_ends() > before or workers_of(workbench):
                await anyio.sleep(0.05)
