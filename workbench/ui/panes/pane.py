"""What every pane is: a numbered title that shows where the focus is, and something below it that takes the focus."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from workbench.ui.widgets.line import put_line


class Pane(Vertical):
    """A numbered part of the screen."""

    NUMBER: ClassVar[int]
    NAME: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(id=self.NAME.casefold())
        self.detail = ""
        self._title = Static(self._titled(""), classes="title")

    def compose(self) -> ComposeResult:
        yield self._title

    async def fill(self) -> None:
        """What is below the title comes after the first frame: it would cost it half of its time."""
        await self.mount(*self.contents())
        self.filled()

    def contents(self) -> Iterable[Widget]:
        """What is below the title."""
        return ()

    def filled(self) -> None:
        """Everything is there now."""

    @property
    def label(self) -> str:
        """What the strip of panes calls it."""
        return f"{self.NUMBER} {self.NAME}"

    if TYPE_CHECKING:

        @property
        def to_focus(self) -> Widget:
            """What takes the focus when the pane does; each pane has its own."""
            ...

    @property
    def words_to_copy(self) -> str:
        """What a person means who copies from this pane."""
        return ""

    def set_detail(self, detail: str, style: str = "") -> None:
        """What stands behind the title."""
        self.detail = detail
        put_line(self._title, self._titled(detail, style))

    def _titled(self, detail: str, style: str = "") -> Content:
        return Content.assemble(self.label, "   ", (detail, style)) if detail else Content(self.label)
