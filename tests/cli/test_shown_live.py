"""`workbench run` of a command shows what it says while it says it, every byte once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.author import REPOSITORY, Author
from tests.runtime.sandbox.tiers import BY_TIER, behind

WAITS = (
    'echo beside >&2; echo "$WORKBENCH_OUT"; until test -e "$WORKBENCH_OUT/go"; do sleep 0.01; done; '
    "rm $WORKBENCH_OUT/go; printf done; printf more >&2"
)


def started(author: Author, *arguments: str, shell: str = "") -> subprocess.Popen[bytes]:
    """`workbench …` as it runs, below a shell that first does something."""
    command = [sys.executable, "-m", "workbench", *arguments]
    return subprocess.Popen(
        ["bash", "-c", f'{shell or ":"}; exec "$@"', "bash", *command],
        cwd=author.workspace,
        env={**author.environ, "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_the_first_line_is_there_before_the_end_and_nothing_comes_twice(author: Author) -> None:
    author.has_command("waits", "sh", "-c", WAITS)

    with started(author, "run", "waits") as process:
        assert process.stdout
        assert process.stderr
        assert process.stderr.readline() == b"beside\n"
        line = process.stdout.readline().decode()
        Path(line.strip(), "go").touch()
        out, err = process.communicate()

    assert (process.returncode, out, err) == (0, b"done\n", b"more\n")


@pytest.mark.parametrize(
    ("script", "out", "err"),
    [
        ("", b"", b""),
        ("echo one; echo two", b"one\ntwo\n", b""),
        ("printf one; printf two >&2", b"one\n", b"two\n"),
        (r"printf '\377\000\n\303'", b"\xff\x00\n\xc3", b""),
        (r"printf 'a\033[2J\n\303' >&2", b"", "a\\x1b[2J\n\ufffd\n".encode()),
        ("printf '\n\n'; echo >&2", b"\n\n", b"\n"),
    ],
)
def test_what_is_shown_is_what_was_said(author: Author, script: str, out: bytes, err: bytes) -> None:
    author.has_command("says", "sh", "-c", script)

    with started(author, "run", "says") as process:
        assert process.communicate() == (out, err)


@pytest.mark.exhaustive
def test_what_a_failed_or_late_command_said_is_shown_once(author: Author) -> None:
    author.has_command("fails", "sh", "-c", "echo so far; echo went wrong >&2; exit 3")
    author.has_command("late", "sh", "-c", r"printf 'so \377 far'; sleep 60", resilience={"timeout": 2})

    with started(author, "run", "fails") as fails, started(author, "run", "late") as late:
        out, err = fails.communicate()
        assert (out, err.count(b"went wrong\n")) == (b"so far\n", 2), "as it said it, and in the reason for the failure"
        out, err = late.communicate()
        assert (out, late.returncode) == (b"so \xff far\n", 1)


def test_an_output_that_has_a_schema_is_shown_as_it_was_understood(author: Author) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    author.has_command("says", "sh", "-c", "echo '{\"a\":1}'; echo beside >&2", output_schema=schema)

    said = author.calls("run", "says")

    assert (said.out, said.err) == ('{\n  "a": 1\n}\n', "beside\n")


STEERS = (
    "a\x1b]52;c;ZXZpbA==\x07b\x1b]0;title\x07c\x1b[2J\x1b[Hd\x1bP1$r0m\x1b\\e\x1b]8;;http://x\x1b\\f\x9b2Jg"
    "\x9d52;c;ZXZpbA==\x9ch\x90q\x9ci\x1bcj\x0e\x0fk\x7fl\x08m\u202en\u2066o\rp\x1b[?1049hq"
)
SAYS = f"""
import os, sys
words = {STEERS!r}
print(words, flush=True)
print(words, file=sys.stderr, flush=True)
open(os.environ['WORKBENCH_OUT'] + '/' + words.replace('/', '|'), 'w').close()
"""


@BY_TIER
@pytest.mark.exhaustive
def test_what_steers_a_terminal_does_not_reach_one(author: Author, tier: str) -> None:
    author = behind(author, tier)
    author.has_command("says", "python3", "-c", SAYS)
    author.has_command("fails", "python3", "-c", f"{SAYS}\nsys.exit(words)")
    author.has_function("returns", f"print({STEERS!r})\nreturn {{{STEERS!r}: {STEERS!r}}}")
    author.has_function("raises", f"raise ValueError({STEERS!r})")

    shown = [on_a_terminal(author, "run", name) for name in ("says", "fails", "returns", "raises")]
    shown.append(on_a_terminal(author, "runs"))

    for text in shown:
        assert not {letter for letter in text.replace("\r\n", "\n") if letter != "\n" and not letter.isprintable()}
    assert all("\\x1b]52;c;" in text for text in shown[:4])


def on_a_terminal(author: Author, *arguments: str) -> str:
    """All that `workbench …` writes to its terminal."""
    ours, theirs = os.openpty()
    environ = {**author.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "workbench", *arguments]
    data = b""
    with subprocess.Popen(command, cwd=author.workspace, env=environ, stdin=theirs, stdout=theirs, stderr=theirs):
        os.close(theirs)
        try:
            while chunk := os.read(ours, 65_536):
                data += chunk
        except OSError:
            pass  # nobody holds the other end any more
    os.close(ours)
    return data.decode()


def test_json_is_one_document_and_nothing_else(author: Author) -> None:
    author.has_command("says", "sh", "-c", "echo out; echo beside >&2")

    said = author.calls("run", "says", "--json")

    assert (said.json["output"], said.json["stderr"], said.err) == ("out\n", "beside\n", "")


def test_a_full_disk_keeps_nothing_from_being_shown(author: Author) -> None:
    script = "head -c 3000000 /dev/zero | tr '\\0' x; (head -c 1000 /dev/zero | tr '\\0' y) >&2"
    author.has_command("long", "sh", "-c", script)

    with started(author, "run", "long", shell="ulimit -S -f 1000") as process:
        out, err = process.communicate()

    assert process.returncode == 0, err
    assert out == b"x" * 3_000_000 + b"\n"
    assert err == b"y" * 1_000 + b"\n"


def test_a_reader_that_has_enough_ends_the_run(author: Author) -> None:
    author.has_command("counts", "sh", "-c", "while echo again; do sleep 0.01; done")

    with started(author, "run", "counts") as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == b"again\n"
        process.stdout.close()
        assert process.stderr.read() == b""

    assert author.calls("runs", "--json").json["runs"][0]["status"] == "cancelled"
