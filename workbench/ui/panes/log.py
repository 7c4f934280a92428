"""Log: what happens, as it happens; followed or paused, filtered by text, level and skill."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from textual.widget import Widget
from textual.widgets import Input

from workbench.model.frozen import replace
from workbench.ui.logbook import LEVELS, Logbook, LogEntry
from workbench.ui.panes.pane import Pane
from workbench.ui.sieve import LogFilter
from workbench.ui.widgets.log_view import LogView


class LogPane(Pane):
    """Shows a logbook."""

    NUMBER, NAME = 4, "Log"

    def __init__(self, logbook: Logbook) -> None:
        super().__init__()
        self._logbook = logbook
        self._wanted = LogFilter(level="info")

    def contents(self) -> Iterator[Widget]:
        yield Input(placeholder="filter", id="log-filter", compact=True, classes="filter")
        yield LogView(self._logbook, id="log-view", hint="esc shows all")

    @property
    def to_focus(self) -> Widget:
        return self.view

    @property
    def view(self) -> LogView:
        return self.query_one(LogView)

    @property
    def words_to_copy(self) -> str:
        entry = self._logbook.entry(self.view.cursor)
        return entry.text if entry else ""

    def filled(self) -> None:
        self.query_one(Input).display = False
        self._show()

    def add(self, entries: Iterable[LogEntry]) -> None:
        self.view.add(entries)

    def use(self, logbook: Logbook) -> None:
        """Show another logbook, from its newest line on."""
        self._logbook = self.view.logbook = logbook
        self.view.following = True
        self._show()

    def focus_filter(self) -> None:
        self.query_one(Input).display = True
        self.screen.set_focus(self.query_one(Input))

    def switch_following(self) -> None:
        self.view.following = not self.view.following

    def next_level(self) -> None:
        level = LEVELS[(LEVELS.index(self._wanted.level) + 1) % len(LEVELS)]
        self._wanted = replace(self._wanted, level=level)
        self._show()

    def switch_skill(self, name: str) -> None:
        self._wanted = replace(self._wanted, skill="" if self._wanted.skill else name)
        self._show()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._wanted = replace(self._wanted, text=event.value)
        self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.screen.set_focus(self.view)

    def key_escape(self) -> None:
        """Everything again, from the level that was chosen."""
        self.query_one(Input).value = ""
        self.query_one(Input).display = False
        self._wanted = LogFilter(level=self._wanted.level)
        self._show()
        self.screen.set_focus(self.view)

    def show_state(self) -> None:
        """Whether the newest line is followed, and what is left out, behind the title."""
        wanted = self._wanted
        parts = ["follow ●" if self.view.following else "paused ‖", f"level {wanted.level}"]
        parts += [f"skill {wanted.skill}"] if wanted.skill else []
        parts += [f"'{wanted.text}'"] if wanted.text else []
        self.set_detail("   ".join(parts))

    def _show(self) -> None:
        self.view.show_only(self._wanted)
        self.show_state()
