"""The part of the registry that is about dev sessions."""

from __future__ import annotations

from workbench.ui import reasons
from workbench.ui.command import Command

SESSION_COMMANDS: tuple[Command, ...] = (
    Command(
        id="sessions.choose",
        name="Dev sessions",
        help="Go to another dev session, or begin one: other code, variables and state for the same skills.",
        keys=("d", "alt+v"),
        do=lambda app: app.sessions.choose(),
        unavailable=reasons.not_to_leave,
    ),
    Command(
        id="sessions.compare",
        name="Compare with the workspace",
        help="The files that are not what the workspace has; one is shown as it was, as it is here, and there.",
        keys=("D",),
        do=lambda app: app.sessions.compare(),
        unavailable=reasons.in_main,
    ),
    Command(
        id="sessions.run",
        name="Run in every session",
        help="Run the chosen skill with these inputs in every session at once, and show the answers side by side.",
        keys=("B", "alt+q"),
        do=lambda app: app.sessions.run_everywhere(),
        unavailable=reasons.no_skill,
    ),
    Command(
        id="sessions.update",
        name="Take the workspace's changes",
        help="Bring the session up to date: what only the workspace changed comes in, what both changed is merged.",
        keys=("U",),
        do=lambda app: app.sessions.update(),
        unavailable=reasons.in_main,
    ),
    Command(
        id="sessions.promote",
        name="Promote",
        help="Have the workspace be what this session is; each skill has to load, and its tests have to be green.",
        keys=("P",),
        do=lambda app: app.sessions.promote(),
        unavailable=reasons.in_main,
    ),
    Command(
        id="sessions.close",
        name="Close the session",
        help="End this session; refused while it has changes that the workspace does not have.",
        keys=("W",),
        do=lambda app: app.sessions.close(),
        unavailable=reasons.in_main,
    ),
)
