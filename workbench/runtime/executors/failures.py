"""What goes wrong inside a worker, told as outcomes and findings in the author's own files."""

from __future__ import annotations

import re
from os.path import exists

from workbench.model.consent import Consent, Right
from workbench.model.errors import ErrorKind
from workbench.model.finding import Finding, Place, Severity
from workbench.model.frozen import replace
from workbench.model.observed import Contact, Denied, remedy_of
from workbench.model.run import Limit, Outcome, failure
from workbench.model.skill import Skill
from workbench.runtime.sandbox.policy import Policy
from workbench.runtime.workers.wire import Said
from workbench.runtime.workers.worker import WorkerGone

# What a worker may call its own failure; everything else is ours to say.
_KINDS = {
    kind.value: kind
    for kind in (ErrorKind.CRASHED, ErrorKind.INPUT_INVALID, ErrorKind.OUTPUT_INVALID, ErrorKind.RESOURCE_LIMIT)
}


def failure_of(skill: Skill, said: Said, limit: Limit | None = None) -> Outcome:
    """What went wrong in the skill's own code, at the author's own line, and the limit that it ran into if any."""
    kind = _KINDS.get(said.kind, ErrorKind.CRASHED)
    findings = findings_of(skill, said)
    place = findings[0].place if findings and findings[0].place.line else None
    message = said.message or "failed"
    if limit is not None and (over := over_limit(limit).error) is not None:
        return failure(over.kind, over.message, place=place, findings=findings, hint=over.hint, limit=limit)
    hint = _hint(kind) or _hint_of_imports(skill, message) or hint_of_walls(message)
    return failure(kind, message, place=place, findings=findings, hint=hint)


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
        hint = _hint_of_imports(skill, message) if depth == 0 else ""
        findings.append(Finding(severity=severity, rule=f"{skill.kind}.raised", message=words, place=place, hint=hint))
    if not findings:
        place = Place(file=skill.path)
        findings.append(Finding(severity=Severity.ERROR, rule=f"{skill.kind}.raised", message=message, place=place))
    return tuple(findings)


def _hint_of_imports(skill: Skill, message: str) -> str:
    """What to write where a module that skills share was imported by a name that its text does not say."""
    missing = _NO_MODULE.search(message)
    if missing is None or not skill.shared_root:
        return ""
    name = missing[1]
    path = next((path for path in (f"{name}.py", f"{name}/__init__.py") if exists(f"{skill.shared_root}/{path}")), "")
    return f"{path} lies beside the skills; it comes along where the text says `import {name}`" if path else ""


_NO_MODULE = re.compile(r"No module named '(\w+)'")
_REFUSED = (
    (
        *("name resolution", "Name or service not known", "Network is unreachable", "Could not resolve host"),
        *("getaddrinfo E", "connect E", "urlopen error [Errno 13]", "establish a new connection", "curl: ("),
    ),
    ("Permission denied", "EACCES: "),
    ("PermissionError", "Operation not permitted", "EPERM"),
    ("Read-only file system", "EROFS: "),
    ("not among the hosts that this skill may talk to", "which is not public: list that address too"),
)
_WALLS = (
    "the sandbox gives no network but to hosts that are listed: security.permissions.network_access, host:port",
    "the sandbox refuses what was not granted, and writing outside its own folder: context.out, or $WORKBENCH_OUT",
    "the sandbox refuses what was not granted: `workbench doctor` says what is enforced",
    "the sandbox lets a skill write to its own folder only: context.out, or $WORKBENCH_OUT",
    "list it as host:port in security.permissions.network_access",
)

_NO_NETWORK, _NOT_GRANTED = _WALLS[0], _WALLS[2]
_SHARED = 'run it again; with "isolation": "run" in its manifest each run has a worker of its own'


def hint_of_walls(words: str) -> str:
    """That it was likely the sandbox, where a message sounds like it."""
    for signs, hint in zip(_REFUSED, _WALLS, strict=True):
        if any(sign in words for sign in signs):
            return hint
    return ""


