"""What the sandbox's tests share: each tier that this machine can reach, and an author whose skills run behind it."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.author import Author
from workbench.runtime.sandbox.warden import cgroups, landlock

HAS_NAMESPACES = os.path.exists("/usr/bin/bwrap")
HAS_GROUPS = HAS_NAMESPACES and len(cgroups.parents()) == len(cgroups.EVERY)

REACHABLE = [
    *(["A+"] if HAS_GROUPS else []),
    *(["A"] if HAS_NAMESPACES else []),
    *(["B"] if landlock.abi() else []),
]
"""The strongest first."""

BY_EVERY_TIER = pytest.mark.parametrize("tier", REACHABLE)
BY_TIER = pytest.mark.parametrize(
    "tier",
    [
        pytest.param("A", marks=pytest.mark.skipif(not HAS_NAMESPACES, reason="no bubblewrap here")),
        pytest.param("B", marks=pytest.mark.skipif(not landlock.abi(), reason="the kernel has no Landlock")),
    ],
)
"""For what a control group changes nothing of."""


def behind(author: Author, tier: str, **settings: Any) -> Author:
    """An author whose skills run at this tier, in a workspace with these bounds."""
    said = "\n".join(f"{name} = {value}" for name, value in settings.items())
    (author.workspace / "workbench.toml").write_text(f"[security]\n{said}\n")
    return Author(author.workspace, {**author.environ, "WORKBENCH_SECURITY_STRONGEST_TIER": tier})
