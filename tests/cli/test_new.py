"""`workbench new` as people and scripts call it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.author import REPOSITORY, Author, Said

BUBBLEWRAP = "/usr/bin/bwrap"


@pytest.mark.exhaustive
def test_the_first_skill_runs_at_once(author: Author) -> None:
    made = author.calls("new", "first")
    assert (made.code, made.err) == (0, "")
    assert "skills/first/skill.py" in made.out
    assert "workbench run first --example" in made.out
    assert "workbench watch" in made.out
    assert author.calls("validate", "first", "--json").json["score"] == 100
    assert author.calls("run", "first", "--example", "--json").json["status"] == "completed"


def test_json_says_what_was_made(author: Author) -> None:
    said = author.calls("new", "sums", "--template", "command", "--json")
    assert (said.code, said.err) == (0, "")
    assert said.json == {
        "name": "sums",
        "template": "command",
        "path": str(author.skills / "sums"),
        "files": ["main.py", "skill.json", "tests/cases.yaml"],
    }


def test_a_skill_for_agents_is_not_said_to_run(author: Author) -> None:
    said = author.calls("new", "teach", "--template", "skill-md")
    assert said.code == 0
    assert "workbench validate teach" in said.out
    assert "--example" not in said.out


def test_another_workspace_is_named_in_the_next_step(author: Author, tmp_path: Path) -> None:
    other = tmp_path / "an other"
    other.mkdir()
    said = author.calls("new", "first", "--workspace", str(other))
    assert said.code == 0
    assert f"workbench run first --example --workspace '{other}'" in said.out
    assert os.listdir(other) == ["skills"]


def test_variables_land_in_the_manifest(author: Author) -> None:
    given = ('description=Says "it": {all} = fine', "author=Ada", "version=2.0.0", "license=ISC", "category=fun")
    variables = [part for pair in given for part in ("--var", pair)]
    assert author.calls("new", "first", *variables).code == 0
    shown = author.calls("show", "first", "--json").json
    assert shown["description"] == 'Says "it": {all} = fine'
    assert (shown["author"], shown["version"]) == ("Ada", "2.0.0")
    assert (shown["license"], shown["category"]) == ("ISC", "fun")


def test_the_author_is_who_the_environment_says(author: Author) -> None:
    assert author.calls("new", "first", environ={"USER": "ada"}).code == 0
    assert author.calls("show", "first", "--json").json["author"] == "ada"


def test_the_list_names_every_template(author: Author) -> None:
    said = author.calls("new", "--list")
    listed = author.calls("new", "--list", "--json").json
    names = [template["name"] for template in listed["templates"]]
    assert said.code == 0
    assert names == ["python", "python-class", "node", "command", "prompt", "jinja-prompt", "skill-md"]
    assert [line.split()[0] for line in said.out.splitlines()] == names
    assert listed["default"] == "python"
    assert list(author.workspace.iterdir()) == [author.skills]


def test_a_shipped_skill_may_be_hidden_and_that_is_said(author: Author) -> None:
    said = author.calls("new", "echo")
    assert said.code == 0
    assert "hides the builtin skill" in said.err


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ((), "workbench new"),
        (("",), "my-skill"),
        (("../x",), "'x'"),
        (("x" * 200,), "at most 128"),
        (("first", "--template", "comand"), "command"),
        (("first", "--var", "desciption=x"), "description"),
        (("first", "--var", "description"), "--var description="),
        (("first", "--var", "version=new"), "1.2.3"),
    ],
)
def test_wrong_use_ends_with_2_and_what_to_write_instead(arguments: tuple[str, ...], hint: str, author: Author) -> None:
    said = author.calls("new", *arguments)
    assert said.code == 2
    assert hint in said.err
    assert author.calls("new", *arguments, "--json").json["error"]["hint"]
    assert list(author.skills.iterdir()) == []


def test_what_is_there_stays_and_the_call_ends_with_1(author: Author) -> None:
    kept = author.writes("first/notes.txt", "kept")
    said = author.calls("new", "first")
    assert said.code == 1
    assert str(author.skills / "first") in said.err
    assert author.calls("new", "First", "--json").json["error"]["kind"] == "conflict"
    assert list(author.skills.rglob("*.*")) == [kept]


def test_a_workspace_that_cannot_be_written_ends_with_3(author: Author) -> None:
    said = confined(author, "--ro-bind", "/", "/")
    assert said.code == 3
    assert said.err == ""
    assert said.json["error"]["message"].endswith("Read-only file system")
    assert said.json["error"]["hint"]


def test_a_full_disk_ends_with_3_and_leaves_nothing(author: Author) -> None:
    small = ("--ro-bind", "/", "/", "--size", "4096", "--tmpfs", str(author.skills))
    said = confined(author, *small, "--var", f"author={'x' * 20_000}")
    assert said.code == 3
    assert said.err == ""
    assert "No space left" in said.json["error"]["message"]
    assert "free some space" in said.json["error"]["hint"]


def confined(author: Author, *mounts: str) -> Said:
    """`workbench new` on a file system that even root cannot get around; what it left in skills/ is told on stderr."""
    if not os.path.exists(BUBBLEWRAP):
        pytest.skip("bubblewrap is not here")
    place = mounts.index("--var") if "--var" in mounts else len(mounts)
    new = [sys.executable, "-m", "workbench", "new", "first", "--json", *mounts[place:]]
    command = ["/bin/sh", "-c", '"$@"; code=$?; ls -A skills >&2; exit $code', "sh", *new]
    done = subprocess.run(
        [BUBBLEWRAP, *mounts[:place], "--dev", "/dev", "--proc", "/proc", "--chdir", str(author.workspace), *command],
        env={**author.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        timeout=25,
        check=False,
    )
    if b"bwrap: " in done.stderr:
        pytest.skip("bubblewrap cannot make namespaces here")
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode())
