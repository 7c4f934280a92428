"""Two changes of one text: made one where they keep apart, and never silently wrong."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.model.merging import merged

BASE = "one\ntwo\nthree\nfour\nfive\n"
LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n"]), max_size=8).map("".join)


def test_changes_in_different_places_come_together() -> None:
    mine = BASE.replace("one", "ONE")
    theirs = BASE.replace("five", "FIVE\nsix")
    assert merged(BASE, mine, theirs) == "ONE\ntwo\nthree\nfour\nFIVE\nsix\n"


def test_the_same_line_changed_in_two_ways_is_nobodys_to_decide() -> None:
    assert merged(BASE, BASE.replace("two", "2"), BASE.replace("two", "zwei")) is None
    assert merged(BASE, BASE + "six\n", BASE + "seven\n") is None


def test_the_same_change_twice_is_one_change() -> None:
    changed = BASE.replace("two", "2")
    assert merged(BASE, changed, changed) == changed


@given(LINES, LINES)
def test_who_changed_nothing_gets_what_the_other_has(base: str, changed: str) -> None:
    assert merged(base, changed, base) == changed
    assert merged(base, base, changed) == changed


@given(LINES, LINES, LINES)
def test_it_does_not_matter_who_is_asked_first(base: str, mine: str, theirs: str) -> None:
    assert merged(base, mine, theirs) == merged(base, theirs, mine)
