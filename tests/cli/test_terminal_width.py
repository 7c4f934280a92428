"""Tables of rights on a terminal: as wide as it is, and nothing of them is lost; elsewhere they are as they are."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.author import REPOSITORY, Author
from workbench.cli.paper import paragraphs

HOSTS = [f"host{number}.example.com:443" for number in range(4)]
cells = st.text(alphabet="ab/· ", max_size=90)


@pytest.fixture
def asking(author: Author, tmp_path: Path) -> tuple[Author, str]:
    """An author with a skill that asks for a place far away and for hosts, and is allowed them."""
    place = tmp_path / "/".join(["outside", *(f"a-long-name-of-a-folder-{number}" for number in range(5))])
    place.mkdir(parents=True)
    permissions = {"file_read": [str(place)], "network_access": HOSTS}
    author.has_command("aaa", "true", security={"permissions": permissions})
    assert author.calls("approve", "aaa").code == 0
    return author, str(place)


def on_a_terminal(author: Author, columns: int, *arguments: str) -> list[str]:
    """What a command shows on a terminal of this width."""
    ours, theirs = pty.openpty()
    environ = {**author.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": str(columns)}
    command = [sys.executable, "-m", "workbench", *arguments]
    with subprocess.Popen(command, cwd=author.workspace, env=environ, stdin=theirs, stdout=theirs, stderr=theirs):
        os.close(theirs)
        shown = b""
        with open(ours, "rb", buffering=0) as terminal:
            try:
                while more := terminal.read(65_536):
                    shown += more
            except OSError:  # how Linux says that nobody holds the other end any more
                pass
    return shown.decode().splitlines()


def ink(*texts: str) -> list[str]:
    """Every character that says something, but for the times and for what stands between things."""
    return sorted(re.sub(r"[\s·\d]", "", "".join(texts)))


@pytest.mark.parametrize("columns", [60, 80, 132])
@pytest.mark.parametrize("command", [("show", "aaa", "--policy"), ("approve", "--list")])
def test_a_table_of_rights_fits_the_terminal_and_loses_nothing(
    asking: tuple[Author, str], columns: int, command: tuple[str, ...]
) -> None:
    author, _ = asking
    lines = on_a_terminal(author, columns, *command)

    assert max(map(len, lines)) <= columns
    assert ink(*lines) == ink(author.calls(*command).out)


def test_where_there_is_no_terminal_each_row_is_one_line(asking: tuple[Author, str]) -> None:
    author, place = asking
    policy = author.calls("show", "aaa", "--policy", environ={"COLUMNS": "40"}).out
    listed = author.calls("approve", "--list", environ={"COLUMNS": "40"}).out

    assert f"the skill's folder · {place}  enforced" in policy
    assert f"  {' · '.join(HOSTS)}  " in policy
    assert f"  read {place}  " in listed
    assert author.calls("show", "aaa", "--policy", "--json").json["policy"][0]["asked"] == [place]


@given(rows=st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=4), columns=st.integers(30, 120))
def test_folding_fits_and_keeps_every_character(rows: list[tuple[str, str, str]], columns: int) -> None:
    with pytest.MonkeyPatch.context() as here:
        here.setattr(sys, "stdout", _Terminal())
        here.setenv("COLUMNS", str(columns))
        lines = paragraphs(rows)

    assert all(len(line) <= columns for line in lines)
    assert ink(*lines) == ink(*(cell for row in rows for cell in row))


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True
