"""code_inline: one command in a sandbox of its own. Inputs come as JSON on stdin, and where `{name}` stands."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import partial
from typing import IO

import anyio
import msgspec

from workbench.model.errors import ErrorKind
from workbench.model.finding import Place
from workbench.model.frozen import replace
from workbench.model.manifest import Command
from workbench.model.policy import Tier
from workbench.model.run import Limit, Outcome, Run, Status, Usage, failure
from workbench.model.settings import SecuritySettings
from workbench.runtime.atomic import nameless_file, remove_tree
from workbench.runtime.executors import artifacts
from workbench.runtime.executors.failures import hint_of_walls, over_limit
from workbench.runtime.executors.output import GrowingFile, OutputTooLarge, Pipe
from workbench.runtime.library.revisions import Revisions
from workbench.runtime.places import StatePlace
from workbench.runtime.sandbox.client import Child, End, Warden
from workbench.runtime.sandbox.policy import Policy, limit_of, policy_for
from workbench.runtime.store.spools import Spool, Spools

MOST_STDERR = 64_000
NOT_FOUND, CANNOT_START = 127, 126
NO_SUCH_PROGRAM = "No such file or directory"
_HOLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)


class CodeInline:
    """Runs a command once, and leaves no process and no empty folder behind."""

    def __init__(
        self,
        warden: Warden,
        tier: Tier,
        revisions: Revisions,
        spools: Spools,
        place: StatePlace,
        security: SecuritySettings,
        environ: Mapping[str, str],
    ) -> None:
        self._warden, self._tier, self._revisions, self._spools = warden, tier, revisions, spools
        self._place, self._security, self._environ = place, security, environ

    async def __call__(self, run: Run) -> Outcome:
        folder = self._revisions.materialise(run.skill)
        out = artifacts.folder_for(self._place, run.id)
        os.makedirs(out, mode=0o700)
        policy = self._policy(run, folder, out)
        try:
            with self._spools.of(run, most=policy.output_bytes) as spool:
                return await self._heard(run, policy, folder, spool)
        finally:
            if not artifacts.left_in(out):
                remove_tree(out)

    async def _heard(self, run: Run, policy: Policy, folder: str, spool: Spool) -> Outcome:
        """The command's end; what it says until then goes into the spool as it comes."""
        most, said, complained = policy.output_bytes, partial(spool.write, "stdout"), partial(spool.write, "stderr")
        with nameless_file() as given, nameless_file() as errors, Pipe(most=most, tell=said) as pipe:
            given.write(msgspec.json.encode(run.inputs, enc_hook=str))
            given.seek(0)
            async with GrowingFile(partial(os.pread, errors.fileno()), most=most, tell=complained):
                return await self._run(run, policy, folder, given, pipe, errors)

    async def _run(
        self, run: Run, policy: Policy, folder: str, given: IO[bytes], pipe: Pipe, errors: IO[bytes]
    ) -> Outcome:
        command = run.skill.manifest.command
        assert command is not None
        argv = filled(command, run.inputs)
        descriptors = (given.fileno(), pipe.write_end, errors.fileno())
        child = await self._warden.start(argv, policy, cwd=folder, descriptors=descriptors)
        pipe.started()
        try:
            data, is_cut = await _read_all(pipe, child)
            end = await child.wait()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await child.stop(grace=0)
            run.trail.leave_words(pipe.so_far().decode("utf-8", "replace"), _tail(errors))
            raise
        finally:
            with anyio.CancelScope(shield=True):
                await child.stop(grace=0)
        return self._outcome(run, argv, policy, end, data, _tail(errors), is_cut=is_cut)

    def _policy(self, run: Run, folder: str, out: str) -> Policy:
        manifest = run.skill.manifest
        return policy_for(
            manifest.permissions,
            manifest.limits,
            self._security,
            self._tier,
            read=(folder,),
            out=out,
            spawns_by_default=True,
            environ={**self._environ, **run.realm.environment},
            variables={**manifest.environment, **run.realm.environment},
        )

    def _outcome(
        self, run: Run, argv: tuple[str, ...], policy: Policy, end: End, data: bytes, stderr: str, *, is_cut: bool
    ) -> Outcome:
        text, raw = _as_text(data)
        outcome = Outcome(
            status=Status.COMPLETED,
            output=text,
            output_bytes=raw,
            exit_code=end.code,
            stderr=stderr,
            artifacts=artifacts.left_in(policy.write[0]),
            truncated=is_cut or len(stderr) >= MOST_STDERR,
            usage=Usage(cpu_ms=end.cpu_ms, max_rss_mb=end.max_rss_mb, output_bytes=len(data)),
            sandbox=policy.report(),
        )
        failed = self._failure(run, argv, policy, end, stderr, is_cut=is_cut)
        if failed is None:
            return outcome
        return replace(outcome, status=failed.status, error=failed.error, limit=failed.limit)

    def _failure(
        self, run: Run, argv: tuple[str, ...], policy: Policy, end: End, stderr: str, *, is_cut: bool
    ) -> Outcome | None:
        if is_cut:
            allowed = policy.output_bytes / 1e6
            limit = Limit(name="max_output_mb", allowed=allowed, measured=allowed)
            return failure(
                ErrorKind.RESOURCE_LIMIT,
                f"over {allowed:g} MB of output",
                hint="write large results to a file in $WORKBENCH_OUT, or raise max_output_mb",
                limit=limit,
            )
        if (exceeded := limit_of(end.why, end.measured, policy)) is not None:
            return over_limit(exceeded)
        if end.why == "deadline":
            return failure(ErrorKind.TIMEOUT, f"not done after {policy.seconds:g} s")
        start_failure = _why_not_started(end.code, stderr, argv[0])
        if start_failure == NO_SUCH_PROGRAM:
            return failure(
                ErrorKind.DEPENDENCY_MISSING,
                f"the program '{argv[0]}' is not here",
                hint="install it, or ship it in the skill's folder and call it ./name",
                place=Place(file=run.skill.path),
            )
        if start_failure:
            hint = "is it executable? chmod +x it, or call its interpreter"
            return failure(ErrorKind.EXIT_CODE, f"'{argv[0]}' cannot be started: {start_failure}", hint=hint)
        if end.code > 128:
            return failure(ErrorKind.CRASHED, f"ended by signal {end.code - 128}", hint="its stderr may say why")
        if end.code:
            last = stderr.strip().splitlines()[-1:] or ["nothing on stderr"]
            return failure(ErrorKind.EXIT_CODE, f"exit code {end.code}: {last[0][:300]}", hint=hint_of_walls(stderr))
        return None


