"""What runs say, cut into lines: whatever the bytes are, however they come, and nothing of it lost."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from workbench.model.events import OutputReceived
from workbench.model.run import Stream
from workbench.ui.hearing import MOST_AT_ONCE, MOST_UNBROKEN, Hearing


class Spools:
    """The spools of some runs, and whoever listens to them."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, Stream], bytearray] = defaultdict(bytearray)
        self.gone: set[str] = set()
        self.most_read = 0
        self.hearing = Hearing(self._read)
        self.lines: dict[tuple[str, Stream], list[str]] = defaultdict(list)
        self.texts: dict[tuple[str, Stream], str] = defaultdict(str)

    def _read(self, run: str, stream: Stream, offset: int, length: int) -> bytes:
        data = b"" if run in self.gone else bytes(self.held[run, stream][offset : offset + length])
        self.most_read += len(data)
        return data

    def says(self, data: bytes, run: str = "one", stream: Stream = "stdout") -> None:
        spool = self.held[run, stream]
        offset = len(spool)
        spool += data
        self.hearing.told(OutputReceived(at=1.0, skill="s", run=run, stream=stream, offset=offset, length=len(data)))

    def read(self) -> None:
        self.most_read = 0
        for heard in self.hearing.read_on():
            self.lines[heard.run, heard.stream] += heard.lines
            self.texts[heard.run, heard.stream] += heard.text

    def read_all(self) -> None:
        for _ in range(1000):
            if not self.hearing.is_behind:
                return
            self.read()
        raise AssertionError("it is never done")


def test_a_line_is_told_when_it_is_whole() -> None:
    spools = Spools()

    spools.says(b"first\nsec")
    spools.read_all()
    assert spools.lines["one", "stdout"] == ["first"]

    spools.says(b"ond\n")
    spools.read_all()
    assert spools.lines["one", "stdout"] == ["first", "second"]


def test_the_text_is_told_before_its_line_is_whole() -> None:
    spools = Spools()

    spools.says(b"50 %")
    spools.read_all()

    assert spools.texts["one", "stdout"] == "50 %"
    assert not spools.lines["one", "stdout"]


def test_what_was_said_without_a_newline_is_a_line_at_the_end_of_the_run() -> None:
    spools = Spools()

    spools.says(b"unfinished")
    spools.hearing.ended("one")
    spools.read_all()

    assert spools.lines["one", "stdout"] == ["unfinished"]


def test_the_end_of_a_run_that_has_been_read_tells_its_last_line() -> None:
    spools = Spools()
    spools.says(b"whole\nrest")
    spools.read_all()

    spools.hearing.ended("one")
    assert spools.hearing.is_behind
    spools.read_all()

    assert spools.lines["one", "stdout"] == ["whole", "rest"]
    assert not spools.hearing.is_behind


def test_the_end_of_a_run_that_said_nothing_is_nothing_to_read() -> None:
    spools = Spools()

    spools.hearing.ended("silent")

    assert not spools.hearing.is_behind


def test_a_character_that_comes_in_pieces_is_one_character() -> None:
    spools = Spools()
    for byte in "ä€😀\n".encode():
        spools.says(bytes([byte]))
        spools.read_all()

    assert spools.lines["one", "stdout"] == ["ä€😀"]


def test_half_a_character_at_the_end_is_shown_as_such() -> None:
    spools = Spools()

    spools.says("a€".encode()[:-1])
    spools.hearing.ended("one")
    spools.read_all()

    assert spools.lines["one", "stdout"] == ["a\ufffd"]


def test_a_megabyte_without_a_newline_is_cut_and_nothing_of_it_lost() -> None:
    spools = Spools()
    said = b"x" * (2 * MOST_UNBROKEN + 10)

    spools.says(said)
    spools.hearing.ended("one")
    spools.read_all()

    lines = spools.lines["one", "stdout"]
    assert len(lines) > 1
    assert "".join(lines).encode() == said
    assert max(map(len, lines)) <= MOST_UNBROKEN + MOST_AT_ONCE


def test_never_more_is_read_at_once_than_may_be() -> None:
    spools = Spools()
    for run in ("one", "two", "three"):
        spools.says(b"y" * MOST_AT_ONCE, run)

    spools.read()

    assert 0 < spools.most_read <= MOST_AT_ONCE


def test_a_run_that_floods_takes_no_word_of_another() -> None:
    spools = Spools()
    spools.says(b"loud\n" * MOST_AT_ONCE, "loud")
    spools.says(b"quiet\n" * 3, "quiet")

    spools.read()

    assert spools.lines["quiet", "stdout"] == ["quiet"] * 3
    spools.read_all()
    assert len(spools.lines["loud", "stdout"]) == MOST_AT_ONCE


def test_two_streams_of_a_run_are_two_texts() -> None:
    spools = Spools()

    spools.says(b"out")
    spools.says(b"err", stream="stderr")
    spools.says(b"put\n")
    spools.says(b"or\n", stream="stderr")
    spools.hearing.ended("one")
    spools.read_all()

    assert spools.lines == {("one", "stdout"): ["output"], ("one", "stderr"): ["error"]}


def test_a_spool_that_is_gone_is_not_waited_for() -> None:
    spools = Spools()
    spools.says(b"before\nand")
    spools.read_all()
    spools.gone.add("one")

    spools.says(b" more\n" * 1000)
    spools.hearing.ended("one")
    spools.read_all()

    assert spools.lines["one", "stdout"] == ["before", "and"]


def test_news_that_come_late_do_not_take_back_what_is_to_be_read() -> None:
    spools = Spools()
    spools.held["one", "stdout"] += b"first\nsecond\n"

    for offset, length in ((6, 7), (0, 6)):
        event = OutputReceived(at=1.0, skill="s", run="one", stream="stdout", offset=offset, length=length)
        spools.hearing.told(event)
    spools.read_all()

    assert spools.lines["one", "stdout"][-1] == "second"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("one", "two")),
            st.sampled_from(("stdout", "stderr")),
            st.binary(max_size=12) | st.sampled_from([b"\n", "€".encode()[:2], "€".encode()[2:], b"a\n\nb"]),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_whatever_is_said_in_whatever_bits_is_told_whole(bits: list[tuple[str, Stream, bytes, bool]]) -> None:
    spools = Spools()
    for run, stream, data, is_read in bits:
        spools.says(data, run, stream)
        if is_read:
            spools.read()
    for run in ("one", "two"):
        spools.hearing.ended(run)
    spools.read_all()

    for key, said in spools.held.items():
        text = bytes(said).decode("utf-8", "replace")
        assert spools.texts[key] == text
        assert spools.lines[key] == text.removesuffix("\n").split("\n") * bool(text)
    assert not spools.hearing.is_behind
