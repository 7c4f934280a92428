"""How times and strangers' texts are said, wherever they are shown."""

from __future__ import annotations

import re
import time

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def safe(text: str) -> str:
    """Control characters made visible, lone surrogates too: names and messages come from strangers."""
    shown = _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
    return shown.encode("utf-8", "backslashreplace").decode()


def ago(then: float, now: float | None = None) -> str:
    """How long ago, as people say it."""
    seconds = max(0.0, (time.time() if now is None else now) - then)
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds // 86_400)} d ago"


def duration(ms: float | None) -> str:
    """A time as people say it; what is not known is –."""
    if ms is None:
        return "–"
    if ms < 1:
        return f"{ms:.1f} ms"
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def counted(number: int, noun: str) -> str:
    """`1 skill`, `2 skills`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def clock_time(at: float) -> str:
    """A moment as a clock shows it, here."""
    return time.strftime("%H:%M:%S", time.localtime(at))