_WORDS = {
    "max_memory_mb": "MB of memory",
    "max_processes": "processes",
    "max_file_size_mb": "MB in one file",
    "max_open_files": "open files",
    "max_written_mb": "MB in its folder",
    "max_files": "files in its folder",
    "max_depth": "folders one in the other",
}
_OF_THE_WORKSPACE = ("max_open_files", "max_written_mb", "max_files")


def over_limit(limit: Limit) -> Outcome:
    """A child was ended because it used more than it may."""
    measured = f" ({limit.measured:g} measured)" if limit.measured > limit.allowed else ""
    message = f"over {limit.allowed:g} {_WORDS[limit.name]}{measured}"
    if limit.measured < limit.allowed:
        message = f"its heap is full: {limit.allowed:g} MB of memory are not enough"
    ours = "[security] of workbench.toml"
    place = ours if limit.name in _OF_THE_WORKSPACE else f"security.resource_limits, and in {ours} where that bounds it"
    hint = f"use less, or raise {limit.name} in {place}" if limit.name != "max_depth" else "use fewer levels of folders"
    return failure(ErrorKind.RESOURCE_LIMIT, message, hint=hint, limit=limit)


def limit_in_words(words: str, policy: Policy) -> Limit | None:
    """The limit that a program ran into by itself, where its last words say so."""
    if any(sign in words for sign in ("File too large", "EFBIG", "File size limit exceeded")):
        size = policy.file_bytes / 1e6
        return Limit(name="max_file_size_mb", allowed=size, measured=size)
    if "Too many open files" in words or "EMFILE" in words:
        return Limit(name="max_open_files", allowed=policy.open_files, measured=policy.open_files)
    return None


def with_contacts(outcome: Outcome, contacts: tuple[Contact, ...]) -> Outcome:
    """Whom a run asked for; what a person may allow so that it gets those whom it was refused."""
    if not contacts:
        return outcome
    hosts = dict.fromkeys(each.needs for each in contacts if each.needs)
    needs = tuple(Consent(right=Right.NETWORK, value=host) for host in hosts)
    return replace(outcome, contacts=tuple(dict.fromkeys(contacts)), needs=(*outcome.needs, *needs))


def with_remedy(outcome: Outcome, denied: tuple[Denied, ...]) -> Outcome:
    """What would help, where the walls refused it something and nothing better is known than that they may have."""
    gives_hosts = outcome.sandbox is None or outcome.sandbox.tier.has_namespaces
    remedy, error = remedy_of(denied, gives_hosts=gives_hosts), outcome.error
    if error is None or not remedy or error.hint not in (_NO_NETWORK, _NOT_GRANTED):
        return outcome
    return replace(outcome, error=replace(error, hint=remedy))


def crashed(error: WorkerGone) -> Outcome:
    """A worker ended while it was asked; of several that it was asked at the time nobody knows whose doing it was."""
    if error.is_shared:
        ended = _crashed_alone(error)
        assert ended.error is not None
        message = f"the worker ended with all the runs that it shared: {ended.error.message}"
        return replace(failure(ErrorKind.CRASHED, message, hint=_SHARED), limit=ended.limit)
    return _crashed_alone(error)


def _crashed_alone(error: WorkerGone) -> Outcome:
    """A worker ended while it was asked one thing."""
    if error.limit is not None:
        return over_limit(error.limit)
    if error.reason:
        hint = "the next run gets a new one"
        return failure(ErrorKind.CRASHED, f"the worker was ended {error.reason}", hint=hint)
    last = error.last_words.splitlines()[-1:] or [""]
    if error.code is not None and error.code > 128:
        message = f"the worker was ended by signal {error.code - 128}"
    else:
        message = f"the worker ended with exit code {error.code}"
    message += f": {last[0][:300]}" if last[0] else ""
    return failure(ErrorKind.CRASHED, message, hint="a skill must not end its own process; the next run gets a new one")


def _hint(kind: ErrorKind) -> str:
    if kind is ErrorKind.OUTPUT_INVALID:
        return "return text, numbers, true, false, null, lists and objects with text keys, or bytes"
    return ""
