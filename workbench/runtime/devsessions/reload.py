"""From a hint to what answers: look again at the skill that owns the changed paths, and bring up what is new in it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import asynccontextmanager, suppress
from time import perf_counter

import anyio
from anyio.abc import TaskGroup

from workbench.model.errors import WorkbenchError
from workbench.model.events import RevisionAccepted, SessionChanged, SkillHotReloaded, SkillReloadFailed, WatchStarted
from workbench.model.finding import Finding, Place, Severity
from workbench.model.settings import DevelopmentSettings
from workbench.model.skill import Scope, Skill, SkillState
from workbench.model.skilltest import TestReport
from workbench.runtime.bus import Bus
from workbench.runtime.clock import Clock
from workbench.runtime.devsessions.loading import Steps, reloaded
from workbench.runtime.devsessions.session import Accepted, DevSession
from workbench.runtime.devsessions.settling import ignore_lease_breaks, settled
from workbench.runtime.devsessions.watcher import Watcher
from workbench.runtime.formats.folder import counts
from workbench.runtime.library.discovery import TWICE
from workbench.runtime.library.journal import Journal
from workbench.runtime.library.library import Library
from workbench.runtime.skilltests.files import TESTS_FOLDER, case_files
from workbench.runtime.tasks import open_tasks

STORM = 20
ARMING_SECONDS = 0.05
Test = Callable[[str], Awaitable[TestReport]]


class Reloader:
    """Keeps one session in step with its files while it is open. One reload at a time for each skill."""

    def __init__(
        self,
        session: DevSession,
        library: Library,
        settings: DevelopmentSettings,
        bus: Bus,
        clock: Clock,
        test: Test,
        tasks: TaskGroup,
    ) -> None:
        self._session, self._library, self._settings = session, library, settings
        self._bus, self._clock, self._tasks = bus, clock, tasks
        self._waiting: dict[str, set[str]] = {}
        self._test = test
        self._testing: dict[str, anyio.CancelScope] = {}
        self._busy: set[str] = set()
        self._told_of_polling: str | None = None
        self._is_paused = False

    async def follow(self, watcher: Watcher) -> None:
        """React to every hint, and look at everything now and then: not every change is reported."""
        self._tasks.start_soon(self._sweep_now_and_then)
        async for paths in watcher.hints():
            if paths:
                self._take(paths)
            else:
                self._tasks.start_soon(self._catch_up, watcher)

    async def heed(self) -> None:
        """What another process accepted is accepted here too, once the files say the same; what is new is tested."""
        with self._bus.subscribe() as events:
            async for event in events:
                if isinstance(event, RevisionAccepted):
                    self._session.show(self._session.files)
                elif isinstance(event, SessionChanged) and event.origin and event.realm == self._session.realm.id:
                    self._session.look_again()
                elif isinstance(event, SkillHotReloaded) and event.realm == self._session.realm.id:
                    if self._session.is_proven(event.digest):
                        continue
                    self._tasks.start_soon(self._test_again, event.skill)

    def pause(self) -> None:
        """From now on a save is a save and nothing more; what is being reloaded still is."""
        self._is_paused = True

    async def resume(self) -> None:
        """Reload what was saved meanwhile, and what is saved from now on."""
        self._is_paused = False
        await self.sweep()

    async def sweep(self) -> None:
        """Compare everything with what is known, and reload what differs."""
        known = {skill.path: skill.digest for skill in self._session.files}
        found = {skill.path: skill.digest for skill in self._library.read_all()}
        self._take(path for path in known.keys() | found.keys() if known.get(path) != found.get(path))

    async def _catch_up(self, watcher: Watcher) -> None:
        """The watcher is about to listen; what changed before that was not reported."""
        await anyio.sleep(ARMING_SECONDS)
        await self.sweep()
        if self._told_of_polling != watcher.polling:
            self._told_of_polling = watcher.polling
            roots = tuple(dict.fromkeys(root.folder for root in self._library.roots if os.path.isdir(root.folder)))
            count = len(self._session.realm.snapshot)
            now = self._clock.now()
            realm = self._session.realm.id
            self._bus.publish(WatchStarted(at=now, roots=roots, skills=count, polling=watcher.polling, realm=realm))

    async def _sweep_now_and_then(self) -> None:
        while True:
            await anyio.sleep(self._settings.sweep_seconds)
            await self.sweep()

    def _take(self, paths: Iterable[str]) -> None:
        if self._is_paused:
            return
        owners: set[str] = set()
        for path in paths:
            for owner in (self._owner(path), *self._importers(path)):
                owners.add(owner)
                self._waiting.setdefault(owner, set()).add(path)
        is_storm = len(owners) > STORM
        for owner in owners - self._busy:
            self._busy.add(owner)
            self._tasks.start_soon(self._reload_until_quiet, owner, is_storm)

    def _owner(self, path: str) -> str:
        """The skill's folder or single file that a path belongs to, else what lies highest below its root."""
        for skill in self._session.files:
            home = skill.home
            if path == home or (not skill.single_file and path.startswith(f"{home}/")):
                return home
        return self._library.highest_below_root(path)

    def _importers(self, path: str) -> list[str]:
        """The homes of the skills whose code imports what lies there, or would if it were there."""
        root, name = self._library.shared_name(path)
        return [skill.home for skill in self._session.files if name in skill.imports and skill.shared_root == root]

    async def _reload_until_quiet(self, owner: str, is_storm: bool) -> None:
        try:
            while paths := self._waiting.pop(owner, None):
                await self._reload(owner, paths, is_storm=is_storm)
        finally:
            self._busy.discard(owner)

    async def _reload(self, owner: str, paths: set[str], *, is_storm: bool) -> None:
        began = perf_counter()
        before = {skill.path: skill for skill in self._session.files if _is_below(skill, owner)}
        await self._settle(paths, before.values())
        settled_at = perf_counter()
        below = self._library.read_below(owner)
        warm = {skill.path for skill in below if self._session.is_warm(skill.name)}
        changed = [skill for skill in below if not _is_same(before.get(skill.path), skill)]
        read_at = perf_counter()
        steps: Steps = (("settle", _ms(settled_at - began)), ("read", _ms(read_at - settled_at)))
        async with open_tasks() as tasks:
            with self._session.loading(skill.name for skill in changed):
                self._show(owner, before.values(), below)
                steps = (*steps, ("show", _ms(perf_counter() - read_at)))
                for skill in changed:
                    if not is_storm or skill.path in warm or skill.is_broken:
                        tasks.start_soon(self._bring_up, skill, began, steps)
        for skill in below:
            if skill not in changed and any(_is_of_tests(path, skill) for path in paths):
                self._tasks.start_soon(self._test_again, skill.name)

    def _show(self, owner: str, before: Collection[Skill], below: Collection[Skill]) -> None:
        """What lies there now; where a session has a skill no longer, what it hid may be seen again."""
        if len(before) == len(below) == 1 and self._session.show_in_place(*before, *below):
            return
        homes = {skill.home for skill in below}
        if any(skill.scope is Scope.DEV and skill.home not in homes for skill in before):
            self._session.look_again()
            return
        others = (skill for skill in self._session.files if not _is_below(skill, owner))
        self._session.show((*others, *below))

    async def _settle(self, paths: set[str], skills: Iterable[Skill]) -> None:
        """Wait for the end of the saves: of files that are there, and of those that were and may come back."""
        known = {skill.path_of(file.path) for skill in skills for file in skill.files}
        async with anyio.create_task_group() as looks:
            for path in paths:
                if counts(os.path.basename(path)) and (path in known or os.path.isfile(path)):
                    looks.start_soon(settled, path)

    async def _bring_up(self, skill: Skill, began: float, steps: Steps) -> None:
        if self._session.is_hidden(skill):
            self._tell_of_its_twin(skill)
            return
        try:
            result = await self._session.bring_up(skill)
        except WorkbenchError as error:  # the next save may find more room, and other skills need none
            self._session.leave_untried(skill)
            self._refuse(skill.name, (_untried(skill, error),), steps)
            return
        if isinstance(result, Accepted):
            if not result.steps and self._session.rolled_back.pop(skill.name, "") == skill.digest:
                return  # whoever rolled back has said so
            now, total_ms = self._clock.now(), _ms(perf_counter() - began)
            self._bus.publish(reloaded(result.skill, self._session.realm.id, now, (*steps, *result.steps), total_ms))
            return
        answering = result.answering.revision if result.answering else 0
        self._refuse(skill.name, result.findings, (*steps, *result.steps), answering)

    def _tell_of_its_twin(self, skill: Skill) -> None:
        """A save that changes nothing, because another of the same scope has the name, is said to be one."""
        twin = (each for each in self._session.realm.snapshot.shadowed if each.path == skill.path)
        if findings := tuple(finding for each in twin for finding in each.findings if finding.rule == TWICE):
            known = self._session.realm.snapshot.skills[skill.name]
            self._refuse(skill.name, findings, (), known.revision)

    def _refuse(self, name: str, findings: tuple[Finding, ...], steps: Steps, answering: int = 0) -> None:
        self._bus.publish(
            SkillReloadFailed(
                at=self._clock.now(),
                skill=name,
                realm=self._session.realm.id,
                findings=findings,
                answering_revision=answering,
                steps=steps,
            )
        )

    async def _test_again(self, name: str) -> None:
        """Run a skill's tests; a newer save begins them anew. Nothing of them is waited for by a reload."""
        skill = self._session.realm.snapshot.skills.get(name)
        if (
            skill is None
            or not skill.revision
            or skill.state is SkillState.DISABLED
            or not (case_files(skill) or skill.state is SkillState.TESTS_RED)
        ):
            return
        if (older := self._testing.get(name)) is not None:
            older.cancel()
        with anyio.CancelScope() as scope, suppress(WorkbenchError):  # it is gone by now, or a run tells of it
            self._testing[name] = scope
            await self._test(name)
        if self._testing.get(name) is scope:
            del self._testing[name]


