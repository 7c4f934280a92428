"""What the sandbox costs a start."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import AsyncIterator

from bench.figures import Figure, at_most, awaited, clean_environ, median_ms, percentile_ms
from workbench.assembly import open_workbench
from workbench.model.policy import DEFAULT_LIMITS, NO_PERMISSIONS, Limits, Tier
from workbench.model.settings import SecuritySettings
from workbench.runtime.sandbox.client import open_warden
from workbench.runtime.sandbox.policy import Policy, policy_for
from workbench.runtime.sandbox.spawning import interpreter

TIMES = 200


async def measure(folder: str) -> AsyncIterator[Figure]:
    workspace, out = f"{folder}/walls", f"{folder}/out"
    os.makedirs(workspace)
    os.makedirs(out)
    async with open_workbench(workspace=workspace, environ=clean_environ(folder)) as workbench:
        tier, security = workbench.tier, workbench.settings.security
    async with open_warden(bubblewrap=security.bubblewrap) as warden:
        nothing = os.open(os.devnull, os.O_RDWR)
        policy = around(out, tier, security)
        for name, argv, gate in (
            ("inline_x", ("/bin/true",), 10.0),
            ("inline_python_x", (interpreter(), "-I", "-S", "-c", "pass"), 2.2),
        ):

            async def inside(argv: tuple[str, ...] = argv) -> None:
                child = await warden.start(argv, policy, cwd=out, descriptors=(nothing,) * 3)
                await child.wait()

            await awaited(inside, 10)
            samples, bare = [], []
            for _ in range(10):
                samples += await awaited(inside, TIMES // 10)
                bare += [_bare(argv) for _ in range(TIMES // 10)]
            yield at_most(
                name,
                median_ms(samples) / median_ms(bare),
                gate,
                baseline={f"bare {os.path.basename(argv[0])} (ms)": median_ms(bare)},
                detail={"sandboxed (ms)": median_ms(samples), "p95 (ms)": percentile_ms(samples, 95)},
            )
        os.close(nothing)


def around(out: str, tier: Tier, security: SecuritySettings, limits: Limits = DEFAULT_LIMITS) -> Policy:
    """The walls around a child that asks for nothing."""
    return policy_for(
        NO_PERMISSIONS,
        limits,
        security,
        tier,
        read=(),
        out=out,
        spawns_by_default=True,
        environ={},
        variables={},
    )


def _bare(argv: tuple[str, ...]) -> float:
    began = time.perf_counter()
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - began
