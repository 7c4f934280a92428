"""The command palette: fed by the registry alone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from workbench.ui.commands import REGISTRY, Command, key_name

if TYPE_CHECKING:
    from workbench.ui.app import WorkbenchApp


class Palette(Provider):
    """Finds commands by their names, and says why one cannot be used now."""

    async def discover(self) -> Hits:
        for command in REGISTRY:
            yield DiscoveryHit(self._title(command), partial(self._do, command), help=self._help(command))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for command in REGISTRY:
            if (score := max(matcher.match(command.name), matcher.match(command.help) * 0.5)) > 0:
                title = matcher.highlight(self._title(command))
                yield Hit(score, title, partial(self._do, command), help=self._help(command))

    @property
    def _workbench(self) -> WorkbenchApp:
        return cast("WorkbenchApp", self.app)

    def _title(self, command: Command) -> str:
        keys = self._workbench.keymap.of(command)
        return f"{command.name}  {key_name(keys[0])}" if keys else command.name

    def _help(self, command: Command) -> str:
        reason = command.unavailable(self._workbench)
        return f"not now: {reason}" if reason else command.help

    async def _do(self, command: Command) -> None:
        await self._workbench.do(command.id)
