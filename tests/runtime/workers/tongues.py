"""A skill that waits, in each language whose calls may overlap, and how a test makes many of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import anyio
import pytest

from tests.author import Author, needs_node
from workbench.assembly import Workbench
from workbench.model.run import Outcome

NODE_BEFORE = (
    "import { randomUUID } from 'node:crypto';\nimport { setTimeout as sleep } from 'node:timers/promises';\n"
    "const ME = randomUUID();\n"
)


@dataclass(frozen=True)
class Tongue(ABC):
    """How one thing is said in each language."""

    name: str
    waits: str
    blocks: str
    never_gives_up: str
    dies: str
    says_first: str

    @abstractmethod
    def given_to(self, author: Author, body: str, **options: object) -> None:
        """Have somebody have a skill whose function has this body."""


class Python(Tongue):
    def given_to(self, author: Author, body: str, **options: object) -> None:
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        said = "".join(f", {key}={value!r}" for key, value in options.items())
        author.saves(
            "waits/skill.py",
            "import asyncio, os, sys, threading, time, uuid\nfrom workbench.sdk import skill\n\n"
            "ME = uuid.uuid4().hex\n\n\n"
            f"@skill(name='waits', version='1.0.0', description='Waits.', timeout=2.0{said})\n"
            f"async def waits(context, seconds: float = 0.3, mark: str = '', do: str = 'wait'):\n{lines}\n",
        )


class Node(Tongue):
    def given_to(self, author: Author, body: str, **options: object) -> None:
        unpack = "const { seconds = 0.3, mark = '', do: what = 'wait' } = input;\n"
        author.has_module("waits", unpack + body, before=NODE_BEFORE, resilience={"timeout": 2.0}, **options)


PYTHON = Python(
    name="python",
    waits=(
        "print(mark, 'begins')\nsys.stderr.write(mark + ' half a line')\nawait asyncio.sleep(seconds)\n"
        "print(mark, 'ends')\nreturn {'worker': ME, 'mark': mark, 'run': context['run_id']}"
    ),
    blocks="if do == 'blocks':\n    time.sleep(60)\n",
    never_gives_up=(
        "while do == 'never_gives_up':\n    try:\n        await asyncio.sleep(60)\n"
        "    except asyncio.CancelledError:\n        pass\n"
    ),
    dies="if do == 'die':\n    os._exit(7)\n",
    says_first="print(mark, 'is here')\n",
)
NODE = Node(
    name="node",
    waits=(
        "console.log(mark, 'begins');\nprocess.stderr.write(mark + ' half a line');\n"
        "await sleep(seconds * 1000, null, { signal: context.signal });\n"
        "console.log(mark, 'ends');\nreturn { worker: ME, mark, run: context.run_id };"
    ),
    blocks="if (what === 'blocks') for (;;);\n",
    never_gives_up="if (what === 'never_gives_up') await sleep(60000);\n",
    dies="if (what === 'die') process.kill(process.pid, 'SIGKILL');\n",
    says_first="console.log(mark, 'is here');\n",
)
BOTH = pytest.mark.parametrize(
    "tongue", [PYTHON, pytest.param(NODE, marks=needs_node)], ids=lambda tongue: str(tongue.name)
)


async def called(workbench: Workbench, *many: dict[str, Any]) -> list[Outcome]:
    """All of these at once."""
    outcomes: dict[int, Outcome] = {}

    async def call(number: int, inputs: dict[str, Any]) -> None:
        outcomes[number] = (await workbench.run("waits", inputs)).outcome

    async with anyio.create_task_group() as tasks:
        for number, inputs in enumerate(many):
            tasks.start_soon(call, number, inputs)
    return [outcomes[number] for number in range(len(many))]


async def called_after(
    seconds: float, workbench: Workbench, before: dict[str, Any], *many: dict[str, Any]
) -> list[Outcome]:
    """One, and a moment later the others."""
    outcomes: list[Outcome] = []

    async def call() -> None:
        outcomes.extend(await called(workbench, before))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        await anyio.sleep(seconds)
        others = await called(workbench, *many)
    return [*outcomes, *others]


async def warmed(workbench: Workbench) -> str:
    """The worker that the calls after this one find."""
    outcome = (await workbench.run("waits", {"seconds": 0})).outcome
    assert outcome.error is None
    return worker_of(outcome)


def worker_of(outcome: Outcome) -> str:
    assert outcome.error is None
    assert isinstance(outcome.output, dict)
    return str(outcome.output["worker"])
