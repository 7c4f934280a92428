"""What the screen remembers between starts: of this workspace in its state folder, of this person in theirs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from workbench.model.errors import NotEditable, StoreUnavailable
from workbench.runtime.atomic import write_atomically
from workbench.runtime.devsessions.files import read_text_file
from workbench.runtime.places import StatePlace, place_of_state, user_state_folder

FILE = "screen.json"


class Memory:
    """Two small documents. A damaged or missing one is empty; one that cannot be written is not kept."""

    def __init__(self, place: StatePlace, user_folder: str) -> None:
        self._place, self._user_folder = place, user_folder
        self.workspace = _read(f"{place.folder}/{FILE}")
        self.user = _read(f"{user_folder}/{FILE}")
        self._written = (dict(self.workspace), dict(self.user))

    def write(self) -> None:
        """Keep what has changed."""
        workspace, user = self._written
        with suppress(OSError, StoreUnavailable):
            if self.workspace != workspace:
                _write(self._place.prepared(), self.workspace)
                workspace = dict(self.workspace)
        with suppress(OSError):
            if self.user != user:
                os.makedirs(self._user_folder, mode=0o700, exist_ok=True)
                _write(self._user_folder, self.user)
                user = dict(self.user)
        self._written = (workspace, user)


def open_memory(workspace: str, environ: Mapping[str, str]) -> Memory:
    """What is remembered of a workspace, and of whoever is at work."""
    return Memory(place_of_state(workspace, environ), user_state_folder(environ))


def _read(path: str) -> dict[str, Any]:
    try:
        said = json.loads(read_text_file(path).text)
    except (NotEditable, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _write(folder: str, document: dict[str, Any]) -> None:
    write_atomically(f"{folder}/{FILE}", json.dumps(document, separators=(",", ":")).encode(), mode=0o600)
