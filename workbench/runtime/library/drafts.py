"""Text that is typed and not saved, kept on disk within a second, and offered again after a crash."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress

from workbench.model.errors import StoreUnavailable
from workbench.model.frozen import frozen
from workbench.runtime.atomic import write_atomically
from workbench.runtime.places import StatePlace
from workbench.runtime.store.instances import Instance, is_at_work

FOLDER = "drafts"


@frozen
class Draft:
    """What was typed into a file, when, and which content of the file it was typed over."""

    path: str
    text: str
    base_digest: str
    at: float
    owner: str


class Drafts:
    """One file for each text. What another living process is typing is its own, and not offered."""

    def __init__(self, place: StatePlace, instance: Instance) -> None:
        self._place, self._instance = place, instance

    @property
    def folder(self) -> str:
        return f"{self._place.folder}/{FOLDER}"

    def keep(self, path: str, text: str, base_digest: str, at: float) -> None:
        """When this returns, kill -9 cannot take the text back; raises StoreUnavailable."""
        self._instance.claim()
        document = {"path": path, "text": text, "base": base_digest, "at": at, "owner": self._instance.id}
        self._place.prepared()
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            write_atomically(self._file_of(path, self._instance.id), json.dumps(document).encode(), mode=0o600)
        except OSError as error:
            raise StoreUnavailable(
                f"unsaved text cannot be kept: {error.strerror}", hint="save it, or free some space"
            ) from error

    def drop(self, path: str, owner: str = "") -> None:
        """The text was saved, or is not wanted any more."""
        with suppress(OSError):
            os.unlink(self._file_of(path, owner or self._instance.id))

    def offered(self) -> tuple[Draft, ...]:
        """What processes that are gone left unsaved, the newest first."""
        left = (draft for draft in self._all() if not is_at_work(self._place, draft.owner))
        return tuple(sorted(left, key=lambda draft: -draft.at))

    def _all(self) -> Iterator[Draft]:
        try:
            names = os.listdir(self.folder)
        except OSError:
            return
        for name in names:
            with suppress(OSError, ValueError, KeyError, TypeError):
                with open(f"{self.folder}/{name}", encoding="utf-8") as file:
                    said = json.load(file)
                yield Draft(
                    path=str(said["path"]),
                    text=str(said["text"]),
                    base_digest=str(said["base"]),
                    at=float(said["at"]),
                    owner=str(said["owner"]),
                )

    def _file_of(self, path: str, owner: str) -> str:
        return f"{self.folder}/{hashlib.sha256(os.fsencode(path)).hexdigest()[:20]}-{owner}.json"
