"""The lines around the panes: what is where and how it stands, what happened last, what can be done now."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from workbench.model.frozen import replace
from workbench.model.words import safe
from workbench.ui.layout import LEAST_TERMINAL, LOWER, NARROW, PANES
from workbench.ui.steps import SAMPLE
from workbench.ui.widgets.line import put_line
from workbench.ui.words import key_name, spoken_counts

if TYPE_CHECKING:
    from workbench.ui.app import WorkbenchApp

MOST_PATH = 36
MOST_KEYS = 8


def arrange(app: WorkbenchApp, screen: Screen[object]) -> None:
    """Put every pane where it belongs at this size."""
    size, fitted = app.size, app.layout_chosen.fitted(*app.size)
    stands = (size, app.layout_chosen, app.front)
    if app.arranged == stands:
        draw(app, screen)
        return
    app.arranged = stands
    screen.set_class(app.is_single, "single")
    screen.set_class(app.front in LOWER, "low")
    screen.set_class(app.front not in LOWER, "high")
    screen.set_class(size.width < LEAST_TERMINAL[0] or size.height < LEAST_TERMINAL[1], "tiny")
    for name, pane in app.panes.items():
        pane.set_class(name == app.front, "front")
        pane.set_class(name == fitted.below, "below")
    # A width of its own would outlive the other panes and win over the style of the one that fills the screen.
    widths = ("1fr", "1fr") if app.is_single else (fitted.skills, fitted.run)
    app.skills_pane.styles.width, app.run_pane.styles.width = widths
    screen.query_one("#lower-panes").styles.height = "1fr" if app.is_single else fitted.lower
    draw(app, screen)


def switch_maximised(app: WorkbenchApp) -> None:
    """One pane fills the screen, or gives the others their room back."""
    app.layout_chosen = replace(app.layout_chosen, is_maximised=not app.layout_chosen.is_maximised)
    app.arrange()


def resize_pane(app: WorkbenchApp, *, wider: int = 0, taller: int = 0) -> None:
    """The focused pane a step wider or taller."""
    app.layout_chosen = app.layout_chosen.fitted(*app.size).resized(app.front, wider, taller)
    app.arrange()


def draw(app: WorkbenchApp, screen: Screen[object]) -> None:
    """The lines around the panes."""
    width = app.size.width
    lines = {
        "#top": top_line(app, width),
        "#strip": strip_line(app),
        "#lower-names": lower_line(app, width),
        "#status": status_line(app, width),
        "#keys": keys_line(app, width),
    }
    for selector, content in lines.items():
        put_line(screen.query_one(selector, Static), content)


def top_line(app: WorkbenchApp, width: int) -> Content:
    """Which workspace, which dev session, is all well, how strong is the sandbox."""
    is_wide = width >= NARROW
    tier = app.workbench.tier.value if app.is_open else "–"
    is_known = app.is_open or app.glimpses
    counts = spoken_counts(glimpse.state for glimpse in app.glimpses) if is_known else "reading the skills"
    where = f"{safe(short_path(app.settings.workspace))}   " if is_wide else ""
    session = (app.sessions.name, "" if app.sessions.is_main else "bold $accent")
    name = ("Skill Workbench" if is_wide else "Workbench", "bold")
    asleep = "" if app.following.is_on else "   ▲ saves not followed"
    rest = f"   {counts}   sandbox {tier}"
    left = Content.assemble(name, f"   {where}", session, *([(asleep, "$text-warning")] if asleep else []), rest)
    right = "? help   : command" if is_wide else "? :"
    return _both_ends(left, Content.styled(right, "$text-muted"), width - 2)


def strip_line(app: WorkbenchApp) -> Content:
    """The names of the panes, where there is room for one only."""
    return _names(app, PANES)


def lower_line(app: WorkbenchApp, width: int) -> Content:
    """The names of the lower panes, and how the one that is seen stands."""
    below = app.layout_chosen.below
    detail = Content.styled(app.panes[below].detail, "$text-muted")
    return _both_ends(_names(app, LOWER, below), detail, width - 2)


def status_line(app: WorkbenchApp, width: int) -> Content:
    """The last thing that happened; at the right the one thing to do next."""
    next_words = app.steps.words(app.chosen.name if app.chosen else SAMPLE) if app.hints_are_on else ""
    return _both_ends(Content(safe(app.notices.latest)), Content.styled(next_words, "$accent"), width - 2)


def keys_line(app: WorkbenchApp, width: int) -> Content:
    """The keys of what can be done now, and the loop's lateness while it hurts."""
    from workbench.ui.commands import REGISTRY  # here: the registry knows what is done with panes

    here = [command for command in REGISTRY if command.shown and command.where in ("", app.front)]
    able = [command for command in here if app.keymap.of(command) and not command.unavailable(app)]
    parts: list[Content] = []
    for command in able[:MOST_KEYS]:
        key = key_name(app.typed_key(command))
        parts.append(Content.assemble((key, "$footer-key-foreground"), f" {command.name.casefold()}   "))
    late = f"loop {app.heartbeat.worst_ms:.0f} ms late" if app.heartbeat.hurts else ""
    return _both_ends(Content.assemble(*parts), Content.styled(late, "$text-warning"), width - 2)


def short_path(path: str) -> str:
    """A path as it fits into the top line: from the home folder, and its end if it is long."""
    home = os.path.expanduser("~")
    text = f"~{path[len(home) :]}" if path == home or path.startswith(f"{home}/") else path
    return text if len(text) <= MOST_PATH else f"…{text[1 - MOST_PATH :]}"


def _names(app: WorkbenchApp, names: Iterable[str], shown: str = "") -> Content:
    parts: list[Content | tuple[str, str]] = []
    for name in names:
        is_front = name == app.front
        style = "bold $accent" if is_front else "$foreground" if name == shown else "$text-muted"
        parts.append(("▌" if is_front else " ", "$accent"))
        parts.append((app.panes[name].label, f"{style} @click=app.go_to('{name}')"))
        parts.append(("  ", ""))
    return Content.assemble(*parts)


def _both_ends(left: Content, right: Content, width: int) -> Content:
    """One line with something at each end; what is at the right gives way."""
    room = width - left.cell_length
    if room < 4:
        return left.truncate(max(1, width), ellipsis=True)
    if right.cell_length > room - 2:
        right = right.truncate(max(1, room - 2), ellipsis=True)
    return Content.assemble(left, " " * max(1, width - left.cell_length - right.cell_length), right)
