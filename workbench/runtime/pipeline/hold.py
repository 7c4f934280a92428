"""What a run put into a folder of the user's that other programs would run by themselves: held back beside the run.

What is not there yet cannot be closed while a skill may write to the folder, so it is looked for afterwards.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from itertools import islice

import anyio

from workbench.model.errors import StoreUnavailable
from workbench.model.frozen import replace
from workbench.model.policy import Tier
from workbench.model.run import Handler, Held, Outcome, Run, Stage
from workbench.runtime.places import StatePlace
from workbench.runtime.sandbox.grants import grants_of
from workbench.runtime.sandbox.warden.namespaces import open_path

MOST_LOOKED_AT, MOST_UNSEEN = 100_000, 10
NAMES = frozenset(
    {
        *(".git", ".hg", ".svn", ".gitmodules", ".gitconfig", ".gitattributes", ".husky", ".pre-commit-config.yaml"),
        *(".vscode", ".idea", ".devcontainer", ".mcp.json", ".claude", ".cursor", ".envrc", ".tool-versions"),
        *(".bashrc", ".bash_profile", ".bash_login", ".profile", ".zshrc", ".zshenv", ".zprofile", ".inputrc"),
        *("conftest.py", "sitecustomize.py", "usercustomize.py", "setup.py", "pyproject.toml", "tox.ini", "noxfile.py"),
        *("package.json", ".npmrc", ".yarnrc", ".yarnrc.yml", "Makefile", "makefile", "GNUmakefile", "justfile"),
        *("build.rs", "Rakefile", "Vagrantfile", "CMakeLists.txt"),
        *(".exrc", ".vimrc", ".nvimrc", ".gdbinit", ".lldbinit"),
    }
)
ENDINGS = (".pth", ".desktop", ".service")


def hold_back(tier: Tier, place: StatePlace) -> Stage:
    """Only who may write to a folder of the user's is looked after; however its run ends."""

    def stage(handler: Handler) -> Handler:
        async def held(run: Run) -> Outcome:
            asked = run.skill.manifest.permissions
            if not (asked.file_write or run.consents):
                return await handler(run)
            folders = grants_of(asked, run.realm.workspace, tier, run.consents).write
            watched = await anyio.to_thread.run_sync(Watched, folders)
            found: tuple[Held, ...] = ()
            try:
                outcome = await handler(run)
            finally:
                with anyio.CancelScope(shield=True):
                    found = await anyio.to_thread.run_sync(watched.held_back, place, run.id)
            return replace(outcome, held_back=found) if found else outcome

        return held

    return stage


def is_dangerous(name: str) -> bool:
    """Whether a program reads a file of this name and does what it says, without being asked to."""
    return name in NAMES or name.endswith(ENDINGS)


class Watched:
    """The folders of the user's that a run may write to, as they were before it."""

    def __init__(self, folders: Iterable[str]) -> None:
        self._folders = tuple(each for each in folders if os.path.isdir(each))
        self._unseen: tuple[str, ...] = ()
        self._before = frozenset(path for path, _ in self._found())
        self._unseen_before = self._unseen

    def held_back(self, place: StatePlace, run_id: str) -> tuple[Held, ...]:
        """Move what is new beside the run; where each lay, and where it lies."""
        held: list[Held] = []
        for path, reached_by in self._found():
            if path in self._before or self._unseen_before:  # where not all was seen, nobody knows what is new
                continue
            try:
                home = place.held_folder(run_id)
                os.makedirs(home, mode=0o700, exist_ok=True)
                kept = shutil.move(reached_by, f"{home}/{len(held) + 1}-{os.path.basename(path)}")
            except (OSError, StoreUnavailable):  # a full disk: then it stays, and that is said
                kept = ""
            held.append(Held(path=path, kept=kept))
        held += [Held(path=folder, kept="", is_unseen=True) for folder in self._unseen_before or self._unseen]
        return tuple(held)

    def _found(self) -> Iterator[tuple[str, str]]:
        """Every dangerous name, and nothing below one: where it lies, and a path to it that leads through no link.

        The folders are a stranger's, who may put a link in the place of any of them at any moment; that path goes by
        an open folder, and holds until the next one is asked for. Whoever makes more names than are looked at has not
        hidden anything by that: the folders that were not looked at are told.
        """
        looked_at = 0
        stack = list(self._folders)
        while stack and looked_at < MOST_LOOKED_AT:
            folder = stack.pop()
            try:
                descriptor = open_path(folder)
            except OSError:
                continue
            try:
                here = f"/proc/self/fd/{descriptor}"
                with os.scandir(here) as listing:
                    entries = list(islice(listing, MOST_LOOKED_AT - looked_at + 1))
                if len(entries) > MOST_LOOKED_AT - looked_at:
                    stack.append(folder)
                for entry in entries:
                    looked_at += 1
                    if is_dangerous(entry.name):
                        yield f"{folder}/{entry.name}", f"{here}/{entry.name}"
                    elif entry.is_dir(follow_symlinks=False):
                        stack.append(f"{folder}/{entry.name}")
            except OSError:
                continue
            finally:
                os.close(descriptor)
        self._unseen = tuple(stack[:MOST_UNSEEN])
