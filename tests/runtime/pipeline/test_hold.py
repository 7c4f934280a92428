"""What a run puts into the user's folders and others would run by themselves is held back, however the run ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.author import Author
from workbench.model.policy import Permissions, Tier
from workbench.runtime.pipeline import hold
from workbench.runtime.pipeline.hold import Watched, is_dangerous
from workbench.runtime.places import StatePlace
from workbench.runtime.sandbox.grants import grants_of

WRITES = (
    "cd $WORKBENCH_WORKSPACE/reports; mkdir -p .vscode sub/.git/hooks; echo x > .vscode/tasks.json; "
    "echo x > sub/.git/hooks/pre-commit; echo y > sub/notes.txt; echo x > .envrc; echo x > a.pth; "
)


@pytest.fixture
def reports(author: Author) -> Path:
    folder = author.workspace / "reports"
    folder.mkdir()
    (folder / "package.json").write_text("{}")
    return folder


@pytest.mark.parametrize("tier", ["A", "B"])
@pytest.mark.parametrize(("ending", "status"), [("true", "completed"), ("exit 3", "failed"), ("sleep 9", "timed_out")])
def test_what_is_new_and_would_be_run_is_held_back(
    author: Author, reports: Path, tier: str, ending: str, status: str
) -> None:
    author = Author(author.workspace, {**author.environ, "WORKBENCH_SECURITY_STRONGEST_TIER": tier})
    permissions = {"file_write": ["workspace:reports"]}
    author.has_command(
        "writes", "sh", "-c", WRITES + ending, security={"permissions": permissions}, resilience={"timeout": 2}
    )
    said = author.calls("run", "writes", "--json").json
    assert said["status"] == status
    found = {str(Path(each["path"]).relative_to(reports)) for each in said["held_back"]}
    assert found == {".vscode", "sub/.git", ".envrc", "a.pth"}
    assert sorted(str(path.relative_to(reports)) for path in reports.rglob("*")) == [
        *("package.json", "sub", "sub/notes.txt")
    ]
    assert all(Path(each["kept"]).exists() for each in said["held_back"])
    kept = author.workspace / ".workbench/held" / said["run_id"]
    assert {path.name.partition("-")[2] for path in kept.iterdir()} == {".vscode", ".git", ".envrc", "a.pth"}


def test_the_shell_says_what_it_held_back(author: Author, reports: Path) -> None:
    permissions = {"file_write": ["workspace:reports"]}
    author.has_command("writes", "sh", "-c", WRITES, security={"permissions": permissions})
    assert f"held back {reports}/.envrc" in author.calls("run", "writes").err


def test_a_folder_with_a_repository_below_is_not_given_for_writing(tmp_path: Path) -> None:
    (tmp_path / "reports" / "deep" / "er" / ".git").mkdir(parents=True)
    asked = Permissions(file_read=("workspace:reports",), file_write=("workspace:reports",))
    given = grants_of(asked, str(tmp_path), Tier.A)
    assert given.read == (str(tmp_path / "reports"),)
    assert given.write == ()
    assert given.refused[0].why == "deep/er/.git is in it"


def test_names_that_programs_obey() -> None:
    assert all(map(is_dangerous, (".envrc", "conftest.py", "x.pth", ".git", "Makefile", "x.service")))
    assert not any(map(is_dangerous, ("notes.txt", "conftest.txt", "git", "data.json", "main.py")))


def test_what_cannot_be_moved_is_told_and_costs_no_outcome(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    full = StatePlace(folder="/proc/nowhere", is_in_workspace=False, reason="")
    watched = Watched([str(folder)])
    (folder / ".envrc").write_text("x")
    [held] = watched.held_back(full, "RUN")
    assert (held.kept, "could not be held back" in str(held)) == ("", True)
    assert (folder / ".envrc").exists()


@pytest.mark.parametrize("trick", ["ln -s {there} $WORKBENCH_OUT/held-back", "touch $WORKBENCH_OUT/held-back"])
def test_a_run_has_no_say_in_where_it_is_held_back(author: Author, reports: Path, tmp_path: Path, trick: str) -> None:
    there = tmp_path / "autostart"
    there.mkdir()
    script = f"{trick.format(there=there)}; touch $WORKBENCH_OUT/stays; echo x > {reports}/x.desktop"
    author.has_command("writes", "sh", "-c", script, security={"permissions": {"file_write": ["workspace:reports"]}})

    [held] = author.calls("run", "writes", "--json").json["held_back"]

    assert list(there.iterdir()) == []
    assert Path(held["kept"]).read_text() == "x\n"
    assert not (reports / "x.desktop").exists()


def test_more_names_than_can_be_looked_at_hide_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "MOST_LOOKED_AT", 100)
    folder = tmp_path / "reports"
    (folder / "deep").mkdir(parents=True)
    watched = Watched([str(folder)])
    for number in range(150):
        (folder / f"name-{number}").touch()
    (folder / "deep" / ".envrc").touch()

    place = StatePlace(folder=str(tmp_path / "state"), is_in_workspace=False, reason="")
    told = "\n".join(map(str, watched.held_back(place, "RUN")))

    assert "reports holds more than can be looked at" in told


def test_what_was_there_unseen_is_not_taken_for_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "MOST_LOOKED_AT", 100)
    folder = tmp_path / "reports"
    (folder / "later").mkdir(parents=True)
    (folder / "later" / "package.json").touch()
    for number in range(150):
        (folder / f"name-{number}").touch()
    watched = Watched([str(folder)])
    for number in range(150):
        (folder / f"name-{number}").unlink()

    place = StatePlace(folder=str(tmp_path / "state"), is_in_workspace=False, reason="")
    told = watched.held_back(place, "RUN")

    assert {each.is_unseen for each in told} == {True}
    assert (folder / "later" / "package.json").exists()
