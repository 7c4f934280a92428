"""What a workbench leaves behind: processes, descriptors, folders. It should be nothing."""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
import psutil

from tests.author import Author


def descendants() -> set[int]:
    """The processes below this one that have not ended."""
    return {child.pid for child in psutil.Process().children(recursive=True)}


def descriptors() -> dict[str, str]:
    """What this process holds open."""
    found = {}
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            found[number] = os.readlink(f"/proc/self/fd/{number}")
    return found


def scratch_folders(author: Author) -> int:
    """How many folders the workers of every process on a workspace have."""
    return sum(path.is_dir() for path in author.workspace.glob(".workbench/scratch/*/*"))


@asynccontextmanager
async def nothing_is_left_behind(author: Author) -> AsyncIterator[None]:
    """After the block there is no process, descriptor or scratch folder more than before."""
    before, opened = descendants(), descriptors()
    yield
    gc.collect()
    with anyio.move_on_after(5):
        while descendants() - before:
            await anyio.sleep(0.01)
    assert descendants() - before == set()
    held = descriptors()
    assert len(held) <= len(opened), {number: what for number, what in held.items() if opened.get(number) != what}
    assert list(author.workspace.glob(".workbench/scratch/*")) == []
    assert list(author.workspace.glob(".workbench/instances/*")) == []
    assert [path for path in author.workspace.glob(".workbench/rev/*/.*") if ".refused-" not in path.name] == []
