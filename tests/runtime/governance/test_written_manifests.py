"""What `approve --write` puts into a manifest: what was written there and what was allowed, and nothing else."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.author import Author
from workbench.assembly import open_library
from workbench.configuration import read_settings
from workbench.model.consent import Consent, Right
from workbench.model.errors import Conflict
from workbench.model.skill import parse_ref
from workbench.runtime.governance.asking import write_into_manifest


def test_what_was_said_stays_and_the_workspaces_defaults_do_not_get_in(author: Author, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    permissions = {"file_read": [], "process_spawn": False}
    author.has_command("aaa", "cat", "x", security={"permissions": permissions})
    (author.workspace / "workbench.toml").write_text(
        '[security.default_permissions]\nnetwork_access = ["a.example:443"]\n'
    )
    assert author.calls("approve", "aaa", "--read", str(outside), "--write").code == 0
    written = json.loads((author.skills / "aaa/skill.json").read_text())["security"]["permissions"]
    assert written == {"file_read": [str(outside)], "process_spawn": False}


def test_in_a_session_the_sessions_own_manifest_is_written(author: Author, tmp_path: Path) -> None:
    author.has_command("aaa", "cat", "x")
    before = (author.skills / "aaa/skill.json").read_text()
    (author.skills / "aaa/skill.json").chmod(0o600)
    author.calls("dev", "open", "try")
    outside = tmp_path / "outside"
    outside.mkdir()

    said = author.calls("approve", "aaa", "--read", str(outside), "--write", "--dev", "try")

    own = author.workspace / ".workbench/dev/try/skills/aaa/skill.json"
    assert said.code == 0, said.err
    assert json.loads(own.read_text())["security"]["permissions"] == {"file_read": [str(outside)]}
    assert (author.skills / "aaa/skill.json").read_text() == before


def test_a_manifest_that_is_another_by_now_is_not_written_over(author: Author, tmp_path: Path) -> None:
    author.has_command("aaa", "cat", "x")
    manifest = author.skills / "aaa/skill.json"
    manifest.chmod(0o640)
    with open_library(read_settings(str(author.workspace), author.environ), author.environ) as library:
        skill = library.find(library.gathered(library.read_all()), parse_ref("aaa"))
    manifest.write_text(manifest.read_text().replace('"x"', '"y"'))

    with pytest.raises(Conflict, match="was changed meanwhile"):
        write_into_manifest(skill, [Consent(right=Right.READ, value=str(tmp_path))])

    assert '"y"' in manifest.read_text()
    assert manifest.stat().st_mode & 0o777 == 0o640


@pytest.mark.exhaustive
def test_the_line_that_allows_something_speaks_of_the_place_where_it_was_refused(
    author: Author, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    author.has_command("aaa", "ls", str(outside), security={"permissions": {"file_read": [str(outside)]}})
    author.calls("dev", "open", "try")

    where = ("--dev", "try", "--workspace", str(author.workspace))
    refused = author.calls("run", "aaa", *where, cwd=tmp_path)
    [line] = [line for line in refused.err.splitlines() if line.endswith("` allows that")]
    command = shlex.split(line.strip().removesuffix("` allows that").removeprefix("`workbench "))

    assert author.calls(*command, cwd=tmp_path).code == 0
    assert author.calls("run", "aaa", *where, cwd=tmp_path).code == 0
    assert author.calls("run", "aaa").code == 1
