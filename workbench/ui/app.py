"""The app: panes around a workbench. It owns no behaviour: whatever it does, the shell and Python can."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual import on
from textual.app import App, ComposeResult
from textual.binding import BindingsMap
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widgets import Input, Static, TextArea

from workbench.configuration import shipped_folder
from workbench.model.errors import WorkbenchError
from workbench.model.finding import Finding, Place
from workbench.model.frozen import replace
from workbench.model.settings import Settings
from workbench.model.skill import Scope, Skill
from workbench.ui import frame
from workbench.ui.bridge import bridge
from workbench.ui.command import Command
from workbench.ui.commands import BY_ID
from workbench.ui.following import Following
from workbench.ui.glimpse import Glimpse, path_of, recalled, remembered
from workbench.ui.heartbeat import Heartbeat
from workbench.ui.keymap import Keymap, bindings_of, is_everywhere, read_keymap
from workbench.ui.layout import LOWER, PANES, layout_from
from workbench.ui.logbook import Logbook
from workbench.ui.lookout import Lookout
from workbench.ui.memory import Memory
from workbench.ui.notices import REFUSAL_SECONDS, Notices
from workbench.ui.panes.editor import EditorPane, by_file
from workbench.ui.panes.log import LogPane
from workbench.ui.panes.pane import Pane
from workbench.ui.panes.problems import ProblemsPane
from workbench.ui.panes.run import RunPane
from workbench.ui.panes.skills import SkillsPane
from workbench.ui.panes.tests import TestsPane
from workbench.ui.runs import Runs
from workbench.ui.sessions import Sessions
from workbench.ui.steps import SAMPLE, Step, Steps
from workbench.ui.telling import Teller
from workbench.ui.themes import Wardrobe, theme_folders
from workbench.ui.widgets.divider import Divider
from workbench.ui.widgets.form import Submitted, WrongInputs

if TYPE_CHECKING:
    from workbench.runtime.runtime import Workbench

TICK_SECONDS = 0.1
LOOK_SECONDS = 1.0
SOON_SECONDS = 0.04


class WorkbenchApp(App[int]):
    """Shows at once what was there the last time, and what there is once a workbench is connected."""

    TITLE = "Skill Workbench"
    CSS_PATH = "styles/app.tcss"

    def __init__(self, settings: Settings, memory: Memory, environ: Mapping[str, str] = os.environ) -> None:
        super().__init__()
        self.settings, self.memory, self.environ = settings, memory, environ
        self.layout_chosen = layout_from(memory.workspace.get("layout"))
        self.glimpses: tuple[Glimpse, ...] = recalled(memory.workspace.get("skills", ()))
        self.chosen: Skill | None = None
        self.front = "skills"
        self.arranged: tuple[object, ...] = ()
        self.notices = Notices("opening …")
        self.steps = Steps(memory.user.get("step"))
        self.heartbeat = Heartbeat()
        self.logbook = Logbook()
        self.runs: Runs = Runs(self)
        self.sessions: Sessions = Sessions(self)
        self.following: Following = Following(self)
        self.skills_pane: SkillsPane = SkillsPane()
        self.editor: EditorPane = EditorPane()
        self.run_pane: RunPane = RunPane()
        self.log_pane: LogPane = LogPane(self.logbook)
        self.problems_pane: ProblemsPane = ProblemsPane()
        self.tests_pane: TestsPane = TestsPane()
        panes: tuple[Pane, ...] = (
            self.skills_pane,
            self.editor,
            self.run_pane,
            self.log_pane,
            self.problems_pane,
            self.tests_pane,
        )
        self.panes: Mapping[str, Pane] = dict(zip(PANES, panes, strict=True))
        self.wardrobe = Wardrobe(theme_folders(settings.workspace, environ, shipped_folder("themes")))
        self.wardrobe.dress(self, str(memory.user.get("theme", "")))
        self.first_frame = asyncio.Event()  # and not anyio's: that is 40 ms of imports, and they can wait
        self.is_filled = False
        self._is_about_to_look = False
        self.ticking: Timer | None = None
        self._teller = Teller(self)
        self._workbench: Workbench | None = None
        self._wanted = str(memory.workspace.get("chosen", ""))
        self._lookout: Lookout | None = None
        self.keymap = self._bound(read_keymap(environ))

    @property
    def workbench(self) -> Workbench:
        assert self._workbench is not None
        return self._workbench

    @property
    def is_open(self) -> bool:
        """Whether a workbench is connected."""
        return self._workbench is not None

    @property
    def is_drawn(self) -> bool:
        """Whether there is a screen, from its first moment to its last."""
        return self.is_running and bool(self.screen_stack)

    @property
    def is_single(self) -> bool:
        """Whether one pane fills the screen."""
        return self.layout_chosen.is_single(self.size.width)

    @property
    def hints_are_on(self) -> bool:
        """The first steps are for whoever opens the sample, not for whoever comes with skills of their own."""
        own = [glimpse.name for glimpse in self.glimpses if glimpse.scope is Scope.WORKSPACE]
        return self.is_open and self.steps.step is not Step.DONE and (not own or SAMPLE in own)

    def compose(self) -> ComposeResult:
        yield Static("", id="top")
        yield Static("", id="strip")
        with Horizontal(id="body"):
            yield self.skills_pane
            yield Divider(id="right-of-skills")
            yield self.editor
            yield Divider(id="left-of-run")
            yield self.run_pane
        with Vertical(id="lower"):
            yield Divider("", id="lower-names")
            with Vertical(id="lower-panes"):
                yield self.log_pane
                yield self.problems_pane
                yield self.tests_pane
        yield Static("", id="status")
        yield Static("", id="keys")
        yield Static("the terminal is too small: it wants 30 × 8", id="small", classes="too-small")

    def on_mount(self) -> None:
        self.skills_pane.show(self.glimpses)
        self.skills_pane.look_at(self._wanted)
        self.screen.set_focus(self.skills_pane.to_focus)
        self.call_after_refresh(self._fill)
        self.ticking = self.set_interval(TICK_SECONDS, self._tick, pause=True)

    async def _fill(self) -> None:
        """The rest of the panes, once the first frame is seen."""
        with self.batch_update():
            for pane in self.panes.values():
                await pane.fill()
        self.is_filled = True
        self.problems_pane.show(self._findings())
        self.arrange()
        self.first_frame.set()
        self.show_snapshot()
        self.set_interval(LOOK_SECONDS, self._look_around)
        self.run_worker(self.heartbeat.beat(self.draw_lines), name="heartbeat")

    def connect(self, workbench: Workbench) -> None:
        """From now on this workbench is shown."""
        self.look_from(workbench)
        self.editor.connect(workbench.drafts, self.sessions)
        self._teller.listen_to(workbench)
        self.run_worker(bridge(workbench.bus, self._teller.take), name="bridge")
        self.call_later(self._after_connecting)

    def look_from(self, workbench: Workbench) -> None:
        """Show what there is as this workbench sees it: from the workspace, or from a dev session."""
        self._workbench, self._lookout = workbench, Lookout(workbench)

    async def _after_connecting(self) -> None:
        is_first = not self._wanted
        await self.refresh_snapshot()
        self.remember()
        if left := self.editor.offered_paths:
            await self.show_place(Place(file=left[0]))
        elif is_first and self.hints_are_on:
            self.skills_pane.look_at(SAMPLE)

    async def do(self, command_id: str) -> None:
        """Do a command of the registry, or say why not."""
        command = BY_ID[command_id]
        if not self.is_filled and command_id != "app.quit":
            return
        if self.chosen is not None and self.skills_pane.looked_at not in ("", self.chosen.name):
            await self.refresh_snapshot()  # down, then e at once: the skill below is meant
        if reason := command.unavailable(self):
            self.say(f"{command.name}: {reason}")
            return
        try:
            result = command.do(self)
            if inspect.isawaitable(result):
                await result
        except (WorkbenchError, WrongInputs) as error:
            self.say(f"✕ {error}{f' · {error.hint}' if isinstance(error, WorkbenchError) else ''}")
        self.draw_lines()

    async def action_do(self, command_id: str) -> None:
        """A key. What was typed before it is still on its way to the field: that comes first."""
        if isinstance(self.focused, Input | TextArea):
            self.focused.call_later(self.call_later, self.do, command_id)
        else:
            await self.do(command_id)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that belongs to one pane is a key in that pane only; under another screen only quitting is left."""
        if action == "do":
            command = BY_ID[str(parameters[0])]
            return command.id == "app.quit" if len(self.screen_stack) > 1 else command.where in ("", self.front)
        return super().check_action(action, parameters)

    def typed_key(self, command: Command) -> str:
        """The key of a command that works where the focus is."""
        keys = self.keymap.of(command)
        if isinstance(self.focused, Input | TextArea):
            return next((key for key in keys if is_everywhere(key)), keys[0])
        return keys[0]

    def use_keymap(self, keymap: Keymap) -> None:
        self.keymap = self._bound(keymap)

    def say(self, words: str) -> None:
        """What came of what was done."""
        self.notices.answer(words)
        self.draw_lines()
        if words.startswith("✕"):
            self.set_timer(REFUSAL_SECONDS, self.draw_lines)  # what was told meanwhile is shown then

    def tell(self, words: str) -> None:
        """What happened by itself."""
        self.notices.news(words)
        self.draw_lines()

    def go_to(self, name: str) -> None:
        """Give the focus to a pane, or to the inputs in the run pane."""
        if not self.is_filled:
            return
        pane = "run" if name == "inputs" else name
        if pane in LOWER:
            self.layout_chosen = replace(self.layout_chosen, below=pane)
        self.front = pane
        self.arrange()
        target = self.run_pane.inputs_to_focus if name == "inputs" else self.panes[pane].to_focus
        target.screen.set_focus(target)

    def action_go_to(self, name: str) -> None:
        self.go_to(name)

    def arrange(self) -> None:
        """Put every pane where it belongs at this size."""
        if self.is_drawn:
            frame.arrange(self, self.screen_stack[0])

    def draw_lines(self) -> None:
        """The lines around the panes."""
        if self.is_drawn:
            frame.draw(self, self.screen_stack[0])

    async def refresh_snapshot(self) -> None:
        """Show every skill as it stands now, the chosen one too."""
        if not self.is_drawn:
            return
        if self._lookout is None:
            await self.editor.foresee(path_of(self.skills_pane.looked_at, self.glimpses, self.settings.workspace))
            return
        self.glimpses = self._lookout.glimpses()
        self.skills_pane.show(self.glimpses, self._lookout.owners_of(self.editor.unsaved_paths))
        self._wanted = self.skills_pane.looked_at or self._wanted
        findings = self._findings()
        self.problems_pane.show(findings)
        self.tests_pane.show(self._lookout.reports())
        self.chosen = self._lookout.skill(self._wanted)
        await self.editor.show(self.chosen, by_file(findings))
        if self.is_drawn:
            await self.run_pane.show(self.chosen, self._lookout.answering(self.chosen))
        self.draw_lines()

    def show_snapshot(self) -> None:
        self.call_later(self.refresh_snapshot)

    def leave(self, code: int) -> None:
        """What is unsaved is kept, what the screen remembers is written down, and the screen closes."""
        self.runs.cancel()
        self.editor.keep_now()
        self.remember()
        self.exit(code)

    def on_unmount(self) -> None:
        self.sessions.close_logbooks()

    def remember(self) -> None:
        self.memory.workspace |= {
            "layout": self.layout_chosen.document(),
            "chosen": self._wanted,
            "skills": remembered(self.glimpses),
        }
        self.memory.user |= {"step": self.steps.step.value, "theme": self.theme}
        self.memory.write()

    def on_skills_pane_looked(self, event: SkillsPane.Looked) -> None:
        self._wanted = event.name
        if not self._is_about_to_look:
            self._is_about_to_look = True
            self.set_timer(SOON_SECONDS, self._look)

    async def on_skills_pane_chosen(self, event: SkillsPane.Chosen) -> None:
        self._wanted = event.name
        await self.refresh_snapshot()
        await self.do("run.start")
        if self.is_single and self.runs.is_under_way:
            self.go_to("run")

    async def on_submitted(self, event: Submitted) -> None:
        event.stop()
        await self.do("run.start")

    @on(ProblemsPane.Chosen)
    @on(TestsPane.Chosen)
    async def go_to_its_line(self, event: ProblemsPane.Chosen | TestsPane.Chosen) -> None:
        await self.show_place(event.place)

    async def show_place(self, place: Place) -> None:
        """Open the file, and go to the line."""
        if self._lookout is not None and (owner := self._lookout.owner_of(place.file)) is not None:
            self.skills_pane.look_at(owner.name)
            await self.refresh_snapshot()
        await self.editor.open(place.file, place.line, place.column)
        self.go_to("editor")

    def on_editor_pane_said(self, event: EditorPane.Said) -> None:
        self.say(event.words)

    def on_editor_pane_stirred(self) -> None:
        self.show_snapshot()

    def on_editor_pane_saved(self, event: EditorPane.Saved) -> None:
        self.say(f"saved {os.path.basename(event.path)}")
        if self.is_open and not self.settings.skills.hot_reload_enabled:
            self.workbench.refresh()
        self.show_snapshot()

    def on_divider_dragged(self, event: Divider.Dragged) -> None:
        sizes = (self.skills_pane.size.width, self.run_pane.size.width, self.log_pane.container_size.height)
        self.layout_chosen = self.layout_chosen.dragged(event.divider.id or "", event.right, event.down, sizes)
        self.arrange()

    def on_resize(self) -> None:
        self.call_later(self.arrange)

    def on_descendant_focus(self) -> None:
        focused = self.screen_stack[0].focused if self.screen_stack else None
        pane = next((each for each in focused.ancestors if isinstance(each, Pane)), None) if focused else None
        if pane is not None and pane.id is not None:
            self.front = pane.id
        self.arrange()

    async def _look(self) -> None:
        self._is_about_to_look = False
        await self.refresh_snapshot()

    def _tick(self) -> None:
        """Only while a run is under way."""
        if self.is_drawn and self.runs.is_under_way:
            self.run_pane.show_running(self.runs.seconds)
        elif self.ticking is not None:
            self.ticking.pause()

    def _findings(self) -> tuple[Finding, ...]:
        of_skills = self._lookout.findings() if self._lookout else ()
        return (*self.keymap.findings, *self.wardrobe.themes.findings, *of_skills)

    def _look_around(self) -> None:
        """What others may have changed: the file in the editor, the themes."""
        if not self.is_drawn:
            return
        self.editor.look_outside()
        if self.wardrobe.look_again(self):
            wrong = self.wardrobe.themes.findings
            self.tell(f"✕ {wrong[0].message}" if wrong else f"the theme is {self.theme}")
            self.show_snapshot()

    def _bound(self, keymap: Keymap) -> Keymap:
        # Textual has no public way to change an app's own keys as a whole while it runs.
        self._bindings = BindingsMap(list(bindings_of(keymap)))
        return keymap
