"""Tries a candidate: its files are kept and, where workers run its kind, one holds it; or it is said why not."""

from __future__ import annotations

from time import perf_counter

import anyio

from workbench.model.consent import Consent
from workbench.model.events import SkillCreated, SkillHotReloaded
from workbench.model.finding import Finding, Place, Severity
from workbench.model.realm import Realm
from workbench.model.skill import Kind, Skill, SkillState
from workbench.runtime.bus import Bus
from workbench.runtime.clock import Clock
from workbench.runtime.executors.failures import findings_of, over_limit
from workbench.runtime.executors.in_worker import code_of
from workbench.runtime.executors.template_check import check_template
from workbench.runtime.library.library import Library
from workbench.runtime.library.revisions import ChangedMeanwhile
from workbench.runtime.workers.pool import NotLoaded, WorkerPool
from workbench.runtime.workers.worker import WorkerGone, ended_on_failure

LOAD_SECONDS = 10.0
Steps = tuple[tuple[str, float], ...]


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


async def loaded(
    candidate: Skill,
    realm: Realm,
    consents: frozenset[Consent],
    library: Library,
    pool: WorkerPool,
    bus: Bus,
    clock: Clock,
    watch: Stopwatch,
) -> Skill | tuple[Finding, ...]:
    """The candidate with what only its own code can tell, warm in a worker of this realm; or what is wrong with it."""
    try:
        code = code_of(candidate, realm, library.revisions, consents)
    except ChangedMeanwhile:
        return (_finding(candidate, "file.changing", "is being written at this moment", "save it once more"),)
    watch.lap("keep")
    if candidate.kind is Kind.PROMPT_INLINE:
        return await _checked(candidate, pool)
    if not pool.speaks(candidate.kind):
        return candidate
    rule = f"{candidate.kind}.load"
    try:
        with anyio.fail_after(LOAD_SECONDS):
            worker = await pool.load(code)
    except WorkerGone as error:
        return (_finding(candidate, rule, f"ended its process while loading: {_why(error)}"),)
    except TimeoutError:
        message = f"did not finish loading within {LOAD_SECONDS:g} s"
        return (_finding(candidate, rule, message, "what runs at import time should be quick"),)
    watch.lap("load")
    if isinstance(worker, NotLoaded):
        return findings_of(candidate, worker.said)
    skill = candidate
    if candidate.state is SkillState.UNREAD:
        async with ended_on_failure(worker):
            skill = await library.completed(candidate, worker.metadata)
        if skill.is_broken:
            await worker.end()
            return skill.findings
    pool.keep(realm.id, code, worker)
    pool.wish_for_spare(code)
    name, digest, now = candidate.name, candidate.digest, clock.now()
    bus.publish(SkillCreated(at=now, skill=name, realm=realm.id, digest=digest, worker=worker.pid))
    return skill


async def _checked(candidate: Skill, pool: WorkerPool) -> Skill | tuple[Finding, ...]:
    """A prompt whose template can be read, or why it cannot."""
    try:
        findings = await check_template(candidate, pool)
    except WorkerGone:
        return candidate
    return findings or candidate


def not_begun(candidate: Skill) -> Finding:
    """That its code was not so much as loaded: to load a module is to run it."""
    message = "is not loaded: it may not run behind the walls that are here"
    hint = f"`workbench run {candidate.name}` says what it would take"
    return _finding(candidate, f"{candidate.kind}.walls", message, hint)


def _why(error: WorkerGone) -> str:
    """Why a process ended: the limit that it went over, else its last words."""
    if error.limit is not None and (told := over_limit(error.limit).error) is not None:
        return told.message
    return error.reason or next(reversed(error.last_words.splitlines()), "")


def _finding(skill: Skill, rule: str, message: str, hint: str = "") -> Finding:
    return Finding(severity=Severity.ERROR, rule=rule, message=message, place=Place(file=skill.path), hint=hint)


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
