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
    """Whoever ignores such a signal goes on to: something begun in the background, say.

    The loop's own means wake it, also where a signal comes just before it goes to sleep.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    is_asked = False

    def end(*_: object) -> None:
        nonlocal is_asked
        if is_asked:
            raise KeyboardInterrupt
        is_asked = True

    before = {number: signal.getsignal(number) for number in ENDS_IT}
    heeded = [number for number in ENDS_IT if before[number] is not signal.SIG_IGN]
    for number in heeded:
        loop.add_signal_handler(number, scope.cancel)
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in heeded:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])
