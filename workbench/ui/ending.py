"""The end of the app: what worked behind it ends with it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.app import App


async def workers_ended(app: App[int]) -> None:
    """Wait for the workers of an app that is over: a loop that ends before they do cuts them off in the middle."""
    await asyncio.gather(*(worker.wait() for worker in tuple(app.workers)), return_exceptions=True)
