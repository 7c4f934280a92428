"""One skill is saved among many: what has to be looked at is that one, and its neighbours where it has some."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.author import Author, function
from tests.runtime.devsessions.watched import watching
from workbench.assembly import Workbench
from workbench.model.realm import Snapshot
from workbench.model.skill import Skill
from workbench.runtime.library.library import Library

pytestmark = pytest.mark.anyio


def as_it_is_seen(workbench: Workbench) -> dict[str, object]:
    return {skill.name: (skill.digest, skill.path, skill.findings) for skill in workbench.snapshot}


async def test_a_save_of_one_looks_at_one_and_is_as_if_all_were_looked_at(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two", "three"):
        author.has_function(name, "return 1")
    async with watching(author) as watched:
        gathered, whole = list[int](), Library.gathered

        def heard(library: Library, skills: Iterable[Skill], *, generation: int = 1) -> Snapshot:
            gathered.append(generation)
            return whole(library, skills, generation=generation)

        monkeypatch.setattr(Library, "gathered", heard)
        author.saves("one/skill.py", function("one", "return 2"))
        await watched.until(lambda: watched.workbench.find("one").revision == 1)
        assert await watched.answers("one") == 2
        assert gathered == []
        stands = as_it_is_seen(watched.workbench)
        watched.workbench.refresh()
        assert as_it_is_seen(watched.workbench) == stands


@pytest.mark.parametrize("second", ["two", "One"])
async def test_a_save_that_touches_anothers_name_looks_at_both(author: Author, second: str) -> None:
    author.has_function("one", "return 1")
    author.has_function("two", "return 2")
    async with watching(author) as watched:
        author.saves("one/skill.py", function(second, "return 3"))
        await watched.until(lambda: "one" not in {skill.name for skill in watched.workbench.snapshot})
        stands = as_it_is_seen(watched.workbench)
        watched.workbench.refresh()
        assert as_it_is_seen(watched.workbench) == stands
        author.saves("one/skill.py", function("one", "return 4"))
        await watched.until(lambda: watched.workbench.snapshot.skills.get("one") is not None)
        assert await watched.answers("one") == 4
        assert await watched.answers("two") == 2
