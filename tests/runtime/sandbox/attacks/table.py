"""The attacks as the page on security lists them, and what becomes of them on each tier.

python -m tests.runtime.sandbox.attacks.table
"""

from __future__ import annotations

import sys

from tests.runtime.sandbox.attacks.catalogue import EVERY, SECTIONS, Attack
from tests.runtime.sandbox.attacks.launcher import TRICKS

TITLES = {
    "secrets": "What it could read",
    "writes": "What it could change",
    "network": "Whom it could talk to",
    "kernel": "What it could ask of the kernel and of other processes",
    "lives on": "What it could leave behind",
}
OF_TRICKS = "What it could do to whoever starts it"
HELD, BEYOND = "● held", "▲ beyond"


def table() -> str:
    """One table for each section of the catalogue, and one for what has tests of its own."""
    parts = [f"{len(EVERY) + len(TRICKS)} attacks:"]
    for section, attacks in SECTIONS.items():
        parts.append(_table(TITLES[section], [f"| {each.name} | {HELD} | {_at_tier_b(each)} |" for each in attacks]))
    parts.append(_table(OF_TRICKS, [f"| {each.name} | {HELD} | {HELD} |" for each in TRICKS]))
    return "\n\n".join(parts)


def _table(title: str, rows: list[str]) -> str:
    return "\n".join([f"| {title} | tier A | tier B |\n|---|---|---|", *rows])


def _at_tier_b(attack: Attack) -> str:
    if attack.beyond == "B":
        return BEYOND
    return f"{HELD} (▲ {attack.beyond.removeprefix('B ')})" if attack.beyond else HELD


if __name__ == "__main__":
    sys.stdout.write(f"{table()}\n")
