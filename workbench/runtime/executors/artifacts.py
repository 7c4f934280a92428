"""What a run leaves behind: regular files and folders in its own folder; links are never shown as files."""

from __future__ import annotations

import os

from workbench.runtime.atomic import remove_tree
from workbench.runtime.places import StatePlace

FOLDER = "runs"
MOST = 200


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


def moved(source: str, place: StatePlace, run_id: str) -> tuple[str, ...]:
    """Take what a run left in a worker's folder to where it is kept; an empty folder is removed."""
    if not left_in(source):
        remove_tree(source)
        return ()
    target = folder_for(place, run_id)
    os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
    os.rename(source, target)
    return left_in(target)
