"""Hands on a keyboard and a mouse: what a terminal sends, and then until everything on its way has arrived."""

from __future__ import annotations

from typing import Any

import anyio
from textual.events import Key, MouseDown, MouseMove, MouseUp
from textual.keys import REPLACED_KEYS, _character_to_key
from textual.pilot import Pilot

CHARACTERS = {"slash": "/", "question_mark": "?", "colon": ":", "space": " ", "enter": "\r", "tab": "\t"}


class Hands:
    """Textual's own pilot waits after each key until the processor is idle, which takes fifty times as long."""

    def __init__(self, pilot: Pilot[Any]) -> None:
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        """Keys, and everything that follows from them at once."""
        for key in keys:
            self.strike(key)
            await self.settle()

    def strike(self, key: str) -> None:
        """A key as a terminal sends it, without waiting for what follows."""
        name = _character_to_key(key) if len(key) == 1 and not key.isalnum() else key
        character = key if len(key) == 1 else CHARACTERS.get(REPLACED_KEYS.get(key, key))
        assert self.pilot.app._driver is not None
        self.pilot.app._driver.send_message(Key(name, character))

    async def click(self, at: tuple[int, int], *, times: int = 1) -> None:
        await self.mouse(*(each for _ in range(times) for each in ((MouseDown, at), (MouseUp, at))))

    async def drag(self, begin: tuple[int, int], end: tuple[int, int]) -> None:
        await self.mouse((MouseDown, begin), (MouseMove, end), (MouseUp, end))

    async def mouse(self, *moves: tuple[type[MouseDown | MouseUp | MouseMove], tuple[int, int]]) -> None:
        """Mouse events as a terminal sends them, at cells of the screen."""
        assert self.pilot.app._driver is not None
        for kind, (x, y) in moves:
            event = kind(None, x, y, 0, 0, 1, False, False, False, screen_x=x, screen_y=y)
            self.pilot.app._driver.send_message(event)
        await self.settle()

    async def settle(self) -> None:
        """Whatever is on its way between the widgets arrives. Textual's own pause waits until the processor is idle."""
        for _ in range(3):
            await anyio.sleep(0.001)
            await self.pilot._wait_for_screen()
        self.pilot.app.screen._on_timer_update()
