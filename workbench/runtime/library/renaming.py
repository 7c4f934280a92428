"""Another name for a skill, where its own file says the name, and in the name of its folder or file."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from heapq import nsmallest

from workbench.model.errors import Conflict, MachineCannot, WrongUse
from workbench.model.skill import LEGAL_NAME, Skill
from workbench.runtime.atomic import open_regular, write_atomically
from workbench.runtime.formats.reader import read_skill

MOST_TRIED = 50
NEAR = 16
"""So many bytes before a name that are looked at for a word that says that it is one."""


def refuse_name(new: str) -> None:
    """Raises WrongUse for what cannot be a skill's name."""
    if not LEGAL_NAME.fullmatch(new):
        raise WrongUse(f"'{new[:128]}' cannot be a skill's name", hint="letters, digits, '.', '_' and '-'")


def rename_files(skill: Skill, new: str, *, home: str = "") -> str:
    """Write the new name where the old one stands; returns the skill's home by then. What shares it keeps its name.

    Raises WrongUse for a name that cannot be one, or that is not written in the file as plain text; nothing is changed.
    """
    refuse_name(new)
    home = home or _new_home(skill, new)
    try:
        before, mode = _read(skill.path)
        text = _renamed_text(skill, before, new, os.path.basename(home))
        if _read(skill.path) != (before, mode):
            raise Conflict(f"{skill.path} was saved at this moment; nothing was renamed", hint="rename it once more")
        if text != before:
            write_atomically(skill.path, text, mode=mode)
        if home != skill.home:
            _move(skill, home, before, mode)
    except OSError as error:
        raise MachineCannot(
            f"'{skill.name}' cannot be renamed: {error.strerror or error}",
            hint=f"look at the permissions of {skill.folder}",
        ) from error
    return home


def _new_home(skill: Skill, new: str) -> str:
    """The folder or the file is called as the skill is, if it was before."""
    if skill.folder_name != skill.name:
        return skill.home
    folder = os.path.dirname(skill.home)
    home = f"{folder}/{new}{os.path.splitext(skill.entry)[1] if skill.single_file else ''}"
    if os.path.lexists(home):
        raise Conflict(f"there is already a {home}", hint="choose another name, or move that away")
    return home


def _read(path: str) -> tuple[bytes, int]:
    with open_regular(path) as file:
        return file.read(), os.fstat(file.fileno()).st_mode & 0o777


def _move(skill: Skill, home: str, before: bytes, mode: int) -> None:
    """Where it cannot be moved its file is what it was."""
    try:
        os.rename(skill.home, home)
    except OSError:
        write_atomically(skill.path, before, mode=mode)
        raise


def _renamed_text(skill: Skill, before: bytes, new: str, home: str) -> bytes:
    """The file that begins the skill with the name replaced in the one place that makes it another skill's."""
    with tempfile.TemporaryDirectory() as folder:
        tried = f"{folder}/{home}"
        if skill.single_file:
            entry, place = home, folder
        else:
            entry, place = skill.entry, tried
            shutil.copytree(skill.folder, tried, symlinks=True, ignore=_no_files)
        for text in _candidates(before, skill.name, new):
            with open(f"{place}/{entry}", "wb") as file:
                file.write(text)
            read = read_skill(place, entry, skill.scope, single_file=skill.single_file)
            if read is not None and read.name == new:
                return text
    raise WrongUse(
        f"the name '{skill.name}' is not written in {os.path.basename(skill.path)} as plain text",
        hint="change it there by hand; its history goes along",
    )


def _no_files(folder: str, names: list[str]) -> list[str]:
    """Pipes, sockets and devices: no part of a skill, and not to be copied."""
    paths = ((name, f"{folder}/{name}") for name in names)
    return [name for name, path in paths if not (os.path.islink(path) or os.path.isfile(path) or os.path.isdir(path))]


def _candidates(text: bytes, old: str, new: str) -> Iterator[bytes]:
    """The text as it is, for a skill that is named by its folder; then with one of the places changed at a time.

    Each costs a reading of the whole skill: the likeliest come first, and after some it is given up.
    """
    yield text
    places = re.finditer(rb"(?<![\w.-])" + re.escape(old.encode()) + rb"(?![\w.-])", text)
    for at in nsmallest(MOST_TRIED - 1, (match.start() for match in places), key=partial(_unlikeliness, text)):
        yield text[:at] + new.encode() + text[at + len(old.encode()) :]


def _unlikeliness(text: bytes, at: int) -> bool:
    """Whether no word before a place says that a name comes."""
    return re.search(rb"name\W|def $|class $", text[max(0, at - NEAR) : at]) is None
