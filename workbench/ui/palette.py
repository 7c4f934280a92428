"""The command palette: fed by the registry alone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from workbench.ui.commands import REGISTRY, Command

if TYPE_CHECKING:
    from workbench.ui.app import WorkbenchApp


class Palette(Provider):
    """Finds commands by their names, and says why one cannot be used now."""

    async def discover(self) -> Hits:
        for command in REGISTRY:
            yield DiscoveryHit(_title(command), partial(self._do, command), help=self._help(command))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for command in REGISTRY:
            if (score := matcher.match(command.name)) > 0:
                yield Hit(score, matcher.highlight(command.name), partial(self._do, command), help=self._help(command))

    @property
    def _workbench(self) -> WorkbenchApp:
        return cast("WorkbenchApp", self.app)

    def _help(self, command: Command) -> str:
        reason = command.unavailable(self._workbench)
        return f"not now: {reason}" if reason else command.help

    async def _do(self, command: Command) -> None:
        await self._workbench.action_do(command.id)


def _title(command: Command) -> str:
    return f"{command.name}  {command.key}"
