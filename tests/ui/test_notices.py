"""The one line that tells what happened, and what was told before."""

from __future__ import annotations

import pytest

from tests.author import Author
from tests.ui.eyes import opened
from workbench.ui import notices
from workbench.ui.notices import Notices


def test_the_last_thing_that_happened_is_told() -> None:
    told = Notices("opening …")
    told.answer("saved a.py")
    told.news("↻ a → r2")
    assert told.latest == "↻ a → r2"
    assert [words for _, words in told.all] == ["saved a.py", "↻ a → r2"]


def test_a_refusal_stays_before_what_happens_by_itself() -> None:
    told = Notices("opening …")
    told.answer("✕ not saved: the disk is full")
    told.news("↻ a → r2")
    assert told.latest == "✕ not saved: the disk is full"
    assert [words for _, words in told.all][-1] == "↻ a → r2"
    told.answer("saved a.py")
    told.news("↻ a → r3")
    assert told.latest == "↻ a → r3"


def test_a_refusal_does_not_stay_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "REFUSAL_SECONDS", 0.0)
    told = Notices("opening …")
    told.answer("✕ not saved: the disk is full")
    told.news("↻ a → r2")
    assert told.latest == "↻ a → r2"


@pytest.mark.exhaustive
@pytest.mark.anyio
async def test_why_a_save_was_refused_can_be_read_though_a_reload_tells_something_at_once(author: Author) -> None:
    author.has_function("aaa", "return 1")
    path = author.skills / "aaa/skill.py"

    async with opened(author) as eyes:
        await eyes.press("e", *"# mine")
        path.write_text("# theirs\n")
        await eyes.press("ctrl+s")
        await eyes.see("not saved")
        eyes.app.tell("↻ bbb → r2")
        await eyes.settle()
        await eyes.see("not saved")
