"""What a skill may do and did, on one page; what it was refused, allowed by one key and run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.author import Author
from tests.ui.eyes import opened
from workbench.ui.widgets.rows import Rows

pytestmark = pytest.mark.anyio
# However long the paths of temporary files are here.
WIDE = (300, 40)


@pytest.fixture
def reader(author: Author, tmp_path: Path) -> Author:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "word").write_text("found it")
    permissions = {"file_read": [str(outside)]}
    author.has_command("aaa", "cat", f"{outside}/word", security={"permissions": permissions})
    return author


async def test_a_refusal_is_allowed_by_one_key_and_taken_back_by_another(reader: Author) -> None:
    async with opened(reader, size=WIDE) as eyes:
        await eyes.press("r")
        await eyes.see("it lies outside", "A lets it")
        await eyes.press("A")
        await eyes.see("found it", "✓ completed")
        await eyes.press("p")
        await eyes.see("What aaa may do and did", "allowed by you", "esc, then V takes it back", "in its last 2 runs")
        await eyes.see("failed with", "permission_denied ×1")
        await eyes.press("escape", "V", "r")
        await eyes.see("it lies outside")
        await eyes.press("p")
        await eyes.see("nothing beyond what the manifest gets it", "✕ file_read of")


async def test_where_nothing_was_refused_there_is_nothing_to_allow(author: Author) -> None:
    author.has_command("aaa", "echo", "well")
    async with opened(author) as eyes:
        await eyes.press("A")
        await eyes.see("there is nothing that you could allow it")
        await eyes.press("V")
        await eyes.see("aaa was allowed nothing beyond")
        await eyes.press("p")
        await eyes.see("nothing yet: it has not run", "● network", "nothing")


async def test_what_a_run_was_denied_is_in_its_pane_and_on_the_page(author: Author) -> None:
    author.has_command("aaa", "python3", "-c", "import socket\ntry: socket.socket()\nexcept OSError: print('alone')")
    async with opened(author) as eyes:
        await eyes.press("r")
        await eyes.see("alone", "was denied", "internet socket ×1")
        await eyes.press("p")
        await eyes.see("was denied", "▲ tried the network in 1 of 1 run")


@pytest.mark.exhaustive
async def test_an_approval_that_is_void_says_why(reader: Author) -> None:
    assert reader.calls("approve", "aaa").code == 0
    manifest = (reader.skills / "aaa/skill.json").read_text()
    reader.saves("aaa/skill.json", manifest.replace('"permissions": {', '"permissions": {"environment": ["TOKEN"],'))
    async with opened(reader, size=WIDE) as eyes:
        await eyes.press("p")
        await eyes.see("▲ read", "void: it asks for more now: environment TOKEN")


async def test_the_page_stays_true_while_it_is_open(reader: Author) -> None:
    assert reader.calls("approve", "aaa").code == 0
    async with opened(reader, size=WIDE, watch=True) as eyes:
        await eyes.press("p")
        await eyes.see("allowed by you", "● read")
        manifest = (reader.skills / "aaa/skill.json").read_text()
        reader.saves(
            "aaa/skill.json", manifest.replace('"permissions": {', '"permissions": {"environment": ["TOKEN"],')
        )
        await eyes.see("▲ read", "void: it asks for more now: environment TOKEN")


async def test_what_wraps_on_the_page_hangs_below_its_value(author: Author, tmp_path: Path) -> None:
    outside = tmp_path / "/".join(["outside", *(f"folder-{number}" for number in range(12))])
    outside.mkdir(parents=True)
    hosts = [f"host{number}.example.com:443" for number in range(9)]
    permissions = {"file_read": [str(outside)], "network_access": hosts}
    author.has_command("aaa", "true", security={"permissions": permissions})
    assert author.calls("approve", "aaa").code == 0

    async with opened(author, size=(100, 60)) as eyes:
        await eyes.press("p")
        await eyes.see("allowed by you", hosts[-1])
        drawn = eyes.app.screen.query_one(Rows)._rows
    lines = ["".join(text for text, _ in row.pieces) for row in drawn]

    network, wrapped = (next(line for line in lines if host in line) for host in (hosts[0], hosts[-1]))
    assert network.startswith("● network")
    assert wrapped.index("host") == network.index(hosts[0])
    at_the_edge = {line for line in lines if line and not line.startswith(("● ", "▲ ", "  "))}
    assert at_the_edge == {"allowed by you", "did nothing yet: it has not run"}


async def test_several_things_are_shown_one_by_one_before_they_are_allowed(author: Author, tmp_path: Path) -> None:
    places = [tmp_path / f"outside-{number}" for number in range(3)]
    for place in places:
        place.mkdir()
        (place / "word").write_text(f"found {place.name}\n")
    permissions = {"file_read": list(map(str, places))}
    words = [str(place / "word") for place in places]
    author.has_command("aaa", "cat", *words, security={"permissions": permissions})

    async with opened(author, size=WIDE) as eyes:
        await eyes.press("r")
        await eyes.see("A asks whether it may:", "A shows 3 things that you could allow it")
        await eyes.press("A")
        await eyes.see("What aaa may do then   enter allows it, and runs it again · esc leaves it")
        drawn = ["".join(text for text, _ in row.pieces) for row in eyes.app.screen.query_one(Rows)._rows]
        assert sum(line.startswith("+ read") for line in drawn) == 3
        assert all(str(place) in "".join(line.strip() for line in drawn) for place in places)
        await eyes.press("escape")
        assert eyes.app.workbench.approvals.listed() == ()
        await eyes.press("A", "enter")
        await eyes.see("✓ completed", "found outside-0", "found outside-2")
