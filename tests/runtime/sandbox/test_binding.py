"""Which places are bound: every point at which one is lies in folders that are the sandbox's alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.author import Author
from tests.runtime.executors.running import opened
from tests.runtime.sandbox.tiers import BY_TIER, behind
from workbench.runtime.sandbox.warden.binding import MOST_BESIDE, bindings
from workbench.runtime.sandbox.warden.namespaces import open_path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A project of somebody's: its output lies below what is read."""
    for folder in ("docs/deep", "build/out", "build/cache"):
        (tmp_path / "project" / folder).mkdir(parents=True)
    (tmp_path / "project/read.me").write_text("known")
    (tmp_path / "project/build/log").write_text("known")
    (tmp_path / "project/latest").symlink_to("build/out")
    os.mkfifo(tmp_path / "project/pipe")
    return tmp_path / "project"


def options(place: Path, read: list[str], write: list[str]) -> list[str]:
    """What bubblewrap is told of places below this one."""
    descriptors: list[int] = []

    def passing(descriptor: int) -> str:
        descriptors.append(descriptor)
        return str(descriptor)

    try:
        return bindings([str(place / name) for name in read], [str(place / name) for name in write], open_path, passing)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def bound(place: Path, read: list[str], write: list[str]) -> dict[str, str]:
    """The option for each point, below the place."""
    arguments = options(place, read, write)
    points = zip(arguments[0::3], arguments[2::3], strict=True)
    return {os.path.relpath(point, place): option for option, point in points}


READ, WRITE, LINK = "--ro-bind-fd", "--bind-fd", "--symlink"


@pytest.mark.parametrize(
    ("read", "write", "expected"),
    [
        (["docs", "read.me"], ["build"], {"docs": READ, "read.me": READ, "build": WRITE}),
        (["docs", "docs/deep", "docs"], [], {"docs": READ}),
        ([], ["build/out", "build", "build/cache"], {"build": WRITE}),
        (["build/log", "build"], ["build"], {"build": WRITE}),
        (["build"], ["build/out"], {"build/cache": READ, "build/log": READ, "build/out": WRITE}),
        (
            [""],
            ["build/out", "docs/deep"],
            {
                "build/cache": READ,
                "build/log": READ,
                "latest": LINK,
                "read.me": READ,
                "build/out": WRITE,
                "docs/deep": WRITE,
            },
        ),
    ],
)
def test_no_place_is_bound_in_another(place: Path, read: list[str], write: list[str], expected: dict[str, str]) -> None:
    assert bound(place, read, write) == expected


def test_a_link_in_a_place_that_is_taken_apart_leads_where_it_led(place: Path) -> None:
    arguments = options(place, [""], ["build/out"])
    assert arguments[arguments.index("--symlink") + 1] == "build/out"


def test_what_is_too_much_to_be_taken_apart_is_refused_and_nothing_stays_open(place: Path) -> None:
    for number in range(MOST_BESIDE):
        (place / f"build/{number}").touch()
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match=f"over {MOST_BESIDE} things"):
        bound(place, ["build"], ["build/out"])
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_folder_on_the_way_that_became_a_link_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = os.listdir

    def swapping(descriptor: int) -> list[str]:
        names = listing(descriptor)
        if "build" in names and not (place / "build").is_symlink():
            (place / "build").rename(place / "was")
            (place / "build").symlink_to("/")
        return names

    monkeypatch.setattr(os, "listdir", swapping)
    with pytest.raises(OSError, match="no folder any more"):
        bound(place, [""], ["build/out"])


@BY_TIER
@pytest.mark.anyio
async def test_a_place_in_a_place_is_what_was_asked(author: Author, tier: str) -> None:
    project = author.workspace / "project"
    (project / "build/out").mkdir(parents=True)
    (project / "build/out/kept").write_text("kept")
    (project / "read.me").write_text("known")
    script = (
        'cd "$WORKBENCH_WORKSPACE/project" && cat read.me build/out/kept && echo x > build/out/new; '
        "echo x > build/new; echo x > new; echo x > read.me; exit 0"
    )
    permissions = {"file_read": ["workspace:project"], "file_write": ["workspace:project/build/out"]}
    author.has_command("builds", script, shell=True, security={"permissions": permissions})

    async with opened(behind(author, tier)) as workbench:
        outcome = (await workbench.run("builds")).outcome

    assert (outcome.output, outcome.sandbox and outcome.sandbox.tier) == ("knownkept", tier)
    assert (project / "read.me").read_text() == "known"
    found = {str(path.relative_to(project)) for path in project.rglob("*")}
    assert found == {"build", "build/out", "build/out/kept", "build/out/new", "read.me"}
