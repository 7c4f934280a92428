"""Whether saves are followed: not for a while, where somebody says so; and what changed meanwhile is caught up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.runtime.devsessions.reload import Reloader
    from workbench.runtime.runtime import Workbench
    from workbench.ui.app import WorkbenchApp


class Following:
    """Follows the workspace, and the session that is looked at; both or neither."""

    def __init__(self, app: WorkbenchApp) -> None:
        self._app = app
        self._reloaders: list[Reloader] = []
        self.is_on = app.settings.skills.hot_reload_enabled

    @asynccontextmanager
    async def of(self, workbench: Workbench) -> AsyncIterator[None]:
        """Follow what is saved for as long as the block lasts, unless the settings say not to."""
        if not self._app.settings.skills.hot_reload_enabled:
            yield
            return
        async with workbench.watching() as reloader:
            if not self.is_on:
                reloader.pause()
            self._reloaders.append(reloader)
            try:
                yield
            finally:
                self._reloaders.remove(reloader)

    async def switch(self) -> None:
        """Off, or on again."""
        self.is_on = not self.is_on
        for reloader in tuple(self._reloaders):
            if self.is_on:
                await reloader.resume()
            else:
                reloader.pause()
        on, off = "saves are followed again", "saves are not followed: what answers now goes on answering"
        self._app.say(on if self.is_on else off)
        self._app.arrange()
