"""The text of one file as it is edited: colours where the grammar is here, and what a check says behind its line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual._text_area_theme import TextAreaTheme
from textual._tree_sitter import TREE_SITTER
from textual.binding import Binding, BindingType
from textual.events import Key, Paste
from textual.geometry import Offset
from textual.strip import Strip
from textual.widgets import TextArea

from workbench.model.finding import Finding, Severity
from workbench.model.words import safe
from workbench.runtime.devsessions.files import TextFile

LANGUAGES = {
    ".py": "python",
    ".json": "json",
    ".md": "markdown",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".toml": "toml",
    ".sh": "bash",
    ".js": "javascript",
    ".mjs": "javascript",
}
MOST_COLOURED = 400_000
_WORST = {severity: rank for rank, severity in enumerate(Severity)}


class Source(TextArea):
    """A text area that knows which file it shows, and whether it says what the file says."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"source--bad", "source--warning", "source--comment", "source--word"}
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, file: TextFile, *, read_only: bool = False) -> None:
        super().__init__(
            file.text,
            language=_language_of(file),
            soft_wrap=False,
            tab_behavior="indent",
            show_line_numbers=True,
            compact=True,
            read_only=read_only,
            max_checkpoints=500,
            highlight_cursor_line=True,
        )
        self.file = file
        self._marks: Mapping[int, tuple[str, str, str]] = {}

    @property
    def is_unsaved(self) -> bool:
        return self.text != self.file.text

    @property
    def marked_lines(self) -> tuple[int, ...]:
        """The lines that a check has something to say about, from 1."""
        return tuple(sorted(self._marks))

    @property
    def gutter_width(self) -> int:
        """One cell more than the numbers need: the glyph of a finding stands there."""
        return super().gutter_width + 1

    def mark(self, findings: Iterable[Finding], not_run: Iterable[int] = ()) -> None:
        """Show these findings at their lines, of several at one line the worst, and which lines no test has run."""
        marks: dict[int, tuple[str, str, str]] = dict.fromkeys(not_run, ("┊", "", "warning"))
        for finding in sorted(findings, key=lambda each: -_WORST[each.severity]):
            line = max(1, min(finding.place.line, self.document.line_count))
            style = "bad" if finding.severity.breaks else "warning"
            marks[line] = ("✕" if finding.severity.breaks else "▲", safe(finding.message), style)
        if marks != self._marks:
            self._marks = marks
            self._redraw()

    def put(self, text: str) -> None:
        """Another text, as one edit that can be undone; only what differs is touched, and the cursor goes there."""
        before = self.text
        if text == before:
            return
        head = _shared(before, text)
        rest, new_rest = before[head:], text[head:]
        tail = _shared(rest[::-1], new_rest[::-1])
        start = _location(before, head)
        self.replace(new_rest[: len(new_rest) - tail], start, _location(before, len(before) - tail))
        self.move_cursor(_location(text, len(text) - tail), center=True)

    def go_to_line(self, line: int, column: int = 0) -> None:
        """Put the cursor there and show it in the middle."""
        row = max(0, min(line, self.document.line_count) - 1)
        self.move_cursor((row, max(0, min(column - 1, len(self.document[row])))), center=True)

    def scroll_cursor_visible(self, center: bool = False, animate: bool = False) -> Offset:
        """Show the cursor, and the beginning of its line with it where there is room for both."""
        offset = super().scroll_cursor_visible(center, animate)
        row, column = self.cursor_location
        if self.scroll_offset.x and self.get_column_width(row, column) + 2 * self.gutter_width < self.size.width:
            self.scroll_to(x=0, animate=False, force=True, immediate=True)
        return offset

    def use_colours(self) -> None:
        """Take the colours of the app's theme."""
        theme = _colours(self)
        self.register_theme(theme)
        self.theme = "css"
        self.theme = theme.name

    def on_mount(self) -> None:
        self.use_colours()
        self.app.theme_changed_signal.subscribe(self, lambda _: self.use_colours())

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        row = y + self.scroll_offset.y
        mark = self._marks.get(row + 1)
        if mark is None or row >= self.document.line_count:
            return strip
        glyph, message, name = mark
        style = _ink(self, name) + Style(bgcolor=next((each.style.bgcolor for each in strip if each.style), None))
        return _marked(strip, glyph, message, style, self._end_of(row), self.size.width)

    async def action_leave(self) -> None:
        await self.run_action("app.go_to('skills')")

    async def _on_key(self, event: Key) -> None:
        """Keys take effect in the order in which they were typed; enter keeps the depth of the line.

        Left alone, a key that is bound waits until the app has seen it, and letters typed after it overtake it.
        """
        bound = [binding for _, binding in self._bindings if binding.key == event.key]
        if bound:
            event.stop()
            event.prevent_default()
            await self.run_action(bound[0].action)
        elif event.key == "enter" and not self.read_only:
            event.stop()
            event.prevent_default()
            self._break_line()

    async def _on_paste(self, event: Paste) -> None:
        """Half a character is no text that a file, or the grammar, could hold."""
        event.text = event.text.encode("utf-8", "replace").decode()

    def _break_line(self) -> None:
        row, column = self.cursor_location
        line = self.document[row][:column]
        depth = line[: len(line) - len(line.lstrip())]
        deeper = "    " if self.language == "python" and line.rstrip().endswith(":") else ""
        start, end = self.selection
        self._replace_via_keyboard(f"\n{depth}{deeper}", start, end)

    def _end_of(self, row: int) -> int:
        """Where the line's text ends on the screen."""
        return self.gutter_width + self.get_column_width(row, len(self.document[row])) - self.scroll_offset.x

    def _redraw(self) -> None:
        self._line_cache.clear()
        self.refresh()


