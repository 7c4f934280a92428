"""The dev sessions of a workspace: opened, looked at, and closed. What they are is on the disk, for every process."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import anyio

from workbench.model.devsession import MAIN, SessionNote
from workbench.model.errors import Conflict, MachineCannot, WrongUse
from workbench.model.events import SessionChanged
from workbench.model.frozen import frozen, replace
from workbench.model.skill import LEGAL_NAME, Scope
from workbench.runtime.atomic import remove_tree
from workbench.runtime.bus import Bus
from workbench.runtime.clock import Clock
from workbench.runtime.devsessions.notes import CLOSED, SessionNotes
from workbench.runtime.devsessions.overlay import Overlay
from workbench.runtime.devsessions.promotion import Promotions
from workbench.runtime.devsessions.session import DevSession
from workbench.runtime.library import journal
from workbench.runtime.library.library import Library
from workbench.runtime.own_hand import OwnHand
from workbench.runtime.pipeline.permission import ConsentsOf
from workbench.runtime.places import SKILL_FOLDERS, StatePlace
from workbench.runtime.store.database import Database
from workbench.runtime.workers.pool import WorkerPool

MOST_CLOSED = 5
GIT_SECONDS = 60


@frozen
class Opened:
    """A session of this process: what answers in it, its view of the library, and its files beside the workspace's."""

    session: DevSession
    library: Library
    note: SessionNote | None = None
    overlay: Overlay | None = None


class Sessions:
    """Opens each session once. `main` is always open."""

    def __init__(
        self,
        main: Opened,
        workspace: str,
        place: StatePlace,
        database: Database,
        pool: WorkerPool,
        bus: Bus,
        clock: Clock,
        allowed: ConsentsOf,
        hand: OwnHand,
    ) -> None:
        self._workspace, self._place, self._database = workspace, place, database
        self._pool, self._bus, self._clock, self._allowed = pool, bus, clock, allowed
        self._opened = {MAIN: main}
        self._creating = anyio.Lock()
        self.notes = SessionNotes(workspace, place)
        owner = main.library.scratch
        self.promotions = Promotions(database, place, workspace, owner.claimed, clock.now, hand)

    @property
    def main(self) -> Opened:
        return self._opened[MAIN]

    def opened(self, name: str) -> Opened:
        """A session by its name; raises WrongUse where there is none."""
        if name == MAIN:
            return self.main
        known = self._opened.pop(name, None)
        note = self.notes.find(name)
        if known is not None and known.note is not None and known.note.created_at == note.created_at:
            known.session.use_environment(note.environment)
            self._opened[name] = replace(known, note=note)
        else:
            self._opened[name] = self._open(note)
        return self._opened[name]

    async def create(
        self, name: str, *, folder: str = "", worktree: str = "", environment: Mapping[str, str] | None = None
    ) -> Opened:
        """A new session over the workspace, over a folder that is built like one, or over a worktree of a branch."""
        async with self._creating:
            self._refuse(name, folder, worktree)
            own = self.notes.folder_of(name)
            self._place.prepared()
            if os.path.lexists(own):  # its note was never written, or cannot be read
                self._put_away(name)
            await self._forget(name)
            async with self._making(own, worktree):
                if worktree:
                    folder = await anyio.to_thread.run_sync(_worktree, self._workspace, f"{own}/tree", worktree)
                elif not folder:
                    os.makedirs(f"{own}/{SKILL_FOLDERS[0]}")
                note = SessionNote(
                    name=name,
                    folder=os.path.abspath(folder) if folder else own,
                    created_at=self._clock.now(),
                    is_overlay=not folder,
                    worktree_of=worktree,
                    environment=dict(environment or {}),
                )
                if folder:
                    homes = [skill.home for skill in self.main.session.files if skill.scope is Scope.WORKSPACE]
                    await anyio.to_thread.run_sync(self.notes.overlay_of(note).remember, homes)
                self.notes.write(note)
        await self.tell(name, "opened")
        return self.opened(name)

    async def _forget(self, name: str) -> None:
        """What a session that is gone had accepted and was allowed: the next of its name has nothing to do with it."""
        await self.main.library.revisions.forget(name)
        await self._database.write(lambda connection: _forget_rights(connection, name))

    @asynccontextmanager
    async def _making(self, own: str, worktree: str) -> AsyncIterator[None]:
        """A session's folder; what fails while it is filled leaves nothing of it. Raises MachineCannot."""
        made = 0
        try:
            os.makedirs(own, mode=0o700)
            made = os.stat(own).st_ino
            yield
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(_unmake, self._workspace, own, made, worktree)
            if not isinstance(error, OSError):
                raise
            raise MachineCannot(
                f"{own} cannot be made: {error.strerror or error}", hint="free some space, or look at its permissions"
            ) from error

    async def set_environment(self, name: str, environment: Mapping[str, str]) -> Opened:
        """The variables that skills find in a session in place of the real ones."""
        opened = self.opened(name)
        if opened.note is None:
            raise WrongUse("main has the variables of the shell it was started from", hint="open a session for others")
        self.notes.write(replace(opened.note, environment=dict(environment)))
        await self.tell(name, "has other variables")
        return self.opened(name)

    async def close(self, name: str, *, give_up: bool = False) -> str:
        """End a session; returns where its files are kept for a while. A folder of somebody's own stays as it is.

        Raises Conflict where it has changes that the workspace does not have, unless they may be given up.
        """
        opened = self.opened(name)
        if opened.note is None or opened.overlay is None:
            raise WrongUse("main is the workspace itself", hint="name another session; `workbench dev list` shows them")
        stands = await anyio.to_thread.run_sync(opened.overlay.stands)
        changed = [stand.path for stand in stands if stand.mine not in (stand.base, stand.theirs)]
        if changed and not give_up:
            raise Conflict(
                f"{name} has changes that the workspace does not have: {', '.join(changed[:3])}"
                f"{' …' if len(changed) > 3 else ''}",
                hint=f"`workbench dev promote {name}` takes them over, --give-up closes it all the same",
            )
        kept = self._put_away(name)
        opened.session.retire_workers()
        self._opened.pop(name, None)
        await self._forget(name)
        await self.tell(name, "closed")
        if opened.note.worktree_of:
            with suppress(MachineCannot):  # git tidies up by itself some day
                await anyio.to_thread.run_sync(_git, self._workspace, "worktree", "prune")
        return kept

    async def tell(self, name: str, what: str) -> None:
        """Say what happened to a session, here and to the other processes."""
        now, origin = self._clock.now(), self.main.library.scratch.owner
        self._bus.publish(SessionChanged(at=now, realm=name, what=what))
        await self._database.write(
            lambda connection: journal.write(connection, origin, "SessionChanged", now, {"realm": name, "what": what})
        )

    def _open(self, note: SessionNote) -> Opened:
        library = self.notes.seen_from(note.name, self.main.library)
        workspace = self._workspace if note.is_overlay else note.folder
        session = DevSession(library, workspace, self._pool, self._bus, self._clock, self._allowed, note.environment)
        session.look_again()
        return Opened(session=session, library=library, note=note, overlay=self.notes.overlay_of(note))

    def _put_away(self, name: str) -> str:
        """Have a session's folder among those that are closed, of which the newest few are kept."""
        self._place.prepared()
        closed = self.notes.folder_of(CLOSED)
        kept = f"{closed}/{name}-{int(self._clock.now() * 1000)}"
        try:
            os.makedirs(closed, exist_ok=True)
            os.rename(self.notes.folder_of(name), kept)
        except OSError as error:
            raise MachineCannot(
                f"{name} cannot be put away: {error.strerror or error}", hint=f"look at the permissions of {closed}"
            ) from error
        for old in sorted(os.listdir(closed), key=lambda each: each.rpartition("-")[2])[:-MOST_CLOSED]:
            remove_tree(f"{closed}/{old}")
        return kept

    def _refuse(self, name: str, folder: str, worktree: str) -> None:
        if not LEGAL_NAME.fullmatch(name) or name == MAIN:
            raise WrongUse(f"'{name}' cannot be a session's name", hint="letters, digits, '.', '_' and '-'; not main")
        if self.notes.read(name) is not None:
            raise WrongUse(
                f"there is a session '{name}' already",
                hint=f"`--dev {name}` works in it; `workbench dev close {name}` ends it",
            )
        if folder and worktree:
            raise WrongUse("a folder and a worktree were both named", hint="name one of them")
        if folder and not any(os.path.isdir(f"{folder}/{each}") for each in SKILL_FOLDERS):
            raise WrongUse(f"{folder} has no {SKILL_FOLDERS[0]} folder", hint="name a folder built like a workspace")
        if folder and os.path.realpath(folder) == os.path.realpath(self._workspace):
            raise WrongUse(f"{folder} is the workspace itself", hint="leave it out: without it a session is over that")
        if worktree.startswith("-"):
            raise WrongUse(f"'{worktree}' is no branch", hint="name a branch, there already or new")


