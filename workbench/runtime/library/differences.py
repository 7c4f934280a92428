"""Two states of a skill side by side: the manifest's changes, and each file's lines."""

from __future__ import annotations

import difflib

from workbench.model.difference import Change, changes_between
from workbench.model.frozen import frozen
from workbench.model.skill import Skill, SkillFile

MOST_COMPARED = 1_000_000


@frozen
class FileChange:
    """One file that is not as it was; its lines as a patch has them, none where it is no text."""

    path: str
    words: str
    lines: tuple[str, ...] = ()


@frozen
class Difference:
    """What changed from one state to another."""

    before: Skill
    after: Skill
    changes: tuple[Change, ...]
    files: tuple[FileChange, ...]

    @property
    def breaks(self) -> bool:
        """Whether who calls the skill may have to change."""
        return any(change.breaks for change in self.changes)


def difference_of(before: Skill, after: Skill) -> Difference:
    """What changed; of a broken skill only its files are compared, because nobody knows what it declares."""
    is_known = not before.is_broken and not after.is_broken
    old, new = ({file.path: file for file in skill.files} for skill in (before, after))
    return Difference(
        before=before,
        after=after,
        changes=changes_between(before.manifest, after.manifest) if is_known else (),
        files=tuple(
            _change(path, before, after, old.get(path), new.get(path))
            for path in sorted(old.keys() | new.keys())
            if old.get(path) != new.get(path)
        ),
    )


def _change(path: str, before: Skill, after: Skill, old: SkillFile | None, new: SkillFile | None) -> FileChange:
    if old and new and old.sha256 == new.sha256:
        return FileChange(path=path, words="may be executed now" if new.is_executable else "is not executable now")
    words = "new" if old is None else "gone" if new is None else "changed"
    was, now = _text(before, old), _text(after, new)
    if was is None or now is None:
        return FileChange(path=path, words=f"{words}, and no text")
    lines = difflib.unified_diff(was.splitlines(), now.splitlines(), path, path, lineterm="")
    return FileChange(path=path, words=words, lines=tuple(lines))


def _text(skill: Skill, file: SkillFile | None) -> str | None:
    """A file's text; nothing at all for one that is not there, None for one that is no text."""
    return text_of(skill.path_of(file.path)) if file else ""


def text_of(path: str) -> str | None:
    """What a file holds; None where it is no text, is too long to be compared, or cannot be read."""
    try:
        with open(path, "rb") as source:
            data = source.read(MOST_COMPARED + 1)
        return None if b"\0" in data or len(data) > MOST_COMPARED else data.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