def _shared(first: str, second: str) -> int:
    """How far two texts begin alike."""
    least, most = 0, min(len(first), len(second))
    while least < most:
        middle = (least + most + 1) // 2
        if first[least:middle] == second[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def _location(text: str, offset: int) -> tuple[int, int]:
    """Row and column of an offset in a text."""
    row = text.count("\n", 0, offset)
    return row, offset - (text.rfind("\n", 0, offset) + 1)


def _marked(strip: Strip, glyph: str, message: str, style: Style, end: int, width: int) -> Strip:
    """A line with a glyph at its number and a message behind its end, as far as there is room."""
    head = Strip([Segment(glyph, style)])
    start = max(1, min(end + 1, width - 13))
    room = max(1, width - start - 1)
    tail = Strip([Segment(f" {message if len(message) <= room else f'{message[: room - 1]}…'}", style)])
    rest = strip.crop(start + tail.cell_length, width)
    return Strip.join([head, strip.crop(1, start), tail, rest])


def _language_of(file: TextFile) -> str | None:
    """The grammar for a file, where it is here and the file is not too large to be coloured while typing."""
    _, dot, ending = file.path.rpartition(".")
    language = LANGUAGES.get(f"{dot}{ending}")
    return language if TREE_SITTER and language and len(file.text) <= MOST_COLOURED else None


def _ink(widget: Source, name: str) -> Style:
    """The colour of a style as it is on this background: those that fade are nothing by themselves."""
    return Style(color=widget.get_component_rich_style(f"source--{name}").color)


def _colours(widget: Source) -> TextAreaTheme:
    """Calm: comments dim, words of the language in the accent, everything else as it is."""
    dim, word = _ink(widget, "comment"), _ink(widget, "word")
    styles: dict[str, Any] = dict.fromkeys(("comment", "string.documentation", "punctuation.special"), dim)
    styles |= dict.fromkeys(
        ("keyword", "keyword.function", "keyword.return", "keyword.operator", "conditional", "repeat", "include"), word
    )
    styles |= dict.fromkeys(("exception", "boolean", "json.label", "yaml.field", "toml.type", "tag"), word)
    styles |= dict.fromkeys(("heading", "heading.marker", "function", "class", "method"), Style(bold=True))
    styles |= dict.fromkeys(("string", "number", "json.null", "link.uri", "inline_code"), Style(italic=False) + dim)
    return TextAreaTheme(name=f"workbench-{widget.app.theme}", syntax_styles=styles)
