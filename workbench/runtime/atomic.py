"""Files that are either wholly written or not there, and folders that are wholly gone."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress


def write_atomically(path: str, data: bytes, *, mode: int = 0o644) -> None:
    """Replace a file's content at once; a crash leaves the old content or the new, never half."""
    folder, name = os.path.split(path)
    descriptor, beside = tempfile.mkstemp(prefix=f".{name}.", dir=folder or ".")
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
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except (OSError, RecursionError):
        # rm walks by descriptors, so that neither Python's stack nor the longest path is a limit.
        subprocess.run(
            ["/bin/rm", "-rf", "--", folder], check=False, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
