"""Which tier holds on this machine: found by canaries that must fail or succeed for real, strongest tier first."""

from __future__ import annotations

import json
import os
from contextlib import suppress

import anyio

from workbench.model.errors import MachineCannot
from workbench.model.frozen import frozen
from workbench.model.policy import DEFAULT_LIMITS, NO_PERMISSIONS, Limits, Tier
from workbench.model.settings import SecuritySettings
from workbench.runtime.atomic import nameless_file, write_atomically
from workbench.runtime.sandbox import canary
from workbench.runtime.sandbox.client import End, Warden
from workbench.runtime.sandbox.policy import policy_for
from workbench.runtime.sandbox.spawning import interpreter
from workbench.runtime.sandbox.warden import cgroups

SECONDS = 10.0
GROUP_MB, GROUP_CPU_PERCENT, MOST_CPU_SECONDS = 32, 20.0, 0.06
GREEDY = """
import time
until = time.monotonic() + 0.12
before = time.process_time()
while time.monotonic() < until:
    pass
print(time.process_time() - before, flush=True)
many = [b"x" * 4_000_000 for _ in range(30)]
"""
"""All of a core for an eighth of a second, then four times the memory that is allowed."""
# Tier B does not hide other processes: it says so, and is not failed for it.
NOT_PROMISED = {Tier.A_PLUS: frozenset[str](), Tier.A: frozenset[str](), Tier.B: frozenset({"signal"})}


@frozen
class Probe:
    """What one tier's canary found: whether the tier holds here, and if not, why; and whether it would say so again."""

    tier: Tier
    holds: bool
    why_not: str = ""
    is_sure: bool = True


async def probe_tiers(warden: Warden, security: SecuritySettings) -> tuple[Probe, ...]:
    """Probe from the strongest tier allowed down, until one holds; D holds always and promises little."""
    probes: list[Probe] = []
    for tier in (Tier.A_PLUS, Tier.A, Tier.B):
        if not tier.rank >= security.allowed_tier.rank:
            continue
        probe = await _probe(warden, security, tier)
        if probe.holds and tier is Tier.A_PLUS:
            probe = await _probe_group(warden, security)
        probes.append(probe)
        if probes[-1].holds:
            return tuple(probes)
    return (*probes, Probe(tier=Tier.D, holds=True))


async def strongest_tier(warden: Warden, security: SecuritySettings, memory: str) -> Tier:
    """The tier in force. What is sure is remembered until the machine boots or its parts change."""
    key = fingerprint(security)
    if (known := _recall(memory, key)) is not None:
        return known
    probes = await probe_tiers(warden, security)
    tier = probes[-1].tier
    if not all(each.is_sure for each in probes):
        return tier
    with suppress(OSError):
        os.makedirs(os.path.dirname(memory), mode=0o700, exist_ok=True)
        write_atomically(memory, json.dumps({"key": key, "tier": tier.value}).encode(), mode=0o600)
    return tier


def forget(memory: str) -> None:
    """Probe again at the next start."""
    with suppress(OSError):
        os.unlink(memory)


