"""What the screen remembers: kept when it has changed, harmless when it is damaged."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.author import Author
from tests.ui.eyes import Eyes, opened
from workbench.configuration import read_settings
from workbench.model.skill import Scope, SkillState
from workbench.runtime.places import place_of_state
from workbench.ui.app import WorkbenchApp
from workbench.ui.glimpse import MOST_REMEMBERED, Glimpse, recalled, remembered
from workbench.ui.memory import FILE, Memory, open_memory

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
glimpses = st.builds(
    Glimpse,
    name=st.text(),
    scope=st.sampled_from(Scope),
    group=st.text(),
    state=st.sampled_from(SkillState),
    version=st.text(),
    revision=st.integers(0),
    last_good=st.integers(0),
)
GREET = Glimpse(
    name="greet", scope=Scope.WORKSPACE, group="", state=SkillState.OK, version="1.0.0", revision=1, last_good=1
)


def kept_by(author: Author) -> tuple[Path, Path]:
    """The two files: of the workspace, and of the person."""
    home = Path(author.environ["HOME"])
    return author.workspace / ".workbench" / FILE, home / ".local" / "state" / "skill-workbench" / FILE


def opens(author: Author) -> Memory:
    return open_memory(str(author.workspace), author.environ)


def test_what_was_kept_is_there_at_the_next_start(author: Author) -> None:
    memory = opens(author)
    memory.workspace["chosen"], memory.user["theme"] = "grüße", "light"
    memory.write()

    again = opens(author)

    assert (again.workspace, again.user) == ({"chosen": "grüße"}, {"theme": "light"})
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in kept_by(author))


def test_nothing_is_written_where_nothing_has_changed(author: Author) -> None:
    opens(author).write()
    assert not any(path.exists() for path in kept_by(author))

    memory = opens(author)
    memory.user["theme"] = "light"
    memory.write()
    of_workspace, of_user = kept_by(author)
    before = of_user.stat().st_ino
    memory.user["theme"] = "light"
    memory.write()
    opens(author).write()

    assert of_user.stat().st_ino == before
    assert not of_workspace.exists()


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"null",
        b"[1]",
        b'"x"',
        b"\xff\xfe\x00",
        b"\0" * 100,
        b"1" * 5_000,
        b"[" * 100_000,
        b'{"a": "' + b"x" * 5_000_000 + b'"}',
    ],
    ids=lambda damaged: repr(damaged[:10]),
)
def test_a_damaged_file_is_an_empty_memory_that_can_be_written(author: Author, damaged: bytes) -> None:
    for path in kept_by(author):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(damaged)

    memory = opens(author)

    assert (memory.workspace, memory.user) == ({}, {})
    memory.user["theme"] = "light"
    memory.write()
    assert opens(author).user == {"theme": "light"}


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_neither_waited_for_nor_written_over(author: Author, kind: str) -> None:
    path, _ = kept_by(author)
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)

    memory = opens(author)
    memory.workspace["chosen"] = "x"
    memory.write()

    assert memory.workspace == {"chosen": "x"}


def test_what_another_version_wrote_is_kept_beside_ours(author: Author) -> None:
    path, _ = kept_by(author)
    place_of_state(str(author.workspace), author.environ).prepared()
    path.write_text('{"of-tomorrow": [1], "layout": 3}')

    memory = opens(author)
    memory.workspace["layout"] = {"skills": 30}
    memory.write()

    assert json.loads(path.read_text()) == {"of-tomorrow": [1], "layout": {"skills": 30}}


def test_where_nothing_can_be_written_nothing_is_kept_and_all_goes_on(author: Author) -> None:
    home = Path(author.environ["HOME"])
    shutil.rmtree(home / ".local", ignore_errors=True)
    (home / ".local").write_text("in the way")
    (author.workspace / ".workbench").write_text("in the way")
    memory = opens(author)
    memory.workspace["chosen"], memory.user["theme"] = "x", "light"

    memory.write()

    assert not any(path.exists() for path in kept_by(author))
    (home / ".local").unlink()
    memory.write()
    assert opens(author).user == {"theme": "light"}


@given(st.lists(glimpses, max_size=20))
def test_glimpses_come_back_as_they_were_written(written: list[Glimpse]) -> None:
    assert recalled(json.loads(json.dumps(remembered(written)))) == tuple(written)


def test_a_description_is_not_worth_remembering() -> None:
    assert remembered([Glimpse(**{**as_given(), "description": "long"})])[0]["description"] == ""


def as_given(**changes: Any) -> dict[str, Any]:
    return {**remembered([GREET])[0], **changes}


@pytest.mark.parametrize(
    "written",
    [
        None,
        3,
        "abc",
        {"a": 1},
        [None],
        [[]],
        [as_given(name=3)],
        [as_given(group=None)],
        [as_given(version=["1"])],
        [as_given(revision="1")],
        [as_given(last_good=True)],
        [as_given(description={})],
        [as_given(state="of-tomorrow")],
        [as_given(scope=[])],
        [as_given(of_tomorrow=1)],
        [{"name": "greet"}],
    ],
    ids=repr,
)
def test_glimpses_that_are_damaged_or_of_another_version_are_none(written: object) -> None:
    assert recalled(written) == ()


@given(json_values)
def test_whatever_was_written_is_recalled_without_a_fault(written: object) -> None:
    assert isinstance(recalled(written), tuple)


def test_no_more_skills_are_remembered_than_may_be() -> None:
    assert len(remembered([GREET] * (MOST_REMEMBERED + 1))) == MOST_REMEMBERED
    assert len(recalled([as_given()] * (MOST_REMEMBERED + 1))) == MOST_REMEMBERED


@pytest.mark.anyio
@pytest.mark.timeout(60)
async def test_the_app_opens_on_a_memory_that_makes_no_sense(author: Author) -> None:
    author.has_command("greet", "true")
    nonsense = {"layout": {"skills": "wide", "below": []}, "skills": [as_given(name=3)], "chosen": ["x"]}
    for path, document in zip(kept_by(author), (nonsense, {"theme": 3, "step": {}}), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))

    async with opened(author) as eyes:
        await eyes.see("● greet", "enter runs it")


@pytest.mark.anyio
@pytest.mark.timeout(60)
async def test_the_app_is_as_it_was_left(author: Author) -> None:
    author.has_command("aaa", "true")
    author.has_command("bbb", "true")

    async with opened(author) as eyes:
        await eyes.press("down", "5")
        await eyes.until(lambda: eyes.app.chosen is not None and eyes.app.chosen.name == "bbb")
        await eyes.app.do("app.quit")

    async with opened(author) as eyes:
        assert eyes.app.chosen is not None
        assert eyes.app.chosen.name == "bbb"
        assert eyes.app.layout_chosen.below == "problems"
        assert {glimpse.name for glimpse in recalled(opens(author).workspace["skills"])} >= {"aaa", "bbb"}


@pytest.mark.exhaustive
@pytest.mark.anyio
async def test_the_text_of_the_chosen_skill_is_there_before_the_workbench_and_can_be_saved(author: Author) -> None:
    author.has_function("aaa", "return 1")
    async with opened(author) as eyes:
        await eyes.see("aaa/skill.py")
        await eyes.press("ctrl+q")

    async with _unconnected(author) as eyes:
        await eyes.see("aaa/skill.py", "return 1")
        await eyes.press("e", *"# early", "enter", "ctrl+s")
        await eyes.until(lambda: (author.skills / "aaa/skill.py").read_text().startswith("# early"), "the save")


@pytest.mark.exhaustive
@pytest.mark.anyio
async def test_a_shipped_text_is_not_opened_before_it_is_known_to_be_shipped(author: Author) -> None:
    async with opened(author) as eyes:
        await eyes.see("summarise/skill.py")
        await eyes.press("ctrl+q")

    async with _unconnected(author) as eyes:
        await eyes.see("● summarise")
        await eyes.settle()
        assert eyes.app.editor.source is None


@pytest.mark.anyio
async def test_before_anything_is_known_no_number_of_skills_is_told(author: Author) -> None:
    async with _unconnected(author) as eyes:
        await eyes.see("reading the skills")
        assert "0 skills" not in eyes.text


@asynccontextmanager
async def _unconnected(author: Author) -> AsyncIterator[Eyes]:
    """The app as it is before its workbench is open."""
    settings = read_settings(str(author.workspace), author.environ)
    app = WorkbenchApp(settings, opens(author), author.environ)
    async with app.run_test(size=(120, 40)) as pilot:
        await app.first_frame.wait()
        yield Eyes(pilot, app)
