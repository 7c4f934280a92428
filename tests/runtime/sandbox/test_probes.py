"""What a tier's probe finds, and what of it is remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.author import Author
from workbench.assembly import open_workbench
from workbench.model.policy import Tier
from workbench.runtime.sandbox import probes

pytestmark = pytest.mark.anyio


async def test_a_machine_that_is_too_slow_for_a_moment_is_asked_again_at_the_next_start(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Path(author.environ["HOME"]) / ".local/state/skill-workbench/sandbox.json"
    memory.unlink(missing_ok=True)
    with monkeypatch.context() as slow:
        slow.setattr(probes, "SECONDS", 1e-6)
        async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
            assert workbench.tier is Tier.D
    assert not memory.exists()
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        assert workbench.tier is not Tier.D
    assert memory.exists()
