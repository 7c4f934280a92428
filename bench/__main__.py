"""`python -m bench [NAME …]`: measure, and print one JSON document."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator

import anyio

from bench import crowds, engine, limits, loading, reloading, screen, starting, walls
from bench.figures import Figure
from workbench import __version__

MEASURES = {
    "starting": starting.measure,
    "engine": engine.measure,
    "walls": walls.measure,
    "limits": limits.measure,
    "reloading": reloading.measure,
    "loading": loading.measure,
    "screen": screen.measure,
    "crowds": crowds.measure,
}


async def _collected(figures: AsyncIterator[Figure]) -> list[Figure]:
    return [figure async for figure in figures]


def _measured(name: str, folder: str) -> list[Figure]:
    figures = MEASURES[name](folder)
    if isinstance(figures, Iterator):
        return list(figures)
    return anyio.run(_collected, figures)  # type: ignore[arg-type]


def main() -> int:
    wanted = sys.argv[1:] or list(MEASURES)
    figures: list[Figure] = []
    for name in wanted:
        folder = os.path.realpath(tempfile.mkdtemp(prefix="workbench-bench-", dir="/var/tmp"))
        try:
            figures += _measured(name, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print(f"{name} measured", file=sys.stderr)
    document = {
        "version": __version__,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "processors": os.cpu_count(),
            "load": os.getloadavg()[0],
        },
        "figures": [figure.document() for figure in figures],
    }
    print(json.dumps(document, indent=2, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
