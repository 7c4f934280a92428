"""A process that waits for whoever comes next: it is nobody's before, and sees one skill's files only after."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from tests.author import Author
from workbench.assembly import Workbench, open_workbench
from workbench.model.events import SkillCreated
from workbench.runtime.atomic import mirror_tree

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def with_a_spare(author: Author) -> AsyncIterator[Workbench]:
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        workbench.pool.keep_spares()
        await until_one_waits(workbench)
        yield workbench


async def until_one_waits(workbench: Workbench) -> None:
    with anyio.fail_after(10):
        while not workbench.pool._spares._waiting:
            await anyio.sleep(0.01)


def spare_of(workbench: Workbench) -> int:
    return workbench.pool._spares._waiting[0][1].pid


async def worker_of(workbench: Workbench, name: str) -> int:
    """The process that took a skill in."""
    with workbench.bus.subscribe() as events:
        result = await workbench.run(name)
        assert result.outcome.error is None
        return next(event.worker for event in events.drain() if isinstance(event, SkillCreated))


async def test_the_first_run_of_a_skill_takes_the_process_that_waits(author: Author) -> None:
    author.has_function("aaa", "return 1")
    async with with_a_spare(author) as workbench:
        waiting = spare_of(workbench)
        assert await worker_of(workbench, "aaa") == waiting


async def test_another_waits_as_soon_as_one_is_taken(author: Author) -> None:
    author.has_function("aaa", "return 1")
    author.has_function("bbb", "return 2")
    async with with_a_spare(author) as workbench:
        first = await worker_of(workbench, "aaa")
        await until_one_waits(workbench)
        assert first != spare_of(workbench) == await worker_of(workbench, "bbb")


async def test_a_skill_with_other_walls_does_not_take_it(author: Author) -> None:
    author.has_function("aaa", "return 1", options=", resource_limits={'max_memory_mb': 64}")
    async with with_a_spare(author) as workbench:
        waiting = spare_of(workbench)
        assert await worker_of(workbench, "aaa") != waiting
        assert spare_of(workbench) == waiting


async def test_what_waits_may_have_ended_by_then(author: Author) -> None:
    author.has_function("aaa", "return 1")
    async with with_a_spare(author) as workbench:
        os.kill(spare_of(workbench), signal.SIGKILL)
        assert (await workbench.run("aaa")).outcome.output == 1


async def test_a_skill_in_a_spare_sees_its_own_files_and_nobody_elses(author: Author) -> None:
    looks = "import os\nfound = [name for _, _, names in os.walk('..') for name in names]\nreturn sorted(found)"
    author.has_function("aaa", looks)
    author.writes("aaa/data/table.csv", "1,2")
    author.has_function("bbb", "return 2")
    async with with_a_spare(author) as workbench:
        await workbench.run("bbb")
        await until_one_waits(workbench)
        assert (await workbench.run("aaa")).outcome.output == ["skill.py", "table.csv"]


async def test_a_skill_in_a_spare_cannot_write_into_its_own_files(author: Author) -> None:
    author.has_function("aaa", "open('skill.py', 'a').write('x')")
    async with with_a_spare(author) as workbench:
        outcome = (await workbench.run("aaa")).outcome
        assert outcome.error is not None
        assert "Read-only" in outcome.error.message or "denied" in outcome.error.message
        kept = Path(workbench.code_of(workbench.find("aaa")).folder) / "skill.py"
        assert not kept.stat().st_mode & 0o222
        assert not kept.read_text().endswith("x")


async def test_nothing_of_a_spare_stays(author: Author) -> None:
    author.has_function("aaa", "return 1")
    async with with_a_spare(author) as workbench:
        await workbench.run("aaa")
        await until_one_waits(workbench)
        scratch = Path(workbench.library.scratch.new_folder()).parent
    assert not list(scratch.glob("*/code"))


def test_a_tree_is_mirrored_where_no_links_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refused)
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/run.sh").write_text("true")
    (tmp_path / "a/b/run.sh").chmod(0o555)
    mirror_tree(str(tmp_path / "a"), str(tmp_path / "c"))
    assert (tmp_path / "c/b/run.sh").read_text() == "true"
    assert os.access(tmp_path / "c/b/run.sh", os.X_OK)
