"""Says which paths may have changed. Only a hint: whoever hears it looks at the files themselves."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING

import anyio

from workbench.model.settings import DevelopmentSettings
from workbench.runtime.devsessions.polling import polled
from workbench.runtime.library.discovery import Root
from workbench.runtime.places import REMOTE_FILE_SYSTEMS, STATE_FOLDER, file_system_of
from workbench.runtime.tasks import open_tasks

if TYPE_CHECKING:
    from watchfiles._rust_notify import RustNotify

IDENTITY_SECONDS = 1.0
PATIENCE_MS = 5_000
# Who has not saved for a while is looked after less often: it costs a save 20 ms, and spares 150 looks a second.
REST_SECONDS = 20.0
REST_FACTOR = 4
Paths = frozenset[str]


class Watcher:
    """Watches the roots that are there, and those that come, go or are replaced while it runs."""

    def __init__(self, roots: Sequence[Root], settings: DevelopmentSettings) -> None:
        self._roots, self._settings = roots, settings
        self._stop = anyio.Event()
        self.polling = ""
        """Why files are looked at again and again; "" where the system reports what changes."""

    async def hints(self) -> AsyncIterator[Paths]:
        """Sets of paths that may have changed; an empty set means: look at everything."""
        while True:
            folders = self._folders()
            identity = _identity(self._roots)
            self._stop = anyio.Event()
            with self._listening(folders) as ear:
                yield frozenset()
                if not folders:
                    await self._until_changed(identity)
                    continue
                async with open_tasks() as tasks:
                    tasks.start_soon(self._stop_when_changed, identity)
                    async for paths in self._reported(ear) if ear else self._looked_for(folders):
                        yield paths
                    tasks.cancel_scope.cancel()

    @contextmanager
    def _listening(self, folders: Sequence[str]) -> Iterator[RustNotify | None]:
        """What the system reports, where it does; `polling` says why not."""
        # watchfiles' own `awatch` looks as often all night as in the minute of a save. Imported here, because only who
        # watches needs it.
        from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

        ear = None
        if self._settings.force_polling:
            self.polling = "the settings say so"
        elif remote := next((folder for folder in folders if _needs_polling(folder)), ""):
            self.polling = f"nothing is reported from {remote}: it lies on another machine"
        elif folders and not self.polling:
            try:
                ear = RustNotify(list(folders), False, False, 0, True, True)
            except (WatchfilesRustInternalError, OSError) as error:
                self.polling = _why_not(error)
        try:
            yield ear
        finally:
            if ear is not None:
                ear.close()

    async def _reported(self, ear: RustNotify) -> AsyncIterator[Paths]:
        settings, changed_at = self._settings, time.monotonic()
        while True:
            is_at_rest = time.monotonic() - changed_at > REST_SECONDS
            step = settings.watch_step_ms * (REST_FACTOR if is_at_rest else 1)
            try:
                batch = await anyio.to_thread.run_sync(
                    ear.watch, settings.watch_debounce_ms, step, PATIENCE_MS, self._stop
                )
            except RuntimeError as error:  # a new folder was one too many
                self.polling = _why_not(error)
                return
            if batch == "stop":
                return
            if isinstance(batch, set) and (paths := self._of_interest(path for _, path in batch)):
                changed_at = time.monotonic()
                yield paths

    async def _looked_for(self, folders: Sequence[str]) -> AsyncIterator[Paths]:
        async with aclosing(polled(folders, self._stop)) as looks:
            async for paths in looks:
                yield paths

    async def _stop_when_changed(self, identity: tuple[object, ...]) -> None:
        """Whoever cancels waits for the thread that looks, and that one looks at nothing but this event."""
        try:
            await self._until_changed(identity)
        finally:
            self._stop.set()

    async def _until_changed(self, identity: tuple[object, ...]) -> None:
        while _identity(self._roots) == identity:
            await anyio.sleep(IDENTITY_SECONDS)  # no event tells that a folder was replaced

    def _of_interest(self, paths: Iterable[str]) -> Paths:
        """What lies above a root does not matter: that of a dev session is below the folder for state."""
        roots = tuple(f"{root.folder}/" for root in self._roots)
        below = {path: next((path[len(root) :] for root in roots if path.startswith(root)), path) for path in paths}
        return frozenset(path for path, rest in below.items() if is_of_interest(rest))

    def _folders(self) -> list[str]:
        return [root.folder for root in self._roots if os.path.isdir(root.folder)]


def is_of_interest(path: str) -> bool:
    """Everything but state, caches and version control; editors' leftovers too may hide a rename."""
    parts = path.split("/")
    return not any(part in (STATE_FOLDER, ".git", "__pycache__", "node_modules") for part in parts)


def _identity(roots: Sequence[Root]) -> tuple[object, ...]:
    """What each root is: a folder that was renamed away and back, or made anew, has to be watched again."""
    found: list[object] = []
    for root in roots:
        try:
            status = os.stat(root.folder)
            found.append((status.st_dev, status.st_ino))
        except OSError:
            found.append(None)
    return tuple(found)


def _why_not(error: Exception) -> str:
    """In words that say what to do; the library has the system's error in its text only."""
    words = str(error)
    if "limit" in words or "No space left" in words or "os error 28" in words:
        return "as many files are watched as the system allows: raise it with sysctl fs.inotify.max_user_watches=524288"
    if "Too many open files" in words:
        return "as many programs watch as the system allows: raise it with sysctl fs.inotify.max_user_instances=1024"
    return f"the system reports nothing: {words}"


def _needs_polling(folder: str) -> bool:
    return file_system_of(folder) in REMOTE_FILE_SYSTEMS
