"""From what a skill asks for to what its child gets: permissions, the workspace's bounds and the tier, made one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache

from workbench.model.consent import Consent, permissions_with
from workbench.model.frozen import field, frozen, replace
from workbench.model.policy import Hold, Limits, Permissions, Promise, SandboxReport, Tier
from workbench.model.run import Limit
from workbench.model.settings import SecuritySettings
from workbench.runtime.sandbox import proxy
from workbench.runtime.sandbox.grants import NOTHING, grants_of
from workbench.runtime.sandbox.spawning import interpreter
from workbench.runtime.sandbox.warden.folders import MOST_DEPTH

PATH = "/usr/local/bin:/usr/bin:/bin"
WORKSPACE_VARIABLE = "WORKBENCH_WORKSPACE"


@frozen
class Policy:
    """Everything a child may see and use. Two children of equal policies may share a warm process's place."""

    tier: Tier
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    list_only: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    spawn: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 300.0
    file_bytes: int = 10_000_000
    output_bytes: int = 16_000_000
    memory_bytes: int = 256_000_000
    processes: int = 64
    open_files: int = 256
    cpu_percent: float = 80.0
    written_bytes: int = 256_000_000
    files: int = 10_000
    disk_bytes_a_second: float = 100e6

    def placed(self, code: str, out: str) -> Policy:
        """The same walls around a child that reads one folder besides, if any, and writes into another."""
        read = (*self.read, code) if code else self.read
        environment = {**self.environment, **dict.fromkeys(_OURS, out)}
        return replace(self, read=read, write=(out, *self.write[1:]), environment=environment)

    def report(self) -> SandboxReport:
        """The truth about these walls, for the outcome."""
        return report_of(self.tier, spawn=self.spawn, hosts=self.hosts)


