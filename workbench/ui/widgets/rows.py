"""A list drawn line by line: as quick with five thousand rows as with five, and still when its rows change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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

from workbench.model.frozen import frozen


@frozen
class Row:
    """One line: what it stands for ('' for a heading), and its pieces, each with the name of a style.

    Where it wraps, what follows begins `hang` cells in.
    """

    key: str = ""
    pieces: tuple[tuple[str, str], ...] = ()
    hang: int = 0


class Rows(ScrollView, can_focus=True):
    """Shows rows; the cursor keeps to its row by key when others come and go, and skips headings."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "rows--plain",
        "rows--dim",
        "rows--accent",
        "rows--good",
        "rows--warning",
        "rows--bad",
        "rows--cursor",
    }
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

    class Highlighted(Message):
        """The cursor came to a row."""

        def __init__(self, rows: Rows, key: str) -> None:
            super().__init__()
            self.rows, self.key = rows, key

        @property
        def control(self) -> Rows:
            return self.rows

    class Chosen(Highlighted):
        """Enter or a click on a row."""

    def __init__(self, *, id: str, has_cursor: bool = True) -> None:
        """Rows with a cursor are lines, cut where the pane ends; without one they are text, and wrap."""
        super().__init__(id=id)
        self._rows: tuple[Row, ...] = ()
        self._text: tuple[Row, ...] = ()
        self._has_cursor = has_cursor

    @property
    def key(self) -> str:
        """What the cursor stands on."""
        return self._rows[self.cursor].key if self.cursor < len(self._rows) else ""

    def show(self, rows: Sequence[Row], *, at: str = "") -> None:
        """Show these rows instead. The cursor goes to a key, or stays on its own, where that is still there."""
        before = self.key
        self._text = tuple(rows)
        self._lay_out()
        if self._has_cursor:
            self.cursor = self._position_of(at or before)
            if self.key and self.key != before:
                self.post_message(self.Highlighted(self, self.key))
        self.refresh()

    def put_cursor_on(self, key: str) -> None:
        """Go to a row by what it stands for, if it is there."""
        position = self._position_of(key)
        if position < len(self._rows) and self._rows[position].key == key:
            self._go_to(position)

    def on_resize(self) -> None:
        if not self._has_cursor:
            self._lay_out()

    def render_line(self, y: int) -> Strip:
        offset_x, offset_y = self.scroll_offset
        position = y + offset_y
        width = self.size.width
        if position >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        row = self._rows[position]
        is_cursor = self._has_cursor and position == self.cursor and bool(row.key)
        over = self._style_of("cursor") if is_cursor and self.has_focus else Style()
        mark = "▌" if is_cursor else " "
        segments = [Segment(mark, self._style_of("accent" if self.has_focus else "dim") + over)]
        segments += [Segment(text, self._style_of(style) + over) for text, style in row.pieces]
        strip = Strip(segments).crop(offset_x, offset_x + width)
        return strip.extend_cell_length(width, self.rich_style + over)

    def watch_cursor(self) -> None:
        if self._has_cursor:
            self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)
            self.refresh()

    def action_move(self, by: int) -> None:
        if not self._has_cursor:
            self.scroll_relative(y=by, animate=False)
            return
        position = self.cursor + by
        while 0 <= position < len(self._rows) and not self._rows[position].key:
            position += by
        if 0 <= position < len(self._rows):
            self._go_to(position)

    def action_page(self, by: int) -> None:
        height = max(1, self.size.height - 1)
        if not self._has_cursor:
            self.scroll_relative(y=by * height, animate=False)
            return
        self._go_to(self._nearest_key(self.cursor + by * height, by))

    def action_edge(self, by: int) -> None:
        if not self._has_cursor:
            self.scroll_to(y=0 if by < 0 else self.virtual_size.height, animate=False)
            return
        self._go_to(self._nearest_key(0 if by < 0 else len(self._rows) - 1, -by))

    def action_choose(self) -> None:
        if self.key:
            self.post_message(self.Chosen(self, self.key))

    def on_click(self, event: Click) -> None:
        position = event.y + self.scroll_offset.y
        if self._has_cursor and position < len(self._rows) and self._rows[position].key:
            was_there = position == self.cursor
            self._go_to(position)
            if was_there:
                self.action_choose()

    def _lay_out(self) -> None:
        width = max(10, self.size.width - 2)
        self._rows = (
            self._text if self._has_cursor else tuple(line for row in self._text for line in wrapped(row, width))
        )
        self.virtual_size = Size(self.size.width, len(self._rows))
        self.refresh()

    def _go_to(self, position: int) -> None:
        if position != self.cursor and 0 <= position < len(self._rows):
            self.cursor = position
            self.post_message(self.Highlighted(self, self.key))

    def _position_of(self, key: str) -> int:
        for position, row in enumerate(self._rows):
            if key and row.key == key:
                return position
        return self._nearest_key(min(self.cursor, len(self._rows) - 1), 1)

    def _nearest_key(self, position: int, direction: int) -> int:
        """The nearest row that stands for something, looking on in the direction first."""
        if not self._rows:
            return 0
        position = max(0, min(position, len(self._rows) - 1))
        onward = range(position, len(self._rows)) if direction > 0 else range(position, -1, -1)
        back = range(position, -1, -1) if direction > 0 else range(position, len(self._rows))
        return next((at for at in (*onward, *back) if self._rows[at].key), 0)

    def _style_of(self, name: str) -> Style:
        return self.get_component_rich_style(f"rows--{name}", partial=name == "cursor")


def wrapped(row: Row, width: int) -> Iterator[Row]:
    """A row as the lines that fit, broken at spaces where there are any."""
    hang = row.hang if row.hang < width // 2 else 0
    margin = [(" " * hang, "plain")] if hang else []
    line: list[tuple[str, str]] = []
    room = width
    for text, style in row.pieces:
        begin = 0
        while len(text) - begin > room:
            at = text.rfind(" ", begin, begin + room + 1) - begin
            at = at if at > 0 else room if not line or room > width // 3 else 0
            line.append((text[begin : begin + at], style))
            yield Row(key=row.key, pieces=tuple(line))
            begin += at
            line, room, begin = [*margin], width - hang, begin + text.startswith(" ", begin)
        line.append((text[begin:], style))
        room -= len(text) - begin
    yield Row(key=row.key, pieces=tuple(line))
