"""The page on security lists every attack of the catalogue and every promise, and is led to."""

from __future__ import annotations

from importlib import import_module

import pytest

from tests.author import REPOSITORY
from tests.runtime.sandbox.attacks.catalogue import EVERY
from tests.runtime.sandbox.attacks.launcher import TRICKS, Trick
from tests.runtime.sandbox.attacks.table import BEYOND, HELD, OF_TRICKS, TITLES, table
from tests.runtime.sandbox.tiers import BY_EVERY_TIER, BY_TIER
from workbench.model.policy import Tier
from workbench.runtime.sandbox.policy import report_of

PAGE = (REPOSITORY / "docs" / "SECURITY.md").read_text(encoding="utf-8")


def test_the_table_of_attacks_is_the_catalogues() -> None:
    again = "write it again: python -m tests.runtime.sandbox.attacks.table, into docs/SECURITY.md"
    assert table() in PAGE, again
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and f"| {HELD} |" in line]
    assert len(rows) == len(EVERY) + len(TRICKS), again


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.name)
def test_the_test_of_a_row_is_there_and_runs_on_every_tier(trick: Trick) -> None:
    module = import_module(trick.file.removesuffix(".py").replace("/", "."))
    assert (REPOSITORY / trick.file).is_file()
    marks = getattr(module, trick.test).pytestmark
    assert BY_TIER.mark in marks or BY_EVERY_TIER.mark in marks


def test_every_tier_that_the_page_speaks_of_is_tried() -> None:
    assert [case.values for case in BY_TIER.args[1]] == [("A",), ("B",)]


def test_what_no_tier_knows_as_beyond_it_is_not_in_the_catalogue() -> None:
    """A new word there needs a new mark here."""
    assert {attack.beyond for attack in EVERY} <= {"", "B", "B before ABI 6"}
    assert PAGE.count(f"| {BEYOND} |") == sum(attack.beyond == "B" for attack in EVERY)
    assert all(f"| {title} | tier A | tier B |" in PAGE for title in (*TITLES.values(), OF_TRICKS))


@pytest.mark.parametrize("tier", Tier)
def test_what_each_tier_promises_stands_on_the_page(tier: Tier) -> None:
    column = list(Tier).index(tier) + 2
    rows = PAGE.partition("| promise | tier A+ | tier A | tier B | tier D |")[2].partition("\n\n")[0].splitlines()[2:]
    cells = {row.split("|")[1].strip(): row.split("|")[column].strip() for row in rows}
    marks = {"enforced": "●", "watched": "▲", "not held": "–"}
    promised = report_of(tier, spawn=False).promises
    assert {name: cell.split(" ")[0] for name, cell in cells.items()} == {
        name: marks[promise.hold.value] for name, promise in promised.items()
    }


@pytest.mark.parametrize("path", ["README.md", "docs/guide/writing-skills.md"])
def test_the_page_is_led_to(path: str) -> None:
    assert "SECURITY.md)" in (REPOSITORY / path).read_text(encoding="utf-8")
