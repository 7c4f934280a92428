"""The warden: starts, ends whole trees, keeps its limits, and takes everything with it when it goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from tests.author import REPOSITORY
from tests.runtime.sandbox.tiers import REACHABLE
from workbench.model.errors import SandboxUnavailable, WardenGone
from workbench.model.policy import DEFAULT_LIMITS, NO_PERMISSIONS, Limits, Tier
from workbench.model.settings import SecuritySettings
from workbench.runtime.sandbox.client import Child, Warden, open_warden
from workbench.runtime.sandbox.policy import policy_for
from workbench.runtime.sandbox.probes import probe_tiers
from workbench.runtime.sandbox.warden.main import CORES_OF_ALL
from workbench.runtime.sandbox.warden.namespaces import pid_in
from workbench.runtime.sandbox.warden.processes import descendants_of
from workbench.runtime.sandbox.warden.usage import TICKS_A_SECOND, usage_of

pytestmark = pytest.mark.anyio

BUBBLEWRAP = "/usr/bin/bwrap"
TIERS = [*map(Tier, REACHABLE), Tier.D]


AUTOGROUP = Path("/proc/self/autogroup")


AS_SHIPPED, EVERY_CORE = SecuritySettings(), SecuritySettings(max_cpu_percent=1000)


@asynccontextmanager
async def started(
    tier: Tier,
    out: Path,
    *argv: str,
    limits: Limits = DEFAULT_LIMITS,
    security: SecuritySettings = AS_SHIPPED,
) -> AsyncIterator[tuple[Child, int]]:
    """A child, and the reading end of its output."""
    reading, writing = os.pipe()
    nothing = os.open(os.devnull, os.O_RDONLY)
    async with open_warden(bubblewrap=BUBBLEWRAP) as warden:
        child = await warden.start(
            argv, policy(tier, out, limits, security), cwd=str(out), descriptors=(nothing, writing, writing)
        )
        os.close(writing)
        os.close(nothing)
        try:
            yield child, reading
        finally:
            os.close(reading)


def policy(tier: Tier, out: Path, limits: Limits = DEFAULT_LIMITS, security: SecuritySettings = AS_SHIPPED):  # type: ignore[no-untyped-def]
    return policy_for(
        NO_PERMISSIONS,
        limits,
        security,
        tier,
        read=(),
        out=str(out),
        spawns_by_default=True,
        environ={},
        variables={},
    )


def processes_with(mark: str) -> list[str]:
    """The command lines of whatever still runs with this mark in it."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    words = file.read().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if mark in words and "pytest" not in words:
                found.append(words)
    return found


async def until_gone(mark: str) -> list[str]:
    with anyio.move_on_after(5):
        while processes_with(mark):
            await anyio.sleep(0.01)
    return processes_with(mark)


@pytest.mark.parametrize("tier", TIERS)
async def test_a_child_says_what_it_has_to_and_ends_with_its_own_code(tier: Tier, tmp_path: Path) -> None:
    async with started(tier, tmp_path, "/bin/sh", "-c", "echo hello; exit 7") as (child, output):
        end = await child.wait()
        assert (end.code, os.read(output, 100)) == (7, b"hello\n")


@pytest.mark.parametrize("tier", TIERS)
async def test_a_child_has_no_descriptor_but_its_own_three(tier: Tier, tmp_path: Path) -> None:
    async with started(tier, tmp_path, "/bin/sh", "-c", "ls /proc/$$/fd") as (child, output):
        await child.wait()
        # The shell may hold a copy of one of its own for the time of the command.
        assert set(os.read(output, 1000).split()) <= {b"0", b"1", b"2", b"10"}


@pytest.mark.exhaustive
@pytest.mark.parametrize("tier", TIERS)
async def test_a_child_begins_like_anybody_and_gives_way_once_it_works_on(tier: Tier, tmp_path: Path) -> None:
    niceness = "cut -d' ' -f19 /proc/self/stat"
    works = "i=0; while [ $i -lt 2000000 ]; do i=$((i+1)); done"
    async with started(tier, tmp_path, "/bin/sh", "-c", f"{niceness}; {works}; {niceness}") as (child, output):
        await child.wait()
        assert os.read(output, 100) == b"0\n19\n"


