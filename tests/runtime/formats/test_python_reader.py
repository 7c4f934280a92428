from __future__ import annotations

import dataclasses

import pytest

from workbench.runtime.formats.python_literals import POSITIONS
from workbench.runtime.formats.python_reader import (
    MAX_BYTES,
    PythonRefused,
    PythonSource,
    may_hold_a_skill,
    read_python,
)
from workbench.sdk import SkillCapability, SkillMetadata

CLASS = """
class Greet(SkillInterface):
    def get_metadata(self):
        return SkillMetadata({arguments})

    async def execute(self, input_data, context):
        return "hello"
"""


def read(source: str) -> PythonSource:
    read = read_python(source.encode(), "skill.py")
    assert read is not None
    return read


def refused(source: str | bytes) -> PythonRefused:
    with pytest.raises(PythonRefused) as caught:
        read_python(source.encode() if isinstance(source, str) else source, "skill.py")
    return caught.value


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ("class Greet(:\n    pass", 1, 13),
        ("x = 1\ndef execute(:\n", 2, 13),
        ("x = (\n", 1, 5),
        ("ä = 'ü' ü\n", 1, 9),
        ("x = 'a\n", 1, 5),
        ("def f():\nreturn 1", 2, 1),
    ],
)
def test_what_is_not_python_is_told_by_its_place(source: str, line: int, column: int) -> None:
    error = refused(source)

    assert (error.line, error.column) == (line, column)
    assert error.message
    assert error.hint == "look here, and just above"


