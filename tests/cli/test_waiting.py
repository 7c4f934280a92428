"""Ctrl+c ends a command once what must not be torn apart is over; a second one ends it at once."""

from __future__ import annotations

import os
import signal
import time

import anyio
import pytest

from tests.author import Author
from workbench.assembly import open_workbench
from workbench.cli.waiting import waited_for
from workbench.model.skill import Skill
from workbench.runtime.library.renaming import rename_files


def test_what_a_command_returns_or_raises_comes_through() -> None:
    async def half(number: int) -> int:
        if number % 2:
            raise ValueError(number)
        return number // 2

    assert waited_for(half, 4) == 2
    with pytest.raises(ValueError, match="3"):
        waited_for(half, 3)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_shielded_ends_first(number: signal.Signals) -> None:
    done: list[str] = []

    async def writes() -> None:
        with anyio.CancelScope(shield=True):
            os.kill(os.getpid(), number)
            await anyio.sleep(0.05)
            done.append("whole")
        await anyio.sleep(30)
        done.append("never")

    with pytest.raises(KeyboardInterrupt):
        waited_for(writes)
    assert done == ["whole"]


def test_a_second_one_waits_for_nothing() -> None:
    async def hangs() -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(30)  # noqa: ASYNC251  nothing else has a turn here

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        waited_for(hangs)
    assert time.monotonic() - began < 10


def test_who_is_deaf_stays_so() -> None:
    async def goes_on() -> str:
        os.kill(os.getpid(), signal.SIGINT)
        await anyio.sleep(0.02)
        return "done"

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert waited_for(goes_on) == "done"
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_rename_that_is_interrupted_is_whole(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    author.has_function("greet", "return 'hello'")
    author.calls("run", "greet")

    def slowly(skill: Skill, new: str) -> object:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)
        return rename_files(skill, new)

    async def renames() -> None:
        async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
            await workbench.rename("greet", "hail")
            await anyio.sleep(30)

    monkeypatch.setattr("workbench.runtime.runtime.rename_files", slowly)
    with pytest.raises(KeyboardInterrupt):
        waited_for(renames)

    assert author.calls("run", "hail").out == "hello\n"
    assert len(author.calls("history", "hail", "--json").json["revisions"]) == 2