@pytest.mark.exhaustive
@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel does not weigh sessions")
async def test_children_that_work_on_give_way_together(tmp_path: Path) -> None:
    # So many that they get more than their allowance also beside whatever else the machine does.
    script = "for each in 1 2 3 4 5 6 7 8 9; do while :; do :; done & done; while :; do :; done"
    async with started(Tier.B, tmp_path, "/bin/sh", "-c", script, security=EVERY_CORE) as (child, _):
        group = Path(f"/proc/{child.pid}/autogroup")
        began = time.monotonic()
        while not group.read_text().endswith("nice 10\n"):
            await anyio.sleep(0.02)
            if (seconds := time.monotonic() - began) > 20:
                cores = sum(usage_of(pid)[1] for pid in descendants_of(child.pid)) / TICKS_A_SECOND / seconds
                assert cores < CORES_OF_ALL, "they got more than their allowance, and did not give way"
                pytest.skip("others keep this machine so busy that these got less than their allowance")


@pytest.mark.parametrize("tier", TIERS)
async def test_stopping_ends_daemons_too(tier: Tier, tmp_path: Path) -> None:
    mark = f"7{os.getpid()}1"
    script = f"setsid sleep {mark} & (setsid sh -c 'setsid sleep {mark} &') & sleep {mark}"
    async with started(tier, tmp_path, "/bin/sh", "-c", script) as (child, _):
        with anyio.fail_after(5):
            while len(processes_with(f"sleep {mark}")) < 3:
                await anyio.sleep(0.01)
        await child.stop(grace=0)
        assert await until_gone(f"sleep {mark}") == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("tier", TIERS)
async def test_stopping_at_any_moment_of_a_start_leaves_nothing(tier: Tier, tmp_path: Path) -> None:
    mark = f"7{os.getpid()}6"
    async with open_warden(bubblewrap=BUBBLEWRAP) as warden:
        nothing = os.open(os.devnull, os.O_RDWR)
        for tenth_of_ms in range(60):
            argv = ("/bin/sh", "-c", f"sleep {mark}")
            child = await warden.start(argv, policy(tier, tmp_path), cwd="/", descriptors=(nothing,) * 3)
            await anyio.sleep(tenth_of_ms / 10_000)
            await child.stop(grace=0)
        os.close(nothing)
        with anyio.move_on_after(2):
            while descendants_of(_pid_of(warden)):
                await anyio.sleep(0.01)
        assert descendants_of(_pid_of(warden)) == []
    assert await until_gone(mark) == []


@pytest.mark.parametrize("tier", TIERS)
async def test_what_outlives_its_command_is_ended_with_it(tier: Tier, tmp_path: Path) -> None:
    mark = f"7{os.getpid()}2"
    async with started(tier, tmp_path, "/bin/sh", "-c", f"setsid sleep {mark} >/dev/null 2>&1 & exit 0") as (child, _):
        await child.wait()
        assert await until_gone(f"sleep {mark}") == []


@pytest.mark.parametrize("tier", TIERS)
async def test_who_ignores_a_polite_request_is_ended_after_the_grace(tier: Tier, tmp_path: Path) -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
    async with started(tier, tmp_path, "/bin/sh", "-c", script) as (child, output):
        await anyio.to_thread.run_sync(os.read, output, 100)
        end = await child.stop(grace=0.1)
        assert end is not None
        assert end.code == 137 or end.code == 128 + signal.SIGKILL


@pytest.mark.parametrize("tier", TIERS)
async def test_who_is_asked_politely_may_clean_up(tier: Tier, tmp_path: Path) -> None:
    script = "trap 'echo cleaned > $WORKBENCH_OUT/mark; exit 9' TERM; echo ready; while :; do sleep 0.05; done"
    async with started(tier, tmp_path, "/bin/sh", "-c", script) as (child, output):
        await anyio.to_thread.run_sync(os.read, output, 100)
        end = await child.stop(grace=3)
        assert end is not None
        assert end.code == 9
    assert (tmp_path / "mark").read_text() == "cleaned\n"


