"""Watching by looking: for folders where the system reports nothing, such as network mounts."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterator, Sequence

import anyio

SECONDS = 0.3
MAX_DEPTH = 16
Stamp = tuple[int, int, int]


async def polled(folders: Sequence[str], stop: anyio.Event) -> AsyncGenerator[frozenset[str], None]:
    """Paths whose stamps differ from one look to the next, until told to stop."""
    before = await anyio.to_thread.run_sync(_look, folders)
    while not stop.is_set():
        with anyio.move_on_after(SECONDS):
            await stop.wait()
        now = await anyio.to_thread.run_sync(_look, folders)
        changed = {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}
        before = now
        if changed:
            yield frozenset(changed)


def _look(folders: Sequence[str]) -> dict[str, Stamp]:
    return {path: stamp for folder in folders for path, stamp in _stamps(folder, 0)}


def _stamps(folder: str, depth: int) -> Iterator[tuple[str, Stamp]]:
    try:
        with os.scandir(folder) as listing:
            items = list(listing)
    except OSError:
        return
    for item in items:
        if item.name.startswith("."):
            continue
        try:
            if item.is_dir(follow_symlinks=False):
                if depth < MAX_DEPTH:
                    yield from _stamps(item.path, depth + 1)
                continue
            status = item.stat(follow_symlinks=False)
        except OSError:
            continue
        yield item.path, (status.st_mtime_ns, status.st_size, status.st_ino)
