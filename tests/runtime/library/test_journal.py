"""Two processes on one workspace: each hears what the other did, and neither hears itself twice."""

from __future__ import annotations

import anyio
import pytest

from tests.author import Author, function
from workbench.assembly import open_workbench
from workbench.model.events import RevisionAccepted, RunEnded, WatchStarted

pytestmark = pytest.mark.anyio


async def test_what_another_process_ran_and_accepted_is_heard(author: Author) -> None:
    author.has_function("greet", "return 1")

    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        with workbench.bus.subscribe(capacity=1_000) as events:
            async with workbench.watching():
                async for event in events:
                    if isinstance(event, WatchStarted):
                        break
                assert workbench.find("greet").revision == 0
                said = await anyio.to_thread.run_sync(lambda: author.calls("run", "greet", "--json").json)
                heard: dict[type, RunEnded | RevisionAccepted] = {}
                with anyio.fail_after(5):
                    async for event in events:
                        if isinstance(event, RunEnded | RevisionAccepted):
                            heard[type(event)] = event
                        if len(heard) == 2:
                            break
                with anyio.fail_after(5):
                    while workbench.find("greet").revision != 1:
                        await anyio.sleep(0.01)

    ended = heard[RunEnded]
    assert isinstance(ended, RunEnded)
    assert (ended.run, ended.status, ended.skill) == (said["run_id"], "completed", "greet")
    assert ended.origin


async def test_what_we_did_ourselves_is_not_told_again(author: Author) -> None:
    author.has_function("greet", "return 1")

    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        with workbench.bus.subscribe(capacity=1_000) as events:
            async with workbench.watching():
                await workbench.run("greet")
                author.saves("greet/skill.py", function("greet", "return 2"))
                with anyio.move_on_after(0.6):
                    async for event in events:
                        assert not isinstance(event, RunEnded | RevisionAccepted)
