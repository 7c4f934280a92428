"""From what a skill asks for to what its child gets: permissions, the workspace's bounds and the tier, made one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache

from workbench.model.frozen import field, frozen, replace
from workbench.model.policy import Hold, Limits, Permissions, Promise, SandboxReport, Tier
from workbench.model.run import Limit
from workbench.model.settings import SecuritySettings
from workbench.runtime.sandbox.spawning import interpreter

PATH = "/usr/local/bin:/usr/bin:/bin"
OPEN_FILES = 256


@frozen
class Policy:
    """Everything a child may see and use. Two children of equal policies may share a warm process's place."""

    tier: Tier
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    list_only: tuple[str, ...] = ()
    spawn: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 300.0
    file_bytes: int = 10_000_000
    output_bytes: int = 16_000_000
    memory_bytes: int = 256_000_000
    processes: int = 64

    def placed(self, code: str, out: str) -> Policy:
        """The same walls around a child that reads one folder besides, if any, and writes into another."""
        read = (*self.read, code) if code else self.read
        return replace(self, read=read, write=(out,), environment={**self.environment, **dict.fromkeys(_OURS, out)})

    def report(self) -> SandboxReport:
        """The truth about these walls, for the outcome."""
        return report_of(self.tier, spawn=self.spawn)


def policy_for(
    permissions: Permissions,
    limits: Limits,
    security: SecuritySettings,
    tier: Tier,
    *,
    read: tuple[str, ...],
    out: str = "",
    spawns_by_default: bool,
    environ: Mapping[str, str],
    variables: Mapping[str, str],
) -> Policy:
    """The policy of one run: the author's limits where they are tighter than the workspace's.

    `environ` is the launcher's own; of it only the names that the skill was promised get in.
    """
    spawn = permissions.process_spawn
    environment = {
        "PATH": f"{PATH}:{os.path.dirname(interpreter())}",
        "LANG": "C.UTF-8",
        "HOME": out,
        "TMPDIR": out,
        "WORKBENCH_OUT": out,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment |= {name: value for name, value in variables.items() if _is_harmless(name)}
    environment |= {name: environ[name] for name in permissions.environment if name in environ and _is_harmless(name)}
    return Policy(
        tier=tier,
        read=(*runtime_folders(), *read),
        write=(out,),
        spawn=spawns_by_default if spawn is None else spawn,
        environment=environment,
        seconds=_tighter(limits.max_execution_time, security.max_execution_time),
        file_bytes=int(_tighter(limits.max_file_size_mb, security.max_file_size_mb) * 1_000_000),
        output_bytes=int(_tighter(limits.max_output_mb, security.max_output_mb) * 1_000_000),
        memory_bytes=int(_tighter(limits.max_memory_mb, security.max_memory_mb) * 1_000_000),
        processes=int(_tighter(limits.max_processes, security.max_processes)),
    )


def _tighter(asked: float | None, allowed: float) -> float:
    return allowed if asked is None else min(asked, allowed)


_HARMFUL = frozenset(
    {"PATH", "IFS", "ENV", "BASH_ENV", "BASHOPTS", "SHELLOPTS", "NODE_OPTIONS", "NODE_PATH", "RUBYOPT"}
)
_HARMFUL_BEGINNINGS = ("LD_", "PYTHON", "GIT_", "PERL", "GLIBC_", "BASH_FUNC_")
_OURS = frozenset({"HOME", "TMPDIR", "WORKBENCH_OUT"})


def _is_harmless(name: str) -> bool:
    """Variables that change what a program loads or runs are not taken from anybody."""
    return name.isidentifier() and name not in _HARMFUL | _OURS and not name.startswith(_HARMFUL_BEGINNINGS)


@cache
def runtime_folders() -> tuple[str, ...]:
    """What that program needs to start, where the system's own folders do not hold it."""
    libraries = os.path.dirname(os.path.dirname(os.path.realpath(os.__file__)))
    wanted = (libraries, os.path.dirname(interpreter()))
    return tuple(path for path in wanted if not path.startswith(("/usr/", "/bin/", "/lib/")))


def report_of(tier: Tier, *, spawn: bool) -> SandboxReport:
    """What a tier holds, permission by permission, in the words that people are shown."""
    enforced, watched, nothing = Hold.ENFORCED, Hold.WATCHED, Hold.NOT_HELD
    is_namespaced, is_filtered = tier in (Tier.A_PLUS, Tier.A), tier is not Tier.D
    files = "namespaces" if is_namespaced else "Landlock"
    promises = {
        "read": Promise(hold=enforced, by=files) if is_filtered else Promise(hold=nothing),
        "write": Promise(hold=enforced, by=files) if is_filtered else Promise(hold=nothing),
        "network": Promise(hold=enforced, by="namespaces, seccomp" if is_namespaced else "seccomp")
        if is_filtered
        else Promise(hold=nothing),
        "spawn": Promise(hold=enforced, by="process limit" if spawn else "seccomp")
        if is_namespaced or (is_filtered and not spawn)
        else Promise(hold=nothing),
        "environment": Promise(hold=enforced, by="fresh environment"),
        "memory": Promise(hold=watched, by="tree watcher, every 20 ms"),
        "cpu": Promise(hold=nothing),
        "time": Promise(hold=enforced, by="warden"),
        "output": Promise(hold=enforced, by="reader"),
    }
    layers = {
        Tier.A_PLUS: ("namespaces", "seccomp", "rlimits", "cgroup"),
        Tier.A: ("namespaces", "seccomp", "rlimits"),
        Tier.B: ("Landlock", "seccomp", "rlimits", "no capabilities"),
        Tier.D: ("rlimits",),
    }
    return SandboxReport(tier=tier, layers=layers[tier], promises=promises)


def limit_of(why: str, measured: int, policy: Policy) -> Limit | None:
    """Which limit ended a child, where one did."""
    if why == "memory":
        return Limit(name="max_memory_mb", allowed=policy.memory_bytes / 1e6, measured=round(measured / 1e6, 1))
    if why == "processes":
        return Limit(name="max_processes", allowed=policy.processes, measured=measured)
    return None
