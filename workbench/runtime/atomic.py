"""Files that are either wholly written or not there, are read only where they are files, and folders wholly gone."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack, suppress
from io import BufferedReader
from typing import IO

MOST_OPENED_UP = 100
"""So many folders in one another are made removable where somebody closed them: each holds descriptors meanwhile."""


def write_atomically(path: str, data: bytes, *, mode: int = 0o644) -> None:
    """Replace a file's content at once; a crash leaves the old content or the new, never half."""
    folder, name = os.path.split(path)
    beside = os.path.join(folder, f".{name}.{os.urandom(6).hex()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise


def open_regular(path: str, *, follows_links: bool = False) -> BufferedReader:
    """A file for reading that is nothing else, and is not waited for; raises OSError, and holds nothing then."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follows_links else os.O_NOFOLLOW)
    descriptor = os.open(path, flags)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return os.fdopen(descriptor, "rb")
        raise OSError(errno.EISDIR, "not a regular file", path)
    except BaseException:
        os.close(descriptor)
        raise


def remove_tree(folder: str) -> None:
    """Remove a folder and all below it, however deep it is; what cannot be removed stays."""
    import shutil  # here, because it costs more to import than most runs have to remove
    import subprocess

    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except (OSError, RecursionError):
        # Whoever made the folders may have closed them. `rm` walks by descriptors, so that neither Python's stack nor
        # the longest path is a limit.
        _open_up(folder, None, MOST_OPENED_UP)
        command = ["/bin/rm", "-rf", "--", folder]
        subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _open_up(folder: str, within: int | None, levels: int) -> None:
    """Make a folder and those below it their owner's again. No link is followed, not even one put there just now."""
    with suppress(OSError), ExitStack() as opened:
        flags = getattr(os, "O_PATH", 0) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        found = os.open(folder, flags, dir_fd=within)
        opened.callback(os.close, found)
        os.chmod(f"/proc/self/fd/{found}", 0o700)
        readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=found)
        opened.callback(os.close, readable)
        with os.scandir(readable) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        for name in names if levels else ():
            _open_up(name, found, levels - 1)


def mirror_tree(source: str, target: str) -> None:
    """The same files in another place, for reading only: links where the disk can make them, else copies."""
    import shutil

    def linked(file: str, name: str) -> None:
        try:
            os.link(file, name)
        except OSError:
            shutil.copy(file, name)

    shutil.copytree(source, target, copy_function=linked)


def nameless_file() -> IO[bytes]:
    """A file for reading and writing that has no name and is gone when it is closed."""
    folder = os.environ.get("TMPDIR", "/tmp")
    try:
        return os.fdopen(os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600), "w+b")
    except OSError:
        import tempfile  # for file systems that know no nameless files

        return tempfile.TemporaryFile()
