"""Why a command cannot be used now, in a few words; nothing where it can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.model.skill import Scope

if TYPE_CHECKING:
    from workbench.ui.app import WorkbenchApp


def opening(app: WorkbenchApp) -> str:
    return "" if app.is_open else "the workbench is still opening"


def not_to_leave(app: WorkbenchApp) -> str:
    return opening(app) or ("a run is under way: x cancels it" if app.runs.is_under_way else "")


def in_main(app: WorkbenchApp) -> str:
    return opening(app) or ("this is the workspace itself: d begins a session" if app.sessions.is_main else "")


def no_skill(app: WorkbenchApp) -> str:
    return opening(app) or ("" if app.chosen is not None else "no skill is chosen")


def not_ones_own(app: WorkbenchApp) -> str:
    is_shipped = app.chosen is not None and app.chosen.scope is Scope.BUILTIN
    return no_skill(app) or ("it is shipped; edit it, and it is yours" if is_shipped else "")


def not_to_run(app: WorkbenchApp) -> str:
    return not_to_leave(app) or no_skill(app)


def not_to_run_again(app: WorkbenchApp) -> str:
    return not_to_run(app) or ("" if app.runs.last else "nothing has run yet")


def nothing_to_allow(app: WorkbenchApp) -> str:
    outcome = app.run_pane.last_outcome
    return not_to_run(app) or ("" if outcome and outcome.needs else "there is nothing that you could allow it")


def no_run_to_keep(app: WorkbenchApp) -> str:
    has_run = app.chosen is not None and app.chosen.name in app.runs.ended
    return not_ones_own(app) or ("" if has_run else "run it first")


def no_example(app: WorkbenchApp) -> str:
    has_one = app.chosen is not None and app.chosen.manifest.example is not None
    return no_skill(app) or ("" if has_one else "it comes without an example")


def never_follows(app: WorkbenchApp) -> str:
    is_off = not app.settings.skills.hot_reload_enabled
    return opening(app) or ("hot_reload_enabled is false under [skills]" if is_off else "")


def no_file(app: WorkbenchApp) -> str:
    return "" if app.editor.source is not None else "no file is open"


def nothing_unsaved(app: WorkbenchApp) -> str:
    return no_file(app) or ("" if app.editor.has_unsaved else "nothing is unsaved")


def nothing_to_decide(app: WorkbenchApp) -> str:
    return "" if app.editor.question else "there is nothing to decide"


def single(app: WorkbenchApp) -> str:
    return "one pane fills the screen" if app.is_single else ""


def nothing_running(app: WorkbenchApp) -> str:
    return "" if app.runs.is_under_way else "nothing is running"


def one_file_only(app: WorkbenchApp) -> str:
    return no_file(app) or ("" if len(app.editor.paths) > 1 else "the skill has this one file only")


def no_finding(app: WorkbenchApp) -> str:
    return no_file(app) or ("" if app.editor.has_findings else "no check has anything to say about this file")
