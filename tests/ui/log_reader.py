"""A log in an app of its own, and eyes and hands for it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import anyio
from textual.app import App, ComposeResult
from textual.events import MouseScrollDown, MouseScrollUp
from textual.pilot import Pilot

from tests.author import REPOSITORY
from tests.ui.hands import Hands
from workbench.ui.logbook import Logbook, LogEntry
from workbench.ui.widgets.log_view import LogView

AT = time.mktime((2026, 11, 21, 14, 2, 11, 0, 0, -1))


def line(text: str, *, level: str = "info", topic: str = "reload", skill: str = "summarise") -> LogEntry:
    return LogEntry(at=AT, level=level, topic=topic, skill=skill, text=text)


def lines(start: int, stop: int) -> list[LogEntry]:
    return [line(f"line {number}.", level="error" if number % 100 == 0 else "info") for number in range(start, stop)]


class LogApp(App[None]):
    CSS_PATH = REPOSITORY / "workbench/ui/styles/app.tcss"

    def __init__(self, logbook: Logbook) -> None:
        super().__init__()
        self.view = LogView(logbook, id="log", hint="esc shows all")
        self.chosen: list[LogEntry] = []

    def compose(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        self.view.focus()

    def on_log_view_chosen(self, event: LogView.Chosen) -> None:
        assert event.control is self.view
        self.chosen.append(event.entry)


class Reader(Hands):
    """Sees the log, and waits for what it is to show."""

    def __init__(self, pilot: Pilot[None], app: LogApp) -> None:
        super().__init__(pilot)
        self.app, self.view = app, app.view

    @property
    def lines(self) -> list[str]:
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip)[:-1].rstrip() for strip in strips]

    @property
    def words(self) -> list[str]:
        """What the lines say: their last columns."""
        return [line.rpartition("  ")[2] for line in self.lines]

    async def until(self, holds: Callable[[], bool]) -> None:
        try:
            with anyio.fail_after(10):
                while not holds():
                    await anyio.sleep(0.01)
                    self.app.screen._on_timer_update()
        except TimeoutError:
            raise AssertionError("never seen; there is\n" + "\n".join(self.lines)) from None

    async def see(self, *texts: str) -> list[str]:
        await self.until(lambda: all(any(text in line for line in self.lines) for text in texts))
        return self.lines

    def follows(self) -> bool:
        return self.view.following

    async def turn_wheel(self, event: type[MouseScrollUp | MouseScrollDown]) -> None:
        self.view.post_message(event(self.view, 1, 1, 0, 0, 0, False, False, False))
        await self.settle()


@asynccontextmanager
async def opened(
    entries: Iterable[LogEntry] = (), *, size: tuple[int, int] = (120, 40), logbook: Logbook | None = None
) -> AsyncIterator[Reader]:
    with Logbook() if logbook is None else logbook as book:
        book.add(entries)
        app = LogApp(book)
        async with app.run_test(size=size) as pilot:
            yield Reader(pilot, app)