def _forget_rights(connection: sqlite3.Connection, realm: str) -> None:
    """The next session of this name has nothing to do with what was allowed and switched off in this one."""
    for table in ("approval", "disabled"):
        connection.execute(f"DELETE FROM {table} WHERE realm = ?", (realm,))


def _worktree(workspace: str, target: str, branch: str) -> str:
    """A worktree of the repository that the workspace lies in; returns the place in it that the workspace has."""
    try:
        below = _git(workspace, "rev-parse", "--show-prefix").strip().rstrip("/")
    except MachineCannot as error:
        hint = "leave --worktree out: a session needs no git"
        raise MachineCannot(
            f"{workspace} lies in no git repository, or git cannot be asked: {error}", hint=hint
        ) from None
    known = _git(workspace, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    _git(workspace, "worktree", "add", *((target, branch) if branch in known else ("-b", branch, target)))
    return f"{target}/{below}" if below else target


def _unmake(workspace: str, own: str, made: int, worktree: str) -> None:
    """Unless another process has put it away, and has one of that name now."""
    with suppress(OSError, MachineCannot):
        if made and os.stat(own).st_ino == made:
            remove_tree(own)
            if worktree:
                _git(workspace, "worktree", "prune")


def _git(folder: str, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", folder, *arguments], capture_output=True, text=True, timeout=GIT_SECONDS, check=False
        )
    except FileNotFoundError:
        raise MachineCannot("git is not installed", hint="install git, or name a folder") from None
    except subprocess.TimeoutExpired:
        raise MachineCannot(f"git did not answer within {GIT_SECONDS} s", hint="try it by hand") from None
    if done.returncode:
        raise MachineCannot(f"git: {done.stderr.strip() or 'failed'}", hint=f"`git -C {folder} {' '.join(arguments)}`")
    return done.stdout
