"""One attempt inside the sandbox as a skill would be started, and what came of it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio

from workbench.model.frozen import frozen, replace
from workbench.model.policy import DEFAULT_LIMITS, NO_PERMISSIONS, Limits, Tier
from workbench.model.settings import SecuritySettings
from workbench.runtime.atomic import nameless_file
from workbench.runtime.proofs import attempts
from workbench.runtime.sandbox.client import Child, End, Warden
from workbench.runtime.sandbox.policy import policy_for
from workbench.runtime.sandbox.spawning import interpreter

SECONDS = 10.0
MOST_SAID = 65_536


@frozen
class Trial:
    """What an attempt said, how it ended, and how long it lasted."""

    said: Mapping[str, Any]
    errors: str
    end: End
    seconds: float


@frozen
class Cell:
    """Where attempts are made: behind walls of one tier, each with a folder of its own below this one."""

    warden: Warden
    security: SecuritySettings
    tier: Tier
    folder: str

    async def tries(
        self,
        name: str,
        told: Mapping[str, object] | None = None,
        *,
        limits: Limits = DEFAULT_LIMITS,
        spawns: bool = False,
        most_files: int = 0,
    ) -> Trial:
        """One attempt, to its end; raises MachineCannot where it cannot be started."""
        with nameless_file() as output, nameless_file() as errors:
            began = time.monotonic()
            outputs = output.fileno(), errors.fileno()
            made = self.started(name, told or {}, outputs, limits=limits, spawns=spawns, most_files=most_files)
            async with made as child:
                end = await child.wait()
            seconds = time.monotonic() - began
            output.seek(0)
            errors.seek(0)
            complained = errors.read(MOST_SAID).decode("utf-8", "replace")
            return Trial(said=_said(output.read(MOST_SAID)), errors=complained, end=end, seconds=seconds)

    @asynccontextmanager
    async def started(
        self,
        name: str,
        told: Mapping[str, object],
        outputs: tuple[int, int],
        *,
        limits: Limits = DEFAULT_LIMITS,
        spawns: bool = False,
        most_files: int = 0,
    ) -> AsyncIterator[Child]:
        """An attempt that is under way, for so long as any may take; afterwards it is over."""
        script = os.path.realpath(attempts.__file__)
        out = os.path.join(self.folder, f"out-{name}")
        os.mkdir(out)
        policy = policy_for(
            NO_PERMISSIONS,
            limits,
            replace(self.security, max_files=most_files or self.security.max_files),
            self.tier,
            read=(script,),
            out=out,
            spawns_by_default=spawns,
            environ={},
            variables={},
        )
        command = (interpreter(), "-I", "-S", script, name, json.dumps(told))
        nothing = os.open(os.devnull, os.O_RDONLY)
        try:
            child = await self.warden.start(command, policy, cwd=out, descriptors=(nothing, *outputs))
        finally:
            os.close(nothing)
        try:
            with anyio.fail_after(SECONDS):
                yield child
        finally:
            await child.stop(grace=0)


def _said(output: bytes) -> Mapping[str, Any]:
    """Everything that it said before it ended, put together."""
    said: dict[str, Any] = {}
    for line in output.decode("utf-8", "replace").splitlines():
        said |= json.loads(line)
    return said
