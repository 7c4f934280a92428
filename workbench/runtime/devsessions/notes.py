"""What is written down of dev sessions, in the state folder, for every process on the workspace."""

from __future__ import annotations

import json
import os

from workbench.model.devsession import MAIN, SessionNote
from workbench.model.errors import MachineCannot, WrongUse
from workbench.model.finding import printable
from workbench.model.frozen import as_mapping, field_names, replace
from workbench.model.skill import LEGAL_NAME, Scope
from workbench.runtime.atomic import open_regular, write_atomically
from workbench.runtime.devsessions.overlay import Overlay
from workbench.runtime.library.discovery import Root
from workbench.runtime.library.library import Library
from workbench.runtime.places import SKILL_FOLDERS, StatePlace

FOLDER = "dev"
CLOSED = ".closed"
NOTE = "session.json"
MOST_BYTES = 1_000_000


class SessionNotes:
    """Finds sessions by their names, and says what each sees."""

    def __init__(self, workspace: str, place: StatePlace) -> None:
        self.workspace, self._place = workspace, place

    def all(self) -> tuple[SessionNote, ...]:
        """Every session there is, the newest first."""
        try:
            names = os.listdir(self.folder_of(""))
        except OSError:
            return ()
        found = [note for name in names if (note := self.read(name)) is not None]
        return tuple(sorted(found, key=lambda note: -note.created_at))

    def find(self, name: str) -> SessionNote:
        """A session by its name; raises WrongUse."""
        note = self.read(name)
        if note is None:
            known = ", ".join(each.name for each in self.all())
            hint = f"there is {known}" if known else "`workbench dev open NAME` makes one"
            if LEGAL_NAME.fullmatch(name) and os.path.lexists(f"{self.folder_of(name)}/{NOTE}"):
                hint = f"{self.folder_of(name)}/{NOTE} is there, and is not what was written; {hint}"
            raise WrongUse(f"there is no dev session '{printable(name[:128])}'", hint=hint)
        return note

    def read(self, name: str) -> SessionNote | None:
        """What is written down of a session; nothing where there is none, or nothing that can be read."""
        if not LEGAL_NAME.fullmatch(name):
            return None
        try:
            with open_regular(f"{self.folder_of(name)}/{NOTE}") as file:
                text = file.read(MOST_BYTES + 1)
            told = json.loads(text if len(text) <= MOST_BYTES else b"")
            note = SessionNote(**{key: told[key] for key in field_names(SessionNote)})
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return note if self._is_meant(note, name) else None

    def _is_meant(self, note: SessionNote, name: str) -> bool:
        """Whether it is what we write: what a session gives back or promotes is removed from its folder."""
        own = self.folder_of(name)
        if not isinstance(note.environment, dict):
            return False
        texts = (note.name, note.folder, note.worktree_of, *note.environment, *note.environment.values())
        return (
            all(isinstance(text, str) and "\0" not in text for text in texts)
            and isinstance(note.created_at, int | float)
            and note.name == name
            and not os.path.islink(own)
            and os.path.isabs(note.folder)
            and (note.folder == own) is (note.is_overlay is True)
            and os.path.realpath(note.folder) != os.path.realpath(self.workspace)
        )

    def write(self, note: SessionNote) -> None:
        path = f"{self.folder_of(note.name)}/{NOTE}"
        try:
            write_atomically(path, json.dumps(as_mapping(note), indent=2).encode())
        except OSError as error:
            raise MachineCannot(f"{path} cannot be written: {error.strerror}", hint="free some space") from error

    def folder_of(self, name: str) -> str:
        """Where all that is a session's own lies; of "" where all sessions do."""
        return f"{self._place.folder}/{FOLDER}{f'/{name}' if name else ''}"

    def overlay_of(self, note: SessionNote) -> Overlay:
        return Overlay(self.workspace, note.folder, f"{self.folder_of(note.name)}/base")

    def seen_from(self, name: str, library: Library) -> Library:
        """The library as a session sees it; raises WrongUse where there is no such session."""
        if name == MAIN:
            return library
        note = self.find(name)
        roots = tuple(Root(folder=f"{note.folder}/{each}", scope=Scope.DEV) for each in SKILL_FOLDERS)
        hides = self.overlay_of(note).hides
        return replace(library, roots=(*roots, *library.roots), realm=name, hides=hides)
