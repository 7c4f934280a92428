from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from workbench.model.finding import Finding, Place, Severity
from workbench.model.manifest import Command, Manifest, Template
from workbench.model.policy import Limits, Permissions, Tier
from workbench.model.skill import Kind
from workbench.runtime.formats.json_reader import JsonPlaces
from workbench.runtime.formats.manifest_reader import MAX_FINDINGS, ManifestReader
from workbench.runtime.schemas.validator import Pointer

SAID = {"name": "greet", "version": "1.0.0", "type": "prompt_inline", "prompt": "Hello"}


def read(raw: Mapping[str, Any], *, is_partial: bool = False) -> tuple[Kind | None, Manifest, list[Finding]]:
    places = JsonPlaces(json.dumps(raw, indent=1))

    def locate(pointer: Pointer) -> Place:
        line, column = places.place_of(pointer)
        return Place(file="skill.json", line=line, column=column)

    reader = ManifestReader(raw, locate)
    kind, manifest = reader.read(folder_name="folder", is_partial=is_partial)
    return kind, manifest, reader.findings


def told(**said: Any) -> list[str]:
    return [str(finding) for finding in read({**SAID, **said})[2]]


def test_a_manifest_without_fault_says_nothing() -> None:
    assert told() == []


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ({"commnd": "ls"}, "skill.json:6:2  unknown key 'commnd'  (did you mean 'command'?)"),
        (
            {"security": {"permissions": {"file_raed": []}}},
            "skill.json:8:4  unknown key 'file_raed'  (did you mean 'file_read'?)",
        ),
        (
            {"parameters": [{"name": "a"}, {"name": "b", "requried": True}]},
            "skill.json:12:4  unknown key 'requried'  (did you mean 'required'?)",
        ),
        ({"xyzzy": 1}, "skill.json:6:2  unknown key 'xyzzy'  (remove it, or look at its spelling)"),
        ({"type": "prompt_inlin"}, "(did you mean 'prompt_inline'?)"),
        ({"args": ["-a", 1]}, "skill.json:8:3  item 2 of 'args' must be a text, not 1  (write \"…\")"),
        ({"description": 3}, "skill.json:6:2  'description' must be a text, not 3  (write \"…\")"),
        (
            {"idempotent": "yes"},
            "'idempotent' must be true or false, not \"yes\"  (write true or false, without quotes)",
        ),
        (
            {"resilience": {"timeout": -1}},
            "skill.json:7:3  'timeout' must be more than 0, not -1  (write a larger number)",
        ),
        ({"resilience": {"timeout": 10**40}}, "'timeout' must be at most 86400, not 10000"),
        ({"security": {"resource_limits": {"max_memory_mb": 10**12}}}, "'max_memory_mb' must be at most 1048576"),
        ({"version": "soon"}, "skill.json:3:2  'soon' is not a version  (write three numbers: 1.2.3)"),
        ({"aliases": ["ok", "not ok"]}, "skill.json:8:3  'not ok' is not a legal name"),
        ({"input_schema": 3}, "'input_schema' must be true or false or an object, not 3"),
        ({"input_schema": {}, "parameters": []}, "'parameters' is not looked at beside 'input_schema'"),
        ({"timeout": 3}, "skill.json:6:2  'timeout' is an older spelling  (write resilience.timeout)"),
    ],
)
def test_a_slip_is_told_by_its_place_and_what_was_likely_meant(said: dict[str, Any], line: str) -> None:
    lines = told(**said)

    assert len(lines) == 1, lines
    assert line in lines[0]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a/b", "a\\b", "..", "zero\0byte", "red\x1b[31m", "two\nlines", "\ud800"]
)
def test_a_name_that_could_be_a_path_or_hides_something_is_refused(name: str) -> None:
    _, manifest, findings = read({**SAID, "name": name})

    assert manifest.name == "folder"
    assert [finding.rule for finding in findings][-1] in ("manifest.name", "manifest.json")
    assert findings[-1].severity is Severity.ERROR
    assert str(findings[-1]).isprintable()


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"name": "greet"}, "greet"),
        ({"name": "Say hello"}, "folder"),
        ({"name": "Say hello", "slug": "hello"}, "hello"),
        ({"name": "greet", "slug": "hello", "skill_id": "id-1"}, "id-1"),
        ({"name": "größe"}, "folder"),
        ({}, "folder"),
    ],
)
def test_the_id_wins_over_the_slug_and_that_over_a_legal_name(said: dict[str, Any], name: str) -> None:
    _, manifest, findings = read({"version": "1.0.0", "type": "prompt", "prompt": "x", **said})

    assert (manifest.name, findings) == (name, [])


