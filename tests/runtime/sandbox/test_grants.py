"""Which places a skill gets of those that it asks for; tried from inside, at every tier there is."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.author import Author
from workbench.model.consent import Consent, Right
from workbench.model.policy import Permissions, Tier
from workbench.runtime.sandbox.grants import grants_of


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A workspace with something in it, and a secret beside it."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/key.txt").write_text("hidden")
    workspace = tmp_path / "workspace"
    for folder in ("docs/deep", "reports", "skills/one", ".git/hooks", ".workbench"):
        (workspace / folder).mkdir(parents=True)
    (workspace / "docs/a.txt").write_text("known")
    (workspace / "workbench.toml").write_text("")
    os.symlink(tmp_path / "secret", workspace / "out")
    os.symlink("docs", workspace / "papers")
    os.mkfifo(workspace / "pipe")
    return workspace


@pytest.mark.parametrize(
    ("asked", "real"),
    [
        ("workspace:docs", "docs"),
        ("workspace:docs/", "docs"),
        ("workspace:./docs/deep", "docs/deep"),
        ("workspace:docs/a.txt", "docs/a.txt"),
        ("./data", None),
        ("data", None),
        ("-option", None),
    ],
)
def test_a_place_in_the_workspace_is_given_and_the_skills_own_is_there_anyway(
    place: Path, asked: str, real: str | None
) -> None:
    for permissions in (Permissions(file_read=(asked,)), Permissions(file_write=(asked,))):
        grants = grants_of(permissions, str(place), Tier.A)
        assert not grants.refused
        assert (*grants.read, *grants.write) == ((str(place / real),) if real else ())


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("/", "in it"),
        ("/srv", "outside the workspace"),
        ("~", "anywhere on this machine"),
        ("~/.ssh", "anywhere on this machine"),
        ("../..", "leads out"),
        ("workspace:..", "leads out"),
        ("workspace:docs/../../secret", "leads out"),
        ("workspace:/etc", "leads out"),
        ("", "no path"),
        (" ", "no path"),
        ("docs\0", "no path"),
        ("workspace:do\ncs", "no path"),
        ("workspace:out", "through a link"),
        ("workspace:out/key.txt", "through a link"),
        ("workspace:papers", "through a link"),
        ("workspace:nowhere", "No such file"),
        ("workspace:pipe", "neither a folder nor a file"),
        ("workspace:", ".workbench is there"),
        ("workspace:.", ".workbench is there"),
        ("workspace:.workbench", ".workbench is there"),
    ],
)
def test_whatever_leads_elsewhere_is_refused_with_what_to_write(place: Path, asked: str, why: str) -> None:
    for permissions in (Permissions(file_read=(asked,)), Permissions(file_write=(asked,))):
        grants = grants_of(permissions, str(place), Tier.A)
        assert (grants.read, grants.write) == ((), ())
        [refused] = grants.refused
        assert refused.hint
        assert (why if "is there" not in why else "is there") in refused.why


@pytest.mark.parametrize(
    "asked", ["workspace:.git", "workspace:.git/hooks", "workspace:skills/one", "workspace:workbench.toml"]
)
def test_what_says_what_skills_may_do_or_is_run_by_others_is_read_and_never_written(place: Path, asked: str) -> None:
    assert grants_of(Permissions(file_read=(asked,)), str(place), Tier.A).read
    assert grants_of(Permissions(file_write=(asked,)), str(place), Tier.A).refused


@pytest.fixture
def home(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workspace is somebody's home."""
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "WORKBENCH_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(place))
    for folder in (".ssh", ".local/state/skill-workbench", ".config/skill-workbench", ".local/share/skill-workbench"):
        (place / folder).mkdir(parents=True)
    (place / ".bashrc").touch()
    return place


@pytest.mark.parametrize("asked", ["workspace:docs", "workspace:.bashrc"])
def test_a_home_that_is_a_workspace_is_given_place_by_place_to_whom_somebody_allows_it(home: Path, asked: str) -> None:
    for right, permissions in (
        (Right.READ, Permissions(file_read=(asked,))),
        (Right.WRITE, Permissions(file_write=(asked,))),
    ):
        [refused] = grants_of(permissions, str(home), Tier.A).refused
        assert (refused.why, refused.may_be_allowed) == ("the workspace is your home", True)
        given = grants_of(permissions, str(home), Tier.A, frozenset({Consent(right=right, value=asked)}))
        assert (*given.read, *given.write) == (str(home / asked.removeprefix("workspace:")),)


