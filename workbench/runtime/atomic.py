"""Files that are either wholly written or not there, and folders that are wholly gone."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import IO


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


def remove_tree(folder: str) -> None:
    """Remove a folder and all below it, however deep it is; what cannot be removed stays."""
    import shutil  # here, because it costs more to import than most runs have to remove
    import subprocess

    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except (OSError, RecursionError):
        # rm walks by descriptors, so that neither Python's stack nor the longest path is a limit.
        subprocess.run(
            ["/bin/rm", "-rf", "--", folder], check=False, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


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
