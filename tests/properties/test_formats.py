"""Laws of reading: whatever a file holds, it is told and never raised, and every place is in the file."""

from __future__ import annotations

import json
import os
import re
import tempfile
from functools import cmp_to_key
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from workbench.model.finding import Finding
from workbench.model.skill import Scope, Skill, SkillFile, digest_of
from workbench.model.version import Version, parse_version
from workbench.runtime.formats.front_matter import read_front_matter
from workbench.runtime.formats.json_reader import JsonRefused, place_in_json, read_json
from workbench.runtime.formats.reader import read_skill
from workbench.runtime.schemas.validator import problems_of_schema, validator_of
from workbench.runtime.texts.yaml_reader import YamlRefused, read_yaml

law = settings(
    deadline=None,
    database=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)

JSON_WORDS = r"""
{ } [ ] , : " \ // ' 1 - 1e999 NaN null true ä \ud800 "#" "$ref" "name" "type" "python" "prompt" "command" "parameters"
"input_schema"
"""
MD_WORDS = """
--- ... name description metadata allowed-tools x " ' [ ] { } # | > &a *a !!str % @ : - ä
"""
PYTHON_WORDS = r"""
@skill ( ) , = : ... " ' \ [ ] { } * ** 1 ä | None f"{x}" lambda Literal SkillInterface SkillMetadata name def class f A
return get_metadata(self) a:int permissions= {"file_read":[1]} coding:latin-1
"""
BLANKS = ["\n", "\n", " ", " ", "    ", "\t", "\r", "\0", "\x07", "\x0c", "\x85", "\ufeff", "\u2028"]


def texts(words: str) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(words.split()) | st.sampled_from(BLANKS), max_size=30).map("".join)


def read(entry: str, content: bytes, *, single_file: bool = False) -> Skill | None:
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(f"{folder}/greet")
        with open(f"{folder}/greet/{entry}", "wb") as file:
            file.write(content)
        return read_skill(f"{folder}/greet", entry, Scope.WORKSPACE, single_file=single_file)


def lines_of(text: str) -> list[str]:
    return re.split("\r\n|\r|\n", text)


def assert_well_told(finding: Finding, content: bytes) -> None:
    lines = lines_of(content.decode("utf-8", "replace"))
    assert finding.message
    assert finding.hint
    assert finding.message.isprintable() or not finding.message.isascii()
    assert finding.place.line <= len(lines)
    if finding.place.line:
        assert 1 <= finding.place.column <= len(lines[finding.place.line - 1]) + 1


@pytest.mark.parametrize(
    ("entry", "words"),
    [("skill.json", JSON_WORDS), ("SKILL.md", MD_WORDS), ("skill.py", PYTHON_WORDS)],
    ids=["json", "md", "py"],
)
@pytest.mark.parametrize("single_file", [False, True])
def test_no_bytes_are_more_than_a_finding_with_a_place_in_the_file(
    entry: str, words: str, *, single_file: bool
) -> None:
    @law
    @given(texts(words).map(str.encode) | st.binary(max_size=200))
    def check(content: bytes) -> None:
        skill = read(entry, content, single_file=single_file)
        for finding in skill.findings if skill else ():
            assert_well_told(finding, content)

    check()


@law
@given(texts(MD_WORDS))
@example("name: x\ndescription: a: b\n")
@example("name: x\ndescription: [\n")
def test_any_front_matter_is_told_by_a_place_in_the_file(front: str) -> None:
    content = f"---\n{front}\n---\nbody".encode()

    skill = read("SKILL.md", content)

    assert skill is not None
    for finding in skill.findings:
        assert_well_told(finding, content)


plain_words = st.text(st.sampled_from("ab1 :#-\"'[]{}&*!|>%@`,?.~\\ä/()"), max_size=12)
plain_lines = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "  ", " ", "    "]),
    st.sampled_from(["a", "b", "name", "- x", "1", ""]),
    st.sampled_from([": ", ":", ":  ", " : ", " "]),
    plain_words,
)


@settings(law, max_examples=400)
@given(st.lists(plain_lines, max_size=6).map(lambda lines: "".join(f"{line}\n" for line in lines)))
@example("a: b\n  c: d\n")
@example("a:\n  b: c\nd: e\n")
@example('a: "b"\nc:\n')
@example("a: b: c\n")
@example("a: b #c\n")
def test_plain_front_matter_is_read_as_the_yaml_parser_reads_it(front: str) -> None:
    def outcome(reader: Any) -> object:
        try:
            return reader(front).value
        except YamlRefused:
            return YamlRefused

    assert outcome(read_front_matter) == outcome(lambda text: read_yaml(text, as_text=True))


scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=8)
documents = st.recursive(
    scalars, lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=5), below, max_size=4)
)


def laid_out(value: object, random: Random) -> str:
    """A JSON text of a value with blanks and line breaks wherever JSON takes them."""

    def gap() -> str:
        return random.choice(["", "", " ", "\n", "\n\t", "\r\n  "])

    def text(value: object) -> str:
        return json.dumps(value, ensure_ascii=random.random() < 0.5)

    if isinstance(value, dict):
        members = (f"{gap()}{text(key)}{gap()}:{gap()}{laid_out(below, random)}" for key, below in value.items())
        return f"{{{','.join(members)}{gap()}}}{gap()}"
    if isinstance(value, list):
        return f"[{','.join(gap() + laid_out(below, random) for below in value)}{gap()}]{gap()}"
    return f"{text(value)}{gap()}"


