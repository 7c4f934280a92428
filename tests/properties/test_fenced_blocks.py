"""A law of fenced blocks: one pass over the lines finds what the pattern of a whole block finds."""

from __future__ import annotations

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from workbench.runtime.texts.fences import fenced_blocks

BLOCK = re.compile(r"^(`{3,}|~{3,})[ \t]*([\w+-]*)[^\n]*\n(.*?)^\1[ \t]*$", re.DOTALL | re.MULTILINE)
FENCES = [character * length for character in "`~" for length in (2, 3, 4, 5)]
ENDS = ["", "", "", " ", "\t ", "\r", "json", " a", "`", "~", "é"]
fence_lines = st.builds("".join, st.tuples(st.sampled_from(["", "", "", " "]), *map(st.sampled_from, (FENCES, ENDS))))
lines = fence_lines | st.sampled_from(["", "a", "a ```", "\u2028", "\x0b```"])
texts = st.lists(lines, max_size=14).map("\n".join)


@settings(max_examples=600, deadline=None, database=None)
@given(texts)
@example("```\n```")
@example("````\n```\n````\n```\n")
@example("`````\n~~~\n```\n~~~\n````\n")
def test_blocks_are_what_the_pattern_of_a_block_finds(text: str) -> None:
    assert list(fenced_blocks(text)) == [match[3] for match in BLOCK.finditer(text)]
