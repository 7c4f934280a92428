"""Which places of the machine bubblewrap binds, and in what order, so that it makes none of its own in one of them.

Before 0.12 bubblewrap follows links where it makes the point at which a place is bound. In a folder of the machine
somebody may have put one there a moment ago, so every such point lies in folders that are bubblewrap's alone: of two
places one in the other the outer stands for both, and where only the inner may be written, the outer is taken apart.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

MOST_BESIDE = 200


def bindings(
    read: list[str], write: list[str], open_path: Callable[[str], int], passing: Callable[[int], str]
) -> list[str]:
    """bubblewrap's options for these places; `passing` takes a descriptor and says its number there.

    Raises OSError for a place that is not there or is reached through a link, and where too much would have to be
    bound one by one.
    """
    written = _outermost(write)
    arguments: list[str] = []
    for path in _outermost(read):
        if any(is_in(path, place) for place in written):
            continue
        inner = [place for place in written if is_in(place, path)]
        if inner:
            arguments += _around(path, open_path(path), inner, passing)
        else:
            arguments += ["--ro-bind-fd", passing(open_path(path)), path]
    for path in written:
        arguments += ["--bind-fd", passing(open_path(path)), path]
    return arguments


def is_in(path: str, folder: str) -> bool:
    """Whether a path is that folder, or lies below it."""
    return path == folder or path.startswith(f"{folder}/")


def _outermost(paths: list[str]) -> list[str]:
    each_once = list(dict.fromkeys(paths))
    return [path for path in each_once if not any(is_in(path, other) for other in each_once if other != path)]


def _around(path: str, descriptor: int, inner: list[str], passing: Callable[[int], str]) -> list[str]:
    """Everything in a folder but these places, each thing by itself, as it is at this moment. Takes the descriptor."""
    arguments: list[str] = []
    folders = [(path, descriptor)]
    try:
        while folders:
            folder, opened = folders.pop()
            try:
                for name in _names_in(folder, opened):
                    below = f"{folder}/{name}"
                    if below in inner:
                        continue
                    if any(is_in(place, below) for place in inner):
                        folders.append((below, _opened(name, opened)))
                    else:
                        arguments += _one(name, below, opened, passing)
            finally:
                os.close(opened)
    finally:
        for _, opened in folders:
            os.close(opened)
    return arguments


def _names_in(folder: str, descriptor: int) -> list[str]:
    if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
        raise OSError(f"{folder} is no folder any more")
    readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=descriptor)
    try:
        names = os.listdir(readable)
    finally:
        os.close(readable)
    if len(names) > MOST_BESIDE:
        raise OSError(f"a place in {folder} is written, and of over {MOST_BESIDE} things there not all can be read too")
    return sorted(names)


def _one(name: str, path: str, folder: int, passing: Callable[[int], str]) -> list[str]:
    """A thing as it is; a link stays one, made anew. Pipes, sockets and devices are nothing to be read."""
    try:
        descriptor = _opened(name, folder)
    except FileNotFoundError:
        return []
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode) or stat.S_ISREG(mode):
        return ["--ro-bind-fd", passing(descriptor), path]
    try:
        return ["--symlink", os.readlink("", dir_fd=descriptor), path] if stat.S_ISLNK(mode) else []
    finally:
        os.close(descriptor)


def _opened(name: str, folder: int) -> int:
    return os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