@pytest.mark.parametrize(
    ("status", "pid"),
    [
        (b'{ "child-pid": 829, "cgroup-namespace": 4026532 }', 829),
        (b'{ "child-pid": 4194303, "cgroup-namespace": 4026532 }', 4194303),
        (b'{ "exit-code": 7 }', 0),
        (b"", 0),
    ],
)
def test_the_pid_that_bubblewrap_tells_is_read_whatever_its_length(status: bytes, pid: int) -> None:
    assert pid_in(status) == pid


@pytest.mark.parametrize("tier", TIERS)
async def test_the_wardens_own_deadline_ends_a_child(tier: Tier, tmp_path: Path) -> None:
    limits = Limits(max_execution_time=0.2)
    async with started(tier, tmp_path, "/bin/sh", "-c", "sleep 60", limits=limits) as (child, _):
        with anyio.fail_after(10):
            end = await child.wait()
        assert end.why == "deadline"


@pytest.mark.parametrize("tier", TIERS)
async def test_who_takes_too_much_memory_is_ended_and_measured(tier: Tier, tmp_path: Path) -> None:
    eat = "b=[]\nimport time\nfor _ in range(100):\n    b.append(bytearray(5_000_000)); time.sleep(0.01)"
    limits = Limits(max_memory_mb=60)
    async with started(tier, tmp_path, sys.executable if tier is Tier.D else "python3", "-c", eat, limits=limits) as (
        child,
        _,
    ):
        end = await child.wait()
        assert end.why == "memory"
        assert end.measured > 59_900_000  # a group is held to whole pages


@pytest.mark.parametrize("tier", TIERS)
async def test_a_bomb_of_forks_ends_with_nothing_left(tier: Tier, tmp_path: Path) -> None:
    mark = f"7{os.getpid()}3"
    script = f"for i in $(seq 200); do sleep {mark} & done; wait"
    async with started(tier, tmp_path, "/bin/sh", "-c", script, limits=Limits(max_processes=20)) as (child, _):
        with anyio.fail_after(15):
            end = await child.wait()
        assert end.code != 0
        assert await until_gone(f"sleep {mark}") == []


async def test_a_file_larger_than_allowed_is_not_written(tmp_path: Path) -> None:
    limits = Limits(max_file_size_mb=1)
    script = "head -c 5000000 /dev/zero > $WORKBENCH_OUT/big"
    async with started(Tier.D, tmp_path, "/bin/sh", "-c", script, limits=limits) as (child, _):
        assert (await child.wait()).code != 0
    assert (tmp_path / "big").stat().st_size <= 1_000_000


async def test_what_cannot_be_started_is_refused_in_words(tmp_path: Path) -> None:
    async with open_warden(bubblewrap="/nowhere/bwrap") as warden:
        with pytest.raises(SandboxUnavailable) as error:
            await warden.start(("/bin/true",), policy(Tier.A, tmp_path), cwd="/", descriptors=())
    assert "doctor" in error.value.hint


async def test_a_link_is_no_folder_to_write_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    async with open_warden(bubblewrap=BUBBLEWRAP) as warden:
        with pytest.raises(SandboxUnavailable, match="link"):
            await warden.start(("/bin/true",), policy(Tier.A, tmp_path / "link"), cwd="/", descriptors=())


async def test_when_the_warden_dies_its_children_die_and_whoever_waits_is_told(tmp_path: Path) -> None:
    mark = f"7{os.getpid()}4"
    async with open_warden(bubblewrap=BUBBLEWRAP) as warden:
        nothing = os.open(os.devnull, os.O_RDWR)
        child = await warden.start(
            ("/bin/sh", "-c", f"sleep {mark}"), policy(Tier.D, tmp_path), cwd="/", descriptors=(nothing,) * 3
        )
        os.close(nothing)
        os.kill(_pid_of(warden), signal.SIGKILL)
        with pytest.raises(WardenGone):
            await child.wait()
        with pytest.raises(WardenGone):
            await warden.start(("/bin/true",), policy(Tier.D, tmp_path), cwd="/", descriptors=())


