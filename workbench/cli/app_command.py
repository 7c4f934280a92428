"""Open the app on a workspace."""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import gc
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import IO, TYPE_CHECKING

from workbench.cli.keeper import kept
from workbench.model.errors import ExitCode, WorkbenchError, WrongUse
from workbench.runtime.sandbox.spawning import WardenProcess, spawn_warden

if TYPE_CHECKING:
    from workbench.model.settings import Settings
    from workbench.ui.app import WorkbenchApp


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", nargs="?", default="", metavar="PATH", help="the workspace (default: here, or above)")


def run(options: argparse.Namespace) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise WrongUse("the app needs a terminal", hint="`workbench list` and the other commands work without one")
    from workbench.configuration import nearest_workspace, read_settings

    settings = read_settings(options.path or options.workspace or nearest_workspace(os.getcwd()), os.environ)

    def app(crash: IO[bytes], keeper: int) -> int:
        faulthandler.enable(crash)
        warden = spawn_warden()  # it starts while the rest is imported
        return asyncio.run(_open(settings, warden, keeper))

    return kept(app, lambda: _where_drafts_are(settings))


async def _open(settings: Settings, warden: WardenProcess, keeper: int) -> int:
    """The app first, from what it remembers; the workbench behind its first frame, and anyio with it."""
    from workbench.ui.app import WorkbenchApp
    from workbench.ui.driver import TerminalDriver
    from workbench.ui.ending import workers_ended
    from workbench.ui.memory import open_memory

    app = WorkbenchApp(settings, open_memory(settings.workspace, os.environ))
    app.driver_class = TerminalDriver
    failed: list[WorkbenchError] = []
    _leave_when_told(app, keeper)
    async with asyncio.TaskGroup() as beside:
        serving = beside.create_task(_serve(app, settings, warden, failed.append))
        code = await app.run_async()
        serving.cancel()
        await workers_ended(app)
    if failed:
        raise failed[0]
    return code if code is not None else app.return_code or ExitCode.DONE


async def _serve(
    app: WorkbenchApp, settings: Settings, warden: WardenProcess, fail: Callable[[WorkbenchError], None]
) -> None:
    """Hold a workbench open for the app, for as long as it runs."""
    await app.first_frame.wait()
    import anyio

    assembly = await anyio.to_thread.run_sync(import_module, "workbench.assembly")  # the screen goes on meanwhile

    try:
        gc.freeze()  # what is imported stays: to look through it again and again would stall the loop for 40 ms
        async with assembly.open_workbench(settings, warden=warden) as workbench:
            app.connect(workbench)
            async with app.following.of(workbench):
                await anyio.sleep_forever()
    except WorkbenchError as error:
        fail(error)
        app.exit(error.exit_code)


def _leave_when_told(app: WorkbenchApp, keeper: int) -> None:
    """As if by its own key: when the terminal was closed, when somebody wants it to end, when the keeper is gone."""
    loop = asyncio.get_running_loop()

    def without_keeper() -> None:
        """The keeper's end of the pipe is closed: nobody waits for the app any more."""
        loop.remove_reader(keeper)
        app.leave(ExitCode.INTERRUPTED)

    loop.add_reader(keeper, without_keeper)
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, app.leave, ExitCode.INTERRUPTED)


def _where_drafts_are(settings: Settings) -> str:
    from workbench.runtime.library.drafts import FOLDER
    from workbench.runtime.places import place_of_state

    folder = f"{place_of_state(settings.workspace, os.environ).folder}/{FOLDER}"
    if not os.path.isdir(folder) or not os.listdir(folder):
        return "nothing was unsaved"
    return f"unsaved text is kept in {folder}, and offered at the next start"
