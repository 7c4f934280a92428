"""The log on the screen: drawn line by line from a logbook, still while it is read, at its end while it is followed."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.timer import Timer

from workbench.model.words import counted, safe
from workbench.ui.logbook import Logbook, LogEntry
from workbench.ui.sieve import LogFilter, Sieve
from workbench.ui.widgets.log_line import pieces_of

FLUSHES_PER_SECOND = 30
SEARCH_SECONDS = 0.004
STYLE_NAMES = ("plain", "dim", "accent", "good", "warning", "bad")


class LogView(ScrollView, can_focus=True):
    """Shows the lines of a logbook that pass a filter. The cursor keeps to its line; at the last one it follows."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"log-view--{name}" for name in (*STYLE_NAMES, "cursor")}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home,g", "edge(-1)", show=False),
        Binding("end,G", "edge(1)", show=False),
        Binding("enter", "choose", show=False),
    ]
    cursor: reactive[int] = reactive(0)
    """The number in the logbook of the line that the cursor stands on."""
    following: reactive[bool] = reactive(True)
    """Whether the newest line is kept in sight."""

    class Chosen(Message):
        """Enter or a click on a line; the entry has all of its text that was kept."""

        def __init__(self, log_view: LogView, entry: LogEntry) -> None:
            super().__init__()
            self.log_view, self.entry = log_view, entry

        @property
        def control(self) -> LogView:
            return self.log_view

    def __init__(self, logbook: Logbook, *, id: str, hint: str = "") -> None:
        """The hint is said where a filter lets nothing through: the key that clears it."""
        super().__init__(id=id)
        self.logbook = logbook
        self._hint = hint
        self._sieve: Sieve | None = None
        self._numbers: range | Sieve = range(0)
        self._flushing: Timer | None = None
        self._searching: Timer | None = None
        self._is_placing = False
        self._thumb = (0, 0)
        self._width = 0
        self._styles: dict[str, Style] = {}

    @property
    def count(self) -> int:
        """How many lines are shown."""
        return len(self._numbers)

    @property
    def looked_at(self) -> float:
        """The share of the lines that the filter has looked at."""
        return 1.0 if self._sieve is None else self._sieve.looked_at

    def add(self, entries: Iterable[LogEntry]) -> None:
        """Add to the logbook, and show it soon."""
        self.logbook.add(entries)
        self.catch_up()

    def catch_up(self) -> None:
        """Show what was added to the logbook, at the next of thirty moments in a second."""
        if self._flushing is not None:
            self._flushing.resume()

    def show_only(self, wanted: LogFilter) -> None:
        """Show the lines that pass this filter: the newest at once, older ones as they are found."""
        self._sieve = None if wanted.lets_all_through else Sieve(self.logbook, wanted)
        self._search()
        self._settle()

    def on_mount(self) -> None:
        # Timers that only pause and resume: whoever adds may do it from a task that Textual does not know.
        self._flushing = self.set_interval(1 / FLUSHES_PER_SECOND, self._flush, pause=True)
        self._searching = self.set_interval(2 * SEARCH_SECONDS, self._search_on, pause=True)
        self._settle()

    def on_resize(self) -> None:
        self._settle()

    def render_lines(self, crop: Region) -> list[Strip]:
        # Asked once for all lines: both are dear.
        self._width = self.scrollable_content_region.width
        self._styles = {name: self.get_component_rich_style(f"log-view--{name}") for name in STYLE_NAMES}
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        if not self._numbers and y == 0:
            return self._words_for_nothing()
        position = y + self.scroll_offset.y
        number = self._numbers[position] if position < len(self._numbers) else -1
        entry = self.logbook.entry(number)
        if entry is None or self._width < 2:
            return Strip.blank(self._width, self._styles["plain"])
        is_cursor = number == self.cursor and (self.has_focus or not self.following)
        mark = ("▌" if is_cursor else " ", "accent" if self.has_focus else "dim")
        pieces = [mark, *pieces_of(entry, self._width - 1)]
        strip = Strip([Segment(text, self._styles[style]) for text, style in pieces], self._width)
        if is_cursor and self.has_focus:
            return strip.apply_style(self.get_component_rich_style("log-view--cursor", partial=True))
        return strip

    def watch_cursor(self) -> None:
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        self.refresh(self.size.region)
        self._sync_scrollbar()
        is_at_end = round(new_value) >= self.max_scroll_y
        # Up to the end is where a taller terminal puts what was scrolled below it: nobody asked for that.
        if not self._is_placing and is_at_end == (new_value > old_value):
            self.following = is_at_end

    def watch_following(self) -> None:
        if self.following:
            self._settle()

    def action_move(self, by: int) -> None:
        self._go_to(self._position_of(self.cursor) + by)

    def action_page(self, by: int) -> None:
        self._go_to(self._position_of(self.cursor) + by * max(1, self.size.height - 1))

    def action_edge(self, by: int) -> None:
        self._go_to(0 if by < 0 else len(self._numbers) - 1)

    def action_choose(self) -> None:
        if self._numbers and (entry := self.logbook.whole(self.cursor)) is not None:
            self.post_message(self.Chosen(self, entry))

    def on_click(self, event: Click) -> None:
        position = event.y + self.scroll_offset.y
        if position < len(self._numbers):
            self._go_to(position)
            self.action_choose()

    def _flush(self) -> None:
        if self._flushing is not None:
            self._flushing.pause()
        self._search()
        self._settle()

    def _search(self) -> None:
        """Let the filter look on for a moment; the rest of the loop has the next one."""
        until = time.monotonic() + SEARCH_SECONDS
        while self._sieve is not None and self._sieve.advance():
            if time.monotonic() >= until:
                break
        if self._searching is not None and self._sieve is not None and self._sieve.has_more:
            self._searching.resume()

    def _search_on(self) -> None:
        if self._searching is not None:
            self._searching.pause()
        self._search()
        self.catch_up()

    def _settle(self) -> None:
        """Take what there is now for what is shown; the lines in sight stay where they are, or the newest comes."""
        before = self._in_sight()
        if self._sieve is None:
            self._numbers = range(self.logbook.first, self.logbook.end)
        else:
            self._sieve.settle()
            self._numbers = self._sieve
        with self._placing():
            self._set_height(len(self._numbers))
            if self.following:
                self.cursor = self._numbers[-1] if self._numbers else 0
                self._scroll_to_line(self.max_scroll_y)
            else:
                self.cursor = self._nearest(self.cursor)
                self._scroll_to_line(self._position_of(before[0]) if before else 0)
        if not before or self._in_sight() != before:
            self.refresh()

    def _in_sight(self) -> list[int]:
        top = self.scroll_offset.y
        return [self._numbers[position] for position in range(top, min(top + self.size.height, len(self._numbers)))]

    def _set_height(self, height: int) -> None:
        """Say how many lines there are. To set virtual_size outright would lay out and draw the whole screen anew."""
        size = Size(self.size.width, height)
        if size != self.virtual_size:
            self.set_reactive(LogView.virtual_size, size)
            self._sync_scrollbar()

    def _sync_scrollbar(self) -> None:
        """Tell the scrollbar where it is if that can be seen: to draw it costs as much as to draw half of the lines."""
        height, window, top = self.virtual_size.height, self.size.height, self.scroll_offset.y
        eighths = 8 * window / max(1, height)
        thumb = (round(top * eighths), round((top + window) * eighths))
        if thumb != self._thumb:
            self._thumb = thumb
            self.vertical_scrollbar.position = top
            self._scroll_update(self.virtual_size)

    def _scroll_to_line(self, position: int) -> None:
        position = max(0, min(position, self.max_scroll_y))
        if position != self.scroll_offset.y:
            self.scroll_to(y=position, animate=False, force=True)

    def _go_to(self, position: int) -> None:
        """Put the cursor on a line that is shown, and the line in sight; the last one is followed."""
        if not self._numbers:
            return
        position = max(0, min(position, len(self._numbers) - 1))
        with self._placing():
            self.cursor = self._numbers[position]
            top, height = self.scroll_offset.y, max(1, self.size.height)
            self._scroll_to_line(max(position - height + 1, min(top, position)))
        self.following = position == len(self._numbers) - 1

    def _position_of(self, number: int) -> int:
        return bisect_left(self._numbers, number)

    def _nearest(self, number: int) -> int:
        position = min(self._position_of(number), len(self._numbers) - 1)
        return self._numbers[position] if self._numbers else 0

    @contextmanager
    def _placing(self) -> Iterator[None]:
        """Scrolling in here is ours, and says nothing of what the reader wants."""
        self._is_placing = True
        try:
            yield
        finally:
            self._is_placing = False

    def _words_for_nothing(self) -> Strip:
        if self._sieve is None or not (self.logbook.end or self._sieve.wanted.text):
            words = "nothing has been said yet"
        elif self._sieve.has_more:
            words = f"looking · {self._sieve.looked_at:.0%} of {counted(len(self.logbook), 'line')}"
        else:
            words = f"nothing matches{_quoted(self._sieve.wanted)}{f' · {self._hint}' if self._hint else ''}"
        strip = Strip([Segment(f" {words}", self._styles["dim"])])
        return strip.adjust_cell_length(self._width, self._styles["plain"])


def _quoted(wanted: LogFilter) -> str:
    return f" '{safe(wanted.text)}'" if wanted.text else ""
