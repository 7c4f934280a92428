from __future__ import annotations

import pytest

from workbench.runtime.texts.yaml_reader import MAX_NODES, YamlRefused, read_yaml


def refused(text: str) -> YamlRefused:
    with pytest.raises(YamlRefused) as caught:
        read_yaml(text)
    return caught.value


def test_values_are_read_by_the_core_rules_of_yaml_1_2() -> None:
    text = "a: 1\nb: -2.5\nc: 0x1f\nd: 0o17\ne: true\nf: null\ng:\nh: ~\ni: '1'\nj: on\nk: yes\nl: 2020-01-01\nm: 012"

    assert read_yaml(text).value == {
        "a": 1, "b": -2.5, "c": 31, "d": 15, "e": True, "f": None, "g": None, "h": None, "i": "1",
        "j": "on", "k": "yes", "l": "2020-01-01", "m": 12,
    }  # fmt: skip


@pytest.mark.parametrize("text", [".inf", "-.inf", ".nan", "1e999", "9" * 500, "0x" + "f" * 500])
def test_what_json_cannot_hold_is_text(text: str) -> None:
    assert read_yaml(text).value == text


def test_every_value_is_as_it_was_written_where_text_is_asked_for() -> None:
    assert read_yaml("version: 1.10\nname: true\nempty:\nlist: [1, 2]", as_text=True).value == {
        "version": "1.10",
        "name": "true",
        "empty": "",
        "list": ["1", "2"],
    }


def test_each_key_and_item_knows_where_it_stands() -> None:
    document = read_yaml("name: x\nmetadata:\n  tags: [a, b]\nlist:\n  - one\n  - two: 2\n")

    assert document.places[("name",)] == (1, 1)
    assert document.places[("metadata", "tags")] == (3, 3)
    assert document.places[("metadata", "tags", 1)] == (3, 13)
    assert document.places[("list", 1, "two")] == (6, 5)


def test_only_the_first_document_is_read() -> None:
    assert read_yaml("a: 1\n---\nb: [").value == {"a": 1}
    assert read_yaml("").value is None


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("[" * 60_000, 1, 65, "nested more than 64 levels deep"),
        ("- " * 30_000, 1, 129, "nested more than 64 levels deep"),
        ("{" * 60_000, 1, 2, "a key must be a plain text"),
        ("a: " * 20_000, 1, 5, "a text without quotes has a colon in it"),
        ("a: &x [1]\nb: [*x, *x]", 2, 5, "an alias may stand for a plain value only"),
        ("a: &x [*x]", 1, 8, "an alias may stand for a plain value only"),
        ("a: &x {b: 1}\nc:\n  <<: *x", 3, 7, "an alias may stand for a plain value only"),
        ("a: *bold*", 1, 9, "a text cannot begin with this character"),
        ("a: *nothing", 1, 4, "nothing is called '&nothing'"),
        ("a: @x", 1, 4, "a text cannot begin with this character"),
        ("a:\n\tb: 1", 2, 1, "a text cannot begin with this character"),
        ("a: 1\nb: 2\na: 3", 3, 1, "the key 'a' stands twice"),
        ("? [a]\n: b", 1, 3, "a key must be a plain text"),
        ('a: "x\n', 2, 1, "a quote or bracket has no end"),
        ("a: [x\n", 2, 1, "a quote or bracket has no end"),
        ("a: x\x07y", 1, 5, "not YAML: control characters are not allowed"),
        ("a: 1\nb: \0", 2, 4, "not YAML: control characters are not allowed"),
        ("a: \ud800", 1, 4, "half of a character"),
        ("a:\n   b: 1\n  c: 2", 3, 3, "not YAML: did not find expected key"),
        ("%FOO\n---\na: 1", 1, 5, "not YAML: found unknown directive name"),
    ],
)
def test_what_is_refused_is_told_by_its_place(text: str, line: int, column: int, message: str) -> None:
    error = refused(text)

    assert (error.line, error.column, error.message) == (line, column, message)
    assert error.hint


def test_more_than_a_manifest_needs_is_refused() -> None:
    assert refused("a: " + "x" * 64_000).message == "over 64 kB of YAML"
    assert refused("[" + "1," * MAX_NODES + "1]").message == "more than 10,000 values"
    assert refused("\n".join(f"k{n}: v" for n in range(MAX_NODES // 2 + 1))).message == "more than 10,000 values"


def test_many_aliases_of_one_plain_value_cost_no_more_than_they_say() -> None:
    text = "a: &x hello\nb: [" + ", ".join(["*x"] * 1000) + "]"

    assert read_yaml(text).value == {"a": "hello", "b": ["hello"] * 1000}


def test_a_tag_makes_nothing_but_plain_values() -> None:
    assert read_yaml('a: !!python/object/apply:os.system ["x"]').value == {"a": ["x"]}
