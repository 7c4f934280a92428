"""Who is at work: a lock tells the living from the dead, and what the dead had begun is found."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.model.errors import StoreUnavailable
from workbench.runtime.places import StatePlace
from workbench.runtime.store.instances import Instance, Scratch, is_at_work, open_instance, orphans

BEGINS_AND_DIES = """
import os, signal, sys
from workbench.runtime.places import StatePlace
from workbench.runtime.store.instances import Instance, Scratch
place = StatePlace(folder=sys.argv[1], is_in_workspace=True, reason="")
instance = Instance(place, "deceased")
instance.write({"run": "R1"})
print(Scratch(place, instance).new_folder())
sys.stdout.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def place(folder: Path) -> StatePlace:
    return StatePlace(folder=str(folder), is_in_workspace=False, reason="")


def test_the_living_are_nobodys_orphans(tmp_path: Path) -> None:
    with open_instance(place(tmp_path), "living") as instance:
        instance.write({"run": "R1"})
        assert list(orphans(place(tmp_path))) == []


def test_who_leaves_in_order_leaves_no_trace(tmp_path: Path) -> None:
    with open_instance(place(tmp_path), "leaving") as instance:
        instance.write({"run": "R1"})
        Scratch(place(tmp_path), instance).new_folder()
    assert os.listdir(tmp_path / "instances") == []
    assert os.listdir(tmp_path / "scratch") == []


def test_nothing_is_made_before_the_first_line(tmp_path: Path) -> None:
    with open_instance(place(tmp_path / "state"), "idle"):
        pass
    assert not (tmp_path / "state").exists()


def test_who_leaves_because_nothing_can_be_written_leaves_what_was_begun(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable), open_instance(place(tmp_path), "failing") as instance:  # noqa: PT012
        instance.write({"run": "R1"})
        raise StoreUnavailable("full")

    (orphan,) = orphans(place(tmp_path))
    assert orphan.facts == ({"run": "R1"},)
    orphan.settled()


def test_what_somebody_had_begun_when_killed_is_found_and_settled_once(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BEGINS_AND_DIES, str(tmp_path)], capture_output=True, text=True, check=False
    )
    left = Path(done.stdout.strip())
    assert left.is_dir()

    (orphan,) = orphans(place(tmp_path))
    assert orphan.facts == ({"run": "R1"},)
    assert list(orphans(place(tmp_path))) == [], "whoever holds it settles it alone"
    orphan.settled()

    assert list(orphans(place(tmp_path))) == []
    assert not left.exists()


def test_half_a_line_does_not_hide_the_others(tmp_path: Path) -> None:
    instance = Instance(place(tmp_path), "torn")
    instance.write({"run": "R1"})
    with open(tmp_path / "instances" / "torn", "ab") as file:
        file.write(b'{"run": "R2", "ski')
    os.close(instance._descriptor)

    (orphan,) = orphans(place(tmp_path))
    assert orphan.facts == ({"run": "R1"},)
    orphan.settled()


def test_who_is_at_work_is_so_though_the_state_was_taken_away(tmp_path: Path) -> None:
    with open_instance(place(tmp_path), "living") as instance:
        instance.write({"run": "R1"})
        shutil.rmtree(tmp_path / "instances")
        assert not is_at_work(place(tmp_path), "living")
        instance.claim()
        assert is_at_work(place(tmp_path), "living")
        assert list(orphans(place(tmp_path))) == []
