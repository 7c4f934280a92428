"""How a command ended, as an outcome: what stopped it, why it never started, and what its exit code means."""

from __future__ import annotations

import signal

from workbench.model.errors import ErrorKind
from workbench.model.finding import Place
from workbench.model.manifest import NEVER_MAPPED, Command, looks_like_a_script
from workbench.model.run import Limit, Outcome, Run, failure
from workbench.runtime.executors.failures import hint_of_walls, limit_in_words, over_limit
from workbench.runtime.sandbox.client import End
from workbench.runtime.sandbox.policy import Policy, limit_of

NOT_FOUND, CANNOT_START = 127, 126
NO_SUCH_PROGRAM = "No such file or directory"
# Bubblewrap's, and the warden's own.
_OF_LAUNCHERS = (((1,), "bwrap: execvp {program}: "), ((CANNOT_START,), "{program}: cannot be started: "))
_SIGNALS = range(129, 129 + 64)


def failure_of(run: Run, program: str, policy: Policy, end: End, stderr: str, *, is_cut: bool) -> Outcome | None:
    """Why a run failed; None where it did not. What the sandbox ended comes before what its manifest makes of it."""
    command = run.skill.manifest.command
    assert command is not None
    ended = _ended_by_us(policy, end, is_cut=is_cut) or _not_started(run, command, program, end.code, stderr)
    if ended is not None:
        return ended
    last = (stderr.strip().splitlines() or [""])[-1]
    words = "EFBIG" if end.code == 128 + signal.SIGXFSZ else last
    if end.code and (ran_into := limit_in_words(words, policy)) is not None:
        return over_limit(ran_into)
    if end.code in command.exit_codes and end.code not in NEVER_MAPPED:
        return _as_mapped(command.exit_codes[end.code], end.code, last, stderr)
    if end.code in _SIGNALS:
        return failure(ErrorKind.CRASHED, f"ended by signal {end.code - 128}", hint="its stderr may say why")
    if end.code:
        words = last[:300] or "nothing on stderr"
        return failure(ErrorKind.EXIT_CODE, f"exit code {end.code}: {words}", hint=hint_of_walls(stderr))
    return None


def _as_mapped(kind: ErrorKind | None, code: int, last: str, stderr: str) -> Outcome | None:
    if kind is None:
        return None
    hint = hint_of_walls(stderr) or f"exit_codes in its manifest says that {code} is {kind}"
    return failure(kind, last[:300] or f"exit code {code}", hint=hint)


def _ended_by_us(policy: Policy, end: End, *, is_cut: bool) -> Outcome | None:
    if is_cut:
        allowed = policy.output_bytes / 1e6
        limit = Limit(name="max_output_mb", allowed=allowed, measured=allowed)
        hint = "write large results to a file in $WORKBENCH_OUT, or raise max_output_mb"
        return failure(ErrorKind.RESOURCE_LIMIT, f"over {allowed:g} MB of output", hint=hint, limit=limit)
    if (exceeded := limit_of(end.why, end.measured, policy)) is not None:
        return over_limit(exceeded)
    if end.why == "deadline":
        wall = Limit(name="max_execution_time", allowed=policy.seconds, measured=policy.seconds)
        return failure(ErrorKind.TIMEOUT, f"not done after {policy.seconds:g} s", limit=wall)
    return None


def _not_started(run: Run, command: Command, program: str, code: int, stderr: str) -> Outcome | None:
    why = _why_not_started(code, stderr, program)
    if why == NO_SUCH_PROGRAM:
        hint = "install it, or ship it in the skill's folder and call it ./name"
        if looks_like_a_script(program):
            hint = 'no shell reads this: add "shell": true to the manifest, or put all but the program into args'
        message = f"the program '{command.program}' is not here"
        return failure(ErrorKind.DEPENDENCY_MISSING, message, hint=hint, place=Place(file=run.skill.path))
    if why:
        hint = "is it executable? chmod +x it, or call its interpreter"
        return failure(ErrorKind.EXIT_CODE, f"'{command.program}' cannot be started: {why}", hint=hint)
    return None


def _why_not_started(code: int, stderr: str, program: str) -> str:
    """What the launcher itself said of a program that it could not start; nothing where the program did start.

    That is one line and nothing else. A shell that finds no program ends with the same codes, in words of its own.
    """
    for codes, words in _OF_LAUNCHERS:
        before = words.format(program=program)
        if code in codes and stderr.startswith(before) and stderr.find("\n", len(before)) == len(stderr) - 1:
            return stderr[len(before) : -1]
    missing = f"{program}: {NO_SUCH_PROGRAM}\n"
    return NO_SUCH_PROGRAM if code == NOT_FOUND and stderr == missing else ""
