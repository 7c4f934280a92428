"""The part of the registry that is about the skills in the list."""

from __future__ import annotations

from workbench.ui import allowing, errands, reasons, revisions, skill_tests
from workbench.ui.command import Command

SKILL_COMMANDS: tuple[Command, ...] = (
    Command(
        id="skills.filter",
        name="Filter",
        help="Show only the skills whose name has these letters in this order.",
        keys=("slash",),
        do=lambda app: app.skills_pane.focus_filter(),
        where="skills",
        shown=True,
    ),
    Command(
        id="skills.new",
        name="New skill",
        help="Make a skill of your own from a template.",
        keys=("n",),
        do=errands.ask_for_new_skill,
        unavailable=reasons.opening,
    ),
    Command(
        id="skills.history",
        name="History",
        help="The accepted revisions of the chosen skill; one is compared with the files as they are.",
        keys=("h", "alt+h"),
        do=revisions.show_history,
        unavailable=reasons.no_skill,
    ),
    Command(
        id="skills.rollback",
        name="Roll back",
        help="Have the chosen skill be again what a revision of it was; that is a revision too.",
        keys=("b", "alt+b"),
        do=revisions.roll_back,
        unavailable=reasons.not_ones_own,
    ),
    Command(
        id="skills.reload",
        name="Reload",
        help="Load the chosen skill in a new process, changed or not.",
        keys=("L", "alt+l"),
        do=revisions.reload,
        unavailable=reasons.no_skill,
    ),
    Command(
        id="skills.follow",
        name="Follow saves, or not",
        help="Have saves change nothing for a while; switched on again, what was saved meanwhile is reloaded.",
        keys=("F",),
        do=lambda app: app.following.switch(),
        unavailable=reasons.never_follows,
    ),
    Command(
        id="skills.may",
        name="May and did",
        help="What the chosen skill may do here, what holds it to that, what you allowed it, and what its runs did.",
        keys=("p", "alt+p"),
        do=allowing.show_may_and_did,
        unavailable=reasons.no_skill,
    ),
    Command(
        id="skills.revoke",
        name="Allow nothing more",
        help="Take back all that you allowed the chosen skill beyond what its manifest gets it.",
        keys=("V",),
        do=allowing.revoke,
        unavailable=reasons.no_skill,
    ),
    Command(
        id="skills.test",
        name="Test",
        help="Run the tests that lie beside the chosen skill, and go to what came of them.",
        keys=("T", "alt+w"),
        do=skill_tests.run_tests,
        unavailable=reasons.no_skill,
    ),
    Command(
        id="skills.coverage",
        name="Coverage",
        help="Run the tests of the chosen Python skill, and mark the lines that none of them ran.",
        keys=("C",),
        do=skill_tests.show_coverage,
        unavailable=reasons.no_skill,
    ),
    Command(
        id="skills.switch",
        name="Disable or enable",
        help="Have the chosen skill refused wherever it is called, or let it run again.",
        keys=("z",),
        do=errands.switch_skill,
        unavailable=reasons.no_skill,
    ),
    Command(
        id="skills.rename",
        name="Rename",
        help="Give the chosen skill another name, in its file and its folder; its history goes along.",
        keys=("N",),
        do=errands.rename_skill,
        unavailable=reasons.not_ones_own,
    ),
)
