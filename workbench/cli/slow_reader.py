"""Whoever reads what a command says may take any time, or read no more: that keeps no clock, and no ctrl+c, waiting."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from typing import TypeVarTuple

from workbench.model.errors import ExitCode

Ts = TypeVarTuple("Ts")
GRACE = 0.5
"""So many seconds has what was being written to arrive whole after all."""


class SlowReader:
    """The other end of stdout and stderr."""

    def __init__(self) -> None:
        self._has_it = threading.Event()
        self._is_given_up = False

    async def gets(self, write: Callable[[*Ts], object], *arguments: *Ts) -> None:
        """Returns when all is written. Who is cancelled meanwhile does not wait: then `give_up` ends the process."""
        import anyio

        self._has_it.clear()
        try:
            await anyio.to_thread.run_sync(self._write, write, *arguments, abandon_on_cancel=True)
        except anyio.get_cancelled_exc_class():
            self._is_given_up = True
            raise

    def give_up(self) -> None:
        """Ends the process as interrupted where something is still being written.

        At once, because Python would wait for the thread, and for the stream's lock that it holds.
        """
        if not self._is_given_up:
            return
        self._has_it.wait(GRACE)
        if select.select([], [2], [], 0)[1]:
            os.write(2, b"interrupted\n")
        os._exit(ExitCode.INTERRUPTED)

    def _write(self, write: Callable[[*Ts], object], *arguments: *Ts) -> None:
        try:
            write(*arguments)
        finally:
            self._has_it.set()
