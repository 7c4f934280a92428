"""What a skill asks for where its manifest does not speak of it: the workspace says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.author import Author


def says(author: Author, text: str) -> None:
    (author.workspace / "workbench.toml").write_text(f"[security.default_permissions]\n{text}\n")


def asked(author: Author, name: str) -> dict[str, Any]:
    said = author.calls("show", name, "--policy", "--json").json
    return {each["name"]: each["asked"] for each in said["policy"]}


@pytest.mark.exhaustive
def test_what_a_manifest_does_not_speak_of_is_the_workspaces_to_say(author: Author) -> None:
    (author.workspace / "docs").mkdir()
    (author.workspace / "docs" / "word").write_text("found it")
    (author.workspace / "out").mkdir()
    script = "cat $WORKBENCH_WORKSPACE/docs/word; echo there > $WORKBENCH_WORKSPACE/out/x"
    author.has_command("reads", "sh", "-c", script)
    author.has_command("shy", "sh", "-c", script, security={"permissions": {"file_read": [], "file_write": []}})
    author.has_command("half", "sh", "-c", script, security={"permissions": {"file_read": []}})
    assert author.calls("run", "reads").code != 0
    says(author, 'file_read = ["workspace:docs"]\nfile_write = ["workspace:out"]')
    assert author.calls("run", "reads").out == "found it\n"
    assert (author.workspace / "out" / "x").read_text() == "there\n"
    assert author.calls("run", "reads@r1").out == "found it\n"
    assert (asked(author, "reads")["read"], asked(author, "reads")["write"]) == (["workspace:docs"], ["workspace:out"])
    assert (asked(author, "half")["read"], asked(author, "half")["write"]) == ([], ["workspace:out"])
    assert "found it" not in author.calls("run", "shy").out


@pytest.mark.exhaustive
def test_hosts_by_default_are_those_of_the_workspaces_skills_alone(author: Author) -> None:
    author.has_command("calls", "true")
    author.has_command("alone", "true", security={"permissions": {"network_access": False}})
    author.has_function("counts", "return 1")
    says(author, 'network_access = ["api.example.com:443"]')
    assert asked(author, "calls")["network"] == ["api.example.com:443"]
    assert asked(author, "counts")["network"] == ["api.example.com:443"]
    assert asked(author, "alone")["network"] == []
    assert asked(author, "try-the-walls")["network"] == []
    says(author, "network_access = true")
    assert asked(author, "calls")["network"] == ["everything"]


def test_processes_that_the_workspace_forbids_are_refused(author: Author) -> None:
    author.has_command("forks", "python3", "-c", "import os; os.fork()")
    author.has_command("may", "true", security={"permissions": {"process_spawn": True}})
    assert author.calls("run", "forks").code == 0
    says(author, "process_spawn = false")
    assert author.calls("run", "forks").code != 0
    assert asked(author, "forks")["spawn"] == ["no"]
    assert asked(author, "may")["spawn"] == ["yes"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file_reed = []", "did you mean 'file_read'"),
        ("file_read = true", "security.default_permissions.file_read"),
        ("process_spawn = 7", "security.default_permissions.process_spawn"),
    ],
)
def test_a_wrong_default_names_its_key(author: Author, text: str, words: str) -> None:
    says(author, text)
    said = author.calls("list")
    assert said.code == 2
    assert words in said.err
