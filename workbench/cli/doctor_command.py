"""What works on this machine: the sandbox and its proofs, what is enforced by what, which programs are here."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sqlite3
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from workbench import __version__
from workbench.cli.frame import add_json, print_json, workspace_of
from workbench.cli.paper import say
from workbench.cli.waiting import waited_for
from workbench.model.errors import ExitCode
from workbench.model.policy import Tier

if TYPE_CHECKING:
    from workbench.model.settings import Settings
    from workbench.runtime.proofs.proving import Proven
    from workbench.runtime.sandbox.probes import Probe

MEANINGS = {
    Tier.A_PLUS: "namespaces, system-call filter and control group",
    Tier.A: "namespaces and system-call filter",
    Tier.B: "Landlock and system-call filter",
    Tier.D: "NOT SANDBOXED: a skill can read your files and use the network; only shipped skills run",
}
PROGRAMS = {
    "bwrap": ("sandbox tier A", "install bubblewrap"),
    "node": ("skills of kind node", "install Node.js 18 or newer"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    document = waited_for(_examined, workspace_of(options))
    if options.json:
        print_json(document)
    else:
        from workbench.cli.doctor_page import print_page

        print_page(document, PROGRAMS)
    broken = [promise["name"] for promise in document["sandbox"]["promises"] if promise["is_broken"]]
    if broken:
        say(f"✕ promised here and not held: {', '.join(broken)}. Run no skill that you do not trust, and report it.")
    return ExitCode.MACHINE_CANNOT if broken else ExitCode.DONE


async def _examined(workspace: str) -> dict[str, Any]:
    from workbench.configuration import read_settings
    from workbench.runtime.places import file_system_of, place_of_state, user_state_folder
    from workbench.runtime.proofs.proving import prove
    from workbench.runtime.sandbox.client import open_warden
    from workbench.runtime.sandbox.probes import forget, probe_tiers
    from workbench.runtime.sandbox.spawning import interpreter

    settings = read_settings(workspace, os.environ)
    state = user_state_folder(os.environ)
    forget(f"{state}/sandbox.json")
    async with open_warden(bubblewrap=settings.security.bubblewrap) as warden:
        probes = await probe_tiers(warden, settings.security)
        with suppress(OSError):
            os.makedirs(state, mode=0o700, exist_ok=True)
        below = state if os.access(state, os.W_OK) else None
        proven = await prove(warden, settings.security, probes[-1].tier, below)
    place = place_of_state(settings.workspace, os.environ)
    return {
        "version": __version__,
        "python": platform.python_version(),
        "interpreter": interpreter(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "user": os.getuid(),
        "sqlite": sqlite3.sqlite_version,
        "workspace": settings.workspace,
        "file_system": file_system_of(settings.workspace),
        "state": {"folder": place.folder, "reason": place.reason},
        "sandbox": _sandbox_document(settings, probes, proven),
        "programs": {name: shutil.which(name) for name in PROGRAMS},
    }


def _sandbox_document(settings: Settings, probes: tuple[Probe, ...], proven: tuple[Proven, ...]) -> dict[str, Any]:
    from workbench.runtime.proofs.machine import advice, not_promised, this_machine
    from workbench.runtime.sandbox.policy import report_of

    tier, machine = probes[-1].tier, this_machine(settings.security)
    command, in_worker = report_of(tier, spawn=True), report_of(tier, spawn=False)
    return {
        "tier": tier.value,
        "meaning": MEANINGS[tier],
        "layers": list(command.layers),
        "probes": [{"tier": probe.tier.value, "holds": probe.holds, "why_not": probe.why_not} for probe in probes],
        "landlock_abi": machine.landlock_abi if sys.platform == "linux" else 0,
        "bubblewrap": machine.bubblewrap or None,
        "promises": [_promise_document(each) for each in proven],
        "not_promised": list(not_promised(machine, tier)),
        "advice": list(advice(machine, tier, settings.security)),
        "enforced": {
            "code_inline": {name: str(promise) for name, promise in command.promises.items()},
            "python": {name: str(promise) for name, promise in in_worker.promises.items()},
            "node": {name: str(promise) for name, promise in in_worker.promises.items()},
        },
    }


def _promise_document(proven: Proven) -> dict[str, Any]:
    proof, measured = proven.proof, proven.proof.measured
    document: dict[str, Any] = {"tried": proof.tried, "result": proof.result, "holds": proof.holds}
    if measured is not None:
        document["measured"] = {"value": measured.value, "limit": measured.limit, "unit": measured.unit}
    return {
        "name": proven.name,
        "hold": proven.promise.hold.value,
        "by": proven.promise.by,
        "is_broken": proven.is_broken,
        "proof": document,
    }