def _untried(skill: Skill, error: WorkbenchError) -> Finding:
    """Why a save could not be tried, told where it was."""
    rule = error.kind.replace("_", ".", 1)
    return Finding(
        severity=Severity.ERROR, rule=rule, message=str(error), place=Place(file=skill.path), hint=error.hint
    )


def _is_below(skill: Skill, owner: str) -> bool:
    path = skill.path
    return path.startswith(owner) and (path == owner or path[len(owner)] == "/")


def _is_of_tests(path: str, skill: Skill) -> bool:
    """Whether it is a file that tests a skill, or the folder of them: of a new folder nothing more is told."""
    folder = f"{skill.folder}/{TESTS_FOLDER}"
    return path == folder or path.startswith(f"{folder}/")


def _is_same(before: Skill | None, now: Skill) -> bool:
    """The same files with the same verdict; what could not be read has no digest to compare."""
    return before is not None and before.digest == now.digest and before.findings == now.findings


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


@asynccontextmanager
async def watching(
    session: DevSession,
    library: Library,
    settings: DevelopmentSettings,
    bus: Bus,
    clock: Clock,
    journal: Journal,
    test: Test,
) -> AsyncIterator[Reloader]:
    """Follow the files, and what others do on the same workspace, for as long as the block lasts."""
    ignore_lease_breaks()
    async with open_tasks() as tasks:
        reloader = Reloader(session, library, settings, bus, clock, test, tasks)
        tasks.start_soon(reloader.follow, Watcher(library.roots, settings))
        tasks.start_soon(journal.follow)
        tasks.start_soon(reloader.heed)
        yield reloader
        tasks.cancel_scope.cancel()
