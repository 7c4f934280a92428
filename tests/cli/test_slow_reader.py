"""`workbench run … | reader`: one that reads late gets every byte once, one that reads no more keeps nobody waiting."""

from __future__ import annotations

import fcntl
import json
import signal
import struct
import subprocess
import termios
import time

import pytest

from tests.author import Author
from tests.cli.test_shown_live import started

LONG = "head -c 300000 /dev/zero | tr '\\0' x"
FULL = 65_536


def wait_until_full(process: subprocess.Popen[bytes]) -> None:
    """Until its stdout takes no more."""
    assert process.stdout
    waiting = 0
    while waiting < FULL:
        assert process.poll() is None
        time.sleep(0.01)
        [waiting] = struct.unpack("i", fcntl.ioctl(process.stdout, termios.FIONREAD, b"1234"))


@pytest.fixture
def author(author: Author) -> Author:
    """Somebody whose skills say more than a pipe holds."""
    author.has_command("stays", "sh", "-c", f"{LONG}; sleep 60")
    author.has_command("errs", "sh", "-c", f"({LONG}) >&2; sleep 60")
    author.has_command("ends", "sh", "-c", LONG)
    author.has_function("returns", "return 'x' * 300_000")
    return author


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("arguments", [["stays"], ["ends"], ["ends", "--json"], ["returns"]], ids=" ".join)
def test_one_signal_ends_it_though_nobody_reads(author: Author, arguments: list[str], number: signal.Signals) -> None:
    with started(author, "run", *arguments) as process:
        assert process.stdout
        assert process.stderr
        wait_until_full(process)
        process.send_signal(number)
        assert process.wait(15) == 130
        assert process.stderr.read() == b"interrupted\n"
        assert process.stdout.read().count(b"x") > FULL / 2, "what was written stays so"


def test_one_signal_ends_it_though_nobody_reads_what_it_says_beside_either(author: Author) -> None:
    with started(author, "run", "errs", shell="exec 2>&1") as process:
        wait_until_full(process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 130


def test_who_reads_after_the_end_gets_every_byte_once(author: Author) -> None:
    with started(author, "run", "ends") as process:
        wait_until_full(process)
        while json.loads(author.calls("runs", "--json").out)["runs"][0]["status"] == "running":
            time.sleep(0.05)
        out, err = process.communicate()

    assert (process.returncode, out, err) == (0, b"x" * 300_000 + b"\n", b"")
