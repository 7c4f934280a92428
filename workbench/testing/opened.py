"""Open workbenches for tests that do not wait: each lives in a thread with an event loop of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from workbench.assembly import Workbench, open_workbench
from workbench.configuration import nearest_workspace
from workbench.model.errors import WrongUse
from workbench.model.run import Outcome
from workbench.model.skill import Skill
from workbench.model.skilltest import Case, CaseResult
from workbench.runtime.places import SKILL_FOLDERS
from workbench.runtime.skilltests.cases import clock_of
from workbench.runtime.skilltests.run import results_of
from workbench.runtime.skilltests.tester import tester_of

T = TypeVar("T")


class OpenWorkbench:
    """A workbench that is open until the tests are over. Runs happen in the sandbox, and none is in the history."""

    def __init__(self, portal: BlockingPortal, workbench: Workbench) -> None:
        self._portal, self._workbench = portal, workbench

    def skill(self, ref: str) -> SkillUnderTest:
        """A skill by its name or its folder; raises UnknownSkill."""
        return SkillUnderTest(self, self._workbench.find(ref).name)

    def run(
        self,
        ref: str,
        inputs: Mapping[str, object] | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        clock: str | float | None = None,
    ) -> Outcome:
        """Run a skill, with variables in place of the real ones, and where a clock is given, at that time."""
        now = clock_of(clock)
        return self._waited(lambda: self._run(ref, inputs or {}, environment or {}, now))

    def result_of(self, ref: str, case: Case) -> CaseResult:
        """Run a skill as a case says, and judge what comes of it."""

        async def attempt(case: Case) -> Outcome:
            return await self._run(ref, case.inputs, case.environment, case.clock)

        return self._waited(lambda: results_of((case,), attempt))[0]

    async def _run(
        self, ref: str, inputs: Mapping[str, object], environment: Mapping[str, str], clock: float | None
    ) -> Outcome:
        skill = await self._ready(ref)
        return await tester_of(self._workbench).attempt(skill, inputs, environment, clock)

    async def _ready(self, ref: str) -> Skill:
        """The skill once it answers; what its files hold is tested, and never an older revision."""
        skill = await self._workbench.load(ref)
        if skill.is_broken:
            first = next(finding for finding in skill.findings if finding.severity.breaks)
            raise WrongUse(f"'{skill.name}' is broken: {first.place}  {first.message}", hint=first.hint)
        return skill

    def _waited(self, call: Callable[[], Awaitable[T]]) -> T:
        """What a call comes to; where the test is interrupted, the call is."""
        future = self._portal.start_task_soon(call)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


class SkillUnderTest:
    """One skill of an open workbench."""

    def __init__(self, workbench: OpenWorkbench, name: str) -> None:
        self._workbench, self.name = workbench, name

    def run(
        self,
        inputs: Mapping[str, object] | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        clock: str | float | None = None,
    ) -> Outcome:
        """Run it, with variables in place of the real ones, and where a clock is given, at that time."""
        return self._workbench.run(self.name, inputs, environment=environment, clock=clock)

    def result_of(self, case: Case) -> CaseResult:
        """Run it as a case says, and judge what comes of it."""
        return self._workbench.result_of(self.name, case)


class OpenWorkbenches:
    """One for each workspace, opened when it is first wanted."""

    def __init__(self, workspace: str = "") -> None:
        self._workspace = workspace
        self._known: dict[str, OpenWorkbench] = {}
        self._opened = ExitStack()

    def around(self, path: Path) -> OpenWorkbench:
        """That of the workspace that was named, or of the one around a file."""
        workspace = self._workspace or workspace_around(path)
        if workspace not in self._known:
            portal = self._opened.enter_context(start_blocking_portal())
            opened = portal.wrap_async_context_manager(open_workbench(workspace=workspace))
            self._known[workspace] = OpenWorkbench(portal, self._opened.enter_context(opened))
        return self._known[workspace]

    def skill_around(self, path: Path) -> SkillUnderTest:
        """The skill in whose tests folder a file lies; raises UnknownSkill."""
        return self.around(path).skill(str(path.parent.parent))

    def close(self) -> None:
        """Close all of them."""
        self._known.clear()
        self._opened.close()


def workspace_around(path: Path) -> str:
    """The workspace that a file below a skills folder belongs to, else the nearest one."""
    names = sorted(SKILL_FOLDERS, key=len, reverse=True)
    for folder in map(str, path.parents):
        for name in names:
            if folder.endswith(f"/{name}"):
                return folder.removesuffix(f"/{name}") or "/"
    return nearest_workspace(str(path.parent))
