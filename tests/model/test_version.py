from __future__ import annotations

import pytest

from workbench.model.version import Version, parse_version, satisfies

IN_ORDER = [
    "0.0.0",
    "0.9.9",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.2.0",
    "1.10.0",
    "2.0.0",
]


def version(text: str) -> Version:
    parsed = parse_version(text)
    assert parsed is not None, text
    return parsed


def test_versions_stand_in_the_order_that_semver_gives_them() -> None:
    assert sorted(map(version, reversed(IN_ORDER))) == list(map(version, IN_ORDER))


@pytest.mark.parametrize(
    ("short", "full"), [("1", "1.0.0"), ("1.2", "1.2.0"), ("v1.2.3", "1.2.3"), (" 1.2.3 ", "1.2.3")]
)
def test_a_short_version_is_filled_with_zeros(short: str, full: str) -> None:
    assert str(version(short)) == full


@pytest.mark.parametrize("text", ["", "one", "1.2.3.4", "1.2.3-", "1..2", "-1", "1.2.3+", "1.2.x", "1" * 300, "٣.١"])
def test_what_is_no_version_is_none(text: str) -> None:
    assert parse_version(text) is None


def test_build_metadata_is_kept_and_never_compared() -> None:
    assert version("1.0.0+a") == version("1.0.0+b")
    assert hash(version("1.0.0+a")) == hash(version("1.0.0+b"))
    assert str(version("1.0.0-rc.1+build.5")) == "1.0.0-rc.1+build.5"


def test_a_version_is_compared_with_versions_only() -> None:
    assert Version() != "0.0.0"
    with pytest.raises(TypeError):
        _ = Version() < "1.0.0"


@pytest.mark.parametrize(
    ("wanted", "fits", "does_not"),
    [
        ("1.2.3", ["1.2.3", "1.2.3+build"], ["1.2.4", "1.2.2", "1.2.3-rc.1"]),
        ("1.2", ["1.2.0", "1.2.9"], ["1.3.0", "1.1.9", "1.2.0-rc.1"]),
        ("1", ["1.0.0", "1.9.9"], ["2.0.0", "0.9.9"]),
        ("^1", ["1.0.0", "1.9.9"], ["2.0.0", "0.9.9"]),
        ("^1.2", ["1.2.0", "1.9.0"], ["1.1.0", "2.0.0"]),
        ("^1.2.3", ["1.2.3", "1.3.0"], ["1.2.2", "2.0.0", "1.3.0-rc.1"]),
        ("^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0", "0.2.2"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4", "0.0.2"]),
        ("^0.0", ["0.0.0", "0.0.9"], ["0.1.0"]),
        ("^0", ["0.0.0", "0.9.0"], ["1.0.0"]),
        ("~1.2.3", ["1.2.3", "1.2.9"], ["1.3.0", "1.2.2"]),
        ("~1.2", ["1.2.0"], ["1.3.0"]),
        ("~1", ["1.0.0", "1.9.0"], ["2.0.0"]),
        ("^1.2.3-beta.2", ["1.2.3-beta.2", "1.2.3-beta.10", "1.2.3", "1.9.0"], ["1.2.3-beta.1", "1.2.4-beta.3"]),
        ("nonsense", [], ["1.0.0", "0.0.0"]),
        ("^", [], ["0.0.0"]),
    ],
)
def test_a_range_takes_what_npm_takes(wanted: str, fits: list[str], does_not: list[str]) -> None:
    assert [text for text in fits if not satisfies(version(text), wanted)] == []
    assert [text for text in does_not if satisfies(version(text), wanted)] == []
