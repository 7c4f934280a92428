"""What the screen's tests share: an app on a real workbench, and eyes that read it as text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
from textual.pilot import Pilot

from tests.author import Author
from tests.ui.hands import Hands
from workbench.assembly import open_workbench
from workbench.configuration import read_settings
from workbench.ui.app import WorkbenchApp
from workbench.ui.ending import workers_ended
from workbench.ui.memory import open_memory


class Eyes(Hands):
    """Reads the screen and waits for what it is to show."""

    def __init__(self, pilot: Pilot[int], app: WorkbenchApp) -> None:
        super().__init__(pilot)
        self.app = app

    @property
    def text(self) -> str:
        """The screen as lines of text."""
        lines = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in lines)

    async def see(self, *words: str) -> str:
        await self.until(lambda: all(word in self.text for word in words), f"{words} in\n{self.text}")
        return self.text

    async def until(self, holds: Callable[[], bool], what: str = "") -> None:
        try:
            with anyio.fail_after(10):
                while not holds():
                    await anyio.sleep(0.01)
                    self.app.screen._on_timer_update()
        except TimeoutError:
            raise AssertionError(f"never saw {what}\n{self.text}") from None


@asynccontextmanager
async def opened(author: Author, *, size: tuple[int, int] = (120, 40), watch: bool = False) -> AsyncIterator[Eyes]:
    """The app as `workbench` opens it: first the frame, then the workbench behind it."""
    settings = read_settings(str(author.workspace), author.environ)
    app = WorkbenchApp(settings, open_memory(settings.workspace, author.environ), author.environ)
    try:
        async with app.run_test(size=size) as pilot:
            eyes = Eyes(pilot, app)
            await app.first_frame.wait()
            async with open_workbench(settings, environ=author.environ) as workbench:
                app.connect(workbench)
                await eyes.until(lambda: "opening" not in eyes.text, "an open workbench")
                await eyes.settle()
                if not watch:
                    yield eyes
                    return
                async with app.following.of(workbench):
                    await eyes.see("watching")
                    yield eyes
    finally:
        await workers_ended(app)