def pointers(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], object]]:
    """Every path below a value, with what should stand there: the key, or the item itself."""
    if isinstance(value, dict):
        below = [pointer for key, each in value.items() for pointer in pointers(each, (*path, key))]
        return [*(((*path, key), key) for key in value), *below]
    if isinstance(value, list):
        below = [pointer for index, each in enumerate(value) for pointer in pointers(each, (*path, index))]
        return [*(((*path, index), each) for index, each in enumerate(value)), *below]
    return []


@law
@given(documents, st.randoms(use_true_random=False))
def test_a_place_in_json_is_where_the_key_or_item_stands(document: object, random: Random) -> None:
    text = laid_out(document, random)
    lines = text.split("\n")

    assert read_json(text.encode()) == document
    for pointer, expected in pointers(document):
        line, column = place_in_json(text, pointer)
        rest = "\n".join([lines[line - 1][column - 1 :], *lines[line:]])
        assert json.JSONDecoder().raw_decode(rest)[0] == expected


@law
@given(documents, st.randoms(use_true_random=False), st.data())
def test_a_cut_or_changed_json_text_is_read_or_refused_with_a_place_in_it(
    document: object, random: Random, data: st.DataObject
) -> None:
    text = laid_out(document, random)
    at = data.draw(st.integers(0, len(text)))
    changed = text[:at] + data.draw(st.sampled_from(["", ",", "}", "'", '"', "\\", "x"])) + text[at + 1 :]

    refused = None
    try:
        read_json(changed.encode())
    except JsonRefused as error:
        refused = error

    if refused is not None:
        lines = lines_of(changed)
        assert 1 <= refused.line <= len(lines)
        assert 1 <= refused.column <= len(lines[refused.line - 1]) + 1
        assert refused.hint


SCHEMA_WORDS = [
    "type",
    "properties",
    "items",
    "$ref",
    "allOf",
    "not",
    "pattern",
    "enum",
    "$defs",
    "a",
    "required",
    "$schema",
]
SCHEMA_VALUES = ["string", "object", "#", "#/$defs/a", "#/properties/a", "(", "^a+$", "http://127.0.0.1:9/", "x"]
schemas = st.recursive(
    st.sampled_from(SCHEMA_VALUES) | scalars,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(SCHEMA_WORDS), below, max_size=4),
    max_leaves=12,
)


@law
@given(schemas, documents)
def test_any_schema_is_told_or_works(schema: object, value: object) -> None:
    problems = problems_of_schema(schema)

    assert all(problem.message and problem.hint for problem in problems)
    if not problems and isinstance(schema, dict):
        assert all(problem.message and problem.hint for problem in validator_of(schema).problems(value))


identifiers = st.from_regex(r"[0-9A-Za-z-]{1,4}", fullmatch=True)
versions = st.builds(
    lambda numbers, pre: Version(major=numbers[0], minor=numbers[1], patch=numbers[2], pre=tuple(pre)),
    st.tuples(*[st.integers(0, 3)] * 3),
    st.lists(identifiers, max_size=3),
)


def by_the_rules(one: Version, other: Version) -> int:
    """Precedence as semver.org tells it in words, point 11."""
    mine, theirs = (one.major, one.minor, one.patch), (other.major, other.minor, other.patch)
    if mine != theirs:
        return -1 if mine < theirs else 1
    if not one.pre or not other.pre:
        return bool(other.pre) - bool(one.pre)
    for left, right in zip(one.pre, other.pre, strict=False):
        if left.isdigit() and right.isdigit() and int(left) != int(right):
            return -1 if int(left) < int(right) else 1
        if left.isdigit() != right.isdigit():
            return -1 if left.isdigit() else 1
        if not left.isdigit() and left != right:
            return -1 if left < right else 1
    return (len(one.pre) > len(other.pre)) - (len(one.pre) < len(other.pre))


@law
@given(st.lists(versions, max_size=8))
def test_the_order_of_versions_is_total_and_that_of_semver(many: list[Version]) -> None:
    def has_leading_zero(version: Version) -> bool:
        return any(part.isdigit() and part != str(int(part)) for part in version.pre)

    many = [version for version in many if not has_leading_zero(version)]

    assert sorted(many) == sorted(many, key=cmp_to_key(by_the_rules))
    for one in many:
        assert parse_version(str(one)) == one
        for other in many:
            assert (one < other) + (one == other) + (one > other) == 1


files = st.lists(
    st.builds(
        SkillFile,
        path=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=6),
        is_executable=st.booleans(),
        sha256=st.sampled_from(["0" * 64, "a" * 64, "f" * 64]),
    ),
    max_size=5,
    unique_by=lambda file: file.path,
)


@law
@given(files, files, st.randoms(use_true_random=False))
def test_a_digest_is_of_the_set_of_files_and_of_nothing_else(
    one: list[SkillFile], other: list[SkillFile], random: Random
) -> None:
    shuffled = random.sample(one, len(one))

    assert digest_of(shuffled) == digest_of(one)
    assert (digest_of(one) == digest_of(other)) == (set(one) == set(other))
