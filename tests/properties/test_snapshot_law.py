"""A law of watching: whatever is done to the files, what answers in the end is what they say, or their last good."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest

from tests.author import Author
from tests.properties.leftovers import nothing_is_left_behind
from tests.properties.scribbler import Scribbler
from tests.runtime.devsessions.watched import Watched, watching
from workbench.assembly import Workbench, open_workbench
from workbench.model.realm import Snapshot
from workbench.model.skill import Scope, Skill, SkillState

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
EDITS, BURST = 200, 50


def own(snapshot: Snapshot) -> dict[str, Skill]:
    return {name: skill for name, skill in snapshot.skills.items() if skill.scope is Scope.WORKSPACE}


def is_settled(workbench: Workbench) -> bool:
    """Whether everything that is known is what stands on the disk, and nothing is under way."""
    library = workbench.library
    said = own(library.gathered(library.in_order(library.read_all())))
    known = own(workbench.snapshot)
    return {name: (skill.path, skill.digest) for name, skill in said.items()} == {
        name: (skill.path, skill.digest) for name, skill in known.items()
    } and not any(skill.state is SkillState.RELOADING for skill in known.values())


async def answers(workbench: Workbench) -> dict[str, tuple[object, ...]]:
    """What each skill answers, on which revision, and why an older one does."""
    found: dict[str, tuple[object, ...]] = {}
    for name in sorted(own(workbench.snapshot)):
        result = await workbench.run(name)
        why = sorted({finding.message for finding in result.instead_of.findings}) if result.instead_of else []
        found[name] = (result.run.skill.revision, result.outcome.status, result.outcome.output, why)
    return found


def stale(workbench: Workbench, answered: dict[str, tuple[object, ...]]) -> list[str]:
    """The skills whose files are good, and whose answer is not what stands in them."""
    found = []
    for name, skill in own(workbench.snapshot).items():
        _, _, output, why = answered[name]
        number = re.search(r'return \[(\d+)|"(\d+)"', Path(skill.path).read_text()) if not why else None
        if number and (number[1] or number[2]) not in re.findall(r"\d+", str(output)):
            found.append(f"{name}: {skill.path} says {number[0]}, and {output} was answered")
    return found


async def edited(watched: Watched, scribbler: Scribbler, chance: Random, count: int) -> list[str]:
    """So many edits; now and then a run in between, so that each finds the workbench at another moment."""
    done = []
    for _ in range(count):
        done.append(scribbler.edits())
        known = sorted(own(watched.workbench.snapshot))
        if known and chance.random() < 0.2:
            await watched.answers(chance.choice(known))
    return done


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(5))
async def test_after_two_hundred_edits_the_snapshot_is_what_the_files_say(author: Author, seed: int) -> None:
    chance = Random(seed)
    scribbler = Scribbler(author, chance)
    async with nothing_is_left_behind(author):
        async with watching(author) as watched:
            for _ in range(EDITS // BURST):
                done = await edited(watched, scribbler, chance, BURST)
                await watched.until(lambda: is_settled(watched.workbench), look_every=0.05)
            live = await answers(watched.workbench)
            assert stale(watched.workbench, live) == [], done
            assert is_settled(watched.workbench)
        async with open_workbench(workspace=str(author.workspace), environ=author.environ) as fresh:
            assert await answers(fresh) == live, done
            revisions = fresh.library.revisions
            kept = {
                f"{name}@r{each.number}": revisions.restored(each) for name in live for each in revisions.history(name)
            }
            assert [ref for ref, skill in kept.items() if skill is None] == []
