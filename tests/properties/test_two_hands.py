"""A law of revisions: two processes that change one skill at the same time leave one history, and nothing is lost."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from random import Random
from typing import Any

import anyio
import pytest
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.author import REPOSITORY, Author
from tests.properties.hand import carried_out, save, text_of
from workbench.assembly import Workbench, open_workbench
from workbench.model.devsession import MAIN

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
STEPS = 40
Model = list[tuple[str, str]]
"""For each revision the realm that accepted it, and the text."""


class OtherHand:
    """The process that takes commands."""

    def __init__(self, process: Process) -> None:
        assert process.stdout is not None
        self._process, self._words = process, BufferedByteReceiveStream(process.stdout)

    async def says(self) -> str:
        with anyio.fail_after(15):
            return (await self._words.receive_until(b"\n", 100_000)).decode()

    async def carries_out(self, command: dict[str, Any]) -> list[Any]:
        assert self._process.stdin is not None
        await self._process.stdin.send(f"{json.dumps(command)}\n".encode())
        answer: list[Any] = json.loads(await self.says())
        return answer


@asynccontextmanager
async def another(author: Author) -> AsyncIterator[OtherHand]:
    command = [sys.executable, "-m", "tests.properties.hand", str(author.workspace)]
    async with await anyio.open_process(command, cwd=REPOSITORY, env=author.environ, stderr=None) as process:
        hand = OtherHand(process)
        assert await hand.says() == "ready"
        yield hand
        assert process.stdin is not None
        await process.stdin.aclose()


def recorded(workbench: Workbench) -> Model:
    """What the library holds; every revision is there and restores byte for byte to a text that somebody wrote."""
    history = workbench.library.revisions.history("greet")
    assert [each.number for each in history] == list(range(len(history), 0, -1))
    model: Model = []
    for each in reversed(history):
        skill = workbench.library.revisions.restored(each)
        assert skill is not None
        assert skill.digest == each.digest
        with open(skill.path, encoding="utf-8") as file:
            model.append((each.realm, file.read()))
    return model


def one_command(chance: Random, model: Model, number: int) -> dict[str, Any]:
    newest = len(model)
    match chance.choice(["save", "save", "save the same", "roll back", "expect", "expect wrong", "promote"]):
        case "save":
            return {"do": "save", "number": number}
        case "save the same":
            return {"do": "save", "number": json.loads(model[-1][1])["args"][0]}
        case "promote":
            return {"do": "promote", "number": number}
        case what:
            expected = {"roll back": None, "expect": newest, "expect wrong": newest - 1}[what]
            return {"do": "roll back", "to": chance.randint(1, newest), "expected": expected}


def foreseen(model: Model, command: dict[str, Any]) -> tuple[list[Any], Model]:
    """What a command ends in when nobody else does anything, and the history after it."""
    newest, now = len(model), model[-1][1]
    match command["do"]:
        case "roll back" if command["expected"] not in (None, newest):
            return ["refused", "conflict"], model
        case "roll back":
            text = model[command["to"] - 1][1]
            if text == now:
                return ["refused", "wrong_use"], model
            return ["accepted", newest + 1], [*model, (MAIN, text)]
        case "promote":
            text = text_of(command["number"])
            return ["accepted", newest + 2], [*model, ("one", text), (MAIN, text)]
        case _:
            text = text_of(command["number"])
            return (["accepted", newest], model) if text == now else (["accepted", newest + 1], [*model, (MAIN, text)])


def assert_follows(before: Model, after: Model, commands: list[dict[str, Any]], answers: list[list[Any]]) -> None:
    """Whatever came first: the history only grew, by what was written or was there, and by no more than was said."""
    written = {text_of(command["number"]) for command in commands if "number" in command}
    assert after[: len(before)] == before
    assert {text for _, text in after[len(before) :]} <= written | {text for _, text in before}
    mains = [text for realm, text in after if realm == MAIN]
    assert all(one != other for one, other in pairwise(mains))
    told = [value for word, value in answers if word == "accepted"]
    assert all(value <= len(after) for value in told)
    # Who wants what the other one has just written is told of that revision: one was written all the same.
    expecting = {
        answer[1]
        for command, answer in zip(commands, answers, strict=True)
        if command.get("expected") == len(before) and answer[0] == "accepted"
    }
    assert len(expecting) <= 1


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(2))
async def test_two_processes_on_one_skill_equal_a_simple_model(author: Author, seed: int) -> None:
    chance = Random(seed)
    author.writes("greet/skill.json", text_of(0))
    async with (
        open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench,
        another(author) as other,
    ):
        await workbench.sessions.create("one")
        await workbench.reload("greet")
        model: Model = [(MAIN, text_of(0))]
        for step in range(STEPS):
            commands = [one_command(chance, model, 1000 * (1 + who) + step) for who in range(2)]
            if chance.random() < 0.5:
                [command, _], hand = commands, chance.choice([other.carries_out, None])
                answer = await (hand(command) if hand else carried_out(workbench, command))
                said, model = foreseen(model, command)
                assert (answer, recorded(workbench)) == (said, model), (step, command)
            else:
                answers: list[list[Any]] = [[], []]

                async def mine(answers: list[list[Any]] = answers, command: dict[str, Any] = commands[0]) -> None:
                    answers[0] = await carried_out(workbench, command)

                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(mine)
                    answers[1] = await other.carries_out(commands[1])
                after = recorded(workbench)
                assert_follows(model, after, commands, answers)
                model = await in_order(workbench, author, step)
            workbench.refresh()
            assert (await workbench.run("greet")).outcome.output == f"{json.loads(model[-1][1])['args'][0]}\n"


async def in_order(workbench: Workbench, author: Author, step: int) -> Model:
    """After two were at it at once, the files, the session and the head are brought to one state again."""
    inside = workbench.in_session("one")
    inside.refresh()
    await inside.exchange.give_back(["greet"], give_up=True)
    save(str(author.skills / "greet/skill.json"), 9000 + step)
    await workbench.reload("greet")
    return recorded(workbench)
