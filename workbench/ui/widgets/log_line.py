"""A line of the log as the pieces that fit into a width: time, topic, skill, words."""

from __future__ import annotations

import time

from rich.cells import cell_len, set_cell_size

from workbench.model.words import safe
from workbench.ui.logbook import LogEntry

GAP = "  "
COLUMNS = ((80, 8, 14), (50, 8, 10), (40, 8, 0), (0, 0, 0))
"""From which width on, how wide topic and skill are; the time is there where the topic is."""
STYLES = {"debug": "dim", "info": "plain", "warning": "warning", "error": "bad"}
GLYPHS = {"warning": "▲", "error": "✕"}
OWN_GLYPHS = frozenset("●○◌↻✕✓▲⊘⛒?")
JOINERS = str.maketrans("", "", "\u200d\ufe0f")
"""What makes one picture of several: terminals do not agree how wide that is, and the columns would break."""
UNKNOWN_TIME = "–".ljust(8)


def pieces_of(entry: LogEntry, width: int) -> list[tuple[str, str]]:
    """Pieces with the names of their styles, together exactly as wide."""
    topic_width, skill_width = next((topic, skill) for least, topic, skill in COLUMNS if width >= least)
    pieces = []
    if topic_width:
        pieces.append((f"{_clock(entry.at)}{GAP}{_column(entry.topic, topic_width)}{GAP}", "dim"))
        width -= 8 + topic_width + 2 * len(GAP)
    if skill_width:
        pieces.append((f"{_column(entry.skill, skill_width)}{GAP}", "plain"))
        width -= skill_width + len(GAP)
    pieces.append((_fitted(_words(entry, width), width), STYLES.get(entry.level, "plain")))
    return pieces


def _column(text: str, width: int) -> str:
    return _fitted(_harmless(text, width), width)


def _fitted(text: str, width: int) -> str:
    """The text in just this width: filled up, or cut with an … at its end."""
    if width <= 0 or cell_len(text) <= width:
        return set_cell_size(text, max(0, width))
    return set_cell_size(f"{set_cell_size(text, width - 1).rstrip()}…", width)


def _words(entry: LogEntry, width: int) -> str:
    text = _harmless(entry.text, width)
    glyph = GLYPHS.get(entry.level)
    return text if glyph is None or text[:1] in OWN_GLYPHS else f"{glyph} {text}"


def _harmless(text: str, width: int) -> str:
    """One line without control characters. Only the beginning is looked at: the rest cannot fit."""
    most = 4 * width + 1
    beginning = text if len(text) <= most else f"{text[:most]}…"
    if beginning.isascii() and beginning.isprintable():
        return beginning
    one_line = beginning.replace("\r\n", "\n").rstrip("\n").replace("\n", " ↵ ").expandtabs(4)
    return safe(one_line).translate(JOINERS)


def _clock(at: float) -> str:
    try:
        return time.strftime("%H:%M:%S", time.localtime(at))
    except (ValueError, OverflowError, OSError):
        return UNKNOWN_TIME