def _recall(memory: str, key: str) -> Tier | None:
    try:
        with open(memory, "rb") as file:
            said = json.loads(file.read(4096))
        if said["key"] == key and os.stat(memory).st_uid == os.getuid():
            return Tier(said["tier"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None


def fingerprint(security: SecuritySettings) -> str:
    """Everything that the answer depends on."""
    parts = [security.allowed_tier.value, security.bubblewrap, str(os.getuid()), os.uname().release, interpreter()]
    parts += sorted(cgroups.parents())
    for path in (security.bubblewrap, interpreter(), __file__, canary.__file__):
        try:
            status = os.stat(path)
            parts.append(f"{status.st_mtime_ns}:{status.st_size}")
        except OSError:
            parts.append("absent")
    for path in (
        "/proc/sys/kernel/random/boot_id",
        "/proc/sys/user/max_user_namespaces",
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    ):
        try:
            with open(path, encoding="ascii") as file:
                parts.append(file.read().strip())
        except OSError:
            parts.append("-")
    return "|".join(parts)


async def _probe(warden: Warden, security: SecuritySettings, tier: Tier) -> Probe:
    if tier.has_namespaces and not os.access(security.bubblewrap, os.X_OK):
        return Probe(tier=tier, holds=False, why_not=f"{security.bubblewrap} is not here (install bubblewrap)")
    from workbench.runtime.sandbox.bait import open_bait  # here, because most starts remember what was found

    with open_bait() as bait:
        out = os.path.join(bait.folder, "out")
        os.mkdir(out)
        try:
            text, errors = await _run_canary(warden, security, tier, bait.told(), out)
        except MachineCannot as error:
            return Probe(tier=tier, holds=False, why_not=error.message)
        except TimeoutError:
            return _too_slow(tier)
        try:
            got_through: dict[str, bool] = json.loads(text)
        except ValueError:
            last = errors.strip().splitlines()[-1:] or ["the canary said nothing"]
            return Probe(tier=tier, holds=False, why_not=last[0])
        got_through["write"] = bool(bait.changed())
        got_through["network"] |= bool(bait.heard())
    if not got_through.pop("own folder"):
        return Probe(tier=tier, holds=False, why_not="a skill could not write its own folder")
    open_doors = [name for name, open_ in got_through.items() if open_ and name not in NOT_PROMISED[tier]]
    return Probe(tier=tier, holds=not open_doors, why_not=", ".join(f"{name} got through" for name in open_doors))


def _too_slow(tier: Tier) -> Probe:
    return Probe(tier=tier, holds=False, why_not=f"it did not end within {SECONDS:g} s", is_sure=False)


async def _probe_group(warden: Warden, security: SecuritySettings) -> Probe:
    """Whether the kernel holds a child to its processor and its memory, with nobody looking."""
    from tempfile import TemporaryDirectory  # here, because most starts remember what was found

    with TemporaryDirectory() as out:
        limits = Limits(max_memory_mb=GROUP_MB, max_cpu_percent=GROUP_CPU_PERCENT)
        try:
            end, text, _ = await _run(warden, security, Tier.A_PLUS, ("-c", GREEDY), out, limits=limits)
        except MachineCannot as error:
            return Probe(tier=Tier.A_PLUS, holds=False, why_not=error.message)
        except TimeoutError:
            return _too_slow(Tier.A_PLUS)
    said = text.split()
    if not said or float(said[0]) > MOST_CPU_SECONDS:
        return Probe(tier=Tier.A_PLUS, holds=False, why_not="the processor was not held by the control group")
    if end.why != "memory":
        return Probe(tier=Tier.A_PLUS, holds=False, why_not="memory was not held by the control group")
    return Probe(tier=Tier.A_PLUS, holds=True)


async def _run_canary(
    warden: Warden, security: SecuritySettings, tier: Tier, told: dict[str, object], out: str
) -> tuple[str, str]:
    script = os.path.realpath(canary.__file__)
    _, text, errors = await _run(warden, security, tier, (script, json.dumps(told)), out, read=(script,))
    return text, errors


async def _run(
    warden: Warden,
    security: SecuritySettings,
    tier: Tier,
    arguments: tuple[str, ...],
    out: str,
    *,
    limits: Limits = DEFAULT_LIMITS,
    read: tuple[str, ...] = (),
) -> tuple[End, str, str]:
    """A child of Python's in a tier, to its end; what it said and what it said to be wrong."""
    policy = policy_for(
        NO_PERMISSIONS,
        limits,
        security,
        tier,
        read=read,
        out=out,
        spawns_by_default=False,
        environ={},
        variables={},
    )
    output, errors = nameless_file(), nameless_file()
    nothing = os.open(os.devnull, os.O_RDONLY)
    with output, errors:
        try:
            child = await warden.start(
                (interpreter(), "-I", "-S", *arguments),
                policy,
                cwd=out,
                descriptors=(nothing, output.fileno(), errors.fileno()),
            )
        finally:
            os.close(nothing)
        try:
            with anyio.fail_after(SECONDS):
                end = await child.wait()
        finally:
            await child.stop(grace=0)
        output.seek(0)
        errors.seek(0)
        return end, output.read(65536).decode("utf-8", "replace"), errors.read(65536).decode("utf-8", "replace")
