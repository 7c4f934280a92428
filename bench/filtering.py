"""A thousand skills in the list, and somebody who types into its filter: from a key to the picture of what is left."""

from __future__ import annotations

import time
from collections.abc import Callable

import anyio
from textual import events
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.strip import Strip
from textual.widgets import Input

from bench.drawn import MOST_WAIT_SECONDS, Unseen, running
from bench.figures import REPOSITORY, Figure, at_most, median_ms, percentile_ms
from workbench.model.skill import Scope, SkillState
from workbench.ui.glimpse import Glimpse
from workbench.ui.panes.skills import SkillsPane
from workbench.ui.widgets.rows import Rows

SKILLS = 1_000
WORDS = ("ship-4", "notes", "a7", "zq")
PAUSE_SECONDS = 0.05


class Listed(App[None]):
    """The list of skills, in the product's own styles."""

    CSS_PATH = REPOSITORY / "workbench/ui/styles/app.tcss"

    def __init__(self) -> None:
        super().__init__(driver_class=Unseen)
        self.pane = SkillsPane()
        self.painted: Callable[[], None] = lambda: None

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_mount(self) -> None:
        self.pane.show(_glimpses())
        self.pane.focus_filter()

    def post_display_hook(self) -> None:
        self.painted()


async def filtering() -> Figure:
    """Letters typed, and taken back."""
    app = Listed()
    samples: list[float] = []
    async with running(app):
        while not app.pane.query_one(Input).has_focus:  # a picture is there before the keys are for anybody
            await anyio.sleep(PAUSE_SECONDS)
        for word in WORDS:
            for key in (*word, *(["backspace"] * len(word))):
                await anyio.sleep(PAUSE_SECONDS)
                samples.append(await _paint_after(app, key))
    detail = {"p50 (ms)": median_ms(samples), "worst (ms)": percentile_ms(samples, 100), "keys": len(samples)}
    return at_most("filter_key_ms", percentile_ms(samples, 95), 30, "ms", detail=detail)


async def _paint_after(app: Listed, key: str) -> float:
    """How long until a picture shows what the key left: in the field, and in the list."""
    field, rows, seen = app.pane.query_one(Input), app.pane.query_one(Rows), anyio.Event()
    before, listed, drawn = field.value, rows._text, rows.render_lines
    is_drawn = False

    def lines(crop: Region) -> list[Strip]:
        nonlocal is_drawn
        is_drawn = is_drawn or rows._text is not listed
        return drawn(crop)

    def painted() -> None:
        is_nothing_still = not listed and not rows._text
        if (is_drawn or is_nothing_still) and field.value != before:
            seen.set()

    rows.render_lines, app.painted = lines, painted  # type: ignore[method-assign]
    began = time.perf_counter()
    app.post_message(events.Key("minus" if key == "-" else key, key if len(key) == 1 else None))
    with anyio.move_on_after(MOST_WAIT_SECONDS):
        await seen.wait()
    rows.render_lines, app.painted = drawn, lambda: None  # type: ignore[method-assign]
    return time.perf_counter() - began


def _glimpses() -> list[Glimpse]:
    names = ("ship", "release-notes", "summarise", "redact", "translate", "lint")
    return [
        Glimpse(
            name=f"{names[number % len(names)]}-{number}",
            scope=Scope.WORKSPACE,
            group=f"team-{number % 7}",
            state=SkillState.OK,
            version="1.0.0",
            revision=number % 5,
            last_good=0,
            description="One of a thousand.",
        )
        for number in range(SKILLS)
    ]