def test_a_missing_version_counts_as_none_and_is_told_unless_it_may_stand_elsewhere() -> None:
    raw = {key: value for key, value in SAID.items() if key != "version"}

    assert [finding.rule for finding in read(raw)[2]] == ["manifest.version"]
    assert read(raw)[1].version == "0.0.0"
    assert read(raw, is_partial=True)[2] == []


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"type": "python"}, Kind.PYTHON),
        ({"type": "command", "command": "ls"}, Kind.CODE_INLINE),
        ({"type": "repl"}, Kind.CODE_SESSION),
        ({"type": "nodejs_code"}, Kind.NODE),
        ({"prompt_template": "x"}, Kind.PROMPT),
        ({"prompt": "x"}, Kind.PROMPT_INLINE),
        ({}, None),
        ({"type": "nothing"}, None),
        ({"type": ["python"]}, None),
    ],
)
def test_the_kind_is_said_or_follows_from_what_is_said(said: dict[str, Any], kind: Kind | None) -> None:
    assert read({"name": "greet", **said})[0] is kind


def test_a_prompt_and_a_command_are_read() -> None:
    assert read({**SAID, "output_format": "json"})[1].template == Template(text="Hello", output_format="json")
    assert read({**SAID, "type": "prompt", "prompt": "", "prompt_template": "{{ x }}"})[1].template == Template(
        text="{{ x }}", is_jinja=True
    )
    assert read({**SAID, "type": "code_inline", "command": "ls", "args": ["-l"]})[1].command == Command(
        program="ls", arguments=("-l",)
    )


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ({"command": None}, "'command' is missing  (name the program to start)"),
        ({"command": "   "}, "'command' is missing  (name the program to start)"),
        ({"command": "a\0b"}, "a command cannot hold a zero byte  (remove it)"),
        ({"command": "a", "args": ["\0"]}, "a command cannot hold a zero byte  (remove it)"),
        ({"command": "ls -l"}, 'no shell reads this: it is taken as one program\'s name  (write "command": "ls"'),
    ],
)
def test_a_command_that_cannot_start_is_told(said: dict[str, Any], line: str) -> None:
    assert line in told(type="code_inline", **said)[-1]


def test_what_a_skill_may_do_and_use_is_read() -> None:
    manifest = read(
        {
            **SAID,
            "security": {
                "require": "B",
                "permissions": {"file_read": ["a"], "network_access": ["example.org"], "process_spawn": False},
                "resource_limits": {"max_file_size_mb": 1, "max_processes": 2.0},
            },
            "resource_limits": {"max_memory_mb": 64},
        }
    )[1]

    assert manifest.permissions == Permissions(file_read=("a",), network_access=("example.org",), process_spawn=False)
    assert manifest.limits == Limits(max_memory_mb=64, max_file_size_mb=1, max_processes=2)
    assert manifest.required_tier is Tier.B


