"""Who is at work on a workspace: each process holds a lock on a file of its own, and writes there what it began.

The file survives kill -9, and its lock does not: what a file without an owner began and nobody finished is lost.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from workbench.model.errors import StoreUnavailable
from workbench.model.frozen import frozen
from workbench.runtime.atomic import remove_tree
from workbench.runtime.places import StatePlace

FOLDER = "instances"
SCRATCH = "scratch"


class Instance:
    """This process's own file, made at the first line that is written to it."""

    def __init__(self, place: StatePlace, id: str) -> None:
        self._place, self.id = place, id
        self._descriptor = -1

    def write(self, fact: dict[str, Any]) -> None:
        """One line in one write; when this returns, kill -9 cannot take it back."""
        self.claim()
        line = json.dumps(fact, separators=(",", ":"), default=str).encode("utf-8", "replace") + b"\n"
        try:
            os.write(self._descriptor, line)
        except OSError as error:
            raise _cannot_write(self._path, error) from error

    def claim(self) -> None:
        """Make the file and hold its lock, if that is not done yet, or was taken away; raises StoreUnavailable."""
        if self._descriptor >= 0 and not _is_still(self._path, self._descriptor):
            self.abandon()
        if self._descriptor < 0:
            self._descriptor = self._claimed()

    def abandon(self) -> None:
        """Let go of the file and leave it where it is."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def close(self) -> None:
        """Leave no trace: everything this process began is in the database by now."""
        if self._descriptor >= 0:
            remove_tree(f"{self._place.folder}/{SCRATCH}/{self.id}")
            with suppress(OSError):
                os.unlink(self._path)
            os.close(self._descriptor)
            self._descriptor = -1

    @property
    def _path(self) -> str:
        return f"{self._place.folder}/{FOLDER}/{self.id}"

    def _claimed(self) -> int:
        self._place.prepared()
        try:
            os.makedirs(f"{self._place.folder}/{FOLDER}", mode=0o700, exist_ok=True)
            while True:
                descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if _is_still(self._path, descriptor):
                    return descriptor
                os.close(descriptor)
        except OSError as error:
            raise _cannot_write(self._path, error) from error


class Scratch:
    """Folders that live no longer than this process; if it dies, whoever settles it removes them."""

    def __init__(self, place: StatePlace, instance: Instance) -> None:
        self._place, self._instance = place, instance

    @property
    def owner(self) -> str:
        """The id of the process whose folders these are."""
        return self._instance.id

    def claimed(self) -> str:
        """The same id, once the others can see that its process is at work."""
        self._instance.claim()
        return self._instance.id

    def new_folder(self) -> str:
        """An empty folder that only its owner may look into."""
        self._instance.claim()
        folder = f"{self._place.prepared()}/{SCRATCH}/{self._instance.id}/{os.urandom(8).hex()}"
        try:
            os.makedirs(folder, mode=0o700)
        except OSError as error:
            raise _cannot_write(folder, error) from error
        return folder


@contextmanager
def open_instance(place: StatePlace, id: str) -> Iterator[Instance]:
    """This process's own file for as long as the block lasts."""
    instance = Instance(place, id)
    try:
        yield instance
    except StoreUnavailable:
        instance.abandon()  # what could not be written down is still in the file: whoever comes next finds it
        raise
    finally:
        instance.close()


@frozen
class Orphan:
    """What a process that is gone had begun. It stays locked until `settled`, so that only one process settles it."""

    facts: tuple[dict[str, Any], ...]
    path: str
    descriptor: int

    def released(self) -> None:
        """Leave it for somebody else."""
        os.close(self.descriptor)

    def settled(self) -> None:
        """Nothing of it is needed any more: neither its file nor the folders that it left."""
        folder, name = os.path.split(self.path)
        remove_tree(f"{os.path.dirname(folder)}/{SCRATCH}/{name}")
        with suppress(OSError):
            os.unlink(self.path)
        os.close(self.descriptor)


def orphans(place: StatePlace) -> Iterator[Orphan]:
    """The files whose owner is gone."""
    try:
        names = os.listdir(f"{place.folder}/{FOLDER}")
    except OSError:
        return
    for name in sorted(names):
        path = f"{place.folder}/{FOLDER}/{name}"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            continue
        if not _is_still(path, descriptor):
            os.close(descriptor)
            continue
        yield Orphan(facts=tuple(_facts(descriptor)), path=path, descriptor=descriptor)


def is_at_work(place: StatePlace, id: str) -> bool:
    """Whether the process of this id still holds its lock."""
    try:
        descriptor = os.open(f"{place.folder}/{FOLDER}/{os.path.basename(id)}", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _facts(descriptor: int) -> Iterator[dict[str, Any]]:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        for line in file:
            try:
                fact = json.loads(line)
            except ValueError:
                continue
            if isinstance(fact, dict):
                yield fact


def _is_still(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except OSError:
        return False


def _cannot_write(path: str, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        f"cannot write {path}: {error.strerror or error}", hint="free some space, or look at the folder's permissions"
    )
