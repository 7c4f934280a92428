"""A dev session: owns its realm and alone swaps it. `main` is the workspace itself, and is always open.

A candidate becomes what answers only after it was read, checked, loaded and accepted; until then, and whenever one of
these fails, what answered before goes on answering.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter

import anyio

from workbench.model.errors import Conflict, UnknownRevision, WrongUse
from workbench.model.events import SkillCreated, SkillHotReloaded, SkillRegistered, SkillStateChanged, SkillUnregistered
from workbench.model.finding import Finding, Place, Severity
from workbench.model.frozen import frozen, replace
from workbench.model.realm import Realm, Snapshot
from workbench.model.skill import Kind, Skill, SkillState
from workbench.model.skilltest import RED
from workbench.runtime.bus import Bus
from workbench.runtime.clock import Clock
from workbench.runtime.devsessions.files import put_back
from workbench.runtime.executors.failures import findings_of
from workbench.runtime.executors.python import code_of
from workbench.runtime.executors.template_check import check_template
from workbench.runtime.library.library import Library
from workbench.runtime.library.revisions import ChangedMeanwhile, conflict_of
from workbench.runtime.workers.pool import NotLoaded, WorkerPool, ended_on_failure
from workbench.runtime.workers.worker import WorkerGone

LOAD_SECONDS = 10.0
Steps = tuple[tuple[str, float], ...]


@frozen
class Accepted:
    """The candidate answers from now on."""

    skill: Skill
    steps: Steps = ()


@frozen
class Refused:
    """The candidate does not answer; what answers instead, if anything does."""

    findings: tuple[Finding, ...]
    answering: Skill | None
    steps: Steps = ()


class Stopwatch:
    """The time of each step, one after the other."""

    def __init__(self) -> None:
        self._last = perf_counter()
        self._steps: list[tuple[str, float]] = []

    def lap(self, name: str) -> None:
        now = perf_counter()
        self._steps.append((name, round((now - self._last) * 1000, 3)))
        self._last = now

    def steps(self) -> Steps:
        return tuple(self._steps)


class DevSession:
    """One isolated place to develop. The realm is immutable; a swap is one assignment."""

    def __init__(self, name: str, library: Library, pool: WorkerPool, bus: Bus, clock: Clock) -> None:
        self._library, self._pool, self._bus, self._clock = library, pool, bus, clock
        self._locks: dict[str, anyio.Lock] = {}
        self._loading: set[str] = set()
        self._answered: dict[str, str] = {}
        self.realm = Realm(id=name, snapshot=Snapshot())
        self.files: tuple[Skill, ...] = ()

    def show(self, files: Iterable[Skill]) -> None:
        """Take note of what the files say now. What answers does not change by this; what is new becomes visible."""
        self.files = self._library.in_order(files)
        before = self.realm.snapshot
        said = self._library.gathered(self.files, self.realm.id, generation=before.generation + 1)
        skills = {name: self._kept(before.skills.get(name), skill) for name, skill in said.skills.items()}
        self.realm = replace(self.realm, snapshot=replace(said, skills=skills))
        if before.generation:
            self._tell_of_difference(before, self.realm.snapshot)

    def is_warm(self, name: str) -> bool:
        """Whether a worker holds what answers under this name."""
        skill = self.realm.snapshot.skills.get(name)
        return skill is not None and self._pool.is_warm(self.realm.id, skill.digest)

    @contextmanager
    def loading(self, names: Iterable[str]) -> Iterator[None]:
        """While the block lasts, what answers under these names stays, whatever the files say."""
        mine = set(names)
        self._loading |= mine
        try:
            yield
        finally:
            self._loading -= mine

    async def answering(self, skill: Skill) -> Accepted | Refused:
        """What answers when this skill is run: itself once accepted, else its last good revision."""
        if skill.is_broken:
            return Refused(findings=skill.findings, answering=self._library.last_good(skill.name, self.realm.id))
        if skill.revision:
            self._answered.setdefault(skill.name, skill.digest)
            return Accepted(skill=skill)
        return await self.bring_up(skill)

    async def bring_up(self, candidate: Skill, *, message: str = "", anew: bool = False) -> Accepted | Refused:
        """Load a candidate and have it accepted, or say why not. One at a time for each name.

        What is accepted already is not loaded again, unless `anew` is wanted.
        """
        async with self._locks.setdefault(candidate.name, anyio.Lock()):
            known = self.realm.snapshot.skills.get(candidate.name)
            if known is not None and known.digest == candidate.digest and known.revision and not anew:
                return Accepted(skill=known)
            if anew:
                self._pool.retire(self.realm.id, candidate.digest)
            self._mark_reloading(known)
            with self.loading((candidate.name,)):
                return await self._brought_up(candidate, message)

    def tested(self, name: str, digest: str, red: tuple[Finding, ...]) -> None:
        """What answers under this name is red, or not any more; unless something else answers by now."""
        skill = self.realm.snapshot.skills.get(name)
        if skill is not None and skill.digest == digest and skill.state in (SkillState.OK, SkillState.TESTS_RED):
            own = tuple(finding for finding in skill.findings if finding.rule != RED)
            state = SkillState.TESTS_RED if red else SkillState.OK
            self._swap_in(replace(skill.moved_to(state), findings=(*own, *red)))

    async def roll_back(self, now: Skill, to: int, *, message: str, expected: int | None, give_up: bool) -> Skill:
        """Have the files of a skill be what a revision of it was, as a new revision.

        Raises Conflict where the newest revision is not the expected one, and, unless they may be given up, where the
        files hold what no revision has. What is given up is kept beside the revisions all the same.
        """
        async with self._locks.setdefault(now.name, anyio.Lock()):
            revisions, watch = self._library.revisions, Stopwatch()
            old = revisions.restored(revisions.numbered(now.name, to))
            head = revisions.head(now.name, self.realm.id)
            if old is None or head is None:
                raise UnknownRevision(f"the files of {now.name}@r{to} are no longer kept", hint="choose a newer one")
            if expected not in (None, head.number):
                raise conflict_of(now.name, expected, head.number)
            now = next((each for each in self._library.read_below(now.home) if each.path == now.path), now)
            if now.digest == old.digest:
                raise WrongUse(
                    f"'{now.name}' is as r{to} was already", hint=f"`workbench history {now.name}` lists them"
                )
            if now.digest != head.digest:
                if not give_up or not now.digest:
                    hint = f"save them so that they are accepted; given up, they stay in {revisions.code_folder(now)}"
                    raise Conflict(f"the files of '{now.name}' hold what no revision has", hint=hint)
                revisions.materialise(now)
            with self.loading((now.name,)):
                put_back(old, now)
                self.show(
                    (*(each for each in self.files if each.path != now.path), *self._library.read_below(now.home))
                )
                again = next((each for each in self.files if each.path == now.path), old)
                watch.lap("write")
                words = message or f"rolled back to r{to}"
                accepted = await revisions.accept(again, realm=self.realm.id, message=words, expected=head.number)
                self._swap_in(accepted)
            self._pool.retire(self.realm.id, head.digest)
            self._answered[accepted.name] = accepted.digest
            watch.lap("accept")
            self._bus.publish(reloaded(accepted, self.realm.id, self._clock.now(), watch.steps()))
            return accepted

    async def _brought_up(self, candidate: Skill, message: str) -> Accepted | Refused:
        watch = Stopwatch()
        loaded = candidate.findings if candidate.is_broken else await self._load(candidate, watch)
        if isinstance(loaded, Skill):
            before = self._answered.get(loaded.name)
            accepted = await self._library.revisions.accept(loaded, realm=self.realm.id, message=message)
            self._swap_in(accepted)
            watch.lap("accept")
            self._answered[accepted.name] = accepted.digest
            if before is not None and before != accepted.digest:
                self._pool.retire(self.realm.id, before)
            return Accepted(skill=accepted, steps=watch.steps())
        broken = candidate if candidate.is_broken else candidate.with_findings(loaded)
        answering = self._library.last_good(candidate.name, self.realm.id)
        broken = replace(broken, last_good=answering.revision if answering else 0)
        self._swap_in(broken)
        if not candidate.is_broken:
            self._library.revisions.sweep(candidate)
        return Refused(findings=loaded, answering=answering, steps=watch.steps())

    async def _load(self, candidate: Skill, watch: Stopwatch) -> Skill | tuple[Finding, ...]:
        """Keep a candidate's files and, where it is Python, have a worker hold it."""
        try:
            code = code_of(candidate, self._library.revisions)
        except ChangedMeanwhile:
            return (_finding(candidate, "file.changing", "is being written at this moment", "save it once more"),)
        watch.lap("keep")
        if candidate.kind is Kind.PROMPT_INLINE:
            return await self._checked(candidate)
        if candidate.kind is not Kind.PYTHON:
            return candidate
        try:
            with anyio.fail_after(LOAD_SECONDS):
                worker = await self._pool.load(code)
        except WorkerGone as error:
            last = error.last_words.splitlines()[-1:] or [""]
            return (_finding(candidate, "python.load", f"ended its process while loading: {last[0]}"),)
        except TimeoutError:
            message = f"did not finish loading within {LOAD_SECONDS:g} s"
            return (_finding(candidate, "python.load", message, "what runs at import time should be quick"),)
        watch.lap("load")
        if isinstance(worker, NotLoaded):
            return findings_of(candidate, worker.said)
        loaded = candidate
        if candidate.state is SkillState.UNREAD:
            async with ended_on_failure(worker):
                loaded = await self._library.completed(candidate, worker.metadata)
            if loaded.is_broken:
                await worker.end()
                return loaded.findings
        self._pool.keep(self.realm.id, code, worker)
        self._pool.wish_for_spare(candidate)
        self._bus.publish(
            SkillCreated(
                at=self._clock.now(),
                skill=candidate.name,
                realm=self.realm.id,
                digest=candidate.digest,
                worker=worker.pid,
            )
        )
        return loaded

    async def _checked(self, candidate: Skill) -> Skill | tuple[Finding, ...]:
        """A prompt whose template can be read, or why it cannot."""
        try:
            findings = await check_template(candidate, self._pool)
        except WorkerGone:
            return candidate
        return findings or candidate

    def _kept(self, before: Skill | None, said: Skill) -> Skill:
        """What stands under a name after a look at the files: what answers stays until something better is loaded."""
        is_same = before is not None and before.digest == said.digest and before.path == said.path
        if before is None or (said.revision and not (is_same and before.state is SkillState.TESTS_RED)):
            return said
        if is_same:
            return before
        return before if before.revision and said.name in self._loading else said

    def _mark_reloading(self, known: Skill | None) -> None:
        if known is not None and known.revision and not known.is_broken:
            self._swap_in(known.moved_to(SkillState.RELOADING))

    def _swap_in(self, skill: Skill) -> None:
        before = self.realm.snapshot
        self.realm = replace(self.realm, snapshot=before.with_skill(skill))
        if (old := before.skills.get(skill.name)) is not None:
            self._tell_of_state(old, skill)

    def _tell_of_state(self, old: Skill, new: Skill) -> None:
        if old.state is not new.state:
            now, realm = self._clock.now(), self.realm.id
            before, after = old.state.value, new.state.value
            self._bus.publish(SkillStateChanged(at=now, skill=new.name, realm=realm, before=before, after=after))

    def _tell_of_difference(self, before: Snapshot, after: Snapshot) -> None:
        now, realm = self._clock.now(), self.realm.id
        for name in after.skills.keys() - before.skills.keys():
            skill = after.skills[name]
            version = skill.manifest.version
            self._bus.publish(SkillRegistered(at=now, skill=name, realm=realm, version=version, digest=skill.digest))
        for name in before.skills.keys() & after.skills.keys():
            self._tell_of_state(before.skills[name], after.skills[name])
        for name in before.skills.keys() - after.skills.keys():
            self._bus.publish(SkillUnregistered(at=now, skill=name, realm=realm, reason="its files are gone"))


def reloaded(skill: Skill, realm: str, at: float, steps: Steps, total_ms: float = 0.0) -> SkillHotReloaded:
    """That this answers from now on, and how long each step took."""
    return SkillHotReloaded(
        at=at,
        skill=skill.name,
        realm=realm,
        revision=skill.revision,
        digest=skill.digest,
        steps=steps,
        total_ms=total_ms or round(sum(ms for _, ms in steps), 3),
    )


def _finding(skill: Skill, rule: str, message: str, hint: str = "") -> Finding:
    return Finding(severity=Severity.ERROR, rule=rule, message=message, place=Place(file=skill.path), hint=hint)