@pytest.mark.parametrize("limit", [0, -1])
@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("max_memory_mb", "at least 1"),
        ("max_cpu_percent", "more than 0"),
        ("max_execution_time", "more than 0"),
        ("max_file_size_mb", "at least 1"),
        ("max_processes", "at least 1"),
        ("max_output_mb", "at least 0.001"),
    ],
)
def test_a_limit_that_leaves_nothing_is_told_with_the_least_there_can_be(name: str, least: str, limit: int) -> None:
    words = f"'{name}' must be {least}, not {limit}  (write a larger number)"

    assert told(security={"resource_limits": {name: limit}}) == [f"skill.json:8:4  {words}"]
    assert f"skill.json:7:3  {words}" in told(resource_limits={name: limit})


def test_the_older_sandbox_block_means_permissions() -> None:
    sandbox = {"allow_network": True, "allow_file_write": True, "allowed_paths": ["out"]}

    assert read({**SAID, "sandbox": sandbox})[1].permissions == Permissions(
        file_read=("out",), file_write=("out",), network_access=True
    )


@pytest.mark.parametrize(
    ("schema", "meant"),
    [(True, None), (False, {"not": {}}), ({}, {}), ({"type": "object"}, {"type": "object"})],
)
def test_a_boolean_schema_takes_everything_or_nothing(schema: object, meant: object) -> None:
    _, manifest, findings = read({**SAID, "input_schema": schema, "output_schema": schema})

    assert (manifest.input_schema, manifest.output_schema, findings) == (meant, meant, [])


def test_what_is_wrong_in_a_schema_is_told_by_its_place_in_the_manifest() -> None:
    lines = told(input_schema={"properties": {"a": {"pattern": "(?<=a)b"}}})

    assert lines == [
        "skill.json:9:5  '(?<=a)b' is not a pattern that is taken here"
        "  (patterns run in linear time: no lookaround, no backreferences, no huge repeats)"
    ]


def test_parameters_become_a_schema() -> None:
    parameters = [
        {"name": "text", "type": "string", "min_length": 1, "description": "What to say"},
        {"name": "tone", "type": "enum", "values": ["kind", "curt"], "default": "kind"},
        {"name": "any", "type": "any", "required": False},
    ]

    assert read({**SAID, "parameters": parameters})[1].input_schema == {
        "type": "object",
        "properties": {
            "text": {"type": "string", "minLength": 1, "description": "What to say"},
            "tone": {"enum": ["kind", "curt"], "default": "kind"},
            "any": {},
        },
        "required": ["text"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        ([{"name": "a"}, {"name": "a"}], "skill.json:11:4  the parameter 'a' stands twice"),
        ([{"name": "a", "type": "enum"}], "skill.json:7:3  the parameter 'a' names no values"),
        ([{"name": "a"}, {"name": "b", "pattern": "("}], "skill.json:12:4  '(' is not a pattern that is taken here"),
        ([{"name": "a", "items": {"type": "strin"}}], "skill.json:10:5  'strin' is no type of JSON"),
    ],
)
def test_what_is_wrong_with_a_parameter_is_told_by_its_place(parameters: list[object], line: str) -> None:
    lines = told(parameters=parameters)

    assert len(lines) == 1
    assert lines[0].startswith(line)


def test_a_manifest_of_a_hundred_thousand_slips_is_told_briefly_and_is_broken_all_the_same() -> None:
    slips = {f"key{number}": 1 for number in range(20_000)}

    findings = read({**SAID, **slips, "version": "soon"})[2]

    assert len(findings) <= MAX_FINDINGS + 1
    assert any(finding.severity is Severity.ERROR for finding in findings)


@pytest.mark.parametrize(
    "key", [*SAID, "metadata", "security", "resilience", "parameters", "capabilities", "config", "tags"]
)
@pytest.mark.parametrize("value", [None, 1, -1.5, True, "x", "", [], [None], [[1]], {}, {"a": {"b": []}}])
def test_no_value_under_any_key_is_more_than_a_finding(key: str, value: object) -> None:
    _, manifest, findings = read({**SAID, key: value})

    assert manifest.name in ("greet", "folder", "x")
    assert all(finding.message and finding.hint for finding in findings)
