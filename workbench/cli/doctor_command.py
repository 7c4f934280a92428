"""What works on this machine: the sandbox and its proof, what is enforced by what, which programs are here."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Mapping
from typing import Any

from workbench import __version__
from workbench.cli.frame import add_json, print_json, workspace_of
from workbench.cli.paper import columns, write
from workbench.model.errors import ExitCode
from workbench.model.policy import Tier

MEANINGS = {
    Tier.A_PLUS: "namespaces, system-call filter and cgroup",
    Tier.A: "namespaces and system-call filter",
    Tier.B: "Landlock and system-call filter; other processes' names are visible, leftovers are swept",
    Tier.D: "NOT SANDBOXED: a skill can read your files and use the network; only shipped skills run",
}
PROGRAMS = {
    "bwrap": "sandbox tier A",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    import anyio

    document = anyio.run(_examined, workspace_of(options))
    if options.json:
        print_json(document)
    else:
        _print(document)
    return ExitCode.DONE


async def _examined(workspace: str) -> dict[str, Any]:
    from workbench.configuration import read_settings
    from workbench.runtime.places import file_system_of, place_of_state, user_state_folder
    from workbench.runtime.sandbox.client import open_warden
    from workbench.runtime.sandbox.policy import report_of
    from workbench.runtime.sandbox.probes import forget, probe_tiers
    from workbench.runtime.sandbox.spawning import interpreter
    from workbench.runtime.sandbox.warden import landlock

    settings = read_settings(workspace, os.environ)
    forget(f"{user_state_folder(os.environ)}/sandbox.json")
    async with open_warden(bubblewrap=settings.security.bubblewrap) as warden:
        probes = await probe_tiers(warden, settings.security)
    tier = probes[-1].tier
    place = place_of_state(settings.workspace, os.environ)
    command, python = report_of(tier, spawn=True), report_of(tier, spawn=False)
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
        "sandbox": {
            "tier": tier.value,
            "meaning": MEANINGS[tier],
            "layers": list(command.layers),
            "probes": [{"tier": probe.tier.value, "holds": probe.holds, "why_not": probe.why_not} for probe in probes],
            "landlock_abi": landlock.abi() if sys.platform == "linux" else 0,
            "enforced": {
                "code_inline": {name: str(promise) for name, promise in command.promises.items()},
                "python": {name: str(promise) for name, promise in python.promises.items()},
            },
        },
        "programs": {name: shutil.which(name) for name in PROGRAMS},
    }


def _print(document: Mapping[str, Any]) -> None:
    sandbox = document["sandbox"]
    write(f"Skill Workbench {document['version']}   Python {document['python']}   {document['system']}")
    write(f"workspace  {document['workspace']}")
    write(f"state      {document['state']['folder']}  ({document['state']['reason']})")
    write("")
    write(f"sandbox    tier {sandbox['tier']}: {sandbox['meaning']}")
    for probe in sandbox["probes"]:
        said = "● holds: its canary tried every door" if probe["holds"] else f"✕ {probe['why_not']}"
        if probe["tier"] != Tier.D.value:
            write(f"  tier {probe['tier']}   {said}")
    write("")
    kinds = sandbox["enforced"]
    rows = [("  permission", *kinds)]
    rows += [(f"  {name}", *(kinds[kind][name] for kind in kinds)) for name in next(iter(kinds.values()))]
    for line in columns(rows):
        write(line)
    write("")
    rows = [
        (f"  {name}", document["programs"][name] or "– not here: install bubblewrap", use)
        for name, use in PROGRAMS.items()
    ]
    for line in columns(rows):
        write(line)