def policy_for(
    permissions: Permissions,
    limits: Limits,
    security: SecuritySettings,
    tier: Tier,
    *,
    read: tuple[str, ...],
    out: str = "",
    workspace: str = "",
    spawns_by_default: bool,
    environ: Mapping[str, str],
    variables: Mapping[str, str],
    consents: frozenset[Consent] = frozenset(),
) -> Policy:
    """The policy of one run: the author's limits where they are tighter than the workspace's.

    What is asked for and cannot be given is left out: the stage `permission` has refused the run before.

    `environ` is the launcher's own; of it only the names that the skill was promised get in.
    """
    grants = grants_of(permissions, workspace, tier, consents) if workspace else NOTHING
    permissions = permissions_with(permissions, consents)
    spawn = permissions.process_spawn
    environment = {
        "PATH": f"{PATH}:{os.path.dirname(interpreter())}",
        "LANG": "C.UTF-8",
        "HOME": out,
        "TMPDIR": out,
        "WORKBENCH_OUT": out,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment |= {WORKSPACE_VARIABLE: os.path.realpath(workspace)} if grants.read or grants.write else {}
    environment |= proxy.variables() if grants.hosts else {}
    environment |= {name: value for name, value in variables.items() if is_harmless(name)}
    environment |= {name: environ[name] for name in permissions.environment if name in environ and is_harmless(name)}
    return Policy(
        tier=tier,
        read=(*runtime_folders(), *read, *grants.read),
        write=(out, *grants.write),
        hosts=grants.hosts,
        spawn=spawns_by_default if spawn is None else spawn,
        environment=environment,
        seconds=_tighter(limits.max_execution_time, security.max_execution_time),
        file_bytes=int(_tighter(limits.max_file_size_mb, security.max_file_size_mb) * 1_000_000),
        output_bytes=int(_tighter(limits.max_output_mb, security.max_output_mb) * 1_000_000),
        memory_bytes=int(_tighter(limits.max_memory_mb, security.max_memory_mb) * 1_000_000),
        processes=int(_tighter(limits.max_processes, security.max_processes)),
        open_files=security.max_open_files,
        cpu_percent=_tighter(limits.max_cpu_percent, security.max_cpu_percent),
        written_bytes=security.max_written_mb * 1_000_000,
        files=security.max_files,
        disk_bytes_a_second=security.max_disk_mb_per_second * 1e6,
    )


def _tighter(asked: float | None, allowed: float) -> float:
    return allowed if asked is None else min(asked, allowed)


_HARMFUL = frozenset(
    {"PATH", "IFS", "ENV", "BASH_ENV", "BASHOPTS", "SHELLOPTS", "NODE_OPTIONS", "NODE_PATH", "RUBYOPT"}
)
_HARMFUL_BEGINNINGS = ("LD_", "PYTHON", "GIT_", "PERL", "GLIBC_", "BASH_FUNC_")
_OURS = frozenset({"HOME", "TMPDIR", "WORKBENCH_OUT"})


def is_harmless(name: str) -> bool:
    """Variables that change what a program loads or runs are not taken from anybody."""
    is_taken = name in _HARMFUL | _OURS or name == WORKSPACE_VARIABLE
    return name.isidentifier() and not is_taken and not name.startswith(_HARMFUL_BEGINNINGS)


@cache
def runtime_folders() -> tuple[str, ...]:
    """What that program needs to start, where the system's own folders do not hold it."""
    libraries = os.path.dirname(os.path.dirname(os.path.realpath(os.__file__)))
    wanted = (libraries, os.path.dirname(interpreter()))
    return tuple(path for path in wanted if not path.startswith(("/usr/", "/bin/", "/lib/")))


def report_of(tier: Tier, *, spawn: bool, hosts: tuple[str, ...] = ()) -> SandboxReport:
    """What a tier holds, permission by permission, in the words that people are shown."""
    enforced, watched, nothing = Hold.ENFORCED, Hold.WATCHED, Hold.NOT_HELD
    is_namespaced, is_filtered, is_grouped = tier.has_namespaces, tier is not Tier.D, tier is Tier.A_PLUS
    grouped = Promise(hold=enforced, by="control group")
    files = "namespaces" if is_namespaced else "Landlock"
    no_way_out = "namespaces, proxy" if hosts else "namespaces, seccomp" if is_namespaced else "seccomp"
    promises = {
        "read": Promise(hold=enforced, by=files) if is_filtered else Promise(hold=nothing),
        "write": Promise(hold=enforced, by=files) if is_filtered else Promise(hold=nothing),
        "network": Promise(hold=enforced, by=no_way_out) if is_filtered else Promise(hold=nothing),
        "spawn": _spawning(tier, spawn=spawn),
        "environment": Promise(hold=enforced if is_filtered else nothing, by="fresh environment"),
        "memory": grouped if is_grouped else Promise(hold=watched, by="tree watcher, 20 ms"),
        "cpu": grouped if is_grouped else Promise(hold=watched, by="stop and continue"),
        "time": Promise(hold=enforced, by="warden"),
        "output": Promise(hold=enforced, by="reader"),
        "files": Promise(hold=watched, by="size limit, counted"),
        "leftovers": Promise(hold=enforced, by="process namespace")
        if is_namespaced
        else Promise(hold=watched, by="guard and sweep"),
    }
    layers = {
        Tier.A_PLUS: ("namespaces", "seccomp", "rlimits", "control group"),
        Tier.A: ("namespaces", "seccomp", "rlimits"),
        Tier.B: ("Landlock", "seccomp", "rlimits", "no capabilities"),
        Tier.D: ("rlimits",),
    }
    return SandboxReport(tier=tier, layers=layers[tier], promises=promises)


def _spawning(tier: Tier, *, spawn: bool) -> Promise:
    """Whether processes are held back where they are forbidden, and to their number where they are not."""
    if spawn:
        watched = Promise(hold=Hold.WATCHED, by="tree watcher, 20 ms")
        return Promise(hold=Hold.ENFORCED, by="process limit") if tier.has_namespaces else watched
    return Promise(hold=Hold.NOT_HELD) if tier is Tier.D else Promise(hold=Hold.ENFORCED, by="seccomp")


OF_THE_FOLDER = frozenset({"max_written_mb", "max_files", "max_depth"})
"""Limits of what lies in a run's folder: nothing of a run that went over them is kept."""


def limit_of(why: str, measured: int, policy: Policy) -> Limit | None:
    """Which limit ended a child, where one did."""
    match why:
        case "memory":
            return Limit(name="max_memory_mb", allowed=policy.memory_bytes / 1e6, measured=round(measured / 1e6, 1))
        case "processes":
            return Limit(name="max_processes", allowed=policy.processes, measured=measured)
        case "written":
            return Limit(name="max_written_mb", allowed=policy.written_bytes / 1e6, measured=round(measured / 1e6, 1))
        case "files":
            return Limit(name="max_files", allowed=policy.files, measured=measured)
        case "depth":
            return Limit(name="max_depth", allowed=MOST_DEPTH, measured=measured)
    return None
