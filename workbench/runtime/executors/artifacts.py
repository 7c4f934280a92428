"""What a run leaves behind: regular files and folders in its own folder; links are never shown as files."""

from __future__ import annotations

import os
import stat

from workbench.runtime.atomic import remove_tree
from workbench.runtime.places import StatePlace

FOLDER = "runs"
MOST = 200
MOST_BYTES = 256_000_000
MOST_DEPTH = 8


def folder_for(place: StatePlace, run_id: str) -> str:
    """Where what a run leaves is kept."""
    return f"{place.prepared()}/{FOLDER}/{run_id}"


def left_in(folder: str) -> tuple[str, ...]:
    """The paths of what lies in a run's folder, the top of it only."""
    try:
        with os.scandir(folder) as listing:
            return tuple(sorted(item.path for item in listing if not item.is_symlink())[:MOST])
    except OSError:
        return ()


def taken(source: str, place: StatePlace, run_id: str) -> tuple[str, ...]:
    """Copy what a run left in a worker's folder to where it is kept. The worker lives on and may still write to what it
    has open, and the folder is a stranger's: links are not followed, and only regular files are taken."""
    try:
        if not stat.S_ISDIR(os.lstat(source).st_mode):
            return ()
        if not left_in(source):
            return ()
        target = folder_for(place, run_id)
        os.makedirs(target, mode=0o700)
        budget = [MOST_BYTES]
        _copy_folder(source, target, MOST_DEPTH, budget)
        return left_in(target)
    except OSError:
        return ()
    finally:
        forget(source)


def _copy_folder(source: str, target: str, depth: int, budget: list[int]) -> None:
    with os.scandir(source) as listing:
        items = sorted(listing, key=lambda item: item.name)[:MOST]
    for item in items:
        if item.is_symlink():
            continue
        if item.is_dir(follow_symlinks=False):
            if depth:
                os.mkdir(f"{target}/{item.name}", 0o700)
                _copy_folder(item.path, f"{target}/{item.name}", depth - 1, budget)
        else:
            _copy_file(item.path, f"{target}/{item.name}", budget)


def _copy_file(source: str, target: str, budget: list[int]) -> None:
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as reading:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return
        with open(target, "xb") as writing:
            while budget[0] > 0 and (chunk := reading.read(min(1 << 20, budget[0]))):
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
