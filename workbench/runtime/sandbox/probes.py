"""Which tier holds on this machine: found by canaries that must fail or succeed for real, strongest tier first."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import anyio

from workbench.model.errors import MachineCannot
from workbench.model.frozen import frozen
from workbench.model.policy import DEFAULT_LIMITS, NO_PERMISSIONS, Tier
from workbench.model.settings import SecuritySettings
from workbench.runtime.atomic import nameless_file, remove_tree, write_atomically
from workbench.runtime.sandbox import canary
from workbench.runtime.sandbox.client import Warden
from workbench.runtime.sandbox.policy import policy_for
from workbench.runtime.sandbox.spawning import interpreter

SECONDS = 10.0
# Tier B does not hide other processes: it says so, and is not failed for it.
NOT_PROMISED = {Tier.A_PLUS: frozenset[str](), Tier.A: frozenset[str](), Tier.B: frozenset({"signal"})}


@frozen
class Probe:
    """What one tier's canary found: whether the tier holds here, and if not, why."""

    tier: Tier
    holds: bool
    why_not: str = ""


async def probe_tiers(warden: Warden, security: SecuritySettings) -> tuple[Probe, ...]:
    """Probe from the strongest tier allowed down, until one holds; D holds always and promises little."""
    probes: list[Probe] = []
    for tier in (Tier.A, Tier.B):
        if not tier.rank >= security.strongest_tier.rank:
            continue
        probes.append(await _probe(warden, security, tier))
        if probes[-1].holds:
            return tuple(probes)
    return (*probes, Probe(tier=Tier.D, holds=True))


async def strongest_tier(warden: Warden, security: SecuritySettings, memory: str) -> Tier:
    """The tier in force. What was found is remembered until the machine boots or its parts change."""
    key = _fingerprint(security)
    if (known := _recall(memory, key)) is not None:
        return known
    tier = (await probe_tiers(warden, security))[-1].tier
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


def _fingerprint(security: SecuritySettings) -> str:
    """Everything that the answer depends on."""
    parts = [security.strongest_tier.value, security.bubblewrap, str(os.getuid()), os.uname().release, interpreter()]
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
    if tier is Tier.A and not os.access(security.bubblewrap, os.X_OK):
        return Probe(tier=tier, holds=False, why_not=f"{security.bubblewrap} is not here (install bubblewrap)")
    with _bait() as (told, out, listener):
        try:
            text, errors = await _run_canary(warden, security, tier, told, out)
        except MachineCannot as error:
            return Probe(tier=tier, holds=False, why_not=error.message)
        try:
            got_through: dict[str, bool] = json.loads(text)
        except ValueError:
            last = errors.strip().splitlines()[-1:] or ["the canary said nothing"]
            return Probe(tier=tier, holds=False, why_not=last[0])
        got_through["write"] = os.path.exists(str(told["outside"]))
        listener.setblocking(False)
        with suppress(BlockingIOError):
            listener.accept()
            got_through["network"] = True
    if not got_through.pop("own folder"):
        return Probe(tier=tier, holds=False, why_not="a skill could not write its own folder")
    open_doors = [name for name, open_ in got_through.items() if open_ and name not in NOT_PROMISED[tier]]
    return Probe(tier=tier, holds=not open_doors, why_not=", ".join(f"{name} got through" for name in open_doors))


@contextmanager
def _bait() -> Iterator[tuple[dict[str, object], str, socket.socket]]:
    """Things that a canary must not reach, and the one folder that it must."""
    import tempfile  # here, because most starts remember what was found

    folder = os.path.realpath(tempfile.mkdtemp(prefix="workbench-canary-"))
    word = os.urandom(16).hex()
    out = os.path.join(folder, "out")
    os.mkdir(out)
    secret = os.path.join(folder, "secret")
    with open(secret, "w", encoding="utf-8") as file:
        file.write(word)
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_UNIX) as unix_listener:
            unix_listener.bind(os.path.join(folder, "socket"))
            unix_listener.listen()
            yield (
                {
                    "secret": secret,
                    "outside": os.path.join(folder, "outside"),
                    "socket": os.path.join(folder, "socket"),
                    "port": listener.getsockname()[1],
                    "word": word,
                    "pid": os.getpid(),
                },
                out,
                listener,
            )
    finally:
        remove_tree(folder)


async def _run_canary(
    warden: Warden, security: SecuritySettings, tier: Tier, told: dict[str, object], out: str
) -> tuple[str, str]:
    script = os.path.realpath(canary.__file__)
    policy = policy_for(
        NO_PERMISSIONS,
        DEFAULT_LIMITS,
        security,
        tier,
        read=(script,),
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
                (interpreter(), "-I", "-S", script, json.dumps(told)),
                policy,
                cwd=out,
                descriptors=(nothing, output.fileno(), errors.fileno()),
            )
        finally:
            os.close(nothing)
        try:
            with anyio.fail_after(SECONDS):
                await child.wait()
        finally:
            await child.stop(grace=0)
        output.seek(0)
        errors.seek(0)
        return output.read(65536).decode("utf-8", "replace"), errors.read(65536).decode("utf-8", "replace")
