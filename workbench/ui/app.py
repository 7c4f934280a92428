"""The app: panes around an open workbench. It owns no behaviour: whatever it does, the shell and Python can."""

from __future__ import annotations

import inspect
import os
import time
from typing import ClassVar

import anyio
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Static

from workbench.model.errors import WorkbenchError
from workbench.model.events import Event, RunEnded, SkillHotReloaded, SkillReloadFailed, SkillUnregistered, WatchStarted
from workbench.model.skill import Skill
from workbench.runtime.runtime import Workbench
from workbench.ui.bridge import bridge
from workbench.ui.commands import BY_ID, REGISTRY, Command
from workbench.ui.help import Help
from workbench.ui.palette import Palette
from workbench.ui.panes.run import RunPane, WrongInputs
from workbench.ui.panes.skills import SkillsPane
from workbench.ui.words import spoken_counts

TICK_SECONDS = 0.1
NARROW = 100
MOST_PATH = 36


def _bindings(command: Command) -> list[BindingType]:
    """Keys with ctrl work wherever the focus is; the others where nothing is being typed."""
    return [
        Binding(key, f"do('{command.id}')", command.name, id=f"{command.id}.{index}", priority=key.startswith("ctrl"))
        for index, key in enumerate(command.keys)
    ]


class WorkbenchApp(App[int]):
    """Holds a Workbench that was opened around it."""

    TITLE = "Skill Workbench"
    CSS_PATH = "styles/app.tcss"
    COMMANDS = {Palette}  # noqa: RUF012  Textual's own spelling
    COMMAND_PALETTE_BINDING = "ctrl+p"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [binding for command in REGISTRY for binding in _bindings(command)]

    def __init__(self, workbench: Workbench) -> None:
        super().__init__()
        self.workbench = workbench
        self.chosen: Skill | None = None
        self._under_way: tuple[str, float, anyio.CancelScope] | None = None
        self._said = "enter runs a skill · save its file and it reloads"

    @property
    def has_run_under_way(self) -> bool:
        return self._under_way is not None

    @property
    def skills_pane(self) -> SkillsPane:
        return self.screen_stack[0].query_one(SkillsPane)

    @property
    def run_pane(self) -> RunPane:
        return self.screen_stack[0].query_one(RunPane)

    def compose(self) -> ComposeResult:
        yield Static("", id="top")
        with Horizontal(id="body"):
            yield SkillsPane()
            yield RunPane()
        yield Static("", id="status")
        yield Static("", id="keys")

    def on_mount(self) -> None:
        self._show_snapshot()
        self.skills_pane.focus_rows()
        self.run_worker(bridge(self.workbench.bus, self._take), name="bridge")
        self.set_interval(TICK_SECONDS, self._tick)

    async def action_do(self, command_id: str) -> None:
        """Do a command of the registry, or say why not."""
        command = BY_ID[command_id]
        if reason := command.unavailable(self):
            self.say(f"{command.name}: {reason}")
            return
        result = command.do(self)
        if inspect.isawaitable(result):
            await result

    def say(self, text: str) -> None:
        """The last thing that happened."""
        self._said = text
        self._draw_lines()

    def start_run(self) -> None:
        """Run the chosen skill with the inputs as they stand."""
        assert self.chosen is not None
        try:
            inputs = self.run_pane.inputs()
        except WrongInputs as error:
            self.say(f"✕ {error}")
            self.run_pane.focus_inputs()
            return
        self.run_worker(self._run(self.chosen.name, inputs), name="run", exit_on_error=False)

    def cancel_run(self) -> None:
        if self._under_way is not None:
            self._under_way[2].cancel()

    def show_help(self) -> None:
        self.push_screen(Help(self))

    def on_skills_pane_looked(self, event: SkillsPane.Looked) -> None:
        self._choose(event.name)

    async def on_skills_pane_chosen(self, event: SkillsPane.Chosen) -> None:
        self._choose(event.name)
        await self.action_do("run.start")
        if self.size.width < NARROW:
            self.run_pane.focus_output()

    def on_resize(self) -> None:
        self._draw_lines()

    def on_descendant_focus(self) -> None:
        """On a narrow screen there is room for one pane: the one that has the focus."""
        for pane in (self.skills_pane, self.run_pane):
            pane.set_class(pane.has_focus_within, "front")

    async def _run(self, name: str, inputs: dict[str, object]) -> None:
        with anyio.CancelScope() as scope:
            self._under_way = (name, time.monotonic(), scope)
            try:
                result = await self.workbench.run(name, inputs)
            except WorkbenchError as error:
                self.say(f"✕ {error.message} · {error.hint}")
                return
            finally:
                self._under_way = None
        if scope.cancelled_caught:
            self._show_snapshot()
            self.say(f"◌ {name} cancelled; nothing of it is left")
            return
        self._show_snapshot()
        self.run_pane.show_outcome(name, result.outcome, result.run.skill.revision)
        if result.instead_of is not None and result.instead_of.answering is not None:
            self.say(f"✕ {name} is broken as it stands; r{result.run.skill.revision} answered")
        else:
            self.say(f"{name} {result.outcome.status.value.replace('_', ' ')}")

    def _choose(self, name: str) -> None:
        self.chosen = self.workbench.snapshot.skills.get(name)
        self.run_pane.show(self.chosen)
        self._draw_lines()

    def _show_snapshot(self) -> None:
        self.skills_pane.show(self.workbench.snapshot)
        if self.chosen is not None:
            self._choose(self.chosen.name)
        self._draw_lines()

    def _take(self, events: tuple[Event, ...], dropped: int) -> None:
        """What the bridge brings: the newest of it is said, everything else is looked up in the snapshot."""
        for event in events:
            if (words := _words(event)) is not None:
                self._said = words
        if dropped:
            self._said = f"{dropped} events came too fast to be told"
        self._show_snapshot()

    def _tick(self) -> None:
        if self._under_way is not None:
            name, began, _ = self._under_way
            self.run_pane.show_running(name, time.monotonic() - began)

    def _draw_lines(self) -> None:
        if not self.is_running:
            return
        snapshot = self.workbench.snapshot
        place = _short(self.workbench.settings.workspace)
        wide = self.size.width >= NARROW
        self.screen_stack[0].set_class(not wide, "narrow")
        parts = ["[b]Skill Workbench[/b]" if wide else "[b]Workbench[/b]", _escaped(place) if wide else "", "main"]
        parts += [spoken_counts(tuple(snapshot)), f"sandbox {self.workbench.tier}"]
        self.screen_stack[0].query_one("#top", Static).update("   ".join(part for part in parts if part))
        self.screen_stack[0].query_one("#status", Static).update(_escaped(self._said))
        keys = [command for command in REGISTRY if command.shown and not command.unavailable(self)][:8]
        self.screen_stack[0].query_one("#keys", Static).update(
            "  ".join(f"[b]{_escaped(each.key)}[/b] {each.name}" for each in keys)
        )


