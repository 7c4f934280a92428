"""The doctor: what it says of each promise it has just tried to break, on every tier."""

from __future__ import annotations

import argparse
import json
import os
import re
from typing import Any

import pytest

from tests.author import Author
from workbench.cli import doctor_command
from workbench.model.errors import ExitCode
from workbench.model.frozen import replace
from workbench.model.policy import Tier
from workbench.model.settings import SecuritySettings
from workbench.runtime.proofs import trial
from workbench.runtime.proofs.machine import Machine, advice, not_promised
from workbench.runtime.sandbox.policy import Policy, policy_for
from workbench.runtime.sandbox.warden import landlock

NAMES = ["read", "write", "network", "spawn", "environment", "memory", "cpu", "time", "output", "files", "leftovers"]
BEHIND_WALLS = {"read", "write", "network", "spawn", "environment"}
needs_bubblewrap = pytest.mark.skipif(not os.path.exists("/usr/bin/bwrap"), reason="bubblewrap is not here")
needs_landlock = pytest.mark.skipif(not landlock.abi(), reason="the kernel has no Landlock")


def examined(author: Author, tier: str) -> dict[str, Any]:
    said = author.calls("doctor", "--json", environ={"WORKBENCH_SECURITY_STRONGEST_TIER": tier})
    assert said.code == 0, said.err
    sandbox = said.json["sandbox"]
    assert sandbox["tier"] == tier
    assert [each["name"] for each in sandbox["promises"]] == NAMES
    assert all(each["proof"]["tried"] and each["proof"]["result"] for each in sandbox["promises"])
    return {each["name"]: each for each in sandbox["promises"]}


@needs_bubblewrap
def test_behind_namespaces_every_promise_was_proven(author: Author) -> None:
    promises = examined(author, "A")
    assert all(each["proof"]["holds"] for each in promises.values())
    watched = {name for name, each in promises.items() if each["hold"] == "watched"}
    assert watched == {"memory", "cpu", "files"}


@needs_landlock
def test_without_namespaces_every_promise_was_proven_and_leftovers_are_only_swept(author: Author) -> None:
    promises = examined(author, "B")
    assert all(each["proof"]["holds"] for each in promises.values())
    watched = {name for name, each in promises.items() if each["hold"] == "watched"}
    assert watched == {"memory", "cpu", "files", "leftovers"}
    assert promises["read"]["by"] == "Landlock"


def test_without_walls_the_same_proofs_get_through_and_nothing_is_promised_of_them(author: Author) -> None:
    promises = examined(author, "D")
    assert {name for name, each in promises.items() if not each["proof"]["holds"]} == BEHIND_WALLS
    assert {name for name, each in promises.items() if each["hold"] == "not held"} == BEHIND_WALLS

    measured = {name: each["proof"]["measured"] for name, each in promises.items() if "measured" in each["proof"]}
    assert set(measured) == {"spawn", "memory", "cpu", "time", "output", "files", "leftovers"}
    assert all(set(each) == {"value", "limit", "unit"} for each in measured.values())
    assert measured["memory"]["value"] > 64
    assert measured["time"]["value"] >= 0.2
    assert measured["files"]["value"] == 1


@needs_landlock
def test_the_page_says_state_layer_and_proof_in_eighty_columns(author: Author) -> None:
    said = author.calls("doctor", environ={"WORKBENCH_SECURITY_STRONGEST_TIER": "B"})
    assert said.code == 0
    page = said.out.partition("sandbox  ")[2]
    assert max(map(len, page.splitlines())) <= 80
    assert re.search(r"^● read +enforced +Landlock +5 ways to a file: none led to it$", page, re.MULTILINE)
    assert re.search(r"^▲ memory +watched +tree watcher, 20 ms +ended at \d+ MB \(limit 64\)$", page, re.MULTILINE)
    words = " ".join(page.split())
    for said_plainly in (
        "modes and times",
        "command lines of other processes",
        "swept",
        "security.strongest_tier is B",
    ):
        assert said_plainly in words


