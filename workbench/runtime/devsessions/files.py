"""A skill's files as an editor opens and saves them: never over what somebody else wrote meanwhile."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from typing import BinaryIO

from workbench.model.errors import Conflict, MachineCannot, NotEditable
from workbench.model.frozen import frozen
from workbench.model.skill import SHARED, Skill
from workbench.runtime.atomic import open_regular, write_atomically
from workbench.runtime.devsessions.overlay import name_beside, remove, remove_empty

MOST_BYTES = 4_000_000
BYTE_ORDER_MARK = "\ufeff"


@frozen
class TextFile:
    """A file's text, with `\\n` alone between lines, and what is needed to write it back as it was."""

    path: str
    text: str
    digest: str
    newline: str = "\n"
    has_mark: bool = False
    mode: int = 0o644

    def encoded(self, text: str) -> bytes:
        """Another text as this file would hold it."""
        whole = (BYTE_ORDER_MARK if self.has_mark else "") + text.replace("\n", self.newline)
        return whole.encode("utf-8", "surrogateescape")


class ChangedOutside(Conflict):
    """Somebody else wrote the file; carries what it holds now, or None where it is gone."""

    def __init__(self, path: str, theirs: TextFile | None) -> None:
        what = "was changed" if theirs else "is gone"
        super().__init__(f"{os.path.basename(path)} {what} outside", hint="keep yours, take theirs, or compare them")
        self.theirs = theirs


def read_text_file(path: str) -> TextFile:
    """The file as it stands; raises NotEditable."""
    name = os.path.basename(path)
    try:
        with open_regular(path, follows_links=True) as file:
            status = os.fstat(file.fileno())
            data = file.read(MOST_BYTES + 1)
    except IsADirectoryError:
        raise NotEditable(f"{name} is not a file", hint="choose another file of the skill") from None
    except OSError as error:
        raise NotEditable(f"{name} cannot be read: {error.strerror}", hint="is it still there, and yours?") from error
    if len(data) > MOST_BYTES:
        raise NotEditable(f"{name} is over {MOST_BYTES // 1_000_000} MB", hint="open it in $EDITOR")
    if b"\0" in data:
        raise NotEditable(f"{name} is not text", hint="open it in $EDITOR")
    whole = data.decode("utf-8", "surrogateescape")
    text = whole.removeprefix(BYTE_ORDER_MARK)
    newline = "\r\n" if "\r\n" in text else "\n"
    return TextFile(
        path=path,
        text=text.replace("\r\n", "\n"),
        digest=hashlib.sha256(data).hexdigest(),
        newline=newline,
        has_mark=whole.startswith(BYTE_ORDER_MARK),
        mode=stat.S_IMODE(status.st_mode),
    )


def digest_of_file(path: str) -> str:
    """What the file holds now, as a digest; '' where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def save_text_file(before: TextFile, text: str) -> TextFile:
    """Write a new text over the file that was read; raises ChangedOutside where it holds something else by now."""
    if digest_of_file(before.path) != before.digest:
        raise ChangedOutside(before.path, _theirs(before.path))
    data = before.encoded(text)
    target = os.path.realpath(before.path)
    try:
        write_atomically(target, data, mode=before.mode)
    except OSError as error:
        raise MachineCannot(
            f"{os.path.basename(target)} cannot be written: {error.strerror}",
            hint="what was typed is kept; free some space, or look at the folder's permissions",
        ) from error
    return TextFile(
        path=before.path,
        text=text,
        digest=hashlib.sha256(data).hexdigest(),
        newline=before.newline,
        has_mark=before.has_mark,
        mode=before.mode,
    )


def new_text_file(path: str, before: TextFile, text: str) -> TextFile:
    """Put a file that is gone back to where it was, with this text."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "xb") as file:
            _fill(file, before.encoded(text), before.mode)
    except FileExistsError:
        raise ChangedOutside(path, _theirs(path)) from None
    except OSError as error:
        raise MachineCannot(
            f"{os.path.basename(path)} cannot be written: {error.strerror}", hint="what was typed is kept"
        ) from error
    return read_text_file(path)


def text_files_of(skill: Skill) -> tuple[str, ...]:
    """The paths of a skill's files, the one that a person would open first."""
    entry = skill.path
    others = (skill.path_of(file.path) for file in skill.files)
    return (entry, *(path for path in sorted(others) if path != entry))


def copied_to_workspace(skill: Skill, workspace: str) -> str:
    """A shipped skill becomes the workspace's own, by a copy that hides it; returns the copy's folder."""
    name = skill.folder_name
    target = f"{workspace}/skills/{skill.entry if skill.single_file else name}"
    copied = list[str]()
    try:
        if os.path.lexists(target):
            raise Conflict(f"there is already a {target}", hint="rename it, or edit that one")
        for source, path in (*_modules(skill, f"{workspace}/skills"), (skill.home, target)):
            _copy_whole(source, path)
            copied.append(path)
    except OSError as error:
        for path in copied:
            remove(path)
            remove_empty(os.path.dirname(path))
        raise MachineCannot(
            f"{name} cannot be copied to the workspace: {error.strerror or error}",
            hint="free some space, or look at the permissions of its skills folder",
        ) from error
    return os.path.dirname(target) if skill.single_file else target


def refuse_links(folder: str, target: str) -> None:
    """A folder that has become a link since leads elsewhere: nothing is written there."""
    if os.path.realpath(target) != os.path.normpath(f"{os.path.realpath(folder)}/{os.path.relpath(target, folder)}"):
        raise OSError(errno.ELOOP, f"{target} leads elsewhere, and links are not followed")


def _fill(file: BinaryIO, data: bytes, mode: int) -> None:
    """Give a file that was just made its bytes; it is gone again where that fails."""
    try:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), mode)
    except BaseException:
        os.unlink(file.name)
        raise


def _modules(skill: Skill, root: str) -> list[tuple[str, str]]:
    """The modules that a skill shares, and where they are to lie; one that the workspace has already is its own."""
    shared = [file.path for file in skill.files if file.path.startswith(f"{SHARED}/")]
    pairs = [(skill.path_of(path), f"{root}/{path.removeprefix(f'{SHARED}/')}") for path in shared]
    return [(source, target) for source, target in pairs if not os.path.lexists(target)]


def _copy_whole(source: str, target: str) -> None:
    """A file or a folder is there under its name when all of it is there."""
    beside = name_beside(target)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    try:
        if os.path.isdir(source):
            shutil.copytree(source, beside, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, beside)
        os.rename(beside, target)
    except BaseException:
        remove(beside)
        raise


def _theirs(path: str) -> TextFile | None:
    try:
        return read_text_file(path)
    except NotEditable:
        return None
