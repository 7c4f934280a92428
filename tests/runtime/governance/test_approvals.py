"""What a person allows a skill: bound to what it asked for and where it lies, void once that is another."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.author import Author
from tests.servers import answering
from workbench.model.consent import Consent, Right, approval_of, asked_by, permissions_with
from workbench.model.frozen import replace
from workbench.model.manifest import Manifest
from workbench.model.policy import Permissions
from workbench.model.skill import Scope
from workbench.testing.fakes import a_skill

HOST, PLACE = Consent(right=Right.NETWORK, value="a.example:443"), Consent(right=Right.READ, value="/srv")


def asking(**permissions: Any) -> Manifest:
    return Manifest(name="greet", permissions=Permissions(**permissions))


def test_an_approval_holds_until_the_skill_asks_for_more_or_lies_elsewhere() -> None:
    skill = replace(a_skill(), manifest=asking(file_read=("/srv",)))
    approval = approval_of(skill, "main", [PLACE], 0.0)
    assert approval.void_for(skill) == ""
    assert approval.void_for(replace(skill, manifest=asking())) == ""
    assert approval.void_for(replace(skill, digest="another")) == ""
    more = replace(skill, manifest=asking(file_read=("/srv",), environment=("TOKEN",)))
    assert approval.void_for(more) == "it asks for more now: environment TOKEN"
    assert "elsewhere" in approval.void_for(replace(skill, folder="/tmp/another"))


def test_of_code_that_is_not_ones_own_the_very_code_is_approved() -> None:
    shipped = replace(a_skill(), scope=Scope.BUILTIN, digest="one")
    approval = approval_of(shipped, "main", [HOST], 0.0)
    assert approval.void_for(shipped) == ""
    assert "not the code" in approval.void_for(replace(shipped, digest="two"))


def test_what_is_allowed_comes_beside_what_is_asked_for() -> None:
    asked = Permissions(file_read=("workspace:docs",), network_access=("b.example:1",))
    spawn = Consent(right=Right.SPAWN)
    given = permissions_with(asked, [HOST, PLACE, spawn])
    assert given.file_read == ("workspace:docs", "/srv")
    assert given.network_access == ("b.example:1", "a.example:443")
    assert given.process_spawn is True
    assert permissions_with(Permissions(network_access=True), [HOST]).network_access == ("*", "a.example:443")
    assert asked_by(given) >= {HOST, PLACE, spawn}


@pytest.fixture
def port() -> Iterator[int]:
    with answering() as number:
        yield number


def reads(author: Author, place: Path, **more: Any) -> None:
    permissions = {"file_read": [str(place)], **more}
    author.has_command("reads", "cat", f"{place}/secret.txt", security={"permissions": permissions})


def test_the_line_that_allows_it_is_one_line_to_a_shell(author: Author, tmp_path: Path) -> None:
    place = tmp_path / "two words; touch pwned"
    place.mkdir()
    reads(author, place)

    [line] = [each for each in author.calls("run", "reads").err.splitlines() if "workbench approve reads" in each]

    command = line[line.index("`") + 1 : line.rindex("`")]
    assert shlex.split(command) == ["workbench", "approve", "reads", "--read", str(place)]


def test_a_place_outside_the_workspace_is_read_once_somebody_allows_it(author: Author, place: Path) -> None:
    reads(author, place)
    said = author.calls("run", "reads", "--json")
    assert (said.code, said.json["error"]["kind"]) == (1, "permission_denied")
    assert said.json["needs"] == [{"right": "file_read", "value": str(place)}]
    assert f"workbench approve reads --read {place}" in author.calls("run", "reads").err

    assert author.calls("approve", "reads").code == 0
    assert author.calls("run", "reads").out == "secret\n"
    listed = author.calls("approve", "--list", "--json").json["approvals"]
    assert [(each["skill"], each["allowed"][0]["value"], each["void"]) for each in listed] == [
        ("reads", str(place), None)
    ]

    reads(author, place, environment=["TOKEN"])
    assert author.calls("run", "reads", "--json").json["error"]["kind"] == "permission_denied"
    assert "void: it asks for more now: environment TOKEN" in author.calls("approve", "--list").out

    assert author.calls("approve", "reads").code == 0
    assert author.calls("run", "reads").code == 0
    assert author.calls("approve", "--revoke", "reads").code == 0
    assert author.calls("run", "reads").code == 1
    assert "nothing is allowed" in author.calls("approve", "--list").out


@pytest.mark.exhaustive
@pytest.mark.skipif(not os.path.exists("/usr/bin/bwrap"), reason="without namespaces nobody gets a network")
def test_a_host_that_was_refused_is_allowed_and_then_written_into_the_manifest(author: Author, port: int) -> None:
    author = Author(author.workspace, {**author.environ, "WORKBENCH_SECURITY_STRONGEST_TIER": "A"})
    permissions = {"network_access": ["api.example.com:443"]}
    script = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=5).read().decode())"
    author.has_command(
        "asks", "python3", "-c", script, f"http://127.0.0.1:{port}/", security={"permissions": permissions}
    )
    said = author.calls("run", "asks", "--json").json
    assert said["needs"] == [{"right": "network_access", "value": f"127.0.0.1:{port}"}]
    assert said["contacts"][0]["refused"]

    said = author.calls("approve", "asks", "--network", f"127.0.0.1:{port}")
    assert f"asks may talk to 127.0.0.1:{port}, which its manifest does not ask for" in said.out
    said = author.calls("run", "asks", "--json").json
    assert (said["output"], said["needs"]) == ("hello\n", [])
    observed = author.calls("show", "asks", "--observed", "--json").json
    assert observed["observed"]["reached"] == {f"127.0.0.1:{port}": 1}
    assert "its manifest does not list it" in observed["differences"][0]
    assert "was refused" in author.calls("show", "asks", "--observed").out

    assert author.calls("approve", "asks", "--network", f"127.0.0.1:{port}", "--write").code == 0
    written = json.loads((author.skills / "asks/skill.json").read_text())
    assert written["security"]["permissions"]["network_access"] == ["api.example.com:443", f"127.0.0.1:{port}"]
    author.calls("approve", "--revoke", "asks")
    assert author.calls("run", "asks").out == "hello\n"


def test_what_a_python_worker_is_allowed_holds_from_its_next_run(author: Author, place: Path) -> None:
    body = f"return open('{place}/secret.txt').read()"
    author.has_function("reads", body, options=f", security={{'permissions': {{'file_read': ['{place}']}}}}")
    assert author.calls("run", "reads", "--json").json["error"]["kind"] == "permission_denied"
    assert author.calls("approve", "reads").code == 0
    assert author.calls("run", "reads").out == "secret\n"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("reads", "--read", "/"), "your home or the workspace is in it"),
        (("reads", "--read", "/proc"), "that is the system's"),
        (("reads", "--write-to", "/usr"), "that is the system's"),
        (("reads", "--read", "/etc/shadow"), "that is the system's"),
        (("reads", "--read", "/home/somebody/.ssh"), "keys are there"),
        (("reads", "--environment", "LD_PRELOAD"), "is no variable that a skill is given"),
        (("reads", "--read", "docs"), "is a skill's own anyway"),
        (("reads", "--read", "~"), "write workspace:x, or the whole path"),
        (("reads", "--read", "/srv/../etc"), "it leads out"),
        (("reads", "--read", "/nowhere-at-all"), "make /nowhere-at-all"),
        (("reads", "--network", "example.com"), "write api.example.com:443"),
        (("reads", "--environment", "A=B"), "is no variable that a skill is given"),
        (("reads",), "needs nothing to be allowed: it asks for nothing"),
        (("docs",), "needs nothing to be allowed: its manifest gets it all that it asks for"),
        (("etc",), "'etc' cannot be allowed file_read of '/etc/shadow': that is the system's"),
        (("echo",), "'echo' needs nothing to be allowed: it asks for nothing"),
        (("review-prompt", "--network", "a.example:443"), "'review-prompt' needs nothing to be allowed: it is of kind"),
        (("bad",), "'bad' is broken: "),
        (("bad", "--network", "a.example:443"), "skill.json:1:2  the file ends too early"),
        (("bad", "--read", "/srv"), "mend it, then allow it: `workbench validate bad`"),
        ((), "one of REF"),
        (("--revoke", "reads"), "was allowed nothing"),
        (("--revoke", "nobody"), "there is no skill"),
        (("reads", "--list"), "one of REF"),
    ],
)
def test_what_nobody_can_allow_is_said_and_nothing_is_kept(author: Author, words: tuple[str, ...], why: str) -> None:
    author.has_command("reads", "true")
    author.has_command("docs", "true", security={"permissions": {"file_read": ["./docs"]}})
    author.has_command("etc", "true", security={"permissions": {"file_read": ["/etc/shadow"]}})
    author.writes("bad/skill.json", "{")
    said = author.calls("approve", *words)
    assert (said.code, why in said.err) == (2, True), said.err
    assert author.calls("approve", "--list", "--json").json == {"approvals": []}


@pytest.mark.exhaustive
def test_a_session_is_allowed_for_itself(author: Author, place: Path) -> None:
    reads(author, place)
    assert author.calls("approve", "reads").code == 0
    assert author.calls("dev", "open", "try").code == 0
    assert author.calls("dev", "edit", "try", "reads").code == 0
    assert author.calls("run", "reads", "--dev", "try").code == 1
    assert author.calls("approve", "reads", "--dev", "try").code == 0
    assert author.calls("run", "reads", "--dev", "try").out == "secret\n"
