"""A command of one's own after each accepted save; a newer save of the same skill ends an older command."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import anyio

from workbench.cli.paper import say
from workbench.model.events import SkillHotReloaded

GRACE_SECONDS = 2.0
Follow = Callable[[SkillHotReloaded], None]


@asynccontextmanager
async def following(command: str, *, to_stderr: bool) -> AsyncIterator[Follow]:
    """For as long as the block lasts; afterwards nothing of the commands is left."""
    scopes: dict[str, anyio.CancelScope] = {}
    async with anyio.create_task_group() as tasks:

        def follow(event: SkillHotReloaded) -> None:
            if not command:
                return
            if (older := scopes.get(event.skill)) is not None:
                older.cancel()
            scopes[event.skill] = anyio.CancelScope()
            tasks.start_soon(_run, command, event, scopes[event.skill], 2 if to_stderr else None)

        try:
            yield follow
        finally:
            tasks.cancel_scope.cancel()


async def _run(command: str, event: SkillHotReloaded, scope: anyio.CancelScope, stdout: int | None) -> None:
    told = {"SKILL": event.skill, "REVISION": str(event.revision), "SESSION": event.realm, "DIGEST": event.digest}
    environ = {**os.environ, **{f"WORKBENCH_{name}": value for name, value in told.items()}}
    with scope:
        with anyio.CancelScope(shield=True):  # one that is being started has children before anybody knows of it
            process = await anyio.open_process(
                ["/bin/sh", "-c", command],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=None,
                start_new_session=True,
            )
        try:
            code = await process.wait()
            if code:
                say(f"✕ {event.skill} r{event.revision}: `{command}` ended with {code}")
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process)


async def _end(process: anyio.abc.Process) -> None:
    """The whole group, gently and then not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with anyio.move_on_after(GRACE_SECONDS):
            await process.wait()
            return
