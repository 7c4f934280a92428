"""A line of text that changes: drawn when it does, and nothing around it is laid out again."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


def put_line(line: Static, content: Content) -> None:
    """Have a widget that is always one line tall show something else."""
    if line.content != content:
        line.update(content, layout=False)


def put_text(text: Static, content: Content) -> None:
    """Have a widget that is as tall as its text show something else."""
    if text.content != content:
        text.update(content)
