"""A workspace may come from anybody, with settings and state of its own: neither opens a door."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from tests.author import Author, function

MARK = "0" * 64


def reads(author: Author, place: Path) -> None:
    permissions = {"file_read": [str(place)]}
    author.has_command("reads", "cat", f"{place}/secret.txt", security={"permissions": permissions})


def elsewhere(author: Author) -> Author:
    """The same folder under somebody else's hands: nothing of the first one's home is there."""
    home = Path(author.environ["HOME"]).with_name("another-home")
    home.mkdir(exist_ok=True)
    known = Path(author.environ["HOME"]) / ".local/state/skill-workbench/sandbox.json"
    there = home / ".local/state/skill-workbench/sandbox.json"
    there.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(known, there)
    return replace(author, environ={**author.environ, "HOME": str(home)})


def test_an_approval_that_came_with_the_folder_does_not_hold(author: Author, place: Path) -> None:
    reads(author, place)
    assert author.calls("approve", "reads").code == 0
    assert author.calls("run", "reads").out == "secret\n"

    stranger = elsewhere(author)
    refused = stranger.calls("run", "reads")
    listed = stranger.calls("approve", "--list", "--json").json["approvals"]

    assert (refused.code, refused.out) == (1, "")
    assert listed == []
    assert stranger.calls("approve", "reads").code == 0
    assert stranger.calls("run", "reads").out == "secret\n"


def test_an_approval_that_somebody_wrote_into_the_database_does_not_hold(author: Author, place: Path) -> None:
    reads(author, place)
    author.calls("approve", "reads")
    key = Path(author.environ["HOME"]) / ".local/state/skill-workbench/own.key"
    assert (key.stat().st_mode & 0o777, key.stat().st_size) == (0o600, 32)
    with sqlite3.connect(author.workspace / ".workbench/workbench.db") as database:
        more = json.dumps([["file_read", str(place)], ["file_read", "/etc"]])
        database.execute("UPDATE approval SET consents = ?", (more,))
    database.close()

    assert author.calls("run", "reads").code == 1


def test_without_a_place_for_the_key_nothing_is_approved(author: Author, place: Path) -> None:
    reads(author, place)
    folder = Path(author.environ["HOME"]) / ".local/state/skill-workbench"
    (folder / "own.key").mkdir(parents=True)

    said = author.calls("approve", "reads")

    assert said.code == 3
    assert "own.key cannot be kept" in said.err
    assert os.listdir(folder).count("own.key") == 1
    assert not [name for name in os.listdir(folder) if name.startswith("own.key.")]


def test_what_runs_is_what_was_read_whatever_lies_in_the_state(author: Author) -> None:
    author.has_function("greet", "return 'as it is written'")
    assert author.calls("run", "greet").out == "as it is written\n"
    [kept] = (author.workspace / ".workbench/rev/greet").iterdir()
    kept.chmod(0o755)
    (kept / "skill.py").chmod(0o644)
    text = (kept / "skill.py").read_text()
    (kept / "skill.py").write_text(text.replace("as it is written", "something else"))
    (kept / "sitecustomize.py").write_text("print('here')")

    assert author.calls("run", "greet").out == "as it is written\n"
    assert (kept / "skill.py").read_text() == text
    assert os.listdir(kept) == ["skill.py"]


@pytest.mark.parametrize("line", ['bubblewrap = "./evil"', 'strongest_tier = "D"', "sandbox_enabled = false"])
def test_a_workspace_does_not_choose_its_own_walls(author: Author, line: str) -> None:
    marker = author.workspace / "started"
    evil = author.workspace / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {marker}\n")
    evil.chmod(0o755)
    author.has_command("greet", "echo", "hello")
    (author.workspace / "workbench.toml").write_text(f"[security]\n{line}\n")

    said = author.calls("run", "greet", cwd=author.workspace)

    assert said.code == 2
    key = line.partition(" ")[0]
    assert f"security.{key} is yours to say, and not a workspace's" in said.err
    assert f"WORKBENCH_SECURITY_{key.upper()}" in said.err
    assert not marker.exists()


@pytest.mark.exhaustive
def test_the_sandbox_is_switched_off_by_you_alone_and_then_each_skill_needs_your_word(author: Author) -> None:
    author.has_command("greet", "echo", "hello")
    config = Path(author.environ["HOME"]) / ".config/skill-workbench"
    config.mkdir(parents=True)
    (config / "workbench.toml").write_text("[security]\nsandbox_enabled = false\n")

    refused, shipped = author.calls("run", "greet"), author.calls("run", "line-stats", "-i", "text=a")
    doctor = author.calls("doctor", "--json").json["sandbox"]

    assert refused.code == 3
    assert "there is no sandbox" in refused.err
    assert shipped.code == 0
    assert doctor["tier"] == "D"
    assert any("security.sandbox_enabled is false" in line for line in doctor["advice"])
    assert author.calls("approve", "greet").code == 0
    assert author.calls("run", "greet").out == "hello\n"


@pytest.mark.exhaustive
def test_a_folder_that_calls_its_own_skills_builtin_is_not_believed(author: Author) -> None:
    more = author.workspace / "more" / "extra"
    more.mkdir(parents=True)
    manifest = {"name": "extra", "version": "1.0.0", "description": "x", "type": "code_inline", "command": "true"}
    (more / "skill.json").write_text(json.dumps(manifest))
    (author.workspace / "workbench.toml").write_text('[skills]\nbuiltin_paths = ["more"]\n')
    bare = replace(author, environ={**author.environ, "WORKBENCH_SECURITY_STRONGEST_TIER": "D"})

    assert bare.calls("run", "extra").code == 3
    assert author.calls("run", "extra").code == 0
    assert bare.calls("approve", "extra").code == 0
    assert bare.calls("run", "extra").code == 0


@pytest.mark.parametrize(
    "command", [("run", "loads"), ("reload", "loads"), ("test", "loads"), ("show", "loads", "--load")]
)
def test_where_there_is_no_sandbox_nothing_of_a_stranger_runs_to_be_looked_at(
    author: Author, tmp_path: Path, command: tuple[str, ...]
) -> None:
    marker = tmp_path / "was-here"
    source = function("loads", "return 1")
    author.saves("loads/skill.py", f"open({str(marker)!r}, 'w').close()\n{source}")
    bare = replace(author, environ={**author.environ, "WORKBENCH_SECURITY_STRONGEST_TIER": "D"})

    bare.calls(*command)
    assert not marker.exists()

    assert bare.calls("approve", "loads").code == 0
    assert bare.calls("run", "loads").out == "1\n"
    assert marker.exists()


def test_where_there_is_no_sandbox_a_place_is_allowed_after_the_run_itself(author: Author, place: Path) -> None:
    bare = replace(author, environ={**author.environ, "WORKBENCH_SECURITY_STRONGEST_TIER": "D"})
    author.has_command("reads", "cat", f"{place}/secret.txt", security={"permissions": {"file_read": [str(place)]}})

    allowed = [bare.calls("approve", "reads").out.splitlines()[0] for _ in range(2)]

    assert allowed == ["+ reads may run without a sandbox", f"+ reads may read {place}"]
    assert bare.calls("run", "reads").out == "secret\n"


def test_a_reload_of_what_may_not_be_loaded_says_so_and_what_runs_no_code_is_accepted(author: Author) -> None:
    author.has_function("loads", "return 1")
    author.saves("asks/SKILL.md", "---\nname: asks\ndescription: Asks something.\n---\nSay hello.\n")
    bare = replace(author, environ={**author.environ, "WORKBENCH_SECURITY_STRONGEST_TIER": "D"})

    said = bare.calls("reload", "loads")
    assert said.code == 1
    assert "is not loaded: it may not run behind the walls that are here" in said.out + said.err
    assert bare.calls("reload", "asks").code == 0
    assert len(bare.calls("history", "asks", "--json").json["revisions"]) == 1


def test_a_last_good_revision_stays_though_something_lies_beside_it(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    author.calls("run", "greet")
    [kept] = (author.workspace / ".workbench/rev/greet").iterdir()
    kept.chmod(0o755)
    (kept / ".skill.py.swp").write_text("somebody has looked at it")
    author.saves("greet/skill.py", "def greet(:")

    assert author.calls("run", "greet").out == "hello\n"
    assert author.calls("run", "greet").out == "hello\n"


def test_what_requires_stronger_walls_is_not_loaded_behind_weaker_ones(author: Author, tmp_path: Path) -> None:
    marker = tmp_path / "was-here"
    body = f"open({str(marker)!r}, 'w').close()"
    author.has_function("strict", body, options=", require='A'")
    bare = replace(author, environ={**author.environ, "WORKBENCH_SECURITY_STRONGEST_TIER": "D"})

    assert bare.calls("approve", "strict").code == 0
    assert bare.calls("run", "strict").code == 3
    assert not marker.exists()


def test_a_promotion_that_came_with_the_folder_is_nobodys(author: Author, tmp_path: Path) -> None:
    author.has_command("greet", "echo", "hello")
    author.calls("run", "greet")
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "kept.txt").write_text("kept")
    stands = [{"path": "../victim/autorun.desktop", "base": "", "mine": MARK, "theirs": ""}]
    folders = [str(author.workspace), str(victim), str(victim)]
    document = json.dumps({"id": "../../../victim", "session": "x", "folders": folders, "stands": stands})
    with sqlite3.connect(author.workspace / ".workbench/workbench.db") as database:
        for number, words in enumerate((document, "no json", b"\xff")):
            values = (f"{number}", "x", "nobody", 0.0, words, "é" * 64)
            database.execute(
                "INSERT INTO promotion (id, session, owner, at, document, proof) VALUES (?,?,?,?,?,?)", values
            )
        row = ("main", "greet", b"\xff", 7, "x", "y", 0.0, "é" * 64)
        columns = "realm, skill, consents, asked, home, digest, at, proof"
        database.execute(f"INSERT INTO approval ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    database.close()
    staged = author.workspace / ".workbench/promotions/../victim"
    staged.mkdir(parents=True, exist_ok=True)

    assert author.calls("approve", "--list").code == 0
    assert author.calls("run", "greet").out == "hello\n"
    assert sorted(os.listdir(victim)) == ["kept.txt"]


@pytest.mark.exhaustive
def test_what_was_allowed_in_a_session_ends_with_it(author: Author, place: Path) -> None:
    reads(author, place)
    author.calls("dev", "open", "try")
    assert author.calls("approve", "reads", "--dev", "try").code == 0
    assert author.calls("run", "reads", "--dev", "try").out == "secret\n"
    author.calls("disable", "reads", "--dev", "try")
    author.calls("dev", "close", "try", "--give-up")

    assert author.calls("approve", "--list", "--json").json["approvals"] == []
    author.calls("dev", "open", "try")
    refused = author.calls("run", "reads", "--dev", "try")
    assert "is not given" in refused.err


@pytest.mark.exhaustive
def test_a_state_folder_that_came_along_is_left_alone(author: Author, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (victim / "Documents").mkdir(parents=True)
    state = author.workspace / ".workbench"
    (state / "instances").mkdir(parents=True)
    (state / "instances/Documents").touch()
    for name in ("scratch", "runs", "rev", "held"):
        (state / name).symlink_to(victim)
    (state / "owner").write_text("0" * 64)
    author.has_command("greet", "echo", "hello")

    for command in (("run", "greet"), ("gc", "--days", "0"), ("dev", "open", "try"), ("dev", "close", "try")):
        assert author.calls(*command).code == 0, command

    assert (victim / "Documents").is_dir()
    assert sorted(os.listdir(state)) == ["held", "instances", "owner", "rev", "runs", "scratch"]
    place = author.calls("doctor", "--json").json["state"]
    assert "not one that you made on this machine" in json.dumps(place)


def test_ones_own_state_is_known_again_where_the_workspace_was_moved(author: Author) -> None:
    author.has_command("greet", "echo", "hello")
    author.calls("run", "greet")
    moved = author.workspace.with_name("moved")
    author.workspace.rename(moved)

    there = replace(author, workspace=moved)
    assert len(there.calls("history", "greet", "--json").json["revisions"]) == 1
    assert (moved / ".workbench/owner").stat().st_size == 2 * 64 + 1