@pytest.mark.parametrize("place_in_it", [".local", ".local/state/skill-workbench", ".config", ".local/share", ".ssh"])
def test_keys_and_what_the_workbench_knows_of_somebody_are_for_nobody(home: Path, place_in_it: str) -> None:
    for asked in (f"workspace:{place_in_it}", f"{home}/{place_in_it}"):
        for right, permissions in (
            (Right.READ, Permissions(file_read=(asked,))),
            (Right.WRITE, Permissions(file_write=(asked,))),
        ):
            for workspace in (home, home / "docs"):
                consents = frozenset({Consent(right=right, value=asked)})
                refused = grants_of(permissions, str(workspace), Tier.A, consents).refused
                assert [each.may_be_allowed for each in refused] == [False]


@pytest.mark.parametrize("network", [True, ("api.example.com:443",)])
@pytest.mark.parametrize("tier", [Tier.B, Tier.D])
def test_where_nothing_forces_the_proxy_the_network_is_refused(network: Any, tier: Tier) -> None:
    [refused] = grants_of(Permissions(network_access=network), "/nowhere", tier).refused
    assert refused.permission == "network_access"
    assert "doctor" in refused.hint


def test_hosts_are_given_in_one_spelling_and_what_is_none_is_refused() -> None:
    asked = ("API.example.com:443", "api.example.com:443", "https://example.com", "*.example.com:443", "10.0.0.1")
    given = grants_of(Permissions(network_access=asked), "/nowhere", Tier.A)
    assert given.hosts == ("api.example.com:443",)
    assert [each.asked for each in given.refused] == list(asked[2:])
    assert grants_of(Permissions(network_access=True), "/nowhere", Tier.A).hosts == ("*",)


def test_the_systems_folder_for_temporary_files_is_the_runs_own(author: Author) -> None:
    """As older manifests say it: `"allowed_paths": ["/tmp", "./"]`."""
    old = {"allow_file_write": True, "allow_network": False, "allowed_paths": ["/tmp", "./"]}
    author.has_command("old", "sh", "-c", "echo x > $TMPDIR/a && cat $TMPDIR/a", sandbox=old)
    assert author.calls("run", "old").out == "x\n"


@pytest.mark.parametrize(
    ("permissions", "line", "words"),
    [
        ({"network_access": ["a.example:1", "https://example.com"]}, 10, "'https://example.com' is no host and port"),
        ({"file_read": ["workspace:../x"]}, 9, "it leads out"),
        ({"file_write": ["~"]}, 9, "it lies anywhere on this machine"),
    ],
)
def test_what_nobody_could_be_given_is_told_at_its_line_in_the_manifest(
    author: Author, permissions: dict[str, Any], line: int, words: str
) -> None:
    described = {"name": "asks", "version": "1.0.0", "description": "x", "type": "code_inline"}
    author.writes("asks/skill.json", {**described, "security": {"permissions": permissions}, "command": "true"})
    said = author.calls("validate", "asks", "--json")
    found = [each for each in said.json["findings"] if each["rule"] == "manifest.permission"]
    assert (said.code, [each["line"] for each in found]) == (1, [line])
    assert words in found[0]["message"]
    assert found[0]["hint"]


SHELL = r"""
try() { if "$@" >/dev/null 2>&1; then echo yes; else echo no; fi; }
W=$WORKBENCH_WORKSPACE
try cat "$W/docs/a.txt"
try sh -c "echo x > $W/docs/b.txt"
try sh -c "echo x > $W/reports/b.txt"
try cat "$W/../secret/key.txt"
try cat "$W/workbench.toml"
try ls "$W/skills"
"""


def asks(author: Author, **permissions: Any) -> None:
    author.has_command("tries", "sh", "-c", SHELL, security={"permissions": permissions})


