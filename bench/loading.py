"""How fast a large folder is read and validated: SKILL.md skills of the size that people write."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator

from bench.figures import Figure, at_least
from workbench.model.skill import Scope
from workbench.runtime.library.discovery import Root, take_snapshot

SKILLS = 4_000
LINES = 145


def measure(folder: str) -> Iterator[Figure]:
    root = f"{folder}/loading"
    body = "\n".join(
        f"Line {number} of what an agent is told, about as long as such lines are." for number in range(LINES)
    )
    for number in range(SKILLS):
        name = f"skill-{number}"
        os.makedirs(f"{root}/{name}")
        with open(f"{root}/{name}/SKILL.md", "w", encoding="utf-8") as file:
            file.write(
                f"---\nname: {name}\ndescription: Does thing {number} with care. Use it when a person asks for it.\n"
                f'license: MIT\nmetadata:\n  author: somebody\n  version: "1.2.{number % 10}"\n---\n\n# Title\n\n'
                f"{body}\n"
            )
    took = []
    for _ in range(4):
        began = time.perf_counter()
        snapshot = take_snapshot((Root(folder=root, scope=Scope.WORKSPACE),))
        took.append(time.perf_counter() - began)
    assert len(snapshot) == SKILLS
    assert not any(skill.findings for skill in snapshot)
    began = time.perf_counter()
    for _ in range(1_000):
        json.loads(json.dumps({"name": "x", "values": list(range(100))}))
    control = (time.perf_counter() - began) / 1_000
    yield at_least(
        "load_skills_per_s",
        SKILLS / min(took[1:]),
        8_000,
        baseline={"json round trip of 100 numbers (ms)": round(control * 1000, 4)},
        detail={"first, cold (per s)": round(SKILLS / took[0], 1)},
    )
