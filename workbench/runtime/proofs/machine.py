"""What of this machine the walls depend on, what they do not hold here, and what would make them stronger."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress

from workbench.model.frozen import frozen
from workbench.model.policy import Tier
from workbench.model.settings import SecuritySettings
from workbench.runtime.sandbox.warden import landlock
from workbench.runtime.sandbox.warden.syscalls import MACHINES

SECONDS = 2.0
FIRST_THAT_FOLLOWS_NO_LINKS = (0, 12)
FIRST_ABI_WITH_SCOPES = 6
SWITCHES = {
    "kernel.apparmor_restrict_unprivileged_userns": ("1", "0"),
    "kernel.unprivileged_userns_clone": ("0", "1"),
    "user.max_user_namespaces": ("0", "15000"),
}
"""Settings of the kernel that can close user namespaces: the value that does, and one that does not."""


@frozen
class Machine:
    """Facts; an empty version means that there is no bubblewrap that starts."""

    architecture: str
    bubblewrap: str = ""
    landlock_abi: int = 0
    switches: Mapping[str, str]

    @property
    def has_old_bubblewrap(self) -> bool:
        return bool(self.bubblewrap) and _numbers(self.bubblewrap) < FIRST_THAT_FOLLOWS_NO_LINKS


def this_machine(security: SecuritySettings) -> Machine:
    """As it is at this moment."""
    return Machine(
        architecture=os.uname().machine,
        bubblewrap=_version_of(security.bubblewrap),
        landlock_abi=landlock.abi(),
        switches={name: value for name in SWITCHES if (value := _switch(name))},
    )


def not_promised(machine: Machine, tier: Tier) -> Iterator[str]:
    """What this tier leaves open, in words."""
    if tier is Tier.D:
        yield "NOT SANDBOXED: a skill can do whatever you can; only time, output and size are held"
        return
    watched = "files are" if tier is Tier.A_PLUS else "memory, processor and files are"
    yield f"{watched} looked at now and then: a burst between two looks goes over"
    yield "open files that have lost their name, and what is written into places of yours, are not counted together"
    if machine.has_old_bubblewrap and tier.has_namespaces:
        yield (
            f"bubblewrap {machine.bubblewrap} is older than 0.12 and, setting up, follows links in folders that skills"
            " write: held here, because it is given every place as a descriptor that was opened without following any"
        )
    if tier is Tier.B:
        yield "the modes and times of your files outside can be changed, though not what is in them"
        yield "the names and command lines of other processes can be seen"
        yield "what a run leaves running is swept when it ends, which is not guaranteed to find everything"
        yield "no network for skills that list hosts: they are refused"
        if machine.landlock_abi < FIRST_ABI_WITH_SCOPES:
            yield "signals reach your other processes"


def advice(machine: Machine, tier: Tier, security: SecuritySettings) -> Iterator[str]:
    """What to install or to set to get more, the nearest first."""
    if machine.architecture not in MACHINES:
        known = " and ".join(MACHINES)
        yield f"on {machine.architecture} no tier above D has been tested, so none is used: {known} have one"
        return
    if tier is security.allowed_tier and tier is not Tier.A_PLUS:
        said = f"strongest_tier is {tier}" if security.sandbox_enabled else "sandbox_enabled is false"
        yield f"security.{said}: take that setting away to have what is stronger tried"
    elif not tier.has_namespaces:
        yield from _for_namespaces(machine)
    elif tier is Tier.A:
        yield (
            "tier A+: a control group of your own for memory and processor, which a session of systemd gives:"
            " `systemd-run --user --scope -p CPUWeight=100 workbench`"
        )
    if tier is Tier.D and not machine.landlock_abi:
        yield "tier B: a kernel of 5.13 or newer, with landlock among the names in its boot option lsm="
    if tier is Tier.B and machine.landlock_abi < FIRST_ABI_WITH_SCOPES:
        yield "a kernel of 6.12 or newer: its Landlock keeps signals to other processes back too"


def _for_namespaces(machine: Machine) -> Iterator[str]:
    if not machine.bubblewrap:
        yield "tier A: install bubblewrap (`apt install bubblewrap`, `dnf install bubblewrap`)"
    closed = [name for name, (value, _) in SWITCHES.items() if machine.switches.get(name) == value]
    for name in closed:
        yield f"tier A: `sysctl {name}={SWITCHES[name][1]}` opens user namespaces, if that is yours to decide"
    if machine.bubblewrap and not closed:
        yield "tier A: in a container, allow user namespaces (Docker: a seccomp profile that lets unshare and mount by)"


def _version_of(program: str) -> str:
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=SECONDS, check=True)
        if found := re.search(r"\d+(\.\d+)+", done.stdout):
            return found[0]
    return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _switch(name: str) -> str:
    with suppress(OSError), open(f"/proc/sys/{name.replace('.', '/')}", encoding="ascii") as file:
        return file.read().strip()
    return ""
