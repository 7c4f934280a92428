"""Two hundred runs, ten at once: nothing of them is left, neither process nor descriptor nor file."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest

from tests.author import Author
from tests.runtime.executors.running import opened
from workbench.runtime.sandbox.warden.processes import descendants_of

pytestmark = pytest.mark.anyio


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def files_in(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())


@pytest.mark.exhaustive
@pytest.mark.timeout(120)
@pytest.mark.parametrize("network", [[], ["a.example:443"]], ids=["alone", "with hosts"])
async def test_two_hundred_runs_leave_nothing(author: Author, network: list[str]) -> None:
    if network and not os.path.exists("/usr/bin/bwrap"):
        pytest.skip("without namespaces nobody gets a network")
    script = "echo x; echo y > $WORKBENCH_OUT/gone; rm $WORKBENCH_OUT/gone; sleep 0.02 & exit 0"
    author.has_command("brief", "sh", "-c", script, security={"permissions": {"network_access": network}})
    async with opened(author) as workbench:
        room = anyio.CapacityLimiter(10)

        async def run() -> None:
            async with room:
                outcome = (await workbench.run("brief")).outcome
                assert outcome.output == "x\n", outcome.error

        async def run_many(times: int) -> None:
            async with anyio.create_task_group() as tasks:
                for _ in range(times):
                    tasks.start_soon(run)

        ours = os.getpid()

        def held() -> tuple[int, int, int]:
            return descriptors(ours), len(descendants_of(ours)), files_in(author.workspace)

        await run_many(70)  # what the last 64 runs said is kept
        await anyio.sleep(0.5)  # those who sleep have woken up
        before = held()
        [warden] = [pid for pid in descendants_of(ours) if b"warden" in Path(f"/proc/{pid}/cmdline").read_bytes()][:1]
        warden_before = descriptors(warden)
        await run_many(200)
        with anyio.move_on_after(10):
            while held() != before:
                await anyio.sleep(0.02)
        assert held() == before
        assert descriptors(warden) == warden_before
