"""A law of commands: an input is one argument, one variable and one piece of stdin, to the byte, whatever it holds."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import anyio
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from workbench.assembly import open_workbench

NAMES = ("a", "b", "c")
KEPT = ("PATH", "LANG", "WORKBENCH_SECURITY_STRONGEST_TIER")
PIECES = [
    *(
        "'",
        '"',
        "`",
        "\\",
        "$(exit 9)",
        "${a}",
        "$a",
        "{a}",
        "{b}",
        "{{",
        "}",
        ";",
        "&&",
        "|",
        ">x",
        "*",
        "~",
        "%s",
        "%n",
    ),
    *("\n", "\r\n", "\t", " ", "\0", "\x1b[2J", "\x7f", "\u2028", "\u202e", "\ufeff", "ä", "e\u0301", "\U0001f600"),
    *("-c", "--", "=", "'; exit 9; '", '"; exit 9; "', "\n#", "<<E", "!!"),
]
SCRIPT = """printf '%s\\0' "$#" "$@" "$A" "$B" "$C"; cat"""
MANIFEST = {
    "name": "said",
    "version": "1.0.0",
    "type": "code_inline",
    "command": SCRIPT,
    "shell": True,
    "args": ["{a}", "{a}{a}", "-{b}-{c}"],
    "environment": {"A": "{b}", "B": "={c}", "C": "{c}{b}{c}"},
    "stdin": "{a}|{b}|{c}|{d}",
}
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=20), max_size=12).map("".join)


@pytest.mark.exhaustive
@settings(max_examples=12, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.tuples(texts, texts, texts))
@example(("", "", ""))
@example(("x" * 50_000, "", "\n"))
@example(("{b}", "{c}", "{a}"))
def test_an_input_stays_one_whatever_it_holds(given_texts: tuple[str, str, str]) -> None:
    a, b, c = (text.replace("\0", "") for text in given_texts)

    printed = anyio.run(_printed, dict(zip(NAMES, given_texts, strict=True)))

    words, stdin = printed.split(b"\0", 7)[:7], printed.split(b"\0", 7)[7]
    assert words == [word.encode() for word in ("3", a, a + a, f"-{b}-{c}", b, f"={c}", c + b + c)]
    assert stdin == "|".join((*given_texts, "{d}")).encode()


async def _printed(inputs: dict[str, str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(f"{folder}/skills/said")
        Path(f"{folder}/skills/said/skill.json").write_text(json.dumps(MANIFEST))
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        environ = {**kept, "HOME": folder}
        async with open_workbench(workspace=folder, environ=environ) as workbench:
            outcome = (await workbench.run("said", inputs)).outcome
    assert outcome.is_ok, outcome.error
    assert outcome.artifacts == ()
    return outcome.output_bytes if outcome.output_bytes is not None else str(outcome.output).encode()