def filled(command: Command, inputs: Mapping[str, object]) -> tuple[str, ...]:
    """The command line with inputs in their places. Each argument stays one argument; other braces stay braces."""

    def fill(argument: str) -> str:
        return _HOLE.sub(lambda hole: _word(inputs[hole[1]]) if hole[1] in inputs else hole[0], argument)

    return command.program, *(fill(argument) for argument in command.arguments)


def _word(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
    return text.replace("\0", "")


async def _read_all(pipe: Pipe, child: Child) -> tuple[bytes, bool]:
    """Everything on stdout up to the limit; past it the child is ended, and what came so far is kept."""
    try:
        return await pipe.read(child), False
    except OutputTooLarge as error:
        await child.stop(grace=0)
        return error.head, True


def _as_text(data: bytes) -> tuple[str | None, bytes | None]:
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError:
        return None, data


def _tail(errors: IO[bytes]) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - MOST_STDERR))
    return errors.read().decode("utf-8", "replace")


def _why_not_started(code: int, stderr: str, program: str) -> str:
    """What the launcher itself said of a program that it could not start; nothing where the program did start."""
    if code == 1 and stderr.startswith(f"bwrap: execvp {program}: "):
        return stderr.rpartition(": ")[2].strip()
    if code in (NOT_FOUND, CANNOT_START) and stderr.startswith(f"{program}: "):
        return NO_SUCH_PROGRAM if code == NOT_FOUND else stderr.rpartition(": ")[2].strip()
    return ""
