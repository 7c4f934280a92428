"""Waits for what a command does; ctrl+c lets what must not be torn apart end first, a second one does not."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anyio import CancelScope

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
ENDS_IT = (signal.SIGINT, signal.SIGTERM)


def waited_for(function: Callable[[*Ts], Awaitable[T]], *arguments: *Ts) -> T:
    """What it returns; raises KeyboardInterrupt where somebody wanted it to end, once it has."""
    import anyio  # here: who runs a skill starts the warden before it is imported

    returned: list[T] = []

    async def wait() -> None:
        with anyio.CancelScope() as scope, _ended_by_signals(scope):
            returned.append(await function(*arguments))

    anyio.run(wait)
    if not returned:
        raise KeyboardInterrupt
    return returned[0]


@contextmanager
def _ended_by_signals(scope: CancelScope) -> Iterator[None]:
    """Whoever ignores such a signal goes on to: something begun in the background, say."""
    import asyncio

    loop = asyncio.get_running_loop()
    is_asked = False

    def end(*_: object) -> None:
        nonlocal is_asked
        if is_asked:
            raise KeyboardInterrupt
        is_asked = True
        loop.call_soon_threadsafe(scope.cancel)

    heeded = [number for number in ENDS_IT if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
