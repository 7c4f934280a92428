"""`workbench gc` takes away what nobody comes back to, and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.author import Author
from workbench.assembly import open_tidying
from workbench.runtime.library import tidying

WEEKS = 40 * 86_400


@pytest.fixture
def old(author: Author) -> Author:
    """Somebody who wrote a skill five times."""
    for number in range(1, 6):
        author.has_command("greet", "sh", "-c", f"echo {number}; echo x > $WORKBENCH_OUT/left.txt")
        author.calls("run", "greet")
    return author


def revisions(author: Author) -> list[Path]:
    return sorted((author.workspace / ".workbench/rev/greet").iterdir())


@pytest.mark.exhaustive
def test_what_is_young_stays(old: Author) -> None:
    assert old.calls("gc", "--keep", "1", "--days", "1").out == "nothing is old enough to go\n"
    assert len(revisions(old)) == 5


def test_old_revisions_and_old_runs_go_and_what_answers_stays(old: Author) -> None:
    now = time.time() + WEEKS
    with open_tidying(str(old.workspace), old.environ, 2, 30.0, now) as looked:
        found = looked.found()
        assert len(revisions(old)) == 5
        gone = looked.take_away(found)

    assert gone == found
    assert {each.kind for each in gone} == {"revisions", "artifacts"}
    assert len(revisions(old)) == 2
    assert not list((old.workspace / ".workbench/runs").iterdir())
    assert old.calls("run", "greet").out == "5\n"
    assert old.calls("run", "greet@r4").out == "4\n"
    said = old.calls("run", "greet@r1")
    assert (said.code, "are no longer kept" in said.err) == (2, True)
    assert len(old.calls("history", "greet", "--json").json["revisions"]) == 5


@pytest.mark.exhaustive
def test_what_a_session_answers_with_stays(old: Author) -> None:
    old.calls("dev", "open", "try")
    old.calls("run", "greet", "--dev", "try")
    old.calls("rollback", "greet", "1", "--dev", "try")
    with open_tidying(str(old.workspace), old.environ, 0, 30.0, time.time() + WEEKS) as looked:
        looked.take_away(looked.found())

    assert old.calls("run", "greet", "--dev", "try").out == "1\n"
    assert old.calls("run", "greet").out == "5\n"


@pytest.mark.exhaustive
def test_a_link_in_the_state_is_not_followed(old: Author, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (victim / "x").mkdir(parents=True)
    os.symlink(victim, old.workspace / ".workbench/rev/linked")
    os.symlink(victim, old.workspace / ".workbench/runs/linked")
    with open_tidying(str(old.workspace), old.environ, 0, 0, time.time() + WEEKS) as looked:
        looked.take_away(looked.found())

    assert (victim / "x").is_dir()


def test_an_empty_workspace_has_nothing_to_go(author: Author) -> None:
    assert author.calls("gc").out == "nothing is old enough to go\n"
    assert not (author.workspace / ".workbench").exists()
    assert author.calls("gc", "--keep", "-1").code == 2


def test_a_size_is_what_the_files_have(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x").write_bytes(b"x" * 100)
    (tmp_path / "y").write_bytes(b"y" * 23)
    os.symlink("/etc/passwd", tmp_path / "link")
    assert tidying.size_of(str(tmp_path)) == 123 + len("/etc/passwd")


@pytest.mark.exhaustive
def test_without_the_library_nobody_knows_what_may_go(old: Author) -> None:
    for file in (old.workspace / ".workbench").glob("workbench.db*"):
        file.unlink()

    said = old.calls("gc", "--days", "0", "--keep", "0")

    assert (said.code, "workbench.db is gone" in said.err) == (3, True)
    assert len(revisions(old)) == 5


def test_where_nothing_was_ever_accepted_there_is_nothing_to_say(author: Author) -> None:
    author.has_function("broken", "return 1")
    skill = author.skills / "broken/skill.py"
    skill.write_text(f"raise RuntimeError('no')\n{skill.read_text()}")
    author.calls("run", "broken")

    assert author.calls("gc").out == "nothing is old enough to go\n"
    with open_tidying(str(author.workspace), author.environ, 0, 30.0, time.time() + WEEKS) as looked:
        assert {each.kind for each in looked.take_away(looked.found())} == {"revisions"}
