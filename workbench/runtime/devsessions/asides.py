"""What is taken away loses its name first, and is looked at then: nobody can save to it by its name any more."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

from workbench.model.errors import Conflict, MachineCannot
from workbench.runtime.devsessions.overlay import Overlay, files_in, mark_of, name_beside, remove


class Aside:
    """A file or a folder without its name, for a moment; then it has it again, or is gone."""

    def __init__(self, path: str) -> None:
        self.path, self.place = path, name_beside(path)
        with suppress(FileNotFoundError, NotADirectoryError):
            os.rename(path, self.place)

    @property
    def marks(self) -> dict[str, str]:
        """The mark of each file, by its path below this one; of a file itself by ""."""
        if os.path.isdir(self.place) and not os.path.islink(self.place):
            folder, name = os.path.split(self.place)
            marks = {path.removeprefix(name): mark_of(f"{folder}/{path}") for path in files_in(folder, (name,))}
        else:
            marks = {"": mark_of(self.place)}
        return {path: mark for path, mark in marks.items() if mark}

    def refuse_others(self, seen: Mapping[str, str]) -> None:
        """Raises Conflict where its files are not those that were seen."""
        if self.marks != seen:
            raise _saved(self.path)

    def put_again(self) -> None:
        """It is what it was; where somebody has saved anew meanwhile both stay, this one beside."""
        if os.path.lexists(self.place) and not os.path.lexists(self.path):
            os.rename(self.place, self.path)

    def remove(self) -> None:
        remove(self.place)


def drop(overlay: Overlay, paths: Iterable[str], seen: Mapping[str, str] | None) -> None:
    """What the workspace has in these places is seen again, at once: at no moment is there neither.

    `seen` has the marks that the session's files had when they were compared. Raises Conflict where one has another
    by now, and everything is as it was; without it what is there is given up.
    """
    wanted = set(paths)
    with _taking_away() as asides:
        for path in wanted - {path for path in wanted for other in wanted if path.startswith(f"{other}/")}:
            asides.append(Aside(f"{overlay.base}/{path}"))
            asides.append(Aside(f"{overlay.mine}/{path}"))
            if seen is not None:
                own = {file: mark for file, mark in seen.items() if mark and f"{file}/".startswith(f"{path}/")}
                asides[-1].refuse_others({file.removeprefix(path): mark for file, mark in own.items()})


def replace_file(path: str, seen: str, new: str) -> None:
    """Have what lies at `new` under this name, or nothing for "", in the stead of the file that was seen there.

    Raises Conflict where it is another by now, and MachineCannot; then it is as it was.
    """
    with _taking_away() as asides:
        asides.append(Aside(path))
        asides[0].refuse_others({"": seen} if seen else {})
        if os.path.isdir(asides[0].place):
            raise Conflict(f"{path} is a folder", hint="look at it, and move it away")
        if new:
            _name(new, path)
        elif os.path.lexists(path):
            raise _saved(path)


def _name(new: str, path: str) -> None:
    """Give a file this name, too, if it is free: what somebody saves there meanwhile is not written over."""
    try:
        os.link(new, path)
    except FileExistsError:
        raise _saved(path) from None
    except PermissionError:  # not every file system has second names
        if os.path.lexists(path):
            raise _saved(path) from None
        os.rename(new, path)


@contextmanager
def _taking_away() -> Iterator[list[Aside]]:
    """What was set aside in the block is gone after it; where the block fails, everything has its name again."""
    asides: list[Aside] = []
    try:
        yield asides
    except BaseException as error:
        for aside in reversed(asides):
            aside.put_again()
        if isinstance(error, OSError):
            raise MachineCannot(
                f"the session's files cannot be taken away: {error.strerror or error}",
                hint=f"nothing was changed; look at the permissions of {error.filename}",
            ) from error
        raise
    for aside in asides:
        aside.remove()


def _saved(path: str) -> Conflict:
    return Conflict(f"{path} was saved at this moment; nothing of that is lost", hint="try again once it is saved")
