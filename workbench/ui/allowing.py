"""What the chosen skill may do and what it did, on one page; and what it was refused, allowed by one key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import anyio

from workbench.model.errors import WrongUse
from workbench.model.observed import Observed
from workbench.model.policy import Hold
from workbench.model.words import ago, counted, safe
from workbench.ui.screens.confirm import Confirm
from workbench.ui.screens.page import Page
from workbench.ui.widgets.rows import Row

if TYPE_CHECKING:
    from workbench.model.consent import Approval
    from workbench.model.run import Outcome
    from workbench.model.skill import Skill
    from workbench.runtime.sandbox.effective import Effective
    from workbench.ui.app import WorkbenchApp

HELD = {Hold.ENFORCED: ("●", "good"), Hold.WATCHED: ("▲", "warning"), Hold.NOT_HELD: ("✕", "bad")}
WIDTH = 12
HANG = 2 + WIDTH
"""Where the values begin: behind the glyph and the name."""
LOOK_SECONDS = 0.5


async def allow_and_run_again(app: WorkbenchApp) -> None:
    """Allow the chosen skill what its last run was refused, and run it again with the same inputs.

    Of several things nobody has to have seen all: they are shown one by one, and asked about, before.
    """
    assert app.chosen is not None
    name, outcome = app.chosen.name, app.run_pane.last_outcome
    assert outcome is not None
    if len(outcome.needs) == 1:
        await _allow(app, name, outcome)
        return

    async def decided(says_yes: bool | None) -> None:
        if says_yes:
            await _allow(app, name, outcome)

    rows = [Row(pieces=(("+ ", "good"), (safe(each.words), "plain")), hang=2) for each in outcome.needs]
    app.push_screen(Confirm(f"What {safe(name)} may do then", rows, yes="allows it, and runs it again"), decided)


async def _allow(app: WorkbenchApp, name: str, outcome: Outcome) -> None:
    from workbench.runtime.governance.asking import checked, needed_by

    workbench = app.workbench
    skill, tier, workspace = workbench.find(name), workbench.tier, workbench.session.realm.workspace
    held = workbench.approvals.of(skill, workbench.session.realm.id)
    try:
        checked(skill, outcome.needs, workspace, tier)
    except WrongUse as error:
        app.say(f"✕ {error.message} · {error.hint}")
        return
    if not needed_by(skill, workspace, tier, held) <= frozenset(outcome.needs) | held:
        app.say(f"✕ {name} asks for more by now · run it once more to see all of it")
        return
    await workbench.approve(name, outcome.needs)
    app.say(f"+ {name} may {wanted(outcome)} · {key_of(app, 'skills.revoke')} takes it back")
    app.runs.again_for(name)


async def revoke(app: WorkbenchApp) -> None:
    """Allow the chosen skill nothing any more."""
    assert app.chosen is not None
    name = app.chosen.name
    approval = await app.workbench.revoke(name)
    if approval is None:
        app.say(f"{name} was allowed nothing beyond what its manifest gets it")
        return
    app.say(f"- {name} may no more {', '.join(sorted(each.words for each in approval.consents))}")


async def show_may_and_did(app: WorkbenchApp) -> None:
    """What the chosen skill may do, who allowed it that, and what its last runs did."""
    assert app.chosen is not None
    name = app.chosen.name
    rows = await _may_and_did(app, name)
    page = Page(f"What {name} may do and did   sandbox {app.workbench.tier}", rows)
    app.push_screen(page)

    async def keep_true() -> None:
        """What is saved, allowed or run while somebody reads is on the page a moment later."""
        shown = rows
        while True:
            await anyio.sleep(LOOK_SECONDS)
            if not app.is_open or page not in app.screen_stack:
                return
            if (now := await _may_and_did(app, name)) != shown:
                shown = now
                page.show(now)

    app.run_worker(keep_true, name="may and did", exit_on_error=False)  # type: ignore[arg-type]


async def _may_and_did(app: WorkbenchApp, name: str) -> tuple[Row, ...]:
    workbench = app.workbench
    skill = workbench.snapshot.skills.get(name)
    if skill is None:
        return (Row(pieces=((f"there is no skill {safe(name)} any more", "warning"),)),)
    policy = await anyio.to_thread.run_sync(workbench.policy, name)
    observed = await anyio.to_thread.run_sync(workbench.observed, name)
    realm = workbench.session.realm.id
    approvals = [each for each in workbench.approvals.listed() if (each.skill, each.realm) == (name, realm)]
    return (*_may(policy), *_allowed(skill, approvals, key_of(app, "skills.revoke")), *_did(skill, observed))


def key_of(app: WorkbenchApp, command_id: str) -> str:
    """The key that a command has here, as people call it."""
    from workbench.ui.commands import BY_ID
    from workbench.ui.words import key_name

    return key_name(app.typed_key(BY_ID[command_id]))


def wanted(outcome: Outcome) -> str:
    """What a run was refused and may be allowed, in a few words."""
    first, *more = (each.words for each in outcome.needs)
    return first if not more else f"{first}, {', '.join(more)}"


def refused_rows(skill: Skill, outcome: Outcome, key: str) -> Iterator[Row]:
    """What may be allowed after a run that was refused something, by which key, and what the manifest would say."""
    from workbench.runtime.governance.asking import manifest_lines

    if not outcome.needs:
        return
    for contact in outcome.contacts:
        if contact.refused and outcome.is_ok:
            yield Row(pieces=((safe(contact.refused), "warning"),))
    if len(outcome.needs) == 1:
        words = f"lets it {safe(wanted(outcome))}, and runs it again"
        yield Row(pieces=((f"{key} ", "accent"), (words, "plain")), hang=len(key) + 1)
    else:
        yield Row(pieces=((f"{key} ", "accent"), ("asks whether it may:", "plain")), hang=len(key) + 1)
        for each in outcome.needs:
            yield Row(pieces=(("  ", "plain"), (safe(each.words), "plain")), hang=2)
    lines = manifest_lines(skill, outcome.needs)
    if lines:
        yield Row(pieces=(("for good, in security.permissions of the manifest:", "dim"),))
    for line in lines:
        yield Row(pieces=((safe(line), "good" if line.startswith("+") else "bad"),))
    yield Row()


def _may(policy: tuple[Effective, ...]) -> Iterator[Row]:
    for each in policy:
        glyph, style = HELD[each.promise.hold]
        given = " · ".join(map(safe, each.given)) or "nothing"
        held = f"{each.promise.hold.value}{f' · {each.promise.by}' if each.promise.by else ''}"
        yield Row(pieces=((f"{glyph} ", style), (f"{each.name:<{WIDTH}}", "plain"), (given, "plain")), hang=HANG)
        yield Row(pieces=((" " * HANG, "plain"), (held, "dim")), hang=HANG)
        for refused in each.refused:
            yield Row(pieces=((" " * HANG, "plain"), (f"✕ {safe(str(refused))}", "bad")), hang=HANG + 2)
            yield Row(pieces=((" " * (HANG + 2), "plain"), (refused.hint, "dim")), hang=HANG + 2)


def _allowed(skill: Skill, approvals: list[Approval], key: str) -> Iterator[Row]:
    yield Row()
    yield Row(pieces=(("allowed by you", "accent"),))
    if not approvals:
        yield Row(pieces=(("  nothing beyond what the manifest gets it", "dim"),))
    for approval in approvals:
        void = approval.void_for(skill)
        for consent in sorted(approval.consents, key=str):
            glyph, style = ("▲", "warning") if void else ("●", "good")
            words = f"void: {void}" if void else f"{ago(approval.at)}   esc, then {key} takes it back"
            yield Row(pieces=((f"{glyph} ", style), (safe(consent.words), "plain")), hang=2)
            yield Row(pieces=(("  ", "plain"), (safe(words), "dim")), hang=2)


def _did(skill: Skill, observed: Observed) -> Iterator[Row]:
    yield Row()
    runs = f"in its last {counted(observed.runs, 'run')}" if observed.runs else "nothing yet: it has not run"
    yield Row(pieces=(("did ", "accent"), (runs, "dim")))
    for name, words in observed.facts():
        yield Row(pieces=((f"  {name:<{WIDTH}}", "plain"), (safe(words), "plain")), hang=HANG)
    for words in observed.differences(skill.manifest.permissions):
        yield Row(pieces=(("▲ ", "warning"), (safe(words), "plain")), hang=2)
