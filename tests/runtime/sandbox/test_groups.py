"""Tier A+: the kernel holds a whole tree to its memory and processor, and nothing of a group is left."""

from __future__ import annotations

import os
import time
from pathlib import Path

import anyio
import pytest

from tests.runtime.sandbox.test_warden import BUBBLEWRAP, policy, started
from tests.runtime.sandbox.tiers import HAS_GROUPS
from workbench.model.policy import Limits, Tier
from workbench.runtime.sandbox.client import open_warden
from workbench.runtime.sandbox.warden import cgroups
from workbench.runtime.sandbox.warden.launch import Launch

pytestmark = pytest.mark.anyio
NEEDS_GROUPS = pytest.mark.skipif(not HAS_GROUPS, reason="no control group can be made here")


def groups_of(warden: int) -> list[str]:
    folders = set(cgroups.parents().values())
    return [name for folder in folders for name in os.listdir(folder) if name.startswith(f"workbench-{warden}-")]


@NEEDS_GROUPS
async def test_memory_that_no_process_holds_counts_too(tmp_path: Path) -> None:
    """What lies in a folder of memory is nobody's resident memory: a watcher of processes does not see it."""
    fills = "for n in range(60):\n  open(f'/tmp/{n}', 'wb').write(b'x' * 1_000_000)\nimport time\ntime.sleep(20)"
    async with started(Tier.A_PLUS, tmp_path, "python3", "-c", fills, limits=Limits(max_memory_mb=40)) as (child, _):
        with anyio.fail_after(10):
            end = await child.wait()
    assert (end.why, round(end.measured / 1e6)) == ("memory", 40)


@NEEDS_GROUPS
async def test_the_whole_tree_ends_when_the_kernel_ends_one_of_it(tmp_path: Path) -> None:
    """The first process is small, and would go on without the one that was ended."""
    script = "import os, time\nif os.fork() == 0: kept = b'x' * 200_000_000\ntime.sleep(20)"
    began = time.monotonic()
    async with started(Tier.A_PLUS, tmp_path, "python3", "-c", script, limits=Limits(max_memory_mb=60)) as (child, _):
        end = await child.wait()
    assert end.why == "memory"
    assert time.monotonic() - began < 10


@NEEDS_GROUPS
async def test_nothing_of_a_group_is_left_and_the_warden_is_in_none(tmp_path: Path) -> None:
    home = Path(cgroups.MEMBERSHIP).read_text()
    async with open_warden(bubblewrap=BUBBLEWRAP) as warden:
        nothing = os.open(os.devnull, os.O_RDWR)
        walls = policy(Tier.A_PLUS, tmp_path)
        child = await warden.start(("/bin/sleep", "20"), walls, cwd="/", descriptors=(nothing,) * 3)
        os.close(nothing)
        assert f"workbench-{warden.pid}-1" in groups_of(warden.pid)
        assert Path(f"/proc/{warden.pid}/cgroup").read_text() == home
        assert "workbench-" in Path(f"/proc/{child.pid}/cgroup").read_text()
        await child.stop(grace=0)
        with anyio.fail_after(5):
            while groups_of(warden.pid):
                await anyio.sleep(0.01)
    assert Path(cgroups.MEMBERSHIP).read_text() == home


def make(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one hierarchy of newer kernels, as a session manager lays it out; returns where we are."""
    make(tmp_path, cgroup__subtree_control="cpu memory pids io", cgroup__controllers="cpu memory pids io")
    make(tmp_path / "app.slice", cgroup__subtree_control="memory pids cpu", cgroup__controllers="", cgroup__procs="")
    here = make(tmp_path / "app.slice/a.scope", cgroup__controllers="memory pids cpu", cgroup__procs="1")
    (here / "cgroup.subtree_control").touch()
    monkeypatch.setattr(cgroups, "MOUNTED", str(tmp_path))
    monkeypatch.setattr(
        cgroups, "MEMBERSHIP", str(make(tmp_path / "proc", cgroup="0::/app.slice/a.scope\n") / "cgroup")
    )
    return here


def test_in_one_hierarchy_a_group_is_made_beside_ours(session: Path) -> None:
    assert cgroups.parents() == dict.fromkeys(cgroups.EVERY, str(session.parent))
    (session.parent / "cgroup.subtree_control").write_text("memory pids")
    assert cgroups.parents() == dict.fromkeys(("pids", "memory"), str(session.parent))


def test_who_is_at_the_top_of_a_container_has_nowhere_to_make_one(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = make(session.parent / "container", cgroup__controllers="memory pids cpu", cgroup__procs="1")
    monkeypatch.setattr(cgroups, "MOUNTED", str(top))
    Path(cgroups.MEMBERSHIP).write_text("0::/\n")
    (session.parent / "cgroup.subtree_control").unlink()
    assert cgroups.parents() == {}


def test_in_one_hierarchy_the_limits_are_told_in_its_own_words(session: Path) -> None:
    names = ("pids.max", "memory.max", "memory.swap.max", "memory.oom.group", "cpu.max", "memory.events", "memory.peak")
    made = make(session.parent / "child", **{name.replace(".", "__"): "" for name in names})
    group = cgroups.Group(dict.fromkeys(cgroups.EVERY, str(made)))
    group.hold(a_launch(memory=50_000_000, cores=0.001, processes=64))
    assert (made / "cpu.max").read_text() == "1000 100000"  # less the kernel does not take
    group.hold(a_launch(memory=50_000_000, cores=0.5, processes=64))
    said = {name: (made / name).read_text() for name in names[:5]}
    assert said == {
        "pids.max": str(64 + cgroups.SPARE_PROCESSES),
        "memory.max": str(50_000_000 + cgroups.SPARE_BYTES),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "cpu.max": "50000 100000",
    }
    assert group.memory_that_ended_it == 0
    (made / "memory.events").write_text("oom 1\noom_kill 1\n")
    (made / "memory.peak").write_text("54194304\n")
    assert group.memory_that_ended_it == 50_000_000


def a_launch(**said: object) -> Launch:
    numbers = "proxy_port file_bytes memory processes cores disk_bytes_a_second written_bytes files open_files seconds"
    texts = {"argv": [], "environment": {}, "cwd": "/", "tier": "A+", "bubblewrap": "", "spawn": True}
    lists: dict[str, object] = {name: [] for name in ("read", "write", "list_only")}
    return Launch({**dict.fromkeys(numbers.split(), 1), **texts, **lists, **said})
