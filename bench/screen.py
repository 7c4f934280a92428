"""What the screen bears: a flood of log lines while somebody reads, measured on an app that draws in full."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator

import anyio
from textual import events
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.strip import Strip
from textual.widgets import Static

from bench import first_frame
from bench.drawn import MOST_WAIT_SECONDS, Unseen, running
from bench.figures import REPOSITORY, Figure, at_most, median_ms, percentile_ms
from bench.filtering import filtering
from workbench.ui.logbook import Logbook, LogEntry
from workbench.ui.widgets.log_view import LogView

LINES = 1_000_000
PER_SECOND = 50_000
TICK_SECONDS = 0.005
MOST_AT_ONCE = 1_000
HEARTBEAT_SECONDS = 0.005
KEYS = ("up", "pageup", "up", "down", "pagedown", "home", "down", "end")
KEY_PAUSE_SECONDS = 0.15


class Watched(LogView):
    """Knows what it has last been drawn with."""

    drawn: tuple[bool, int] = (True, 0)

    @property
    def place(self) -> tuple[bool, int]:
        """What a key changes: in the flood the cursor moves by itself as long as the view follows."""
        return self.following, 0 if self.following else self.cursor

    def render_lines(self, crop: Region) -> list[Strip]:
        self.drawn = self.place
        return super().render_lines(crop)


class Flooded(App[None]):
    """A log between two lines, in the product's own styles."""

    CSS_PATH = REPOSITORY / "workbench/ui/styles/app.tcss"

    def __init__(self, logbook: Logbook) -> None:
        super().__init__(driver_class=Unseen)
        self.log_view = Watched(logbook, id="log")
        self.painted: Callable[[], None] = lambda: None

    def compose(self) -> ComposeResult:
        yield Static("4 Log", classes="title")
        yield self.log_view
        yield Static("", id="status")

    def on_mount(self) -> None:
        self.log_view.focus()

    def post_display_hook(self) -> None:
        self.painted()


async def measure(folder: str) -> AsyncIterator[Figure]:
    for figure in first_frame.measure(folder):
        yield figure
    for figure in (*await log_flood(), await filtering()):
        yield figure


async def log_flood() -> list[Figure]:
    """A million lines at fifty thousand a second: the loop's lag, the memory, and from a key to its picture."""
    with Logbook() as logbook:
        async with running(Flooded(logbook)) as app:
            before = _resident_mb()
            lags: list[float] = []
            keys: list[float] = []
            most_mb = [before]
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_heartbeat, lags)
                tasks.start_soon(_weigh, most_mb)
                tasks.start_soon(_press_keys, app, keys)
                seconds = await _pour(app.log_view)
                tasks.cancel_scope.cancel()
    flood = {"lines": logbook.end, "lines a second": round(logbook.end / seconds)}
    lag = {"p50 (ms)": median_ms(lags), "worst (ms)": percentile_ms(lags, 100)}
    key = {"p50 (ms)": median_ms(keys), "worst (ms)": percentile_ms(keys, 100), "keys": len(keys)}
    return [
        at_most("log_flood_lag_ms", percentile_ms(lags, 99), 50, "ms", detail={**lag, **flood}),
        at_most("log_flood_mb", max(most_mb) - before, 150, "MB", baseline={"before (MB)": round(before, 1)}),
        at_most("key_paint_ms", percentile_ms(keys, 95), 50, "ms", detail=key),
    ]


async def _pour(view: LogView) -> float:
    """Add the lines at their pace; how long it took."""
    began = time.monotonic()
    poured = 0
    while poured < LINES:
        due = min(LINES, int((time.monotonic() - began) * PER_SECOND), poured + MOST_AT_ONCE)
        view.add(list(_lines(poured, due)))
        poured = due
        await anyio.sleep(max(0.0, began + poured / PER_SECOND + TICK_SECONDS - time.monotonic()))
    return time.monotonic() - began


def _lines(start: int, stop: int) -> Iterator[LogEntry]:
    at = time.time()
    for number in range(start, stop):
        level = "error" if number % 50 == 0 else "info"
        text = f"read {number * 7919 % 100_003} rows of sales.csv in {number % 97} ms, then {number} more of them"
        yield LogEntry(at=at, level=level, topic="output", skill="summarise", run="01JD7Q", text=text)


async def _heartbeat(lags: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(HEARTBEAT_SECONDS)
        lags.append(time.perf_counter() - began - HEARTBEAT_SECONDS)


async def _weigh(most_mb: list[float]) -> None:
    while True:
        await anyio.sleep(0.1)
        most_mb.append(_resident_mb())


async def _press_keys(app: Flooded, samples: list[float]) -> None:
    view = app.log_view
    while True:
        for key in KEYS:
            await anyio.sleep(KEY_PAUSE_SECONDS)
            samples.append(await _paint_after(app, view, key))


async def _paint_after(app: Flooded, view: Watched, key: str) -> float:
    """How long until a picture with what the key changed has been written."""
    before, seen = view.drawn, anyio.Event()

    def painted() -> None:
        if view.drawn != before:
            seen.set()

    app.painted = painted
    began = time.perf_counter()
    app.post_message(events.Key(key, None))
    with anyio.move_on_after(MOST_WAIT_SECONDS):
        await seen.wait()
    app.painted = lambda: None
    return time.perf_counter() - began


def _resident_mb() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