@pytest.mark.parametrize("tier", ["", "B"])
def test_inside_there_is_what_was_given_and_nothing_else(author: Author, place: Path, tier: str) -> None:
    author = Author(place, {**author.environ, **({"WORKBENCH_SECURITY_STRONGEST_TIER": tier} if tier else {})})
    asks(author, file_read=["workspace:docs"], file_write=["workspace:reports"])
    said = author.calls("run", "tries", "--json")
    assert said.code == 0, said.out
    assert said.json["output"].split() == ["yes", "no", "yes", "no", "no", "no"]
    assert (place / "reports/b.txt").read_text() == "x\n"
    assert not (place / "docs/b.txt").exists()


@pytest.mark.parametrize("tier", ["", "B"])
def test_a_python_skill_gets_the_same(author: Author, place: Path, tier: str) -> None:
    author = Author(place, {**author.environ, **({"WORKBENCH_SECURITY_STRONGEST_TIER": tier} if tier else {})})
    body = (
        "import os\nfrom pathlib import Path\nhere = Path(os.environ['WORKBENCH_WORKSPACE'])\n"
        "(here / 'reports/c.txt').write_text((here / 'docs/a.txt').read_text())\n"
        "try:\n    (here / 'docs/c.txt').write_text('x')\nexcept OSError:\n    return 'refused'"
    )
    permissions = {"file_read": ["workspace:docs"], "file_write": ["workspace:reports"]}
    author.has_function("tries", body, options=f", permissions={permissions!r}")
    said = author.calls("run", "tries", "--json")
    assert (said.code, said.json.get("output")) == (0, "refused"), said.out
    assert (place / "reports/c.txt").read_text() == "known"


def test_what_is_refused_is_said_and_the_skill_does_not_run(author: Author, place: Path) -> None:
    author = Author(place, author.environ)
    asks(author, file_read=["workspace:out", "workspace:absent"])
    said = author.calls("run", "tries", "--json")
    error = said.json["error"]
    assert (said.code, error["kind"]) == (1, "permission_denied")
    assert "'workspace:out': it leads through a link" in error["message"]
    assert "'workspace:absent': No such file" in error["message"]
    assert error["hint"]


@pytest.mark.parametrize("tier", ["", "B"])
def test_a_folder_that_is_swapped_for_a_link_is_never_given(author: Author, place: Path, tier: str) -> None:
    author = Author(place, {**author.environ, **({"WORKBENCH_SECURITY_STRONGEST_TIER": tier} if tier else {})})
    asks(author, file_write=["workspace:reports"])
    (place / "reports").rename(place / "elsewhere")
    os.symlink(place.parent / "secret", place / "reports")
    assert author.calls("run", "tries").code == 1
    assert sorted(path.name for path in (place.parent / "secret").iterdir()) == ["key.txt"]


def test_a_socket_in_a_place_that_is_read_is_no_door(
    author: Author, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX) as door:
        monkeypatch.chdir(place / "docs")
        door.bind("door")
        door.listen()
        script = "import socket; socket.socket(socket.AF_UNIX).connect('docs/door'); print('through')"
        author = Author(place, author.environ)
        permissions = {"file_read": ["workspace:docs"]}
        author.has_command(
            "tries",
            "python3",
            "-c",
            f"import os; os.chdir(os.environ['WORKBENCH_WORKSPACE']); {script}",
            security={"permissions": permissions},
        )
        said = author.calls("run", "tries", "--json")
        assert "through" not in json.dumps(said.json.get("output", ""))
        assert said.code == 1


def test_the_shell_says_what_is_asked_given_held_and_refused(author: Author, place: Path) -> None:
    author = Author(place, author.environ)
    asks(author, file_read=["workspace:docs", "/etc"], environment=["TOKEN"], network_access=True)
    said = author.calls("show", "tries", "--policy", environ={"TOKEN": "secret"})
    assert said.code == 0
    assert f"the skill's folder · {place}/docs" in said.out
    assert "TOKEN" in said.out
    assert "secret" not in said.out
    assert "✕ file_read of '/etc': that is the system's" in said.out
    policy = {each["name"]: each for each in author.calls("show", "tries", "--policy", "--json").json["policy"]}
    assert policy["read"]["refused"][0]["asked"] == "/etc"
    assert policy["read"]["given"] == ["the skill's folder", f"{place}/docs"]
    assert policy["write"]["given"] == ["the run's own folder"]
    assert policy["read"]["promise"]["hold"] in ("enforced", "not held")
    assert policy["spawn"]["given"] == ["up to 64 processes"]
