"""How a worker comes by what a coroutine returns. Standard library only; loaded where there is one."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable
from typing import Any

WORDS_OF_A_LOOP = (b"asyncio", b"anyio", b"trio", b"import_module", b"__import__")


class Loop:
    """An event loop, where anything in the skill's folder knows of one: to import one takes longer than all the rest
    of a first answer."""

    def __init__(self, folder: str) -> None:
        self.waits = knows_of_a_loop(folder)
        self.may_wait = self.waits or "asyncio" in sys.modules
        self._runner: Any = None

    def result_of(self, awaitable: Awaitable[object]) -> object:
        if not self.may_wait:
            return without_waiting(awaitable)
        import asyncio

        if self._runner is None:
            self._runner = asyncio.Runner()

        async def wait() -> object:
            return await awaitable

        return self._runner.run(wait())


def knows_of_a_loop(folder: str) -> bool:
    """Whether any file here does."""
    for parent, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".py"):
                with open(f"{parent}/{name}", "rb") as source:
                    text = source.read()
                if any(word in text for word in WORDS_OF_A_LOOP):
                    return True
    return False


def without_waiting(awaitable: Awaitable[object]) -> object:
    """What a coroutine returns that never waits for anything."""
    steps: Any = awaitable.__await__()
    try:
        while next(steps) is None:
            """It lets others go first, and there are none."""
    except StopIteration as done:
        return done.value
    steps.close()
    raise RuntimeError("it waits for something, and no event loop is here; import asyncio where one is needed")
