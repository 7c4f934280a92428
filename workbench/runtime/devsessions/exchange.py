"""What goes between a session and the workspace: taken, compared, brought up to date, promoted, given back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial

import anyio

from workbench.model.devsession import FileStand, Standing
from workbench.model.errors import Conflict, MachineCannot, UnknownSkill, WrongUse
from workbench.model.finding import printable
from workbench.model.frozen import frozen
from workbench.model.skill import SHARED, Scope, Skill
from workbench.model.skilltest import TestReport
from workbench.model.words import counted
from workbench.runtime.devsessions.asides import drop
from workbench.runtime.devsessions.overlay import Overlay
from workbench.runtime.devsessions.session import Accepted, DevSession, Refused
from workbench.runtime.devsessions.sessions import Opened, Sessions
from workbench.runtime.devsessions.updating import update_file
from workbench.runtime.library.differences import text_of

Test = Callable[[str], Awaitable[TestReport]]
MOST_NAMED = 3


@frozen
class Promoted:
    """What the workspace has from a session now: the files, and what came of each skill there."""

    files: tuple[FileStand, ...]
    skills: tuple[tuple[str, Accepted | Refused | None], ...]


@frozen
class Exchange:
    """Between one session and the workspace."""

    sessions: Sessions
    name: str
    session: DevSession
    overlay: Overlay
    is_overlay: bool

    async def take(self, skill: Skill) -> Skill:
        """Have a skill's files in the session, to be edited there."""
        if skill.scope is Scope.DEV:
            return skill
        home = await anyio.to_thread.run_sync(self.overlay.take, skill)
        self.session.look_again()
        await self.sessions.tell(self.name, f"took {skill.name}")
        found = next((each for each in self.session.files if each.home == home), None)
        assert found is not None, f"{home} was copied, and is not there"
        return self.session.realm.snapshot.skills.get(found.name, found)

    async def give_back(self, names: Sequence[str], *, give_up: bool = False) -> None:
        """Have the workspace's files of these skills in the stead of the session's own.

        Raises Conflict where the session has changes that the workspace does not have, unless they may be given up.
        """
        stands = await self.compared(names)
        changed = [each for each in stands if each.standing in (Standing.HERE, Standing.BOTH)]
        if changed and not give_up:
            raise Conflict(
                f"changed here and not in the workspace: {_named(changed)}",
                hint=f"`workbench dev promote {self.name}` takes it over, --give-up gives it back all the same",
            )
        mine = [skill for skill in self.session.files if skill.scope is Scope.DEV]
        staying = {path for skill in mine if skill.name not in names for path in self._paths_of(skill)}
        paths = [path for name in names for skill in self._known(name) for path in self._paths_of(skill)]
        going = [path for path in paths if path not in staying]
        seen = None if give_up else {each.path: each.mine for each in stands}
        await anyio.to_thread.run_sync(drop, self.overlay, going, seen)
        await self.sessions.main.library.revisions.forget(self.name, names)
        self.session.look_again()
        await self.sessions.tell(self.name, f"gave {', '.join(names)} back")

    async def compared(self, refs: Iterable[str] = ()) -> list[FileStand]:
        """How each file of these skills, or of all that were taken, stands to the workspace's."""
        self.session.look_again()
        homes = [self.overlay.path_of(skill.home) for skill in self.session.files if skill.scope is Scope.DEV]
        return await anyio.to_thread.run_sync(self.overlay.stands, self._within(refs), homes)

    def texts(self, path: str) -> tuple[str, str, str]:
        """A file as it was taken, as it is here, and as the workspace has it; "" where it is no text."""
        places = (self.overlay.base, self.overlay.mine, self.overlay.workspace)
        base, mine, theirs = (text_of(f"{place}/{path}") or "" for place in places)
        return base, mine, theirs

    async def update(self, refs: Iterable[str] = (), *, prefer: str = "") -> list[FileStand]:
        """Take over what the workspace changed; returns what both changed in the same place, and is left as it is.

        `prefer` decides that too: `mine` stays and will be promoted, `theirs` comes in its stead.
        """
        stands = await self.compared(refs)
        update = partial(update_file, self.overlay, prefer=prefer)
        try:
            left = [stand for stand in stands if not await anyio.to_thread.run_sync(update, stand)]
        finally:
            self.session.look_again()
        await self.sessions.tell(self.name, "was brought up to date")
        return left

    async def promote(self, refs: Iterable[str], test: Test, message: str = "") -> Promoted:
        """Have the workspace be what the session is, file by file; raises Conflict where that would lose something.

        Each skill has to load and its tests have to be green here. No file is touched that was not here when the
        skill was taken.
        """
        stands = await self.compared(refs)
        if both := [stand for stand in stands if stand.standing is Standing.BOTH]:
            raise Conflict(
                f"changed here and in the workspace: {_named(both)}; nothing was promoted",
                hint=f"`workbench dev update {self.name}` merges them, `workbench dev compare {self.name}` shows them",
            )
        changed = [stand for stand in stands if stand.standing is Standing.HERE]
        if not changed:
            raise WrongUse(
                f"{self.name} has nothing that the workspace does not have",
                hint=f"`workbench dev edit {self.name} SKILL` takes a skill to work on",
            )
        self._refuse_hidden(changed)
        skills = [skill for skill in self.session.realm.snapshot if self._is_touched(skill, changed)]
        revisions = [await self._proven(skill, test) for skill in skills]
        with anyio.CancelScope(shield=True):  # what is written is accepted with its message, too
            await self.sessions.promotions.carry_out(self.name, self.overlay, changed)
            results: list[tuple[str, Accepted | Refused | None]] = []
            main = self.sessions.main.session
            for skill, revision in zip(skills, revisions, strict=True):
                home = f"{self.overlay.workspace}/{self.overlay.path_of(skill.home)}"
                words = message or f"promoted from {self.name} r{revision}"
                results.append((skill.name, await main.accept_written(home, skill.name, words)))
            main.look_again()
            if self.is_overlay:
                await self._let_go(skills)
            await self.sessions.tell(self.name, f"promoted {counted(len(changed), 'file')}")
        return Promoted(files=tuple(changed), skills=tuple(results))

    def _refuse_hidden(self, changed: Sequence[FileStand]) -> None:
        """What another one of its name hides was neither loaded nor tested; raises Conflict."""
        for skill in self.session.files:
            home = self.overlay.path_of(skill.home) if skill.scope is Scope.DEV else ""
            if home and self.session.is_hidden(skill) and any(_is_below(stand.path, [home]) for stand in changed):
                twin = self.session.realm.snapshot.skills[skill.name]
                raise Conflict(
                    f"{skill.path} and {twin.path} are both '{skill.name}', and only the second answers; "
                    "nothing was promoted",
                    hint="give one of them another name, or remove it",
                )

    async def _proven(self, skill: Skill, test: Test) -> int:
        """The revision that is promoted: it loads, it is green, and it is what the files hold now."""
        ready = await self.session.answering(skill)
        if isinstance(ready, Refused):
            first = ready.findings[0]
            raise Conflict(f"'{skill.name}' does not load: {first.message}", hint=f"mend it first: {first.place}")
        report = await test(skill.name)
        if report.red:
            first = report.red[0]
            raise Conflict(
                f"the tests of '{skill.name}' are red: {first.message}", hint=f"mend it first: {first.place}"
            )
        now = next(iter(self.session.read_below(skill.home)), None)
        if now is None or now.digest != ready.skill.digest:
            raise Conflict(f"'{skill.name}' is being written at this moment", hint="promote once more")
        return ready.skill.revision

    async def _let_go(self, skills: Sequence[Skill]) -> None:
        """What is the same in both places is looked for in the workspace again; what is saved by now stays here."""
        stands = await self.compared()
        differing = [stand for stand in stands if stand.standing is not Standing.SAME]
        for name in [skill.name for skill in skills if not self._is_touched(skill, differing)]:
            with suppress(Conflict, MachineCannot):
                await self.give_back([name])

    def _within(self, refs: Iterable[str]) -> Callable[[str], bool]:
        names = list(refs)
        if not names:
            return lambda _: True
        return partial(
            _is_below, homes=[path for name in names for each in self._known(name) for path in self._paths_of(each)]
        )

    def _known(self, name: str) -> list[Skill]:
        """A skill as it is here, and as it is in the workspace: it may be gone from either."""
        both = (self.session, self.sessions.main.session)
        known = [skill for each in both if (skill := each.realm.snapshot.skills.get(name)) is not None]
        if not known:
            raise UnknownSkill(
                f"there is no skill '{printable(name[:128])}' here or in the workspace", hint="`workbench list`"
            )
        return known

    def _paths_of(self, skill: Skill) -> list[str]:
        """Where a skill lies, and each file of the modules that it shares."""
        modules = (skill.path_of(file.path) for file in skill.files if file.path.startswith(f"{SHARED}/"))
        return [path for place in (skill.home, *modules) if (path := self.overlay.path_of(place))]

    def _is_touched(self, skill: Skill, stands: Sequence[FileStand]) -> bool:
        homes = self._paths_of(skill)
        return skill.scope is Scope.DEV and any(_is_below(stand.path, homes) for stand in stands)


def exchange_of(sessions: Sessions, opened: Opened) -> Exchange:
    """Between a session and the workspace; raises WrongUse for the workspace itself."""
    if opened.note is None or opened.overlay is None:
        raise WrongUse("main is the workspace itself", hint="name a session: `workbench dev list` shows them")
    return Exchange(
        sessions=sessions,
        name=opened.note.name,
        session=opened.session,
        overlay=opened.overlay,
        is_overlay=opened.note.is_overlay,
    )


def _is_below(path: str, homes: Iterable[str]) -> bool:
    return any(path == home or path.startswith(f"{home}/") for home in homes)


def _named(stands: Sequence[FileStand]) -> str:
    paths = [stand.path for stand in stands]
    return ", ".join(paths[:MOST_NAMED]) + (f" and {len(paths) - MOST_NAMED} more" if len(paths) > MOST_NAMED else "")