@pytest.mark.exhaustive
def test_the_page_says_what_is_not_sandboxed(author: Author) -> None:
    said = author.calls("doctor", environ={"WORKBENCH_SECURITY_STRONGEST_TIER": "D"})
    assert "NOT SANDBOXED" in said.out
    assert re.search(r"^– read +not held +got through: all 5 ways$", said.out, re.MULTILINE)


OPENED = {
    "read": lambda policy: replace(policy, read=(*policy.read, os.path.dirname(policy.write[0]))),
    "write": lambda policy: replace(policy, write=(*policy.write, os.path.dirname(policy.write[0]))),
    "spawn": lambda policy: replace(policy, spawn=True),
    "environment": lambda policy: replace(policy, tier=Tier.D),
    "memory": lambda policy: replace(policy, memory_bytes=10**10),
    "time": lambda policy: replace(policy, seconds=9.0),
    "files": lambda policy: replace(policy, files=10**6, file_bytes=10**8),
}


@needs_landlock
@pytest.mark.parametrize("door", OPENED)
def test_a_door_that_is_open_is_said_to_be(
    door: str, author: Author, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def opened(*arguments: Any, **words: Any) -> Policy:
        made: Policy = OPENED[door](policy_for(*arguments, **words))
        return made

    monkeypatch.setattr(trial, "policy_for", opened)
    monkeypatch.setenv("HOME", author.environ["HOME"])
    monkeypatch.setenv("WORKBENCH_SECURITY_STRONGEST_TIER", "B")
    options = argparse.Namespace(workspace=str(author.workspace), json=True)
    code = doctor_command.run(options)
    said = capsys.readouterr()
    promises = {each["name"]: each for each in json.loads(said.out)["sandbox"]["promises"]}
    assert code == ExitCode.MACHINE_CANNOT
    assert promises[door]["is_broken"]
    assert not promises[door]["proof"]["holds"]
    assert door in said.err
    if door == "read":
        assert "by its path" in promises["read"]["proof"]["result"]
        assert doctor_command.run(argparse.Namespace(workspace=str(author.workspace), json=False)) == code
        assert re.search(r"^✕ read +broken ", capsys.readouterr().out, re.MULTILINE)


def machine(**facts: Any) -> Machine:
    return Machine(**{"architecture": "x86_64", "bubblewrap": "0.12.1", "landlock_abi": 7, "switches": {}, **facts})


@pytest.mark.parametrize(
    ("facts", "tier", "words"),
    [
        ({"bubblewrap": ""}, Tier.B, "install bubblewrap"),
        (
            {"switches": {"kernel.apparmor_restrict_unprivileged_userns": "1"}},
            Tier.B,
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ({"switches": {"user.max_user_namespaces": "0"}}, Tier.B, "opens user namespaces"),
        ({}, Tier.A, "systemd-run --user --scope"),
        ({}, Tier.B, "in a container, allow user namespaces"),
        ({"landlock_abi": 0}, Tier.D, "a kernel of 5.13 or newer"),
        ({"landlock_abi": 4}, Tier.B, "a kernel of 6.12 or newer"),
        ({"architecture": "riscv64"}, Tier.D, "on riscv64 no tier above D has been tested"),
    ],
)
def test_what_would_make_the_walls_stronger_is_named(facts: dict[str, Any], tier: Tier, words: str) -> None:
    assert words in "\n".join(advice(machine(**facts), tier, SecuritySettings()))


def test_where_nothing_is_missing_nothing_is_advised() -> None:
    assert list(advice(machine(), Tier.A_PLUS, SecuritySettings())) == []


def test_an_old_bubblewrap_is_named_and_why_it_is_held() -> None:
    for version, is_old in (("0.8.0", True), ("0.11.1", True), ("0.12", False), ("1.0.0", False), ("", False)):
        words = "\n".join(not_promised(machine(bubblewrap=version), Tier.A))
        assert ("older than 0.12" in words) is is_old
        assert ("descriptor" in words) is is_old
