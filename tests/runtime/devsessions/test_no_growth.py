"""Hundreds of saves in a row: nothing grows with them."""

from __future__ import annotations

import gc

import psutil
import pytest

from tests.author import Author, function
from tests.properties.leftovers import descendants, descriptors, nothing_is_left_behind, scratch_folders
from tests.runtime.devsessions.watched import Watched, watching
from workbench.model.events import SkillHotReloaded

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(120)]
WARM_UP, SAVES = 30, 120
MOST_MEGABYTES = 40


async def saved(author: Author, watched: Watched, numbers: range) -> None:
    for number in numbers:
        author.saves("greet/skill.py", function("greet", f"return {number}"))
        await watched.hears(SkillHotReloaded, "greet")
        if number % 10 == 0:
            assert await watched.answers("greet") == number


def megabytes() -> float:
    gc.collect()
    return float(psutil.Process().memory_info().rss) / 1e6


@pytest.mark.exhaustive
async def test_a_hundred_saves_leave_no_process_descriptor_folder_or_memory_more(author: Author) -> None:
    author.has_function("greet", "return 0")
    async with nothing_is_left_behind(author), watching(author) as watched:
        await saved(author, watched, range(1, WARM_UP))
        processes, held, folders, memory = len(descendants()), len(descriptors()), scratch_folders(author), megabytes()
        await saved(author, watched, range(WARM_UP, WARM_UP + SAVES))
        # a worker that goes, and the spares that come, are there for a moment
        await watched.until(lambda: len(descendants()) <= processes + 2)
        await watched.until(lambda: scratch_folders(author) <= folders + 2)
        await watched.until(lambda: len(descriptors()) <= held + 8)
        grown = megabytes() - memory
        print(f"{SAVES} saves: {grown:+.1f} MB, {len(descendants())} processes, {len(descriptors())} descriptors")  # noqa: T201
        assert grown < MOST_MEGABYTES
