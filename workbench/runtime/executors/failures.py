"""What goes wrong inside a worker, told as outcomes and findings in the author's own files."""

from __future__ import annotations

from workbench.model.errors import ErrorKind
from workbench.model.finding import Finding, Place, Severity
from workbench.model.run import Limit, Outcome, failure
from workbench.model.skill import Skill
from workbench.runtime.workers.wire import Said
from workbench.runtime.workers.worker import WorkerGone

# What a worker may call its own failure; everything else is ours to say.
_KINDS = {
    kind.value: kind
    for kind in (ErrorKind.CRASHED, ErrorKind.INPUT_INVALID, ErrorKind.OUTPUT_INVALID, ErrorKind.RESOURCE_LIMIT)
}


def failure_of(skill: Skill, said: Said) -> Outcome:
    """What went wrong in the skill's own code, at the author's own line."""
    kind = _KINDS.get(said.kind, ErrorKind.CRASHED)
    findings = findings_of(skill, said)
    place = findings[0].place if findings and findings[0].place.line else None
    message = said.message or "failed"
    return failure(kind, message, place=place, findings=findings, hint=_hint(kind) or hint_of_walls(message))


def findings_of(skill: Skill, said: Said) -> tuple[Finding, ...]:
    """The author's frames as places in the author's files, the innermost first."""
    message = said.message or "failed"
    findings = []
    for depth, frame in enumerate(reversed(said.trace)):
        place = Place(
            file=skill.path_of(frame.file),
            line=frame.line or 0,
            column=frame.column or 0,
        )
        words = message if depth == 0 else f"called from {frame.function or 'here'}"
        severity = Severity.ERROR if depth == 0 else Severity.INFO
        findings.append(Finding(severity=severity, rule="python.raised", message=words, place=place))
    if not findings:
        place = Place(file=skill.path)
        findings.append(Finding(severity=Severity.ERROR, rule="python.raised", message=message, place=place))
    return tuple(findings)


_REFUSED = (
    ("Permission denied",),
    ("PermissionError", "Operation not permitted"),
    ("Read-only file system",),
    ("name resolution", "Name or service not known", "Network is unreachable", "Could not resolve host"),
)
_WALLS = (
    "the sandbox refuses what was not granted, and writing outside its own folder: context.out, or $WORKBENCH_OUT",
    "the sandbox refuses what was not granted: `workbench doctor` says what is enforced",
    "the sandbox lets a skill write to its own folder only: context.out, or $WORKBENCH_OUT",
    "the sandbox gives no network",
)


def hint_of_walls(words: str) -> str:
    """That it was likely the sandbox, where a message sounds like it."""
    for signs, hint in zip(_REFUSED, _WALLS, strict=True):
        if any(sign in words for sign in signs):
            return hint
    return ""


def over_limit(limit: Limit) -> Outcome:
    """A child was ended because it used more than it may."""
    words = {
        "max_memory_mb": f"over {limit.allowed:g} MB of memory",
        "max_processes": f"over {limit.allowed:g} processes",
    }
    message = f"{words[limit.name]} ({limit.measured:g} measured)"
    hint = f"use less, or raise {limit.name} in security.resource_limits"
    return failure(ErrorKind.RESOURCE_LIMIT, message, hint=hint, limit=limit)


def crashed(error: WorkerGone) -> Outcome:
    """A worker ended while it was asked."""
    if error.limit is not None:
        return over_limit(error.limit)
    last = error.last_words.splitlines()[-1:] or [""]
    if error.code is not None and error.code > 128:
        message = f"the worker was ended by signal {error.code - 128}"
    else:
        message = f"the worker ended with exit code {error.code}"
    message += f": {last[0][:300]}" if last[0] and last[0] != "closed" else ""
    return failure(ErrorKind.CRASHED, message, hint="a skill must not end its own process; the next run gets a new one")


def _hint(kind: ErrorKind) -> str:
    if kind is ErrorKind.OUTPUT_INVALID:
        return "return text, numbers, true, false, null, lists and objects with text keys, or bytes"
    return ""
