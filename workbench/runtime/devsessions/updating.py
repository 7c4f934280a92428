"""One file of a session brought up to date, from the very bytes that were compared, and over no others."""

from __future__ import annotations

import os
import shutil

from workbench.model.devsession import FileStand, Standing
from workbench.model.errors import Conflict, MachineCannot
from workbench.model.merging import merged
from workbench.runtime.devsessions.asides import replace_file
from workbench.runtime.devsessions.overlay import Overlay, copied_beside, mark_of, name_beside, remove, remove_empty
from workbench.runtime.library.differences import text_of


def update_file(overlay: Overlay, stand: FileStand, prefer: str = "") -> bool:
    """Take over what the workspace changed in a file; whether nothing is left to be decided.

    Raises Conflict where it was saved since it was compared, here or there: then it stays as it is.
    """
    if stand.standing is Standing.HERE:
        return True
    base = f"{overlay.base}/{stand.path}"
    theirs = ""
    try:
        theirs = _as_compared(overlay, stand)
        if not _take_over(overlay, stand, theirs, prefer):
            return False
        if theirs:
            os.rename(theirs, base)
        else:
            remove(base)
        return True
    except (OSError, shutil.Error) as error:
        raise MachineCannot(
            f"{stand.path} cannot be brought up to date: {error.strerror or error}",
            hint=f"free some space, or look at the permissions of {overlay.mine}",
        ) from error
    finally:
        remove(theirs)
        remove_empty(os.path.dirname(base))


def _as_compared(overlay: Overlay, stand: FileStand) -> str:
    """A copy of the workspace's file, beside where it will be kept; "" where there is none."""
    source, copy = f"{overlay.workspace}/{stand.path}", ""
    if stand.theirs:
        try:
            copy = copied_beside(source, f"{overlay.base}/{stand.path}")
        except FileNotFoundError:
            copy = ""
    if mark_of(copy or source) != stand.theirs:
        remove(copy)
        raise Conflict(f"{source} was saved at this moment", hint="try again once it is saved")
    return copy


def _take_over(overlay: Overlay, stand: FileStand, theirs: str, prefer: str) -> bool:
    mine = f"{overlay.mine}/{stand.path}"
    if stand.standing is Standing.THERE or (stand.standing is Standing.BOTH and prefer == "theirs"):
        _replace(mine, stand.mine, copied_beside(theirs, mine) if theirs else "")
    elif stand.standing is Standing.BOTH and prefer != "mine":
        texts = [text_of(path) or "" for path in (f"{overlay.base}/{stand.path}", mine, theirs)]
        text = merged(*texts) if all(texts) else None
        if text is None:
            return False
        _replace(mine, stand.mine, _written_beside(mine, text))
    return True


def _replace(path: str, seen: str, new: str) -> None:
    try:
        replace_file(path, seen, new)
    finally:
        remove(new)
    remove_empty(os.path.dirname(path))


def _written_beside(path: str, text: str) -> str:
    new = name_beside(path)
    try:
        with open(new, "xb") as file:
            file.write(text.encode())
        shutil.copymode(path, new)
    except BaseException:
        remove(new)
        raise
    return new
