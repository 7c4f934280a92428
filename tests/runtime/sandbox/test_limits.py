"""Limits: what is over ends the run, and its outcome says which limit it was and how much there was."""

from __future__ import annotations

import os
import time
from pathlib import Path

import anyio
import pytest

from tests.author import Author
from tests.runtime.executors.running import opened
from tests.runtime.sandbox.attacks.bombs import BOMBS, BOUNDS
from tests.runtime.sandbox.outside import run
from tests.runtime.sandbox.test_warden import TIERS, started, until_gone
from tests.runtime.sandbox.tiers import BY_EVERY_TIER, HAS_GROUPS, behind
from workbench.assembly import Workbench
from workbench.model.policy import Limits, Tier
from workbench.model.run import Outcome, Status
from workbench.runtime.sandbox.warden.folders import MOST_DEPTH, Folder
from workbench.runtime.sandbox.warden.processes import descendants_of
from workbench.runtime.sandbox.warden.throttle import Pace
from workbench.runtime.sandbox.warden.usage import usage_of, written_by

OUT = "import os; out = os.environ['WORKBENCH_OUT']; "


@BY_EVERY_TIER
@pytest.mark.anyio
@pytest.mark.exhaustive
@pytest.mark.timeout(180)
async def test_the_limit_that_ended_a_run_is_in_its_outcome(author: Author, tier: str) -> None:
    """Other runs go on meanwhile and afterwards, and nothing is left of it: no process, and no file over the limits."""
    author = behind(author, tier, **BOUNDS)
    author.has_command("quiet", "echo", "well")
    for number, bomb in enumerate(BOMBS):
        script = f"{bomb.script}\n# {mark_of(tier, number)}"
        author.has_command(f"bomb-{number}", "python3", "-c", script, resilience={"timeout": bomb.seconds})
    async with opened(author) as workbench:
        await run(workbench, "quiet")
        for number, bomb in enumerate(BOMBS):
            before = left_by_runs(author)
            outcome = await run_beside_others(workbench, f"bomb-{number}")
            assert bomb.is_over_at_once or outcome.status in (Status.FAILED, Status.TIMED_OUT), bomb.name
            assert outcome.sandbox is not None
            if bomb.limit:
                assert (outcome.limit and outcome.limit.name) == bomb.limit, (bomb.name, outcome.error)
                assert outcome.limit is not None
                assert outcome.limit.measured >= outcome.limit.allowed, bomb.name
                assert outcome.error is not None
                assert outcome.error.hint
            assert await until_gone(mark_of(tier, number)) == [], bomb.name
            assert left_by_runs(author) - before <= {*outcome.artifacts, *map(os.path.dirname, outcome.artifacts)}
            assert (await run(workbench, "quiet")).output == "well\n", bomb.name
    assert list((author.workspace / ".workbench/scratch").iterdir()) == []


def mark_of(tier: str, number: int) -> str:
    return f"bomb-{os.getpid()}-{tier}-{number}-"


async def run_beside_others(workbench: Workbench, name: str) -> Outcome:
    """A run, and while it lasts others that are to go on."""
    outcomes: list[Outcome] = []

    async def explode() -> None:
        outcomes.append(await run(workbench, name))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(explode)
        for _ in range(3):
            assert (await run(workbench, "quiet")).output == "well\n", name
    return outcomes[0]


def left_by_runs(author: Author) -> set[str]:
    return {str(path) for path in (author.workspace / ".workbench/runs").rglob("*")}


def test_a_worker_that_fills_its_folder_is_ended_and_the_next_run_gets_another(author: Author) -> None:
    author = behind(author, "A", max_written_mb=5, max_file_size_mb=1)
    body = "for n in range(int(often)):\n    open(f'{context.out}/{n}', 'wb').write(bytes(900_000))\n"
    body += "import time; time.sleep(0 if often < 9 else 9); return often"
    author.has_function("fill", body, parameters="often: int, context")
    said = author.calls("run", "fill", "-i", "often=50", "--json").json
    assert said["limit"]["name"] == "max_written_mb"
    assert author.calls("run", "fill", "-i", "often=2", "--json").json["output"] == 2


def test_a_file_that_a_worker_makes_too_large_is_told_as_that(author: Author) -> None:
    author = behind(author, "A", max_file_size_mb=1)
    author.has_function("large", "open(context.out + '/x', 'wb').write(bytes(5_000_000))", parameters="context")
    said = author.calls("run", "large", "--json").json
    assert (said["error"]["kind"], said["limit"]["name"]) == ("resource_limit", "max_file_size_mb")
    assert "workbench.toml" in said["error"]["hint"]


BURNING = "import os\nfor _ in range({others}):\n  if os.fork() == 0: break\nwhile True: pass"


