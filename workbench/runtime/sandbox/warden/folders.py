"""How much lies in a folder that a child writes: counted now and then, and no further than it takes to say `over`."""

from __future__ import annotations

import os

LOOK_SECONDS = 0.25
MOST_DEPTH = 100
"""Of folders in folders: below them nothing could be counted, or found again to be taken away."""

BLOCK = 512


class Folder:
    """One folder and how much may lie in it."""

    __slots__ = ("_most_bytes", "_most_files", "_path", "measured", "next_look")

    def __init__(self, path: str, most_bytes: int, most_files: int, now: float) -> None:
        self._path, self._most_bytes, self._most_files = path, most_bytes, most_files
        self.next_look = now + LOOK_SECONDS
        self.measured = 0

    def look(self, now: float) -> str:
        """'written', 'files', 'depth' or nothing; `measured` says how much it was when counting ended."""
        self.next_look = now + LOOK_SECONDS
        size = files = 0
        stack = [(self._path, 0)]
        while stack:
            path, depth = stack.pop()
            for entry_size, below in _entries(path):
                size, files = size + entry_size, files + 1
                if size > self._most_bytes:
                    self.measured = size
                    return "written"
                if files > self._most_files:
                    self.measured = files
                    return "files"
                if below and depth == MOST_DEPTH:
                    self.measured = depth + 1
                    return "depth"
                if below:
                    stack.append((below, depth + 1))
        return ""


def _entries(path: str) -> list[tuple[int, str]]:
    """Of each thing in a folder the bytes that it takes, and its path where it is a folder itself."""
    found: list[tuple[int, str]] = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                    found.append((status.st_blocks * BLOCK, entry.path if entry.is_dir(follow_symlinks=False) else ""))
                except OSError:
                    continue
    except OSError:
        return found
    return found
