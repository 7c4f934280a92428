"""A dev session: owns its realm and alone swaps it. `main` is the workspace itself, and is always open.

A candidate becomes what answers only after it was read, checked, loaded and accepted; until then, and whenever one of
these fails, what answered before goes on answering.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import anyio

from workbench.model.errors import Conflict, UnknownRevision, WrongUse
from workbench.model.events import SkillRegistered, SkillStateChanged, SkillTested, SkillUnregistered
from workbench.model.finding import Finding, Severity
from workbench.model.frozen import frozen, replace
from workbench.model.realm import Realm, Snapshot
from workbench.model.skill import MOVES, SHARED, Skill, SkillState
from workbench.model.skilltest import RED, TestReport, Verdict
from workbench.runtime.bus import Bus
from workbench.runtime.clock import Clock
from workbench.runtime.devsessions.loading import Steps, Stopwatch, loaded, not_begun, reloaded
from workbench.runtime.devsessions.putting_back import changed_module, put_back
from workbench.runtime.library.discovery import has_neighbours, with_neighbours
from workbench.runtime.library.library import Library
from workbench.runtime.library.renaming import rename_files
from workbench.runtime.library.revisions import conflict_of
from workbench.runtime.pipeline.permission import ConsentsOf
from workbench.runtime.workers.pool import WorkerPool

GATE_SECONDS = 3.0
NOTHING: Mapping[str, str] = {}
_OK, _RED = SkillState.OK, SkillState.TESTS_RED
Gate = Callable[[Skill], Awaitable[TestReport]]


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


class DevSession:
    """One isolated place to develop. The realm is immutable; a swap is one assignment."""

    def __init__(
        self,
        library: Library,
        workspace: str,
        pool: WorkerPool,
        bus: Bus,
        clock: Clock,
        allowed: ConsentsOf,
        environment: Mapping[str, str] = NOTHING,
    ) -> None:
        self._library, self._pool, self._bus, self._clock = library, pool, bus, clock
        self._allowed = allowed
        self._locks: dict[str, anyio.Lock] = {}
        self._loading: set[str] = set()
        self._answered: dict[str, str] = {}
        self.rolled_back: dict[str, str] = {}
        self._registered: list[str] = []
        self.realm = Realm(id=library.realm, snapshot=Snapshot(), workspace=workspace, environment=environment)
        self.files: tuple[Skill, ...] = ()
        self.gate: Gate | None = None
        self.reports: dict[str, tuple[str, TestReport]] = {}
        self._proven: set[str] = set()
        self._said: Mapping[str, Skill] = {}

    def show(self, files: Iterable[Skill]) -> None:
        """Take note of what the files say now. What answers does not change by this; what is new becomes visible."""
        self.files = self._library.in_order(files)
        before = self.realm.snapshot
        said = self._library.gathered(self.files, generation=before.generation + 1)
        self._said = said.skills
        skills = {name: self._kept(before.skills.get(name), skill) for name, skill in said.skills.items()}
        renamed = said.renamed_since(before) if before.generation else {}
        for old, new in renamed.items():
            self._library.revisions.rename_soon(old, new, self.realm.id)
            if before.skills[old].state is SkillState.DISABLED:
                skills[new] = skills[new].moved_to(SkillState.DISABLED)
        self.realm = replace(self.realm, snapshot=replace(said, skills=skills))
        if before.generation:
            self._tell_of_difference(before, self.realm.snapshot, renamed)

    def show_in_place(self, before: Skill, now: Skill) -> bool:
        """Take note of what one skill's files say now, where that is no other skill's matter; says whether it is."""
        said = self._said.get(now.name)
        is_itself = said is not None and (said.name, said.path) == (before.name, before.path) == (now.name, now.path)
        if said is None or not is_itself or has_neighbours(said) or not any(each is before for each in self.files):
            return False
        old, said = self.realm.snapshot.skills[now.name], self._library.known(now)
        self.files = tuple(now if each is before else each for each in self.files)
        self._said = {**self._said, now.name: said}
        self._swap_in(self._kept(old, said))
        return True

    def use_environment(self, environment: Mapping[str, str]) -> None:
        """Other variables for the skills of this session, from their next run on."""
        if environment != self.realm.environment:
            self.realm = replace(self.realm, environment=environment)
            self.retire_workers()

    def retire_workers(self) -> None:
        """Have no worker of this session wait for another run."""
        for skill in self.realm.snapshot:
            self._pool.retire(self.realm.id, skill.digest)

    def look_again(self) -> None:
        """Take note of every file anew."""
        registered = (skill for path in self._registered if os.path.lexists(path) for skill in self._library.at(path))
        self.show((*self._library.read_all(), *registered))

    def register(self, path: str) -> Skill:
        """Have a skill from outside the folders of skills here too, behind all others; raises UnknownSkill."""
        skill, *others = self._library.at(path)
        known = self.realm.snapshot.skills.get(skill.name)
        if others or (known is not None and known.home != skill.home):
            names = ", ".join(each.name for each in (skill, *others))
            hint = "name one skill's own folder or file, whose name nothing else here has"
            raise Conflict(f"{path} cannot be registered: {names}", hint=hint)
        if skill.home not in self._registered:
            self._registered.append(skill.home)
        self.look_again()
        return self.realm.snapshot.skills[skill.name]

    def unregister(self, skill: Skill) -> None:
        """Have it here no longer; its files and its history stay."""
        if skill.home not in self._registered:
            raise WrongUse(f"'{skill.name}' lies in a folder of skills", hint="disable it, or move it away")
        self._registered.remove(skill.home)
        self.look_again()

    def read_below(self, home: str) -> list[Skill]:
        """The skills in a place as they are on the disk at this moment."""
        is_registered = home in self._registered and os.path.lexists(home)
        return self._library.at(home) if is_registered else self._library.read_below(home)

    def is_warm(self, name: str) -> bool:
        """Whether a worker holds what answers under this name."""
        skill = self.realm.snapshot.skills.get(name)
        return skill is not None and self._pool.is_warm(self.realm.id, skill.digest)

    def is_hidden(self, skill: Skill) -> bool:
        """Whether another one answers under its name: a nearer one, or the first of that name."""
        return self._said.get(skill.name, skill).path != skill.path

    def is_proven(self, digest: str) -> bool:
        """Whether tests came before the swap, so that none have to come after it."""
        return digest in self._proven

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
        if skill.state is SkillState.DISABLED or not (skill.is_broken or self._may_begin(skill)):
            return Accepted(skill=skill)  # whoever runs it is told why not
        if skill.is_broken:
            return Refused(findings=skill.findings, answering=self._library.last_good(skill))
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
            with self.loading((candidate.name,)), self._marked(known):
                return await self._brought_up(candidate, message)

    async def accept_written(self, home: str, name: str, message: str) -> Accepted | Refused | None:
        """What was just written in a place is brought up and has this message; nothing where nothing is left there."""
        async with self._locks.setdefault(name, anyio.Lock()):
            with self.loading((name,)):
                candidate = next(iter(self.read_below(home)), None)
                self.show((*(each for each in self.files if each.home != home), *([candidate] if candidate else [])))
                if candidate is None:
                    return None
                known = self.realm.snapshot.skills.get(candidate.name)
                if known is not None and known.revision and known.digest == candidate.digest:
                    await self._library.revisions.accept(known, realm=self.realm.id, message=message)
                    return Accepted(skill=known)
                with self._marked(known):
                    return await self._brought_up(candidate, message)

    def leave_untried(self, candidate: Skill) -> None:
        """What the machine could not try stands as its files say it; its next run tries it again."""
        self._swap_in(candidate)

    def tested(self, tested: Skill, report: TestReport, total_ms: float) -> None:
        """What was tested is red, or not any more; it says so itself, unless something else answers by now."""
        name, red = tested.name, report.red
        self.reports[name] = (tested.home, report)
        skill = self.realm.snapshot.skills.get(name)
        if skill is not None and skill.digest == tested.digest and skill.state in (_OK, _RED):
            own = tuple(finding for finding in skill.findings if finding.rule != RED)
            self._swap_in(replace(skill.moved_to(_RED if red else _OK), findings=(*own, *red)))
        self._bus.publish(
            SkillTested(
                at=self._clock.now(),
                skill=name,
                realm=self.realm.id,
                revision=report.revision,
                passed=report.count(Verdict.PASSED),
                failed=report.count(Verdict.FAILED),
                skipped=report.count(Verdict.SKIPPED),
                findings=red,
                total_ms=total_ms,
            )
        )

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
            now = next(iter(self.read_below(now.home)), now)
            if now.digest == old.digest:
                raise WrongUse(
                    f"'{now.name}' is as r{to} was already", hint=f"`workbench history {now.name}` lists them"
                )
            if now.digest != head.digest and not (give_up and now.digest):
                hint = f"save them so that they are accepted; given up, they stay in {revisions.code_folder(now)}"
                raise Conflict(f"the files of '{now.name}' hold what no revision has", hint=hint)
            kept = revisions.materialise(now)
            if module := changed_module(old, now):
                hint = f"put it back first: {revisions.code_folder(old)}/{SHARED} has it as it was"
                raise Conflict(f"{module} is not what r{to} was accepted with, and other skills share it", hint=hint)
            with self.loading((now.name,)):
                with anyio.CancelScope(shield=True), put_back(old, now, kept):
                    again = next(iter(self.read_below(now.home)), old)
                    if again.name != now.name and not again.is_broken:
                        rename_files(again, now.name, home=now.home)
                        again = next(iter(self.read_below(now.home)), again)
                    watch.lap("write")
                    words = message or f"rolled back to r{to}"
                    accepted = await revisions.accept(again, realm=self.realm.id, message=words, expected=head.number)
                self.show((*(each for each in self.files if each.home != now.home), again))
                self._swap_in(accepted)
            self._pool.retire(self.realm.id, head.digest)
            self._answered[accepted.name] = accepted.digest
            watch.lap("accept")
            self.rolled_back[accepted.name] = accepted.digest
            self._bus.publish(reloaded(accepted, self.realm.id, self._clock.now(), watch.steps()))
            return accepted

    async def _brought_up(self, candidate: Skill, message: str, *, tries: int = 3) -> Accepted | Refused:
        watch = Stopwatch()
        self.rolled_back.pop(candidate.name, None)
        if not candidate.is_broken and not self._may_begin(candidate):
            return Refused(findings=(not_begun(candidate),), answering=self._library.last_good(candidate))
        found = candidate.findings if candidate.is_broken else await self._loaded(candidate, watch)
        report = await self._gated(found, watch) if isinstance(found, Skill) else None
        if report is not None and report.red:
            found = tuple(replace(finding, severity=Severity.ERROR) for finding in report.red)
            self._pool.retire(self.realm.id, candidate.digest)
        if tries and (newer := self._newer(candidate)) is not None:
            self._pool.retire(self.realm.id, candidate.digest)
            return await self._brought_up(newer, message, tries=tries - 1)
        if isinstance(found, Skill):
            before = self._answered.get(found.name)
            accepted = await self._library.revisions.accept(found, realm=self.realm.id, message=message)
            self._swap_in(accepted)
            watch.lap("accept")
            self._answered[accepted.name] = accepted.digest
            if before is not None and before != accepted.digest:
                self._pool.retire(self.realm.id, before)
            if report is not None:
                self._proven.add(accepted.digest)
                self.tested(accepted, replace(report, revision=accepted.revision), dict(watch.steps())["tests"])
            return Accepted(skill=accepted, steps=watch.steps())
        broken = candidate if candidate.is_broken else candidate.with_findings(found)
        answering = self._library.last_good(candidate)
        broken = replace(broken, last_good=answering.revision if answering else 0)
        self._swap_in(broken)
        if not candidate.is_broken:
            self._library.revisions.sweep(candidate)
        return Refused(findings=found, answering=answering, steps=watch.steps())

    def _newer(self, candidate: Skill) -> Skill | None:
        """What was saved while the candidate was tried: whatever came of that, it is over."""
        now = next(iter(self.read_below(candidate.home)), None)
        if now is None or now.is_broken or now.name != candidate.name or now.digest == candidate.digest:
            return None
        self.show((*(each for each in self.files if each.home != now.home), now))
        return None if self.is_hidden(now) else now

    async def _loaded(self, candidate: Skill, watch: Stopwatch) -> Skill | tuple[Finding, ...]:
        consents = self._allowed(candidate, self.realm.id)
        return await loaded(candidate, self.realm, consents, self._library, self._pool, self._bus, self._clock, watch)

    def _may_begin(self, candidate: Skill) -> bool:
        """Whether code of it may begin to run, which loading does; its files are shown all the same."""
        consents = self._allowed(candidate, self.realm.id)
        return not self._pool.speaks(candidate.kind) or self._pool.may_load(candidate, consents)

    async def _gated(self, candidate: Skill, watch: Stopwatch) -> TestReport | None:
        """What the tests say before anything is swapped; nothing where none are asked for, or they take too long."""
        if self.gate is None:
            return None
        report = None
        with anyio.move_on_after(GATE_SECONDS):
            report = await self.gate(candidate)
        watch.lap("tests")
        return report

    def _kept(self, before: Skill | None, said: Skill) -> Skill:
        """What stands under a name after a look at the files: what answers stays until something better is loaded."""
        if SkillState.DISABLED in (said.state, before.state if before else None):
            return said
        if before is said:
            return said
        is_same = before is not None and before.digest == said.digest and before.path == said.path
        if before is None or (said.revision and not (is_same and before.state is _RED)):
            return said
        if is_same:
            return with_neighbours(before, said)
        return before if before.revision and said.name in self._loading else said

    @contextmanager
    def _marked(self, known: Skill | None) -> Iterator[None]:
        """What answers is told to be reloading; it is as it was where that is cancelled, or cannot be."""
        if known is None or not known.revision or known.is_broken or SkillState.RELOADING not in MOVES[known.state]:
            yield
            return
        marked = known.moved_to(SkillState.RELOADING)
        self._swap_in(marked)
        try:
            yield
        except BaseException:
            if self.realm.snapshot.skills.get(known.name) is marked:
                self._swap_in(known)
            raise

    def _swap_in(self, skill: Skill) -> None:
        """Have it stand under its name; unless, by what the files say now, that is gone or another's."""
        before = self.realm.snapshot
        if (said := self._said.get(skill.name)) is None or said.path != skill.path:
            return
        if (old := before.skills.get(skill.name)) is not None and old.state is SkillState.DISABLED:
            skill = replace(skill, state=old.state)
        self.realm = replace(self.realm, snapshot=before.with_skill(skill))
        if old is not None:
            self._tell_of_state(old, skill)

    def _tell_of_state(self, old: Skill, new: Skill) -> None:
        if old.state is not new.state:
            now, realm = self._clock.now(), self.realm.id
            before, after = old.state.value, new.state.value
            self._bus.publish(SkillStateChanged(at=now, skill=new.name, realm=realm, before=before, after=after))

    def _tell_of_difference(self, before: Snapshot, after: Snapshot, renamed: Mapping[str, str]) -> None:
        now, realm = self._clock.now(), self.realm.id
        for name, skill in after.skills.items():
            if (old := before.skills.get(name)) is not None:
                self._tell_of_state(old, skill)
                continue
            version = skill.manifest.version
            self._bus.publish(SkillRegistered(at=now, skill=name, realm=realm, version=version, digest=skill.digest))
        for name in before.skills.keys() - after.skills.keys():
            reason = f"it is {renamed[name]} now" if name in renamed else "nothing in a folder of skills has this name"
            self._bus.publish(SkillUnregistered(at=now, skill=name, realm=realm, reason=reason))
