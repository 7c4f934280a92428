"""The files of a dev session: where they are edited, and how the workspace had them when they were taken.

Both folders are built like a workspace, so that a path below one is a path below the other. What lies in the session,
or was taken and is gone from it, hides what the workspace has in the same place.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import PurePath

from workbench.model.devsession import FileStand
from workbench.model.errors import Conflict, MachineCannot
from workbench.model.skill import SHARED, Skill
from workbench.runtime.atomic import remove_tree
from workbench.runtime.formats.folder import LEFT_OUT_ENDINGS
from workbench.runtime.places import SKILL_FOLDERS

NOT_TAKEN = ("__pycache__", "node_modules", ".git")
# A name that something has for a moment; what a crash left under one is nobody's file.
BESIDE = re.compile(r"\..+\.[0-9a-f]{12}")


class Overlay:
    """One session's files beside the workspace's."""

    def __init__(self, workspace: str, mine: str, base: str) -> None:
        self.workspace, self.mine, self.base = workspace, mine, base

    def hides(self, home: str) -> bool:
        """Whether the workspace's file or folder is not seen from the session."""
        path = self.path_of(home)
        return bool(path) and (os.path.lexists(f"{self.mine}/{path}") or os.path.lexists(f"{self.base}/{path}"))

    def path_of(self, file: str) -> str:
        """Where a file of the workspace's, or of the session's, lies below either; "" where it is neither's."""
        for root in (self.mine, self.workspace):
            path = file.removeprefix(f"{root}/")
            if path != file and path.startswith(tuple(f"{folder}/" for folder in SKILL_FOLDERS)):
                return path
        return ""

    def take(self, skill: Skill) -> str:
        """Have a skill's files, and the modules that it shares, in the session; returns its home there."""
        own = self.path_of(skill.home)
        path = own or f"{SKILL_FOLDERS[0]}/{os.path.basename(skill.home)}"
        target = f"{self.mine}/{path}"
        if os.path.lexists(target):
            raise Conflict(f"the session has a {path} already", hint="edit that one")
        root = self.path_of(f"{skill.shared_root}/x").removesuffix("/x") if own else SKILL_FOLDERS[0]
        modules = [file.path.removeprefix(f"{SHARED}/") for file in skill.files if file.path.startswith(f"{SHARED}/")]
        try:
            for module in modules:
                self._take(f"{skill.shared_root}/{module}", f"{root}/{module}", is_theirs=bool(own))
            self._take(skill.home, path, is_theirs=bool(own))
        except (OSError, shutil.Error) as error:
            raise MachineCannot(
                f"{skill.name} cannot be taken into the session: {error}",
                hint=f"free some space, or look at the permissions of {self.mine}",
            ) from error
        return target

    def remember(self, homes: Iterable[str]) -> None:
        """Keep what the workspace has in these places, where the session has something there too."""
        for home in homes:
            path = self.path_of(home)
            if path and os.path.lexists(f"{self.mine}/{path}"):
                _copy(home, f"{self.base}/{path}")

    def stands(self, within: Callable[[str], bool] = lambda _: True, homes: Iterable[str] = ()) -> list[FileStand]:
        """Every file that was taken, made here, or is new in the workspace below `homes`, in all three places."""
        found_here = (path for folder in (self.mine, self.base) for path in files_in(folder, SKILL_FOLDERS))
        paths = sorted({path for path in (*found_here, *files_in(self.workspace, homes)) if within(path)})
        places = (self.base, self.mine, self.workspace)
        found = []
        for path in paths:
            base, mine, theirs = (mark_of(f"{place}/{path}") for place in places)
            found.append(FileStand(path=path, base=base, mine=mine, theirs=theirs))
        return found

    def settle(self, path: str, *, source: str) -> None:
        """From now on this is what a file was when it was taken; what was a folder, or a file above it, is gone."""
        target = f"{self.base}/{path}"
        if os.path.isfile(f"{source}/{path}"):
            for above in _folders_above(path):
                if os.path.isfile(f"{self.base}/{above}"):
                    remove(f"{self.base}/{above}")
            if os.path.isdir(target):
                remove(target)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(f"{source}/{path}", target)
        elif not os.path.isdir(target):
            remove(target)
            remove_empty(os.path.dirname(target))

    def _take(self, source: str, path: str, *, is_theirs: bool) -> None:
        """What is kept, and the copy of it that is edited: both are the same, whatever happens meanwhile.

        What is kept has its name last: without the other it would say that the session has deleted it.
        """
        mine, base = f"{self.mine}/{path}", f"{self.base}/{path}"
        if os.path.lexists(mine):
            return
        if not is_theirs:
            _copy(source, mine)
            return
        _remove_at_once(base)
        kept = copied_beside(source, base)
        try:
            _copy(kept, mine)
            os.rename(kept, base)
        except BaseException:
            remove(kept)
            raise


