"""The line between two panes; dragging it makes the one wider and the other narrower."""

from __future__ import annotations

from textual.events import MouseDown, MouseMove, MouseUp
from textual.message import Message
from textual.widgets import Static


class Divider(Static):
    """Tells how far it was dragged."""

    class Dragged(Message):
        """The mouse took the line so many cells to the right and down."""

        def __init__(self, divider: Divider, right: int, down: int) -> None:
            super().__init__()
            self.divider, self.right, self.down = divider, right, down

    def on_mouse_down(self, event: MouseDown) -> None:
        self.capture_mouse()
        event.stop()

    def on_mouse_up(self, event: MouseUp) -> None:
        self.release_mouse()
        event.stop()

    def on_mouse_move(self, event: MouseMove) -> None:
        if self.app.mouse_captured is self and (event.x or event.y):
            self.post_message(self.Dragged(self, event.x, event.y))
            event.stop()
