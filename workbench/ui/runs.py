"""The run that was started from the screen: one at a time, cancelled by a key, started again with the same inputs."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import anyio

from workbench.model.errors import WorkbenchError
from workbench.model.words import safe
from workbench.ui.allowing import key_of, wanted
from workbench.ui.hearing import Heard
from workbench.ui.widgets.form import WrongInputs

if TYPE_CHECKING:
    from workbench.model.events import SkillExecutionStarted
    from workbench.model.run import Outcome
    from workbench.runtime.runtime import Result
    from workbench.ui.app import WorkbenchApp


def _said_of(name: str, outcome: Outcome, key: str) -> str:
    """How a run went in one line: also for who does not see the pane that tells of it."""
    words = f"{name} {outcome.status.value.replace('_', ' ')}"
    if outcome.needs:
        many = len(outcome.needs)
        offer = (
            f"lets it {wanted(outcome)}, and runs it again"
            if many == 1
            else f"shows {many} things that you could allow it"
        )
        return f"{words} · {key} {offer}"
    return f"✕ {words}: {safe(outcome.error.message)}" if outcome.error else words


class Runs:
    """Calls the workbench and has the screen tell of it."""

    def __init__(self, app: WorkbenchApp) -> None:
        self._app = app
        self._scope: anyio.CancelScope | None = None
        self._began = 0.0
        self._correlation_id = self._run_id = ""
        self.last: tuple[str, Mapping[str, object]] | None = None
        self.ended: dict[str, str] = {}
        """The id of each skill's last run that ended."""

    @property
    def is_under_way(self) -> bool:
        return self._scope is not None

    @property
    def seconds(self) -> float:
        """How long the run has been under way."""
        return time.monotonic() - self._began

    def start(self) -> None:
        """Run the chosen skill with the inputs as they stand."""
        chosen = self._app.chosen
        assert chosen is not None
        try:
            inputs = self._app.run_pane.inputs()
        except WrongInputs as error:
            self._app.say(f"✕ {error}")
            self._app.go_to("inputs")
            return
        self._start(chosen.name, inputs)

    def again(self) -> None:
        if self.last is not None:
            self._start(*self.last)

    def again_for(self, name: str) -> None:
        """Run a skill with the inputs that it had the last time."""
        if self.last is not None and self.last[0] == name:
            self._start(*self.last)
        else:
            self.start()

    async def keep_as_test(self) -> None:
        """Make a case of the chosen skill's last run, and go to where it stands."""
        assert self._app.chosen is not None
        written = await self._app.workbench.case_from(self.ended[self._app.chosen.name])
        await self._app.show_place(written.place)
        self._app.say(f"+ {written.skill} has a new case in {os.path.basename(written.place.file)}")

    def cancel(self) -> None:
        if self._scope is not None:
            self._scope.cancel()

    def heard_of(self, event: SkillExecutionStarted) -> None:
        """A run began; ours has the correlation id that we gave it."""
        if event.correlation_id == self._correlation_id:
            self._run_id = event.run

    def heard(self, heard: Heard) -> None:
        """A run said something."""
        if self.is_under_way and heard.run == self._run_id:
            self._app.run_pane.heard(heard.text)

    def _start(self, name: str, inputs: Mapping[str, object]) -> None:
        self.last, self._scope, self._began = (name, inputs), anyio.CancelScope(), time.monotonic()
        self._correlation_id, self._run_id = f"screen-{os.urandom(8).hex()}", ""
        self._app.run_pane.began(name)
        if self._app.ticking is not None:
            self._app.ticking.resume()
        self._app.run_worker(self._run(name, inputs, self._scope), name="run", exit_on_error=False)

    async def _run(self, name: str, inputs: Mapping[str, object], scope: anyio.CancelScope) -> None:
        result: Result | None = None
        try:
            with scope:
                result = await self._app.workbench.run(name, inputs, correlation_id=self._correlation_id)
        except WorkbenchError as error:
            self._app.say(f"✕ {error.message} · {error.hint}")
            return
        finally:
            self._scope = None
            if self._app.is_drawn:
                self._app.run_pane.ended(name)
                self._app.show_snapshot()
        if not self._app.is_drawn:
            return
        if result is None:
            self._app.say(f"◌ {name} cancelled; nothing of it is left")
            return
        self.ended[name] = result.run.id
        revision, outcome = result.run.skill.revision, result.outcome
        self._app.run_pane.show_outcome(name, outcome, revision)
        if result.instead_of is not None and result.instead_of.answering is not None:
            self._app.say(f"▲ {name} is broken as it stands; r{revision} answered")
        else:
            self._app.say(_said_of(name, outcome, key_of(self._app, "run.allow")))
        self._app.steps.ran(name, is_ok=outcome.is_ok, is_broken=result.instead_of is not None)
