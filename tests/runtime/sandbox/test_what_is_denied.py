"""What the filter refuses is counted and said: the kernel asks the warden, and the warden refuses."""

from __future__ import annotations

import asyncio
import socket
import time
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from tests.author import Author
from tests.runtime.executors.running import opened
from tests.runtime.sandbox.test_groups import a_launch
from tests.runtime.sandbox.tiers import BY_EVERY_TIER, BY_TIER, behind
from workbench.model.errors import ErrorKind
from workbench.model.observed import Denied, Observed
from workbench.model.policy import Permissions
from workbench.model.run import Status
from workbench.runtime.sandbox.warden import notices, wire
from workbench.runtime.sandbox.warden.main import Warden

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not notices._kernel_asks(), reason="this kernel asks nobody"),
]
SOCKETS = """
import socket
said = []
for family in (2, 2, 10, 1, 16, 40):
    try:
        socket.socket(family)
    except PermissionError as error:
        said.append(error.errno)
"""
REFUSED = (
    Denied(what="internet socket", times=3),
    Denied(what="local socket", times=1),
    Denied(what="netlink socket", times=1),
    Denied(what="socket of family 40", times=1),
)


@BY_EVERY_TIER
async def test_each_run_is_told_what_it_was_refused_and_others_are_not(author: Author, tier: str) -> None:
    author.has_command("tries", "python3", "-c", f"{SOCKETS}\nprint(said)")
    author.has_command("quiet", "echo", "well")
    author.has_function("counts", "\n".join([*SOCKETS.strip().splitlines(), "return said"]))
    author.has_function("alone", "return 1")
    async with opened(behind(author, tier)) as workbench:
        for _ in range(2):  # a worker is told of each of its runs
            for name in ("tries", "counts"):
                outcome = (await workbench.run(name)).outcome
                assert outcome.is_ok, outcome.error
                assert str(outcome.output).replace("\n", "").replace(" ", "") == "[13,13,13,13,13,13]"
                assert outcome.denied == REFUSED
            for name in ("quiet", "alone"):
                assert (await workbench.run(name)).outcome.denied == ()


@BY_EVERY_TIER
async def test_processes_that_are_forbidden_are_counted_and_threads_are_not(author: Author, tier: str) -> None:
    author.has_function(
        "starts",
        "import os, threading\n"
        "thread = threading.Thread(target=print)\nthread.start()\nthread.join()\n"
        "try:\n    os.fork()\nexcept PermissionError:\n    pass\n"
        "os.fork()",
    )
    async with opened(behind(author, tier)) as workbench:
        outcome = (await workbench.run("starts")).outcome
        assert outcome.denied == (Denied(what="process", times=2),)
        assert outcome.error is not None
        assert "process_spawn: true" in outcome.error.hint
        with anyio.fail_after(10):
            while not (observed := workbench.observed("starts")).runs:
                await anyio.sleep(0.01)  # runs are noted a moment after they have ended
        assert dict(observed.denied) == {"process": 1}
        skill = workbench.find("starts")
        assert ["processes" in words for words in observed.differences(skill.manifest.permissions)] == [True]


@pytest.mark.parametrize(
    ("unable", "tier", "counted"),
    [
        ("_kernel_asks", "A", (False, False)),
        ("_kernel_asks", "B", (False, False)),
        ("_starts_without_asking", "A", (True, False)),
        ("_starts_without_asking", "B", (True, True)),
    ],
)
def test_where_nobody_can_be_asked_the_filter_refuses_by_itself(
    monkeypatch: pytest.MonkeyPatch, unable: str, tier: str, counted: tuple[bool, bool]
) -> None:
    monkeypatch.setattr(notices, unable, lambda: False)
    launch = a_launch(tier=tier, spawn=False, proxy_port=0, bubblewrap="/usr/bin/env")
    assert notices.Asked(launch).kind == counted


def test_a_workbench_that_does_not_read_holds_nobody_up_and_hears_of_it_later() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        warden = Warden(ours)
        child: Any = SimpleNamespace(id=7, notices=notices.Notices(-1))
        for _ in range(3000):
            child.notices.untold["process"] = child.notices.untold.get("process", 0) + 1
            warden._tell_denied(child)
        assert child.notices.untold
        heard = 0
        while (packet := wire.receive(theirs)) and not heard >= 3000:
            told: Any = packet[0]["denied"]
            heard += told["process"]
            warden._tell_denied(child)
            if heard == 3000:
                break
        assert child.notices.untold == {}


@pytest.mark.parametrize("said", [None, False])
def test_who_starts_processes_and_says_nothing_of_it_or_no_is_not_what_its_manifest_says(said: bool | None) -> None:
    [words] = Observed(runs=2, denied={"process": 1}).differences(Permissions(process_spawn=said))
    assert "processes in 1 of 2 runs" in words


@BY_TIER
async def test_what_failed_for_the_network_says_what_to_write_or_what_is_missing(author: Author, tier: str) -> None:
    author = behind(author, tier)
    author.has_command("asks", "python3", "-c", "import urllib.request as u; u.urlopen('http://192.0.2.1/')")
    async with opened(author) as workbench:
        error = (await workbench.run("asks")).outcome.error
    assert error is not None
    assert "internet socket ×1" in error.hint
    helps = "security.permissions.network_access" if tier == "A" else "`workbench doctor` says"
    assert helps in error.hint


@pytest.mark.exhaustive
async def test_a_run_that_is_ended_is_told_too(author: Author) -> None:
    author.has_command("tries", "python3", "-c", f"{SOCKETS}\nimport time; time.sleep(60)", resilience={"timeout": 2})
    async with opened(author) as workbench:
        outcome = (await workbench.run("tries")).outcome
    assert outcome.status is Status.TIMED_OUT
    assert outcome.denied == REFUSED


@pytest.mark.exhaustive
@BY_EVERY_TIER
async def test_whoever_asks_without_end_waits_alone(author: Author, tier: str) -> None:
    flood = "import socket\nwhile True:\n  try: socket.socket()\n  except PermissionError: pass"
    author.has_command("floods", "python3", "-c", flood, resilience={"timeout": 3})
    author.has_command("quiet", "echo", "well")
    async with opened(behind(author, tier)) as workbench:
        await workbench.run("quiet")
        slowest = 0.0
        floods = asyncio.create_task(workbench.run("floods"))
        for _ in range(10):
            began = time.monotonic()
            assert (await workbench.run("quiet")).outcome.output == "well\n"
            slowest = max(slowest, time.monotonic() - began)
        outcome = (await floods).outcome
    assert slowest < 2
    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.TIMEOUT
    [denied] = outcome.denied
    assert 100 < denied.times < 3 * notices.A_SECOND + 200