@pytest.mark.exhaustive
@pytest.mark.anyio
@pytest.mark.parametrize("tier", TIERS[:2])
@pytest.mark.parametrize("others", [0, 3])
@pytest.mark.parametrize("percent", [50])
async def test_a_tree_gets_its_share_of_the_processor_and_no_more(
    tmp_path: Path, tier: Tier, others: int, percent: int
) -> None:
    limits = Limits(max_cpu_percent=percent)
    async with started(tier, tmp_path, "python3", "-c", BURNING.format(others=others), limits=limits) as (child, _):
        await anyio.sleep(0.5)
        before, then = _ticks_below(child.pid), time.monotonic()
        await anyio.sleep(2.5)
        used = (_ticks_below(child.pid) - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - then) * 100
        began = time.monotonic()
        await child.stop()
        assert time.monotonic() - began < 1
    assert used <= percent + 3
    if os.getloadavg()[0] < 1:
        assert used >= percent - 3


def _ticks_below(pid: int) -> int:
    return sum(usage_of(each)[1] for each in descendants_of(pid))


def test_a_pace_lets_a_tenth_of_a_second_pass_at_once_and_waits_for_what_was_overdrawn() -> None:
    pace = Pace(10.0, now=0.0)
    assert not pace.is_ahead(1.0, 0.0)
    assert pace.is_ahead(1.0, 0.0)
    assert pace.is_ahead(0.0, 0.05)
    assert not pace.is_ahead(0.0, 0.11)
    assert not pace.is_ahead(1.0, 9.0)
    assert pace.is_ahead(1.5, 9.0)


@pytest.mark.exhaustive
def test_who_writes_too_fast_is_slowed_down(author: Author) -> None:
    if not _writing_is_counted(author.workspace):
        pytest.skip("what is written here goes to no disk")
    author = behind(author, "A", max_disk_mb_per_second=5, max_written_mb=100)
    script = f"""{OUT}import time
began = time.time()
for n in range(25):
    with open(f'{{out}}/{{n}}', 'wb') as file:
        file.write(os.urandom(1_000_000))
        os.fsync(file.fileno())
    time.sleep(0.02)
print(time.time() - began)
"""
    author.has_command("writes", "python3", "-c", script)
    assert float(author.calls("run", "writes").out) > 2


def _writing_is_counted(folder: Path) -> bool:
    before = written_by(os.getpid())
    with (folder / "counted").open("wb") as file:
        file.write(os.urandom(1_000_000))
        os.fsync(file.fileno())
    (folder / "counted").unlink()
    return written_by(os.getpid()) - before >= 1_000_000


def test_counting_a_folder_follows_no_link_and_ends_early(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "home").symlink_to("/")
    (tmp_path / "deep" / "loop").symlink_to(tmp_path)
    assert Folder(str(tmp_path), 10**9, 100, 0.0).look(0.0) == ""
    for number in range(50):
        (tmp_path / f"f{number}").write_bytes(b"x" * 5000)
    assert (folder := Folder(str(tmp_path), 10**9, 20, 0.0)).look(0.0) == "files"
    assert folder.measured == 21
    assert Folder(str(tmp_path), 50_000, 1000, 0.0).look(0.0) == "written"
    os.makedirs(tmp_path / "/".join("d" * (MOST_DEPTH + 3)))
    assert Folder(str(tmp_path), 10**9, 1000, 0.0).look(0.0) == "depth"
    assert Folder(str(tmp_path / "absent"), 1, 1, 0.0).look(0.0) == ""


def test_bounds_have_defaults_and_the_tighter_one_of_the_skills_and_the_workspaces_holds(author: Author) -> None:
    author.has_command("plain", "true")
    author.has_command("patient", "true", resilience={"timeout": 4000})
    author.has_command("modest", "true", security={"resource_limits": {"max_cpu_percent": 50, "max_memory_mb": 4000}})
    policy = {each["name"]: each for each in author.calls("show", "plain", "--policy", "--json").json["policy"]}
    assert policy["memory"]["given"] == ["256 MB"]
    assert policy["cpu"]["given"] == ["80 % of a core"]
    assert policy["time"]["given"] == ["30 s"]
    assert policy["output"]["given"] == ["16 MB"]
    assert policy["files"]["given"] == ["10 MB each", "256 MB in 10,000 of them"]
    assert policy["cpu"]["promise"]["hold"] == ("enforced" if HAS_GROUPS else "watched")
    assert " 300 s " in author.calls("show", "patient", "--policy").out
    author = behind(author, author.environ.get("WORKBENCH_SECURITY_STRONGEST_TIER", "A"), max_cpu_percent=60)
    said = author.calls("show", "modest", "--policy").out
    assert "50 % of a core" in said
    assert "256 MB" in said
