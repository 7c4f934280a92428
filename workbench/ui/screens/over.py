"""A screen over the panes. It is left once, however often the key comes."""

from __future__ import annotations

from typing import TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen

Answer = TypeVar("Answer")


class Over(ModalScreen[Answer]):
    """What all the screens over the panes are."""

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        # A second escape that was on its way already would take the screen below with it.
        return super().dismiss(result) if self.is_current else AwaitComplete()