BOMBS = {
    "parentheses": "x = " + "(" * 100_000,
    "signs": "x = " + "-" * 100_000 + "1",
    "sums": "x = " + "1+" * 100_000 + "1",
    "attributes": "x = a" + ".b" * 100_000,
    "lambdas": "x = " + "lambda:" * 30_000 + "1",
    "indents": "".join(" " * depth + "if 1:\n" for depth in range(300)),
    "digits": "x = " + "9" * 100_000,
    "zero byte": "x = 1\n\0",
    "encoding": "# coding: klingon\nx = 1",
    "backslashes": "\\\n" * 10_000,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_what_could_hurt_the_parser_is_refused_with_a_place_in_the_file(bomb: str) -> None:
    source = BOMBS[bomb]

    error = refused(source)

    assert 1 <= error.line <= source.count("\n") + 1
    assert 1 <= error.column <= len(source.split("\n")[error.line - 1]) + 1
    assert error.message
    assert error.hint


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    assert refused(b"x = 1\ny = '\xff'\n").hint == "save it as UTF-8"


def test_a_source_that_is_mostly_data_is_refused_unread() -> None:
    assert refused(b"#" * (MAX_BYTES + 1)).message == "300 kB of Python, and at most 300 kB is read"


def test_two_skills_in_one_file_are_refused_where_the_second_begins() -> None:
    error = refused("@skill\ndef one(): ...\n\n\n@skill\ndef two(): ...\n")

    assert (error.line, error.message) == (6, "more than one skill in one file: one and two")
    assert error.hint == "give each skill a folder of its own"


@pytest.mark.parametrize(
    "source", ["", "x = 1", "class Greet: ...", "def skill(): ...", "if x:\n    @skill\n    def f(): ..."]
)
def test_a_file_without_a_skill_is_none(source: str) -> None:
    assert read_python(source.encode(), "skill.py") is None


def test_metadata_of_plain_values_is_read() -> None:
    arguments = (
        '"greet", name="Greet", version="1.0.0", aliases=["hi"], timeout=-1.5, skill_type=SkillType.CUSTOM,'
        ' capabilities=[SkillCapability("say", description="says")], config={"a": [1, None, True]}'
    )

    source = read(CLASS.format(arguments=arguments))

    assert source.unread == ""
    assert source.metadata == {
        "skill_id": "greet",
        "name": "Greet",
        "version": "1.0.0",
        "aliases": ["hi"],
        "timeout": -1.5,
        "skill_type": "custom",
        "capabilities": [{"name": "say", "description": "says"}],
        "config": {"a": [1, None, True]},
    }


def test_arguments_without_a_name_are_those_of_the_interface_in_its_order() -> None:
    for written in (SkillMetadata, SkillCapability):
        names = tuple(field.name for field in dataclasses.fields(written))
        assert names[: len(POSITIONS[written.__name__])] == POSITIONS[written.__name__]


@pytest.mark.parametrize(
    ("arguments", "unread"),
    [
        ('name=f"a{1}"', "name"),
        ('name="a" + "b"', "name"),
        ("name=NAME", "name"),
        ("name=self.name", "name"),
        ("name=make()", "name"),
        ("config={**other}", "config"),
        ("config={1: 2}", "config"),
        ("tags=[*others]", "tags"),
        ("tags=[b'a']", "tags"),
        ("timeout=1e999", "timeout"),
        ("timeout=0x" + "f" * 10_000, "timeout"),
        ('description="\\ud800"', "description"),
        ("**everything", "line 4"),
        ("*everything", "line 4"),
        ('version="1.0.0", name=NAME', "name"),
    ],
)
def test_metadata_that_is_not_literal_is_left_unread(arguments: str, unread: str) -> None:
    source = read(CLASS.format(arguments=arguments))

    assert source.unread == f"not written as plain values: {unread}"
    assert source.entry.name == "Greet"


@pytest.mark.parametrize(
    "body",
    [
        "return self.metadata",
        "metadata = SkillMetadata(name='a')\n        return metadata",
        "if x:\n            return SkillMetadata(name='a')\n        return SkillMetadata(name='b')",
        "return make(SkillMetadata(name='a'))",
        "pass",
    ],
)
def test_metadata_that_is_made_step_by_step_is_left_unread(body: str) -> None:
    source = read(
        "class Greet(sdk.SkillInterface):\n    metadata = SkillMetadata(name='a')\n\n"
        f"    def get_metadata(self):\n        {body}\n\n    def execute(self, i, c): ...\n"
    )

    assert source.unread == "get_metadata() does more than return SkillMetadata(…)"
    assert source.missing_methods == ()


def test_a_class_without_its_methods_is_told() -> None:
    assert read("class A(SkillInterface):\n    def get_metadata(self): ...\n").missing_methods == ("execute",)
    assert read("class A(SkillInterface): ...\n").missing_methods == ("get_metadata", "execute")


def test_a_class_may_build_upon_another_of_the_same_file() -> None:
    base = CLASS.format(arguments='"greet"').replace("Greet(", "Base(")

    source = read(f"{base}\n\nclass Loud(Base):\n    async def execute(self, input_data, context): ...\n")

    assert (source.entry.name, source.missing_methods) == ("Loud", ())
    assert source.metadata == {"skill_id": "greet"}


def test_each_part_of_the_metadata_knows_its_place_in_characters() -> None:
    source = read(CLASS.format(arguments='description="ää", version="x", security={"permissions": {"file_read": [1]}}'))

    assert source.place_of(("description",)) == (4, 30)
    assert source.place_of(("version",)) == (4, 48)
    assert source.place_of(("security", "permissions", "file_read", 0)) == (4, 101)
    assert source.place_of(("security", "permissions", "missing")) == (4, 71)
    assert source.place_of(("missing",)) == (4, 16)


@pytest.mark.parametrize(
    ("source", "may"),
    [
        (b"class A(SkillInterface): ...", True),
        (b"@skill\ndef f(): ...", True),
        (b"x = 1\n@workbench.sdk.skill(\n)\ndef f(): ...", True),
        (b"@ skill\ndef f(): ...", True),
        (b"def helper(): ...", False),
        (b"@skilled\ndef f(): ...", False),
        (b"# the skill of @skill", False),
        (b"\xff\x00", False),
    ],
)
def test_shared_code_is_known_without_parsing_it(source: bytes, *, may: bool) -> None:
    assert may_hold_a_skill(source) is may


def test_reading_warns_nobody_of_what_the_source_does() -> None:
    assert read('@skill\ndef f():\n    "\\d"\n    assert (1, "always")\n    return 1 is 1\n').entry.name == "f"
