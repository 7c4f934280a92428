"""What was typed and not saved outlives its process, and is offered once that is gone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from workbench.model.errors import StoreUnavailable
from workbench.runtime.library.drafts import Drafts
from workbench.runtime.places import StatePlace, place_of_state
from workbench.runtime.store.instances import Instance


@pytest.fixture
def place(tmp_path: Path) -> StatePlace:
    return StatePlace(folder=str(tmp_path / "state"), is_in_workspace=False, reason="a test")


def test_a_draft_is_offered_when_its_process_is_gone_and_not_before(place: StatePlace) -> None:
    typing, next_one = Instance(place, "first"), Drafts(place, Instance(place, "second"))
    Drafts(place, typing).keep("/skills/a/skill.py", "def half(", "digest", at=5.0)

    assert next_one.offered() == ()
    typing.abandon()  # as kill -9 does

    (draft,) = next_one.offered()
    assert (draft.path, draft.text, draft.base_digest, draft.at) == ("/skills/a/skill.py", "def half(", "digest", 5.0)
    next_one.drop(draft.path, draft.owner)
    assert next_one.offered() == ()


def test_two_processes_keep_their_own_texts_of_one_file(place: StatePlace) -> None:
    first, second = Instance(place, "first"), Instance(place, "second")
    for instance in (first, second):
        Drafts(place, instance).keep("/a", instance.id, "", at=1.0)
    first.abandon()
    second.abandon()

    assert {draft.text for draft in Drafts(place, Instance(place, "third")).offered()} == {"first", "second"}


def test_what_is_dropped_or_damaged_is_not_offered(place: StatePlace) -> None:
    instance = Instance(place, "gone")
    drafts = Drafts(place, instance)
    drafts.keep("/a", "text \udcff and \0", "", at=1.0)
    drafts.keep("/b", "text", "", at=1.0)
    drafts.drop("/b")
    (Path(drafts.folder) / "damaged-x.json").write_text("{")
    (Path(drafts.folder) / "wrong-x.json").write_text("[]")
    instance.abandon()

    assert [draft.text for draft in Drafts(place, Instance(place, "next")).offered()] == ["text \udcff and \0"]


def test_a_draft_is_offered_though_its_workspace_was_deleted_while_it_was_typed(tmp_path: Path) -> None:
    workspace, environ = tmp_path / "workspace", {"HOME": str(tmp_path / "home")}
    workspace.mkdir()
    place = place_of_state(str(workspace), environ)
    typing = Instance(place, "typing")
    drafts = Drafts(place, typing)
    drafts.keep("/a", "half", "", at=1.0)
    shutil.rmtree(workspace)
    drafts.keep("/a", "half a", "", at=2.0)
    typing.abandon()

    again = place_of_state(str(workspace), environ)
    assert again.is_in_workspace
    assert [draft.text for draft in Drafts(again, Instance(again, "next")).offered()] == ["half a"]


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    place = StatePlace(folder=str(tmp_path / "state"), is_in_workspace=False, reason="a test")

    with pytest.raises(StoreUnavailable):
        Drafts(place, Instance(place, "any")).keep("/a", "text", "", at=1.0)
