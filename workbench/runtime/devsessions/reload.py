"""From a hint to what answers: look again at the skill that owns the changed paths, and bring up what is new in it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from time import perf_counter

import anyio
from anyio.abc import TaskGroup

from workbench.model.errors import WorkbenchError
from workbench.model.events import RevisionAccepted, SkillHotReloaded, SkillReloadFailed, SkillTested, WatchStarted
from workbench.model.settings import DevelopmentSettings
from workbench.model.skill import Skill, SkillState
from workbench.model.skilltest import TestReport, Verdict
from workbench.runtime.bus import Bus
from workbench.runtime.clock import Clock
from workbench.runtime.devsessions.session import Accepted, DevSession, Steps, reloaded
from workbench.runtime.devsessions.settling import ignore_lease_breaks, settled
from workbench.runtime.devsessions.watcher import Watcher
from workbench.runtime.formats.folder import counts
from workbench.runtime.library.journal import Journal
from workbench.runtime.library.library import Library
from workbench.runtime.skilltests.cases import TESTS_FOLDER, case_files
from workbench.runtime.tasks import open_tasks

STORM = 20
Test = Callable[[str], Awaitable[TestReport]]
ARMING_SECONDS = 0.05


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
        self._started_with: tuple[str, ...] = ()

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
                elif isinstance(event, SkillHotReloaded) and event.realm == self._session.realm.id:
                    self._tasks.start_soon(self._test_again, event.skill)

    async def sweep(self) -> None:
        """Compare everything with what is known, and reload what differs."""
        known = {skill.path: skill.digest for skill in self._session.files}
        found = {skill.path: skill.digest for skill in self._library.read_all()}
        self._take(path for path in known.keys() | found.keys() if known.get(path) != found.get(path))

    async def _catch_up(self, watcher: Watcher) -> None:
        """The watcher is about to listen; what changed before that was not reported."""
        await anyio.sleep(ARMING_SECONDS)
        await self.sweep()
        if self._started_with != (watcher.polling,):
            self._started_with = (watcher.polling,)
            roots = tuple(dict.fromkeys(root.folder for root in self._library.roots if os.path.isdir(root.folder)))
            count = len(self._session.realm.snapshot)
            now = self._clock.now()
            self._bus.publish(WatchStarted(at=now, roots=roots, skills=count, polling=watcher.polling))

    async def _sweep_now_and_then(self) -> None:
        while True:
            await anyio.sleep(self._settings.sweep_seconds)
            await self.sweep()

    def _take(self, paths: Iterable[str]) -> None:
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
        steps = (("settle", _ms(settled_at - began)), ("read", _ms(read_at - settled_at)))
        async with open_tasks() as tasks:
            with self._session.loading(skill.name for skill in changed):
                others = (skill for skill in self._session.files if not _is_below(skill, owner))
                self._session.show((*others, *below))
                for skill in changed:
                    if not is_storm or skill.path in warm or skill.is_broken:
                        tasks.start_soon(self._bring_up, skill, began, steps)
        for skill in below:
            if skill not in changed and any(path.startswith(f"{skill.folder}/{TESTS_FOLDER}/") for path in paths):
                self._tasks.start_soon(self._test_again, skill.name)

    async def _settle(self, paths: set[str], skills: Iterable[Skill]) -> None:
        """Wait for the end of the saves: of files that are there, and of those that were and may come back."""
        known = {skill.path_of(file.path) for skill in skills for file in skill.files}
        async with anyio.create_task_group() as looks:
            for path in paths:
                if counts(os.path.basename(path)) and (path in known or os.path.isfile(path)):
                    looks.start_soon(settled, path)

    async def _bring_up(self, skill: Skill, began: float, steps: Steps) -> None:
        result = await self._session.bring_up(skill)
        now, realm = self._clock.now(), self._session.realm.id
        if isinstance(result, Accepted):
            total_ms = _ms(perf_counter() - began)
            event = reloaded(result.skill, realm, now, (*steps, *result.steps), total_ms)
            self._bus.publish(event)
            return
        answering = result.answering.revision if result.answering else 0
        self._bus.publish(
            SkillReloadFailed(
                at=now,
                skill=skill.name,
                realm=realm,
                findings=result.findings,
                answering_revision=answering,
                steps=(*steps, *result.steps),
            )
        )

    async def _test_again(self, name: str) -> None:
        """Run a skill's tests; a newer save begins them anew. Nothing of them is waited for by a reload."""
        skill = self._session.realm.snapshot.skills.get(name)
        if skill is None or not skill.revision or not (case_files(skill) or skill.state is SkillState.TESTS_RED):
            return
        if (older := self._testing.get(name)) is not None:
            older.cancel()
        began = perf_counter()
        with anyio.CancelScope() as scope:
            self._testing[name] = scope
            try:
                report = await self._test(name)
            except WorkbenchError:
                return  # it is gone by now, or the machine cannot: a run tells of that
            self._session.tested(name, skill.digest, report.red)
            self._bus.publish(
                SkillTested(
                    at=self._clock.now(),
                    skill=name,
                    realm=self._session.realm.id,
                    revision=report.revision,
                    passed=report.count(Verdict.PASSED),
                    failed=report.count(Verdict.FAILED),
                    skipped=report.count(Verdict.SKIPPED),
                    first=report.red[0].message if report.red else "",
                    findings=report.red,
                    total_ms=_ms(perf_counter() - began),
                )
            )
        if self._testing.get(name) is scope:
            del self._testing[name]


def _is_below(skill: Skill, owner: str) -> bool:
    return skill.path == owner or skill.path.startswith(f"{owner}/")


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
