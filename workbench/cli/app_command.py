"""Open the app on a workspace."""

from __future__ import annotations

import argparse
import os
import sys

from workbench.model.errors import WrongUse
from workbench.runtime.sandbox.spawning import WardenProcess, spawn_warden


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", nargs="?", default="", metavar="PATH", help="the workspace (default: here, or above)")


def run(options: argparse.Namespace) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise WrongUse("the app needs a terminal", hint="`workbench list` and the other commands work without one")
    warden = spawn_warden()  # it starts while the rest is imported
    import anyio

    return anyio.run(_open, options, warden)


async def _open(options: argparse.Namespace, warden: WardenProcess) -> int:
    from workbench.assembly import open_workbench
    from workbench.configuration import nearest_workspace
    from workbench.ui.app import WorkbenchApp

    workspace = options.path or options.workspace or nearest_workspace(os.getcwd())
    async with open_workbench(workspace=workspace, warden=warden) as workbench:
        if not workbench.settings.skills.hot_reload_enabled:
            return await WorkbenchApp(workbench).run_async() or 0
        async with workbench.watching():
            return await WorkbenchApp(workbench).run_async() or 0