@pytest.mark.exhaustive
@pytest.mark.parametrize("tier", TIERS)
async def test_each_of_many_children_gets_its_own_files(tier: Tier, tmp_path: Path) -> None:
    """With many alive the numbers of our own descriptors grow past those that a child is given."""
    async with open_warden(bubblewrap=BUBBLEWRAP) as warden:
        nothing = os.open(os.devnull, os.O_RDONLY)
        folders = [tmp_path / str(number) for number in range(70)]
        for folder in folders:
            folder.mkdir()
            reading, writing = os.pipe()
            script = "echo $0 > $WORKBENCH_OUT/name; echo up; sleep 60"
            argv = ("/bin/sh", "-c", script, folder.name)
            await warden.start(argv, policy(tier, folder), cwd=str(folder), descriptors=(nothing, writing, writing))
            os.close(writing)
            assert await anyio.to_thread.run_sync(os.read, reading, 100) == b"up\n"
            os.close(reading)
        os.close(nothing)
    assert [(folder / "name").read_text().strip() for folder in folders] == [folder.name for folder in folders]


async def test_a_canary_proves_the_tier_and_a_missing_program_is_named(tmp_path: Path) -> None:
    async with open_warden(bubblewrap=BUBBLEWRAP) as warden:
        probes = await probe_tiers(warden, SecuritySettings(bubblewrap="/nowhere/bwrap"))
    assert [probe.tier for probe in probes[:2]] == [Tier.A_PLUS, Tier.A]
    assert not any(probe.holds for probe in probes[:2])
    assert "bubblewrap" in probes[1].why_not
    assert probes[-1].holds


def _pid_of(warden: Warden) -> int:
    return warden._process.pid


DIES_WITH_CHILDREN = """
import anyio, os, signal, sys
sys.path.insert(0, sys.argv[3])
from pathlib import Path
from tests.runtime.sandbox.test_warden import BUBBLEWRAP, policy
from workbench.model.policy import Tier
from workbench.runtime.sandbox.client import open_warden

async def main():
    async with open_warden(bubblewrap=BUBBLEWRAP) as warden:
        nothing = os.open(os.devnull, os.O_RDWR)
        script = f"setsid sleep {sys.argv[2]} & sleep {sys.argv[2]}"
        walls = policy(Tier(sys.argv[4]), Path(sys.argv[1]))
        await warden.start(("/bin/sh", "-c", script), walls, cwd="/", descriptors=(nothing,) * 3)
        await anyio.sleep(0.3)
        os.kill(os.getpid(), signal.SIGKILL)

anyio.run(main)
"""


@pytest.mark.parametrize("tier", TIERS)
async def test_when_the_workbench_is_killed_nothing_of_it_is_left(tier: Tier, tmp_path: Path) -> None:
    mark = f"7{os.getpid()}5"
    arguments = [str(tmp_path), mark, str(REPOSITORY), tier.value]
    done = await anyio.run_process([sys.executable, "-c", DIES_WITH_CHILDREN, *arguments], check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert await until_gone(f"sleep {mark}") == []


def test_the_warden_imports_nothing_heavy() -> None:
    heavy = ("asyncio", "typing", "dataclasses", "ctypes", "subprocess", "logging")
    code = (
        "import sys; sys.path.append(sys.argv[1]); import workbench.runtime.sandbox.warden.main;"
        f"print([module for module in {heavy!r} if module in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(REPOSITORY)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("tier", TIERS)
async def test_each_of_many_that_end_at_the_same_moment_is_told(tier: Tier, tmp_path: Path) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    ends: list[object] = []

    async def start_and_stop(warden: Warden) -> None:
        child = await warden.start(
            ("/bin/sh", "-c", "sleep 60 & sleep 60"),
            policy(tier, tmp_path),
            cwd=str(tmp_path),
            descriptors=(nothing, nothing, nothing),
        )
        began = time.monotonic()
        ends.append(await child.stop(grace=0))
        assert time.monotonic() - began < 3

    try:
        async with open_warden(bubblewrap=BUBBLEWRAP) as warden:
            for _ in range(5):
                async with anyio.create_task_group() as tasks:
                    for _ in range(8):
                        tasks.start_soon(start_and_stop, warden)
    finally:
        os.close(nothing)

    assert len(ends) == 40
    assert None not in ends
