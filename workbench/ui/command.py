"""One thing that can be done on the screen: what it is called, its keys, and when it cannot be done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from workbench.model.frozen import frozen

if TYPE_CHECKING:
    from workbench.ui.app import WorkbenchApp


@frozen
class Command:
    """One thing to do. `unavailable` says why it cannot be done now, or nothing; `where` is the pane it belongs to.

    A key with ctrl or alt works wherever the focus is, any other where nothing is being typed.
    """

    id: str
    name: str
    help: str
    keys: tuple[str, ...]
    do: Callable[[WorkbenchApp], Awaitable[None] | None]
    unavailable: Callable[[WorkbenchApp], str] = lambda _: ""
    where: str = ""
    shown: bool = False
