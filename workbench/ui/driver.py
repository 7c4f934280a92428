"""The terminal's driver: Textual's, but for an app that was stopped with no word before."""

from __future__ import annotations

import asyncio
import os

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

TERMINAL = 2  # as it is, and not what Textual puts in the place of sys.stderr
OTHER_SCREEN = b"\x1b[?1049h"


class TerminalDriver(LinuxDriver):
    """Whoever is asked to stop gives the terminal back before. Whoever is not finds it in the hands of others after."""

    def __init__(self, app: App[object], **options: object) -> None:
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
