"""python and node: one call of a warm, sandboxed worker that holds the skill's revision."""

from __future__ import annotations

import binascii

import anyio

from workbench.model.consent import Consent
from workbench.model.errors import ErrorKind
from workbench.model.frozen import replace
from workbench.model.realm import Realm
from workbench.model.run import Outcome, Run, Status, Usage, failure
from workbench.model.skill import Skill
from workbench.runtime.executors import artifacts
from workbench.runtime.executors.failures import crashed, failure_of, limit_in_words, with_contacts, with_remedy
from workbench.runtime.library.revisions import Revisions
from workbench.runtime.places import StatePlace
from workbench.runtime.store.spools import Spool, Spools
from workbench.runtime.workers.lines import lines_of
from workbench.runtime.workers.pool import Code, NotLoaded, WorkerPool
from workbench.runtime.workers.worker import Answer, Worker, WorkerGone

MOST_HEARD = 64_000


def code_of(skill: Skill, realm: Realm, revisions: Revisions, consents: frozenset[Consent] = frozenset()) -> Code:
    """What a worker needs to load a skill in a realm; its files are materialised by this."""
    return Code(
        skill=skill,
        folder=revisions.materialise(skill),
        workspace=realm.workspace,
        variables=realm.environment,
        clock=realm.clock,
        counts_lines=realm.counts_lines,
        consents=consents,
    )


class InWorker:
    """Leases a worker for one call."""

    def __init__(self, pool: WorkerPool, revisions: Revisions, spools: Spools, place: StatePlace) -> None:
        self._pool, self._revisions, self._spools, self._place = pool, revisions, spools, place

    async def __call__(self, run: Run) -> Outcome:
        code = code_of(run.skill, run.realm, self._revisions, run.consents)
        try:
            async with self._pool.lease(run.realm.id, code) as worker:
                if isinstance(worker, NotLoaded):
                    return failure_of(run.skill, worker.said)
                run.trail.walls = worker.report
                out = f"{worker.out}/{run.id}"
                known, denied = len(worker.process.contacts()), worker.process.denied()
                try:
                    with self._spools.of(run, most=worker.policy.output_bytes) as spool:
                        answer = await _asked(run, worker, out, spool)
                except BaseException:
                    if worker.goes_on:
                        artifacts.forget(out)
                    raise
                finally:
                    run.trail.denied = worker.process.denied(denied)
                run.trail.leave_lines(lines_of(run.skill, answer.said))
                left = await _taken(out, self._place, run.id)
                ended = with_contacts(_outcome(run, worker, answer), worker.process.contacts(known))
                return replace(with_remedy(ended, run.trail.denied), artifacts=left)
        except WorkerGone as error:
            return replace(crashed(error), stderr=run.trail.left_stderr)


async def _taken(out: str, place: StatePlace, run_id: str) -> tuple[str, ...]:
    """Copying takes its time, and most runs leave nothing."""
    if not artifacts.left_in(out):
        artifacts.forget(out)
        return ()
    return await anyio.to_thread.run_sync(artifacts.taken, out, place, run_id)


async def _asked(run: Run, worker: Worker, out: str, spool: Spool) -> Answer:
    """The worker's answer; of one that is ended before, what it had said by then.

    The worker says everything into one file, stdout and stderr in the order of time: like the outcome, the spool has
    it all as stderr, because such a skill's output is what it returns.
    """
    told = {**context_of(run), "out": out}
    message: dict[str, object] = {"do": "execute", "inputs": dict(run.inputs), "context": told}
    heard = bytearray()

    def hear(words: bytes) -> None:
        spool.write("stderr", words)
        heard.extend(words[: MOST_HEARD - len(heard)])

    try:
        return await worker.ask(message, hear)
    except BaseException:
        run.trail.leave_words("", heard.decode("utf-8", "replace"))
        raise


def context_of(run: Run) -> dict[str, object]:
    """What a skill is told of its run."""
    return {
        "run_id": run.id,
        "skill": run.skill.name,
        "version": run.skill.manifest.version,
        "realm": run.realm.id,
        "correlation_id": run.correlation_id,
        "user_id": run.caller.user,
        "session_id": run.caller.session,
        "agent_id": run.caller.agent,
        "attempt": run.attempt,
    }


def _outcome(run: Run, worker: Worker, answer: Answer) -> Outcome:
    said = answer.said
    usage = Usage(cpu_ms=answer.cpu_ms, max_rss_mb=answer.max_rss_mb, is_shared=answer.is_shared)
    stderr = f"{said.stdout}{said.stderr}"
    if answer.is_ok:
        try:
            raw = binascii.a2b_base64(said.base64) if said.base64 is not None else None
        except (ValueError, binascii.Error):
            return failure(ErrorKind.OUTPUT_INVALID, "the bytes of the result cannot be read")
        return Outcome(
            status=Status.COMPLETED,
            output=said.output,
            output_bytes=raw,
            stderr=stderr,
            usage=usage,
            sandbox=worker.report,
        )
    failed = failure_of(run.skill, said, limit_in_words(said.message or "", worker.policy))
    return replace(failed, stderr=stderr, usage=usage, sandbox=worker.report)
