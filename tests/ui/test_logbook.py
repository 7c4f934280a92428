"""The logbook: lines stay readable by their numbers as long as memory and disk bear it, and it says what is gone."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.runtime.atomic import nameless_file
from workbench.ui.logbook import MOST_CHARACTERS, MOST_WHOLE_CHARACTERS, Logbook, LogEntry
from workbench.ui.sieve import LogFilter, Sieve
from workbench.ui.spool import Spool

HOSTILE = ("\x00\x1b]0;title\x07\x1b[2J", "[bold red]x[/]", "\ud800 alone", "漢字" * 50, "a\r\nb\tc", "", "🧑‍🚀" * 9)


def line(text: str, *, level: str = "info", skill: str = "summarise", topic: str = "output") -> LogEntry:
    return LogEntry(at=1_700_000_000.5, level=level, topic=topic, skill=skill, run="01JD", text=text)


def lines(start: int, stop: int) -> Iterator[LogEntry]:
    return (line(f"line {number}", level="error" if number % 10 == 0 else "info") for number in range(start, stop))


@pytest.fixture
def logbook() -> Iterator[Logbook]:
    with Logbook(most_newest=100) as book:
        yield book


def found(sieve: Sieve) -> list[int]:
    """All that a sieve finds, when it has looked at everything."""
    while sieve.advance():
        pass
    sieve.settle()
    return [sieve[position] for position in range(len(sieve))]


def test_every_line_is_read_back_by_its_number(logbook: Logbook) -> None:
    logbook.add(lines(0, 5_000))

    assert (logbook.first, logbook.end, len(logbook)) == (0, 5_000, 5_000)
    assert [entry.text for entry in logbook.slice(0, 5_000)] == [f"line {number}" for number in range(5_000)]
    assert logbook.entry(10) == line("line 10", level="error")
    assert logbook.words == "5,000 lines"


def test_numbers_that_never_were_have_no_line(logbook: Logbook) -> None:
    logbook.add(lines(0, 200))

    assert [logbook.entry(number) for number in (-1, 200, 10**9)] == [None, None, None]
    assert logbook.slice(-5, 2) == logbook.slice(0, 2)
    assert logbook.slice(199, 10**9) == [line("line 199")]


def test_few_lines_need_no_file() -> None:
    def refuses() -> IO[bytes]:
        raise AssertionError("a file was opened")

    with Logbook(spool=Spool(open_file=refuses)) as logbook:
        logbook.add(lines(0, 100))
        assert logbook.entry(0) == line("line 0", level="error")


def test_what_strangers_write_comes_back_as_it_was(logbook: Logbook) -> None:
    for _ in range(100):
        logbook.add([line(text, skill=text, topic=text) for text in HOSTILE])

    shown = [entry.text for entry in logbook.slice(0, len(HOSTILE))]
    assert shown == [text.encode("utf-8", "backslashreplace").decode() for text in HOSTILE]
    assert [entry.text for entry in logbook.slice(logbook.end - len(HOSTILE), logbook.end)] == list(HOSTILE)


@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=400))
def test_no_text_is_lost_or_changed_on_its_way_through_the_file(texts: list[str]) -> None:
    with Logbook(most_newest=1) as logbook:
        logbook.add(line(text) for text in texts)
        assert [entry.text for entry in logbook.slice(0, len(texts))] == texts


@pytest.mark.parametrize("newer", [0, 1_000])
def test_a_very_long_line_is_cut_in_memory_and_whole_on_disk(logbook: Logbook, newer: int) -> None:
    text = "é" * 500_000
    logbook.add([line(text)])
    logbook.add(lines(0, newer))

    entry, whole = logbook.entry(0), logbook.whole(0)
    assert entry is not None
    assert entry.text == text[:MOST_CHARACTERS] + "… 500 kB line, cut"
    assert whole == line(text)


def test_a_line_of_thirty_megabytes_is_kept_to_its_first_and_says_so(logbook: Logbook) -> None:
    logbook.add([line("x" * 30_000_000, skill="s" * 30_000_000)])

    entry, whole = logbook.entry(0), logbook.whole(0)
    assert entry is not None
    assert whole is not None
    assert entry.text.endswith("x… 30 MB line, cut")
    assert len(whole.text) == MOST_WHOLE_CHARACTERS + len("… 30 MB line, cut")
    assert len(entry.skill) < 1_000


def test_long_lines_do_not_fill_the_memory() -> None:
    with Logbook() as logbook:
        for _ in range(100):
            logbook.add(line("漢" * MOST_CHARACTERS) for _ in range(20))
        assert len(logbook) == 2_000
        assert all(entry.text.startswith("漢" * MOST_CHARACTERS) for entry in logbook.slice(0, 3))

    assert len(logbook) < 1_000


def test_the_oldest_half_is_forgotten_when_the_file_is_full_and_the_numbers_say_so() -> None:
    files: list[IO[bytes]] = []

    def opened() -> IO[bytes]:
        files.append(nameless_file())
        return files[-1]

    with Logbook(most_newest=100, spool=Spool(most_bytes=200_000, open_file=opened)) as logbook:
        logbook.add(lines(0, 20_000))

        assert 0 < logbook.first < 20_000 - 100
        assert logbook.entry(logbook.first - 1) is None
        assert [entry.text for entry in logbook.slice(0, 20_000)] == [f"line {n}" for n in range(logbook.first, 20_000)]
        assert logbook.words == f"the newest {len(logbook):,} of 20,000 lines, older ones are gone"
        assert sum(os.fstat(file.fileno()).st_size for file in files if not file.closed) <= 200_000


def test_a_full_disk_leaves_the_newest_lines_and_is_said() -> None:
    with Logbook(most_newest=100, spool=Spool(open_file=lambda: open("/dev/full", "w+b", buffering=0))) as logbook:
        logbook.add([line("x" * 20_000)])
        logbook.add(lines(1, 1_000))

        assert [entry.text for entry in logbook.slice(0, 1_000)] == [f"line {number}" for number in range(900, 1_000)]
        assert logbook.words == "the newest 100 of 1,000 lines, older ones are gone: No space left on device"
        assert logbook.whole(999) == logbook.entry(999)
        assert logbook.whole(0) is None


def test_a_place_that_cannot_be_written_leaves_the_newest_lines(tmp_path: Path) -> None:
    with Logbook(most_newest=100, spool=Spool(open_file=lambda: open(tmp_path / "no" / "file", "w+b"))) as logbook:
        logbook.add(lines(0, 1_000))

        assert (logbook.first, logbook.trouble) == (900, "No such file or directory")


def test_a_disk_that_fills_up_in_the_middle_leaves_the_newest_lines(tmp_path: Path) -> None:
    with Logbook(most_newest=100, spool=Spool(open_file=lambda: open(tmp_path / "spool", "w+b"))) as logbook:
        logbook.add(lines(0, 1_000))
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "spool").stat().st_size + 10, before[1]))
        try:
            logbook.add(lines(1_000, 2_000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

        assert logbook.trouble == "File too large"
        assert [entry.text for entry in logbook.slice(0, 2_000)] == [f"line {number}" for number in range(1_900, 2_000)]


def test_a_file_that_somebody_damages_is_let_go_of(tmp_path: Path) -> None:
    with Logbook(most_newest=100, spool=Spool(open_file=lambda: open(tmp_path / "spool", "w+b"))) as logbook:
        logbook.add(lines(0, 1_000))
        (tmp_path / "spool").write_bytes(b"\xc1" * 100_000)

        assert logbook.entry(3) is None
        assert logbook.first == 900
        assert "damaged" in logbook.words


def test_after_the_end_the_newest_lines_are_still_there() -> None:
    with Logbook(most_newest=10) as logbook:
        logbook.add(lines(0, 1_000))

    logbook.add(lines(1_000, 1_005))
    assert [entry.text for entry in logbook.slice(0, 2_000)] == [f"line {number}" for number in range(995, 1_005)]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (LogFilter(text="LINE 99"), [99, *range(990, 1_000)]),
        (LogFilter(text="nothing of the sort"), []),
        (LogFilter(level="warning"), list(range(0, 1_000, 10))),
        (LogFilter(skill="summarise", level="error", text="e 5"), [50, *range(500, 600, 10)]),
        (LogFilter(skill="summaris"), []),
        (LogFilter(text="output summarise line 7"), [7, *range(70, 80), *range(700, 800)]),
        (LogFilter(level="no such level"), list(range(1_000))),
    ],
)  # fmt: skip
def test_a_filter_finds_what_passes_in_order(logbook: Logbook, wanted: LogFilter, numbers: list[int]) -> None:
    logbook.add(lines(0, 1_000))

    assert found(Sieve(logbook, wanted)) == numbers


def test_case_is_no_matter_in_any_script(logbook: Logbook) -> None:
    logbook.add(line(text) for text in ("STRASSE", "straße", "ΣΊΣΥΦΟΣ", "weg"))

    assert found(Sieve(logbook, LogFilter(text="Straße"))) == [0, 1]
    assert found(Sieve(logbook, LogFilter(text="σίσυφος"))) == [2]


def test_the_newest_are_found_first_and_nothing_is_shown_before_it_is_settled(logbook: Logbook) -> None:
    logbook.add(lines(0, 10_000))
    sieve = Sieve(logbook, LogFilter(level="error"))

    assert sieve.advance()
    assert len(sieve) == 0
    sieve.settle()

    assert 0 < len(sieve) < 100
    assert sieve[-1] == 9_990
    assert 0 < sieve.looked_at < 0.1


def test_what_is_added_during_a_search_and_after_it_is_found(logbook: Logbook) -> None:
    logbook.add(lines(0, 5_000))
    sieve = Sieve(logbook, LogFilter(level="error"))
    sieve.advance()

    logbook.add(lines(5_000, 6_000))
    assert found(sieve) == list(range(0, 6_000, 10))

    logbook.add(lines(6_000, 7_000))
    assert sieve.has_more
    assert found(sieve) == list(range(0, 7_000, 10))


@pytest.mark.parametrize("searched_before", [0, 5, 1_000])
def test_a_filter_forgets_what_the_logbook_forgets(searched_before: int) -> None:
    with Logbook(most_newest=100, spool=Spool(most_bytes=200_000)) as logbook:
        logbook.add(lines(0, 2_000))
        sieve = Sieve(logbook, LogFilter(level="error"))
        for _ in range(searched_before):
            sieve.advance()
        logbook.add(lines(2_000, 4_000))
        for _ in range(searched_before):
            sieve.advance()
        logbook.add(lines(4_000, 20_000))

        kept = [number for number in range(0, 20_000, 10) if number >= logbook.first]
        assert found(sieve) == kept
        assert sieve.looked_at == 1


def test_a_filter_lives_on_when_the_disk_fails() -> None:
    with Logbook(most_newest=100, spool=Spool(open_file=lambda: open("/dev/full", "w+b", buffering=0))) as logbook:
        sieve = Sieve(logbook, LogFilter(level="error"))
        logbook.add(lines(0, 1_000))

        assert found(sieve) == list(range(900, 1_000, 10))
