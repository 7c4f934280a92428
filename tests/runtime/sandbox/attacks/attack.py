"""Attacks a workbench of one's own: every attack of the catalogue, on one tier, as whoever starts this.

    python -m tests.runtime.sandbox.attacks.attack FOLDER TIER

prints one line of JSON for each attack. The tier `none` tries the harmless ones with nothing around them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import anyio

from tests.runtime.sandbox.attacks.battlefield import WORD, Battlefield, battlefield
from tests.runtime.sandbox.attacks.catalogue import ENDING, LIVES_ON, PRELUDE, SECTIONS, Attack
from workbench.assembly import Workbench, open_workbench


def main() -> None:
    folder, tier = Path(sys.argv[1]), sys.argv[2]
    with battlefield(folder) as field:
        if tier == "none":
            _without_walls(field)
        else:
            anyio.run(_behind_walls, field, tier)


async def _behind_walls(field: Battlefield, tier: str) -> None:
    environ = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(field.home),
        "SECRET": WORD,
        "WORKBENCH_SECURITY_STRONGEST_TIER": tier,
    }
    async with open_workbench(workspace=str(field.workspace), environ=environ) as workbench:
        await workbench.run("quiet")
        field.harm("")  # what the first run makes is no attack's
        for section, attacks in SECTIONS.items():
            for attack in attacks:
                await _attacked(workbench, field, section, attack)
            neighbour = await workbench.run("quiet")
            _say(section=section, goes_on=neighbour.outcome.output == "well\n")


async def _attacked(workbench: Workbench, field: Battlefield, section: str, attack: Attack) -> None:
    name = "brief" if attack.seconds < 2 else "attack"
    began = anyio.current_time()
    result = await workbench.run(name, {"told": field.told(walls=True), "script": attack.script})
    outcome, took = result.outcome, anyio.current_time() - began
    harm = field.harm(f"{outcome.output or ''}\n{outcome.stderr}")
    _say(
        section=section,
        attack=attack.name,
        harm=harm,
        left=await anyio.to_thread.run_sync(field.left),
        status=outcome.status.value,
        error=outcome.error and outcome.error.message,
        limit=outcome.limit and outcome.limit.name,
        tier=outcome.sandbox and outcome.sandbox.tier.value,
        took=round(took, 2),
    )


def _without_walls(field: Battlefield) -> None:
    """Attacks that cannot succeed prove nothing: what is harmless gets through here, or it is no attack."""
    out = field.home.parent / "out"
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(field.home), "SECRET": WORD, "WORKBENCH_OUT": str(out)}
    for section, attacks in SECTIONS.items():
        for attack in attacks:
            if attack.is_harmless and attack.seconds > 2:
                out.mkdir()
                said = _alone(field, attack, environ)
                _say(section=section, attack=attack.name, harm=field.harm(said), left=field.left())
                subprocess.run(["rm", "-rf", str(out)], check=False)
                _mend(field)


def _alone(field: Battlefield, attack: Attack, environ: Mapping[str, str]) -> str:
    command = ["python3", "-c", PRELUDE + ENDING, field.told(walls=False), attack.script]
    if attack in LIVES_ON:  # nobody waits for the end of what lives on
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environ)
        return str(process.wait(5))
    done = subprocess.run(command, capture_output=True, timeout=20, check=False, env=environ, cwd="/", text=True)
    return done.stdout + done.stderr


def _mend(field: Battlefield) -> None:
    """The next attack finds what the first one found."""
    (field.home / ".bashrc").write_text("as it was\n")
    (field.home / "empty").mkdir(exist_ok=True)
    was, now = field.workspace / ".was", field.workspace / ".git"
    if was.exists():
        now.rmdir()
        was.rename(now)
    field.revive()
    field.harm("")


def _say(**what: object) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    os.umask(0o022)
    main()
