"""Which skills are to be tested: those that changed since they were last tested, those that were red."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping

from workbench.model.skill import Skill
from workbench.model.skilltest import CaseId
from workbench.runtime.library.verdicts import Tested
from workbench.runtime.skilltests.files import TESTS_FOLDER, case_files
from workbench.runtime.skilltests.python_tests import python_files

MOST_FILES = 2_000
MOST_DEPTH = 12
MOST_BYTES = 100_000_000
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def has_tests(skill: Skill) -> bool:
    """Whether any test lies beside a skill."""
    return bool(case_files(skill) or python_files(skill))


def to_test(
    skills: Iterable[Skill], known: Mapping[str, Tested], *, changed: bool, failed: bool
) -> list[tuple[Skill, Collection[CaseId]]]:
    """The skills that are wanted, each with the cases to run of it; no cases are all of them."""
    wanted: list[tuple[Skill, Collection[CaseId]]] = []
    for skill in skills:
        tested = known.get(skill.name)
        if not (changed or failed) or (changed and _has_changed(skill, tested)):
            wanted.append((skill, ()))
        elif failed and tested is not None and not tested.is_green:
            wanted.append((skill, tested.red))
    return wanted


def _has_changed(skill: Skill, tested: Tested | None) -> bool:
    return tested is None or (skill.digest, digest_of_tests(skill)) != (tested.digest, tested.tests)


def digest_of_tests(skill: Skill) -> str:
    """One hash for all that lies in a skill's tests folder; of what is too much to read, names and sizes count."""
    whole = hashlib.sha256()
    if skill.single_file:
        return whole.hexdigest()
    room = MOST_BYTES
    for path in _files_below(f"{skill.folder}/{TESTS_FOLDER}"):
        content, room = _content(path, room)
        name = path.removeprefix(skill.folder)
        whole.update(f"{name}\0{content}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def _content(path: str, room: int) -> tuple[str, int]:
    """The hash of a file where there is room for it, and the room that is left."""
    try:
        with open(os.open(path, _FLAGS), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > room:
                return f"{status.st_mode} {status.st_size}", room
            return hashlib.file_digest(file, "sha256").hexdigest(), room - status.st_size
    except OSError:
        return "unreadable", room


def _files_below(folder: str) -> Iterator[str]:
    """The files in an order that does not depend on the disk; caches and hidden ones are not looked at."""
    stack, left = [(folder, 0)], MOST_FILES
    while stack:
        parent, depth = stack.pop()
        try:
            with os.scandir(parent) as listing:
                items = sorted(listing, key=lambda item: item.name)
        except OSError:
            continue
        for item in items:
            if item.name.startswith(".") or item.name == "__pycache__":
                continue
            if item.is_dir(follow_symlinks=False):
                stack += [(item.path, depth + 1)] if depth < MOST_DEPTH else []
            elif left:
                left -= 1
                yield item.path
