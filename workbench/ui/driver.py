"""The terminal's driver: Textual's, but for an app that was stopped with no word before."""

from __future__ import annotations

import asyncio
import os
from enum import Enum

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

TERMINAL = 2  # as it is, and not what Textual puts in the place of sys.stderr
OTHER_SCREEN = b"\x1b[?1049h"


class AltAndDigit(Enum):
    """What the parser hands on in the place of its own keys."""

    ALT_0 = "alt+0"
    ALT_1 = "alt+1"
    ALT_2 = "alt+2"
    ALT_3 = "alt+3"
    ALT_4 = "alt+4"
    ALT_5 = "alt+5"
    ALT_6 = "alt+6"
    ALT_7 = "alt+7"
    ALT_8 = "alt+8"
    ALT_9 = "alt+9"


def know_alt_and_digits() -> None:
    """Textual takes alt and a digit for the sign that one terminal on one system has there, and types it."""
    known = ANSI_SEQUENCES_KEYS
    assert isinstance(known, dict)
    known |= {f"\x1b{key.value[-1]}": (key,) for key in AltAndDigit}


class TerminalDriver(LinuxDriver):
    """Whoever is asked to stop gives the terminal back before. Whoever is not finds it in the hands of others after."""

    def __init__(self, app: App[object], **options: object) -> None:
        know_alt_and_digits()
        super().__init__(app, **options)  # type: ignore[arg-type]
        self._loop = asyncio.get_running_loop()
        self._is_about_to_go_on = False

    def _sigcont_application(self, *_: object) -> None:
        """In the loop, and once: both the shell and the keeper may say that it goes on."""
        if self._auto_restart and not self._is_about_to_go_on:
            self._is_about_to_go_on = True
            if not self._must_signal_resume:
                os.write(TERMINAL, OTHER_SCREEN)  # what is drawn before that would stay in the shell's
            self._loop.call_soon_threadsafe(self._go_on)

    def _go_on(self) -> None:
        self._is_about_to_go_on = False
        if not self._must_signal_resume:
            self.suspend_application_mode()  # or two threads would read the keys, and the terminal stay raw at the end
        self.resume_application_mode()
        self._app.refresh(layout=True)