def mark_of(path: str) -> str:
    """A digest of what a file holds and whether it may be executed; "" where no regular file is."""
    if os.path.islink(path) or not os.path.isfile(path):
        return ""
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return f"{digest}{'x' if os.fstat(file.fileno()).st_mode & 0o111 else ''}"
    except OSError:
        return ""


def files_in(root: str, below: Iterable[str]) -> Iterator[str]:
    for top in below:
        for folder, folders, names in os.walk(f"{root}/{top}"):
            folders[:] = [name for name in folders if name not in NOT_TAKEN and not BESIDE.fullmatch(name)]
            for name in names:
                path, is_left_out = f"{folder}/{name}", name.endswith(LEFT_OUT_ENDINGS) or BESIDE.fullmatch(name)
                if not is_left_out and os.path.isfile(path) and not os.path.islink(path):
                    yield path[len(root) + 1 :]


def _copy(source: str, target: str) -> None:
    """Whole or not at all: it is put together beside, and then has its name."""
    beside = copied_beside(source, target)
    try:
        os.rename(beside, target)
    except BaseException:
        remove(beside)
        raise


def copied_beside(source: str, target: str) -> str:
    """A copy under a name that nobody looks at, where it can have its own by one rename."""
    beside = name_beside(target)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    try:
        if os.path.isdir(source):
            shutil.copytree(source, beside, symlinks=True, ignore=shutil.ignore_patterns(*NOT_TAKEN))
        else:
            shutil.copy(source, beside)
    except BaseException:
        remove(beside)
        raise
    return beside


def name_beside(path: str) -> str:
    folder, name = os.path.split(path)
    return f"{folder}/.{name}.{os.urandom(6).hex()}"


def _remove_at_once(path: str) -> None:
    """Nobody sees half of it: it loses its name first."""
    with suppress(FileNotFoundError):
        away = name_beside(path)
        os.rename(path, away)
        remove(away)


def remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        remove_tree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def remove_empty(folder: str) -> None:
    """Folders with nothing in them any more; those that hold all skills stay."""
    while not folder.endswith(tuple(f"/{each}" for each in SKILL_FOLDERS)):
        try:
            os.rmdir(folder)
        except OSError:
            return
        folder = os.path.dirname(folder)


def remove_if_hollow(path: str) -> None:
    """A folder without a file in it, however deep, makes room for a file of its name."""
    if os.path.isdir(path) and not os.path.islink(path) and not any(names for _, _, names in os.walk(path)):
        for folder, _, _ in os.walk(path, topdown=False):
            with suppress(OSError):
                os.rmdir(folder)


def making_room(gone: Iterable[str], written: Iterable[str]) -> set[str]:
    """Those of the files that go which cannot be there beside one that comes: one of the two would be a folder."""
    files = set(written)
    folders = {folder for path in files for folder in _folders_above(path)}
    return {path for path in gone if path in folders or not files.isdisjoint(_folders_above(path))}


def _folders_above(path: str) -> list[str]:
    return [str(folder) for folder in PurePath(path).parents]
