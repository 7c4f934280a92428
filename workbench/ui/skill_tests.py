"""The tests that lie beside the chosen skill: run from the screen, and what they left shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.model.errors import WorkbenchError
from workbench.model.skill import SkillState
from workbench.model.skilltest import Verdict
from workbench.model.words import counted

if TYPE_CHECKING:
    from workbench.ui.app import WorkbenchApp


def run_tests(app: WorkbenchApp) -> None:
    """Run them, and go to the pane that shows each."""
    _run_beside(app, coverage=False)


def show_coverage(app: WorkbenchApp) -> None:
    """Run them, and mark the lines of the skill that none of them ran."""
    _run_beside(app, coverage=True)


def _run_beside(app: WorkbenchApp, *, coverage: bool) -> None:
    """Tests may take their time: keys go on being heard meanwhile, and a newer wish takes the place of an older one."""
    assert app.chosen is not None
    name = app.chosen.name
    if app.chosen.state is SkillState.DISABLED:
        app.say(f"◌ {name} is disabled, and nothing of it runs · z enables it")
        return
    app.say(f"↻ the tests of {name} run")

    async def run() -> None:
        await _run(app, name, coverage=coverage)

    app.run_worker(run, group="tests", exclusive=True, exit_on_error=False)  # type: ignore[arg-type]


async def _run(app: WorkbenchApp, name: str, *, coverage: bool) -> None:
    try:
        report = await app.workbench.test(name, coverage=coverage)
    except WorkbenchError as error:
        app.say(f"✕ {error.message} · {error.hint}")
        return
    if not report.results and not report.findings:
        what = "no tests yet, and so none of its lines runs" if coverage else "no tests yet"
        app.say(f"{name} has {what} · put cases into tests/{name}.yaml beside it")
        return
    await app.refresh_snapshot()
    if coverage:
        missing = {each.file: frozenset(each.missing) for each in report.coverage or ()}
        app.editor.mark_not_run(missing)
        lines = sum(map(len, missing.values()))
        app.say(f"{name}: {counted(lines, 'line')} that no case runs" if report.coverage else f"{name}: not counted")
        return
    passed = report.count(Verdict.PASSED)
    red = sum(result.is_red for result in report.results) + len(report.findings)
    app.say(f"▲ {name}: {passed} passed, {red} red" if red else f"✓ {name}: {passed} passed")
    app.go_to("tests")
    app.tests_pane.look_at(name)
