"""A skill's files made what a revision of it was: all of them or none, and never over what somebody else wrote."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from workbench.model.errors import Conflict, MachineCannot, WrongUse
from workbench.model.frozen import frozen, replace
from workbench.model.skill import SHARED, Skill, SkillFile
from workbench.runtime.atomic import write_atomically
from workbench.runtime.devsessions.files import digest_of_file, refuse_links
from workbench.runtime.devsessions.overlay import making_room, mark_of, remove_empty, remove_if_hollow


@frozen
class _Change:
    """One file: the mark of what it holds, and where a copy of that lies; then the same of what it is to hold.

    Without a mark it is not there.
    """

    target: str
    before: str
    kept: str
    after: str
    source: str

    @property
    def taken_back(self) -> _Change:
        return _Change(target=self.target, before=self.after, kept=self.source, after=self.before, source=self.kept)

    def look(self, *, is_first: bool = False) -> None:
        """Raises Conflict where the file is not what it was when the skill was read.

        At first a folder may stand where a file is to be: what is in it may be about to go.
        """
        is_folder = os.path.isdir(self.target) and not os.path.islink(self.target)
        is_taken = os.path.lexists(self.target) and not (is_first and is_folder)
        if mark_of(self.target) != self.before or (not self.before and is_taken):
            what = "was changed meanwhile" if self.before else "stands where a file of that revision is to be"
            raise Conflict(
                f"{self.target} {what}; nothing was put back", hint="look at it, and move it away or save it"
            )

    def carry_out(self, folder: str) -> None:
        refuse_links(folder, os.path.dirname(self.target))
        if self.after:
            remove_if_hollow(self.target)
        self.look()
        if not self.after:
            os.unlink(self.target)
            remove_empty(os.path.dirname(self.target))
            return
        os.makedirs(os.path.dirname(self.target), exist_ok=True)
        with open(self.source, "rb") as file:
            write_atomically(self.target, file.read(), mode=0o755 if self.after.endswith("x") else 0o644)


@contextmanager
def put_back(old: Skill, now: Skill, kept: str) -> Iterator[None]:
    """Make the files of a skill what they were, the one that begins it last; modules that it shares stay.

    `kept` is a folder with a copy of its files as they are now. What fails, here or in the block, takes back what was
    written. Raises Conflict where a file is not what was read, WrongUse where one cannot stand for the other.
    """
    _refuse_other_shape(old, now)
    changes, done = _changes(old, now, kept), list[_Change]()
    for change in changes:
        change.look(is_first=True)
    try:
        for change in changes:
            change.carry_out(now.folder)
            done.append(change)
        yield
    except BaseException as error:
        for change in reversed(done):
            with suppress(Conflict, OSError):
                change.taken_back.carry_out(now.folder)
        if not isinstance(error, OSError):
            raise
        raise MachineCannot(
            f"the files of {now.name} cannot be put back: {error.strerror or error}",
            hint=f"what was accepted goes on answering; look at the permissions of {now.folder}",
        ) from error


def changed_module(old: Skill, now: Skill) -> str:
    """The first shared module that is not what a revision was accepted with; nothing where all are."""
    for file in old.files:
        if file.path.startswith(f"{SHARED}/"):
            path = replace(old, shared_root=now.shared_root).path_of(file.path)
            if digest_of_file(path) != file.sha256:
                return path
    return ""


def _refuse_other_shape(old: Skill, now: Skill) -> None:
    """A single file lies among other skills: no folder's files, and no other format's, can be put in its place."""
    is_alike = os.path.splitext(old.entry)[1] == os.path.splitext(now.entry)[1]
    if old.single_file is not now.single_file or (now.single_file and not is_alike):
        was = old.entry if old.single_file else "a folder"
        raise WrongUse(
            f"r{old.revision} was {was}, and '{now.name}' is {now.entry if now.single_file else 'a folder'} now",
            hint=f"take what you need from {old.folder}",
        )


def _changes(old: Skill, now: Skill, kept: str) -> list[_Change]:
    """What is to be done, in order: what goes so that another can come is first, and what else goes is last.

    A single file goes by the name that it has today.
    """
    wanted = {now.entry if old.single_file else path: file for path, file in _own(old).items()}
    present = _own(now)
    paths = [path for path in wanted if _mark(wanted[path]) != _mark(present.get(path))]
    gone = [path for path in present if path not in wanted]
    first = making_room(gone, paths)
    paths.sort(key=lambda path: wanted[path].path == old.entry)
    return [
        _Change(
            target=f"{now.folder}/{path}",
            before=_mark(present.get(path)),
            kept=f"{kept}/{path}",
            after=_mark(wanted.get(path)),
            source=old.path_of(wanted[path].path) if path in wanted else "",
        )
        for path in (*sorted(first), *paths, *(path for path in gone if path not in first))
    ]


def _own(skill: Skill) -> dict[str, SkillFile]:
    return {file.path: file for file in skill.files if not file.path.startswith(f"{SHARED}/")}


def _mark(file: SkillFile | None) -> str:
    return f"{file.sha256}{'x' if file.is_executable else ''}" if file else ""
