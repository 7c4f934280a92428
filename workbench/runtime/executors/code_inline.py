"""code_inline: one command in a sandbox of its own, from its start to what it printed and left."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import IO

import anyio

from workbench.model.errors import StoreUnavailable
from workbench.model.frozen import replace
from workbench.model.policy import Tier
from workbench.model.run import Outcome, Run, Status, Usage
from workbench.model.settings import Settings
from workbench.runtime.atomic import nameless_file, remove_tree
from workbench.runtime.executors import artifacts
from workbench.runtime.executors.command_end import failure_of
from workbench.runtime.executors.failures import with_contacts, with_remedy
from workbench.runtime.executors.output import OutputTooLarge, Pipe
from workbench.runtime.executors.printed import as_printed
from workbench.runtime.executors.start import Start, start_of
from workbench.runtime.library.revisions import Revisions
from workbench.runtime.places import StatePlace
from workbench.runtime.sandbox.client import Child, End, Warden
from workbench.runtime.sandbox.growing import GrowingFile
from workbench.runtime.sandbox.policy import OF_THE_FOLDER, Policy, policy_for
from workbench.runtime.store.spools import Spool, Spools

MOST_STDERR = 64_000


class CodeInline:
    """Runs a command once, and leaves no process and no empty folder behind."""

    def __init__(
        self,
        warden: Warden,
        tier: Tier,
        revisions: Revisions,
        spools: Spools,
        place: StatePlace,
        settings: Settings,
        environ: Mapping[str, str],
    ) -> None:
        self._warden, self._tier, self._revisions, self._spools = warden, tier, revisions, spools
        self._place, self._settings, self._environ = place, settings, environ

    async def __call__(self, run: Run) -> Outcome:
        folder = self._revisions.materialise(run.skill)
        out = artifacts.folder_for(self._place, run.id)
        start = start_of(run, folder, out)
        if isinstance(start, Outcome):
            return start
        _make(out)
        policy = self._policy(run, start, folder, out)
        run.trail.walls = policy.report()
        keeps = True
        try:
            with self._spools.of(run, most=policy.output_bytes) as spool:
                outcome = await self._heard(run, start, policy, spool)
            keeps = not (outcome.limit and outcome.limit.name in OF_THE_FOLDER)
            return outcome if keeps else replace(outcome, artifacts=())
        finally:
            with anyio.CancelScope(shield=True):
                await _tidied(out, keeps=keeps)

    async def _heard(self, run: Run, start: Start, policy: Policy, spool: Spool) -> Outcome:
        """The command's end; what it says until then goes into the spool as it comes."""
        most, said, complained = policy.output_bytes, partial(spool.write, "stdout"), partial(spool.write, "stderr")
        with nameless_file() as given, nameless_file() as errors, Pipe(most=most, tell=said) as pipe:
            given.write(start.stdin)
            given.seek(0)
            async with GrowingFile(partial(os.pread, errors.fileno()), most=most, tell=complained):
                return await self._run(run, start, policy, given, pipe, errors)

    async def _run(
        self, run: Run, start: Start, policy: Policy, given: IO[bytes], pipe: Pipe, errors: IO[bytes]
    ) -> Outcome:
        descriptors = (given.fileno(), pipe.write_end, errors.fileno())
        child = await self._warden.start(start.argv, policy, cwd=start.cwd, descriptors=descriptors)
        pipe.started()
        try:
            data, is_cut = await _read_all(pipe, child)
            end = await child.wait()
        except BaseException:
            with anyio.CancelScope(shield=True):
                stopped = await child.stop()
            if stopped is not None:
                run.trail.left_usage = Usage(cpu_ms=stopped.cpu_ms, max_rss_mb=stopped.max_rss_mb)
            run.trail.leave_words(pipe.so_far().decode("utf-8", "replace"), _tail(errors))
            raise
        finally:
            with anyio.CancelScope(shield=True):
                await child.stop(grace=0)
            run.trail.denied = child.denied()
        outcome = _outcome(run, start, policy, end, data, _tail(errors), is_cut=is_cut)
        command = run.skill.manifest.command
        outcome = await as_printed(outcome, command.output_format, data) if command else outcome
        return with_remedy(with_contacts(outcome, child.contacts()), run.trail.denied)

    def _policy(self, run: Run, start: Start, folder: str, out: str) -> Policy:
        manifest = run.skill.manifest
        return policy_for(
            manifest.permissions,
            manifest.limits,
            self._settings.security,
            self._tier,
            read=(folder,),
            out=out,
            workspace=run.realm.workspace,
            spawns_by_default=True,
            environ={**self._environ, **run.realm.environment},
            variables=start.variables,
            consents=run.consents,
        )


def _outcome(run: Run, start: Start, policy: Policy, end: End, data: bytes, stderr: str, *, is_cut: bool) -> Outcome:
    text, raw = _as_text(data)
    outcome = Outcome(
        status=Status.COMPLETED,
        output=text,
        output_bytes=raw,
        exit_code=end.code,
        stderr=stderr,
        artifacts=artifacts.left_in(policy.write[0]),
        truncated=is_cut or len(stderr) >= MOST_STDERR,
        usage=Usage(
            cpu_ms=end.cpu_ms, max_rss_mb=end.max_rss_mb, output_bytes=policy.output_bytes if is_cut else len(data)
        ),
        sandbox=policy.report(),
    )
    failed = failure_of(run, start.argv[0], policy, end, stderr, is_cut=is_cut)
    if failed is None:
        return outcome
    return replace(outcome, status=failed.status, error=failed.error, limit=failed.limit)


def _make(out: str) -> None:
    try:
        os.makedirs(out, mode=0o700)
    except OSError as error:
        raise StoreUnavailable(
            f"a run has no place for what it leaves, {out}: {error.strerror or error}",
            hint="free some space, or look at the folder's permissions",
        ) from error


async def _tidied(out: str, *, keeps: bool) -> None:
    """A run's folder stays where something in it is worth it; taking much away takes its time."""
    if keeps and artifacts.left_in(out):
        return
    try:
        os.rmdir(out)
    except OSError:
        await anyio.to_thread.run_sync(remove_tree, out)


async def _read_all(pipe: Pipe, child: Child) -> tuple[bytes, bool]:
    """Everything on stdout up to the limit; past it the child is ended, and the two ends of what came are kept."""
    try:
        return await pipe.read(child), False
    except OutputTooLarge as error:
        await child.stop(grace=0)
        return error.kept, True


def _as_text(data: bytes) -> tuple[str | None, bytes | None]:
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError:
        return None, data


def _tail(errors: IO[bytes]) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - MOST_STDERR))
    return errors.read().decode("utf-8", "replace")