def _words(event: Event) -> str | None:
    match event:
        case WatchStarted():
            return f"watching {event.skills} skills · enter runs one · save a file and it reloads"
        case SkillHotReloaded():
            steps = " · ".join(f"{name} {ms:.0f}" for name, ms in event.steps)
            return f"↻ {event.skill} → r{event.revision}  {event.total_ms:.0f} ms   {steps}"
        case SkillReloadFailed():
            first = next((finding for finding in event.findings if finding.severity.breaks), None)
            where = f" line {first.place.line}: {first.message}" if first else ""
            good = (
                f"r{event.answering_revision} goes on answering" if event.answering_revision else "nothing answers yet"
            )
            return f"✕ {event.skill}{where} · {good}"
        case RunEnded():
            return f"{event.skill} r{event.revision} {event.status} elsewhere, {event.duration_ms:.0f} ms"
        case SkillUnregistered():
            return f"{event.skill} is gone: {event.reason}"
    return None


def _short(path: str) -> str:
    """A path as it fits into the top line: from the home folder, and its end if it is long."""
    home = os.path.expanduser("~")
    text = f"~{path[len(home) :]}" if path == home or path.startswith(f"{home}/") else path
    return text if len(text) <= MOST_PATH else f"…{text[1 - MOST_PATH :]}"


def _escaped(text: str) -> str:
    return text.replace("[", "\\[")
