"""Every outcome of a run that had walls says them, permission by permission, however it ended."""

from __future__ import annotations

import pytest

from tests.author import Author, needs_node
from tests.runtime.sandbox.tiers import REACHABLE
from workbench.model.policy import Tier
from workbench.runtime.sandbox.policy import report_of

ENDS = {
    "completed": ["python3", "-c", "print(1)"],
    "failed": ["python3", "-c", "raise SystemExit(3)"],
    "crashed": ["python3", "-c", "import os; os.abort()"],
    "timed out": ["python3", "-c", "import time; time.sleep(60)"],
    "over its memory": ["python3", "-c", "kept = []\nwhile True: kept.append(b'x' * 1_000_000)"],
    "over its output": ["python3", "-c", "while True: print('x' * 100_000)"],
    "no such program": ["no-such-program"],
}
STATUSES = {"completed": "completed", "timed out": "timed_out", "no such program": "rejected"}


def enforced(tier: str, *, spawn: bool) -> dict[str, str]:
    return {name: str(promise) for name, promise in report_of(Tier(tier), spawn=spawn).promises.items()}


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("tier", REACHABLE)
def test_every_outcome_says_what_was_enforced(author: Author, tier: str) -> None:
    author = Author(author.workspace, {**author.environ, "WORKBENCH_SECURITY_STRONGEST_TIER": tier})
    bounds = {"resource_limits": {"max_memory_mb": 60, "max_output_mb": 1}}
    for end, command in ENDS.items():
        name = end.replace(" ", "-")
        author.has_command(name, *command, resilience={"timeout": 2}, security=bounds)
        said = author.calls("run", name, "--json").json
        assert said["status"] == STATUSES.get(end, "failed"), said
        assert said["sandbox"]["tier"] == tier
        assert said["sandbox"]["enforced"] == enforced(tier, spawn=True)


def test_the_outcome_of_a_function_says_what_was_enforced(author: Author) -> None:
    author.has_function("well", "return 1")
    author.has_function("wrong", "1 / 0")
    for name, status in (("well", "completed"), ("wrong", "failed")):
        said = author.calls("run", name, "--json").json
        assert said["status"] == status
        assert said["sandbox"]["enforced"] == enforced(said["sandbox"]["tier"], spawn=False)


@needs_node
def test_the_outcome_of_a_module_says_what_was_enforced(author: Author) -> None:
    author.has_module("well", "return 1;")
    said = author.calls("run", "well", "--json").json
    assert said["status"] == "completed"
    assert said["sandbox"]["enforced"] == enforced(said["sandbox"]["tier"], spawn=False)


def test_where_nothing_of_a_skill_ran_no_walls_are_spoken_of(author: Author) -> None:
    author.has_command("greet", "echo", "{who}", parameters=[{"name": "who"}])
    said = author.calls("run", "greet", "--json").json
    assert (said["status"], said["sandbox"]) == ("rejected", None)
