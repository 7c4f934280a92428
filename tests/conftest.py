"""What every test may use: a home of its own, a workspace of its own, and the event loop that the product runs on."""

from __future__ import annotations

import gc
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.author import REPOSITORY, Author
from workbench.model.policy import Tier
from workbench.model.settings import SecuritySettings
from workbench.runtime.sandbox.probes import fingerprint

EVERYTHING = os.environ.get("WORKBENCH_TESTS") == "all"
# From day to day one case of a matrix is enough where each needs a workspace.
HEAVY = {"author"}
MOST_OF_A_MATRIX = 6


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seen: set[str] = set()
    left_out = list(_crowded_out(items)) if EVERYTHING else [item for item in items if _is_one_of_many(item, seen)]
    config.hook.pytest_deselected(items=left_out)
    gone = set(left_out)
    items[:] = [item for item in items if item not in gone]


def _crowded_out(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """Of a matrix whose cases each need a workspace six run, spread over all of it, unless it says `whole`."""
    crowds: dict[str, list[pytest.Item]] = {}
    for item in items:
        if _needs_a_workspace(item) and hasattr(item, "callspec") and not item.get_closest_marker("whole"):
            crowds.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for crowd in crowds.values():
        kept = {number * len(crowd) // MOST_OF_A_MATRIX for number in range(MOST_OF_A_MATRIX)}
        yield from (item for number, item in enumerate(crowd) if len(crowd) > MOST_OF_A_MATRIX and number not in kept)


def _needs_a_workspace(item: pytest.Item) -> bool:
    return bool(HEAVY & set(getattr(item, "fixturenames", ())))


def _is_one_of_many(item: pytest.Item, seen: set[str]) -> bool:
    if item.get_closest_marker("exhaustive"):
        return True
    is_heavy = _needs_a_workspace(item) or "/sandbox/" in item.nodeid
    if not is_heavy or not hasattr(item, "callspec"):
        return False
    name = item.nodeid.partition("[")[0]
    is_another = name in seen
    seen.add(name)
    return is_another


def pytest_configure(config: pytest.Config) -> None:
    del config
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # begun in the background: children would be deaf, too
        signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.set_threshold(100_000, 20, 50)  # an app is many small things: looking through them all takes a fifth of the time
    settings.register_profile("whole", max_examples=60)
    settings.register_profile("daily", max_examples=30)
    settings.load_profile("whole" if EVERYTHING else "daily")


@pytest.fixture(scope="session", autouse=True)
def _what_ships_stays() -> Iterator[None]:
    """No test may write to the files that ship, not even a monkey that opens them."""
    before = _stamps()
    yield
    assert _stamps() == before, "a test wrote to the files that ship"


def _stamps() -> dict[str, tuple[int, int]]:
    paths = (path for folder in ("skills", "sessions", "themes") for path in (REPOSITORY / folder).rglob("*"))
    files = (path for path in paths if path.is_file() and "__pycache__" not in path.parts)
    return {str(path): ((found := path.stat()).st_size, found.st_mtime_ns) for path in files}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def environ(tmp_path: Path, what_was_probed: dict[str, bytes]) -> Iterator[dict[str, str]]:
    """The environment of somebody who has never used the workbench; a tier that the tests are run at is kept.

    Which walls hold here is found once, not in each new home again.
    """
    home = tmp_path / "home"
    home.mkdir()
    names = ("PATH", "LANG", "LC_ALL", "WORKBENCH_SECURITY_STRONGEST_TIER")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    probed = home / ".local" / "state" / "skill-workbench" / "sandbox.json"
    for data in what_was_probed.values():
        probed.parent.mkdir(parents=True, mode=0o700)
        probed.write_bytes(data)
    yield {**kept, "HOME": str(home)}
    if not what_was_probed and probed.exists():
        what_was_probed.update(_of_this_machine(probed.read_bytes()))


@pytest.fixture(scope="session")
def what_was_probed() -> dict[str, bytes]:
    return {}


def _of_this_machine(data: bytes) -> dict[str, bytes]:
    """What was found with the settings that most tests have; a test may have others."""
    strongest = os.environ.get("WORKBENCH_SECURITY_STRONGEST_TIER")
    settings = SecuritySettings(strongest_tier=Tier(strongest)) if strongest else SecuritySettings()
    key = fingerprint(settings)
    return {key: data} if json.loads(data)["key"] == key else {}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    (folder / "skills").mkdir(parents=True)
    return folder


@pytest.fixture
def author(workspace: Path, environ: dict[str, str]) -> Author:
    return Author(workspace, environ)
