from __future__ import annotations

import pytest

from workbench.model.finding import Finding, Severity
from workbench.model.manifest import Manifest
from workbench.runtime.formats.skill_md_reader import read_skill_md

GOOD = """---
name: greet
description: Says hello. Use it when somebody comes in.
license: MIT
metadata:
  author: Ada
  version: "1.10"
  tags: polite, short
allowed-tools: Read, Bash(git add:*) Grep
---

# Greet

Say hello.
"""


def read(text: str, folder_name: str = "greet") -> tuple[Manifest, list[str], tuple[Finding, ...]]:
    said = read_skill_md(text, file="SKILL.md", folder_name=folder_name)
    return said.manifest, [str(finding) for finding in said.findings], said.findings


def test_what_the_format_names_is_read() -> None:
    manifest, told, _ = read(GOOD)

    assert told == []
    assert (manifest.name, manifest.version, manifest.author, manifest.license) == ("greet", "1.10", "Ada", "MIT")
    assert manifest.description == "Says hello. Use it when somebody comes in."
    assert manifest.tags == ("polite", "short")
    assert manifest.allowed_tools == ("Read", "Bash(git add:*)", "Grep")
    assert manifest.body == "# Greet\n\nSay hello.\n"


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        "\ufeff" + GOOD,
        "\ufeff" + GOOD.replace("\n", "\r\n"),
        GOOD.replace("---\n", "---  \n"),
        GOOD.replace("name: greet", 'name: "greet"  # a comment'),
    ],
)
def test_line_ends_marks_and_blanks_of_other_editors_change_nothing(text: str) -> None:
    assert read(text)[:2] == read(GOOD)[:2]


@pytest.mark.parametrize("tools", ["[Read, Grep]", "\n  - Read\n  - Grep", "Read Grep", "Read, Grep", "{Read: x}"])
def test_tools_are_read_however_they_are_listed(tools: str) -> None:
    manifest, told, _ = read(f"---\nname: greet\ndescription: d\nallowed-tools: {tools}\n---\n")

    assert told == []
    assert manifest.allowed_tools == (() if "{" in tools else ("Read", "Grep"))


def test_a_colon_without_quotes_is_read_as_lenient_clients_do_and_told() -> None:
    text = "---\nname: greet\ndescription: Use when: somebody comes: in\n  or out\nmetadata:\n  author: Ada\n---\nbody"

    manifest, told, findings = read(text)

    assert told == [
        "SKILL.md:3:22  a text without quotes has a colon in it; some clients load it, others do not"
        "  (put the text in quotes)"
    ]
    assert findings[0].severity is Severity.WARNING
    assert manifest.description == "Use when: somebody comes: in or out"
    assert (manifest.author, manifest.body) == ("Ada", "body")


@pytest.mark.parametrize(
    ("line", "description"),
    [
        ("description: @team uses it", "@team uses it"),
        ("description: `greet` says hello", "`greet` says hello"),
        ("description: [beta] says hello", "[beta] says hello"),
        ("description: 'it's nice'", "it's nice"),
        ("description: a\ndescription: b", "b"),
    ],
)
def test_other_slips_of_yaml_are_read_leniently_too(line: str, description: str) -> None:
    manifest, told, findings = read(f"---\nname: greet\n{line}\n---\n")

    assert manifest.description == description
    assert [finding.severity for finding in findings] == [Severity.WARNING]
    assert "some clients load it" in told[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# Hello\n", "SKILL.md:1:1  there is no front matter"),
        ("", "SKILL.md:1:1  there is no front matter"),
        ("---", "SKILL.md:1:1  there is no front matter"),
        ("---\nname: greet\n", "SKILL.md:1:1  the front matter has no end"),
        ("---\n---\n", "SKILL.md:1:1  the front matter is not key: value"),
        ("---\n- a\n- b\n---\n", "SKILL.md:1:1  the front matter is not key: value"),
        ("---\n" + "[" * 60_000 + "\n---\n", "SKILL.md:2:65  nested more than 64 levels deep"),
        ("---\nname: greet\nx: *y\n---\n", "SKILL.md:3:4  nothing is called '&y'"),
        ("---\nname: greet\n---\n", "SKILL.md:1:1  'description' is missing"),
        ("---\ndescription: d\n---\n", "SKILL.md:1:1  'name' is missing"),
        ("---\nname: [greet]\ndescription: d\n---\n", "SKILL.md:2:1  'name' must be a text"),
        ("---\nname: ../greet\ndescription: d\n---\n", "SKILL.md:2:1  '../greet' is not a name of the format"),
        ('---\ndescription: d\nname: "a\\nb"\n---\n', "SKILL.md:3:1  'a\\nb' is not a name of the format"),
    ],
)
def test_what_makes_it_no_skill_is_an_error_with_its_place(text: str, told: str) -> None:
    manifest, lines, findings = read(text)

    assert lines[0].startswith(told)
    assert findings[0].severity is Severity.ERROR
    assert all(finding.hint for finding in findings)
    assert manifest.name == "greet"


@pytest.mark.parametrize(
    ("front", "severity", "told"),
    [
        ("name: other", Severity.WARNING, "SKILL.md:2:1  the name is 'other', the folder's is 'greet'"),
        ("name: Greet", Severity.WARNING, "SKILL.md:2:1  'Greet' is not a name of the format"),
        ("name: a--b", Severity.WARNING, "SKILL.md:2:1  'a--b' is not a name of the format"),
        ("name: " + "a" * 65, Severity.WARNING, f"SKILL.md:2:1  '{'a' * 65}' is not a name of the format"),
        ("name: Say hello", Severity.WARNING, "SKILL.md:2:1  'Say hello' is not a name of the format"),
        ("name: greet\ncolor: red", Severity.INFO, "SKILL.md:3:1  'color' is not a key of the format"),
        ("name: greet\nversion: soon", Severity.INFO, "SKILL.md:1:1  'soon' is not a version"),
        ("name: greet\nmetadata: none", Severity.WARNING, "SKILL.md:3:1  'metadata' is not key: value"),
        ("name: greet\ncompatibility: " + "x" * 501, Severity.WARNING, "SKILL.md:3:1  'compatibility' has 501"),
    ],
)
def test_what_strict_clients_mind_is_told_and_read_all_the_same(front: str, severity: Severity, told: str) -> None:
    _, lines, findings = read(f"---\n{front}\ndescription: d\n---\n")

    assert (findings[-1].severity, lines[-1].startswith(told)) == (severity, True), lines
    assert all(not finding.severity.breaks for finding in findings)


def test_a_name_that_is_a_title_leaves_the_skill_under_its_folders_name() -> None:
    manifest, _, _ = read("---\nname: Say hello\ndescription: d\n---\n")

    assert (manifest.name, manifest.title) == ("greet", "Say hello")


def test_a_long_description_and_a_long_body_are_told() -> None:
    body = "line\n" * 60_000
    manifest, told, _ = read(f"---\nname: greet\ndescription: {'x' * 1025}\n---\n{body}")

    assert [line.partition("  ")[2].partition(",")[0] for line in told] == [
        "the description has 1",
        "the body has 60",
    ]
    assert manifest.body == body


def test_very_many_foreign_keys_are_not_all_told() -> None:
    keys = "\n".join(f"key{number}: x" for number in range(1000))

    _, told, _ = read(f"---\nname: greet\ndescription: d\n{keys}\n---\n")

    assert len(told) == 20
