from __future__ import annotations

import hashlib

import pytest

from workbench.model.finding import Finding, Place, Severity
from workbench.model.manifest import Manifest
from workbench.model.skill import MOVES, Ref, Scope, Skill, SkillFile, SkillState, digest_of, parse_ref

HELLO, SCRIPT = b"hello\n", b"#!/bin/sh\n"


def skill(state: SkillState = SkillState.OK, **said: object) -> Skill:
    told: dict[str, object] = {
        "name": "greet",
        "kind": None,
        "scope": Scope.WORKSPACE,
        "folder": "/w/skills/greet",
        "entry": "skill.json",
        "files": (),
        "digest": "",
        "manifest": Manifest(name="greet"),
        "state": state,
    }
    return Skill(**{**told, **said})  # type: ignore[arg-type]


def file(path: str, content: bytes, *, is_executable: bool = False) -> SkillFile:
    return SkillFile(path=path, is_executable=is_executable, sha256=hashlib.sha256(content).hexdigest())


def test_the_digest_is_what_its_written_definition_says() -> None:
    files = [file("run.sh", SCRIPT, is_executable=True), file("a/hello.txt", HELLO)]
    written = (
        "a/hello.txt\0-\x005891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03\n"
        "run.sh\0x\0a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf\n"
    )

    assert digest_of(files) == hashlib.sha256(written.encode()).hexdigest()
    assert digest_of(files) == "dd592d207399d68e6a1d56921fcf6db41f5b7e8a4569ce43bcb8d0e6c4ee6b77"


def test_the_digest_of_nothing_is_that_of_an_empty_text() -> None:
    assert digest_of([]) == hashlib.sha256(b"").hexdigest()


def test_the_digest_does_not_depend_on_the_order_of_the_files() -> None:
    files = [file("b", b"1"), file("a/c", b"2"), file("a", b"3"), file("ä", b"4")]

    assert digest_of(files) == digest_of(reversed(files))


def test_the_digest_changes_with_a_byte_a_name_or_an_execute_bit() -> None:
    digests = [
        digest_of([file("a", b"1")]),
        digest_of([file("a", b"2")]),
        digest_of([file("b", b"1")]),
        digest_of([file("a", b"1", is_executable=True)]),
        digest_of([file("a", b"1"), file("b", b"")]),
    ]

    assert len(set(digests)) == len(digests)


def test_no_name_of_a_file_can_pretend_to_be_two_files() -> None:
    plain = file("a", b"1")
    sly = SkillFile(path=f"a\0-\0{plain.sha256}\nb", is_executable=False, sha256=plain.sha256)

    assert digest_of([sly]) == digest_of([plain, file("b", b"1")])
    assert "\0" in sly.path  # which no file system can hold


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("greet", Ref(name="greet")),
        ("greet@1.2", Ref(name="greet", version="1.2")),
        ("greet@^1", Ref(name="greet", version="^1")),
        ("greet@r3", Ref(name="greet", revision=3)),
        ("greet@r3x", Ref(name="greet", version="r3x")),
        ("greet@", Ref(name="greet")),
        ("@1", Ref(name="", version="1")),
    ],
)
def test_a_reference_is_a_name_and_what_stands_behind_the_at(text: str, ref: Ref) -> None:
    assert parse_ref(text) == ref


@pytest.mark.parametrize("text", ["greet", "greet@1.2", "greet@^1", "greet@r3"])
def test_a_reference_is_written_as_it_was_read(text: str) -> None:
    assert str(parse_ref(text)) == text


def test_a_state_is_left_only_by_a_move_of_the_table() -> None:
    for state in SkillState:
        for target in SkillState:
            if target is state or target in MOVES[state]:
                assert skill(state).moved_to(target).state is target
            else:
                with pytest.raises(ValueError, match=f"does not go from {state} to {target}"):
                    skill(state).moved_to(target)


def test_a_finding_that_breaks_makes_the_skill_broken() -> None:
    place = Place(file="/w/skills/greet/skill.json")
    warning = Finding(severity=Severity.WARNING, rule="r", message="m", place=place)
    error = Finding(severity=Severity.ERROR, rule="r", message="m", place=place)

    warned = skill().with_findings([warning])
    broken = warned.with_findings([error])

    assert warned.state is SkillState.OK
    assert broken.is_broken
    assert broken.findings == (warning, error)


def test_a_skill_knows_what_a_person_would_open() -> None:
    assert skill().path == "/w/skills/greet/skill.json"
    assert skill(entry="").path == "/w/skills/greet"
    assert skill().folder_name == "greet"
    assert skill(folder="/w/skills", entry="shout.v2.py", single_file=True).folder_name == "shout.v2"
