"""What a run leaves behind: regular files and folders in its own folder; links are never shown as files."""

from __future__ import annotations

import os
import stat

from workbench.runtime.atomic import remove_tree
from workbench.runtime.places import StatePlace

MOST = 200
MOST_BYTES = 256_000_000
MOST_DEPTH = 8


def folder_for(place: StatePlace, run_id: str) -> str:
    """Where what a run leaves is kept."""
    return place.run_folder(run_id)


def left_in(folder: str) -> tuple[str, ...]:
    """The paths of what lies in a run's folder, the top of it only."""
    try:
        with os.scandir(folder) as listing:
            return tuple(sorted(item.path for item in listing if _is_shown(item))[:MOST])
    except OSError:
        return ()


def _is_shown(item: os.DirEntry[str]) -> bool:
    return item.is_file(follow_symlinks=False) or item.is_dir(follow_symlinks=False)


def taken(source: str, place: StatePlace, run_id: str) -> tuple[str, ...]:
    """Copy what a run left in a worker's folder to where it is kept. The worker lives on and may still change what is
    there, and the folder is a stranger's: links are not followed, not even one that was put there a moment ago, and
    only regular files are taken."""
    try:
        if not left_in(source):
            return ()
        target = folder_for(place, run_id)
        descriptor = os.open(source, _FOLDER)
        try:
            os.makedirs(target, mode=0o700)
            _copy_folder(descriptor, target, MOST_DEPTH, [MOST_BYTES])
        finally:
            os.close(descriptor)
        return left_in(target)
    except OSError:
        return ()
    finally:
        forget(source)


_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ANYTHING = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


def _copy_folder(source: int, target: str, depth: int, budget: list[int]) -> None:
    for name in sorted(os.listdir(source))[:MOST]:
        try:
            descriptor = os.open(name, _ANYTHING, dir_fd=source)
        except OSError:  # a link, a socket, or what was closed: the others are taken all the same
            continue
        try:
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISDIR(mode) and depth:
                os.mkdir(f"{target}/{name}", 0o700)
                _copy_folder(descriptor, f"{target}/{name}", depth - 1, budget)
            elif stat.S_ISREG(mode):
                _copy_file(descriptor, f"{target}/{name}", budget)
        finally:
            os.close(descriptor)


def _copy_file(source: int, target: str, budget: list[int]) -> None:
    with open(target, "xb") as writing:
        while budget[0] > 0 and (chunk := os.read(source, min(1 << 20, budget[0]))):
            budget[0] -= len(chunk)
            writing.write(chunk)


def forget(source: str) -> None:
    """Remove a stranger's folder, or whatever stands in its place."""
    try:
        if stat.S_ISDIR(os.lstat(source).st_mode):
            remove_tree(source)
        else:
            os.unlink(source)
    except OSError:
        return
