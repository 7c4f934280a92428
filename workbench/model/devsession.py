"""A dev session: what it is called, where its files lie, and how each of them stands to the workspace's."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from workbench.model.frozen import field, frozen

MAIN = "main"


@frozen
class SessionNote:
    """What is written down of a session; `main` is the workspace itself and has no note."""

    name: str
    folder: str
    created_at: float
    is_overlay: bool = True
    worktree_of: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


class Standing(StrEnum):
    """Who has changed a file since the session took it."""

    SAME = "same"
    HERE = "here"
    THERE = "workspace"
    BOTH = "both"


@frozen
class FileStand:
    """One file in three places, by the digest of what it holds; "" where it is not there."""

    path: str
    base: str
    mine: str
    theirs: str

    @property
    def standing(self) -> Standing:
        if self.mine == self.theirs:
            return Standing.SAME
        if self.mine == self.base:
            return Standing.THERE
        return Standing.HERE if self.theirs == self.base else Standing.BOTH

    @property
    def words(self) -> str:
        """What became of it, for a person."""
        match self.standing:
            case Standing.SAME:
                return "the same"
            case Standing.HERE:
                return f"{_fate(self.base, self.mine)} here"
            case Standing.THERE:
                return f"{_fate(self.base, self.theirs)} in the workspace"
        return f"{_fate(self.base, self.mine)} here, {_fate(self.base, self.theirs)} in the workspace"


def _fate(before: str, now: str) -> str:
    return "new" if not before else "changed" if now else "gone"
