"""What an event is in words: one line for the status, and lines for the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workbench.model.devsession import MAIN
from workbench.model.events import (
    Event,
    OutputReceived,
    RevisionAccepted,
    RunEnded,
    SessionChanged,
    SkillEvent,
    SkillExecutionCompleted,
    SkillExecutionFailed,
    SkillExecutionStarted,
    SkillHotReloaded,
    SkillRegistered,
    SkillReloadFailed,
    SkillStateChanged,
    SkillTested,
    SkillUnregistered,
    WatchStarted,
    WorkerEnded,
)
from workbench.model.words import counted, duration
from workbench.ui.bridge import PER_SECOND
from workbench.ui.hearing import Hearing
from workbench.ui.logbook import LogEntry
from workbench.ui.words import end_of

if TYPE_CHECKING:
    from workbench.runtime.runtime import Workbench
    from workbench.ui.app import WorkbenchApp


class Teller:
    """Takes what the bridge brings, and has the screen show it."""

    def __init__(self, app: WorkbenchApp) -> None:
        self._app = app
        self._hearing: Hearing | None = None
        self._is_about_to_read_on = False

    def listen_to(self, workbench: Workbench) -> None:
        """Say that it is ready; and where what is kept of it lies, if that is not where anybody would look."""
        self._hearing = Hearing(workbench.output_of)
        place = workbench.place
        self._app.say("ready" if place.is_in_workspace else f"ready · history and drafts lie elsewhere: {place.reason}")
        if not place.is_in_workspace:
            text = f"not kept here: {place.reason}; history, approvals and unsaved text are in {place.folder}"
            entry = LogEntry(at=workbench.clock.now(), level="warning", topic="state", skill="", run="", text=text)
            self._app.log_pane.add([entry])

    def take(self, events: tuple[Event, ...], dropped: int) -> None:
        """The newest event with words is said, all of them are logged, and everything else is in the snapshot."""
        app = self._app
        if not app.is_drawn:
            return
        entries: list[LogEntry] = []
        for event in events:
            if app.sessions.is_elsewhere(event):
                app.sessions.logbook(event.realm).add(log_entries(event))
                continue
            if words := status_words(event):
                app.tell(words)
            self._heed(event)
            entries += log_entries(event)
        if dropped:
            app.tell(f"{dropped:,} events came too fast to be told")
        app.log_pane.add(entries)
        self._read_on()
        app.show_snapshot()

    def _heed(self, event: Event) -> None:
        """What means something beyond its words."""
        app, hearing = self._app, self._hearing
        match event:
            case SessionChanged():
                app.call_later(app.sessions.heed)
            case SkillHotReloaded():
                app.steps.reloaded(event.skill)
            case SkillReloadFailed():
                app.steps.broke(event.skill)
            case SkillExecutionStarted():
                app.runs.heard_of(event)
            case OutputReceived() if hearing is not None:
                hearing.told(event)
            case SkillExecutionCompleted() | SkillExecutionFailed() if hearing is not None:
                hearing.ended(event.run)

    def _read_on(self) -> None:
        """Log what was said, and read on a moment later where there is more."""
        self._is_about_to_read_on = False
        hearing, app = self._hearing, self._app
        if hearing is None or not hearing.is_behind or not app.is_drawn:
            return
        for heard in hearing.read_on():
            topic = "output" if heard.stream == "stdout" else "stderr"
            app.log_pane.add(
                LogEntry(at=heard.at, level="info", topic=topic, skill=heard.skill, run=heard.run, text=line)
                for line in heard.lines
            )
            app.runs.heard(heard)
        if hearing.is_behind and not self._is_about_to_read_on:
            self._is_about_to_read_on = True
            app.set_timer(1 / PER_SECOND, self._read_on)


def status_words(event: Event) -> str:
    """The event as the status line says it; nothing for what is no news."""
    match event:
        case WatchStarted() if event.realm != MAIN:
            return ""
        case WatchStarted(polling=""):
            return f"watching {counted(event.skills, 'skill')} · save a file and it reloads"
        case WatchStarted():
            return f"▲ watching {counted(event.skills, 'skill')} by looking every 0.3 s · the log says why"
        case SkillHotReloaded():
            return f"↻ {event.skill} → r{event.revision}  {event.total_ms:.0f} ms   {_steps(event.steps)}"
        case SkillReloadFailed():
            return f"✕ {event.skill}{_first(event)} · {_answering(event)}"
        case SkillTested():
            return f"{'✓' if event.is_green else '▲'} {event.skill} r{event.revision} tests: {_tested(event)}"
        case RunEnded():
            return f"{event.skill} r{event.revision} {event.status} elsewhere, {duration(event.duration_ms)}"
        case SkillUnregistered():
            return f"{event.skill} is gone: {event.reason}"
    return ""


def log_entries(event: Event) -> Iterator[LogEntry]:
    """The event as lines of the log."""
    level, topic, text, run = _told(event)
    if text:
        skill = event.skill if isinstance(event, SkillEvent) else ""
        yield LogEntry(at=event.at, level=level, topic=topic, skill=skill, run=run, text=text)


def _tested(event: SkillTested) -> str:
    counts = (("passed", event.passed), ("red", event.failed), ("skipped", event.skipped))
    told = ", ".join(f"{count} {word}" for word, count in counts if count)
    return f"{told}{' · ' if told and event.first else ''}{event.first}"


def _told(event: Event) -> tuple[str, str, str, str]:
    """Level, topic, text and run."""
    match event:
        case WatchStarted():
            where = f"watching {counted(event.skills, 'skill')} in {', '.join(event.roots)}"
            if event.polling:
                return "warning", "watch", f"{where}, by looking every 0.3 s: {event.polling}", ""
            return "info", "watch", where, ""
        case SkillHotReloaded():
            return "info", "reload", f"→ r{event.revision}  {event.total_ms:.0f} ms   {_steps(event.steps)}", ""
        case SkillReloadFailed():
            return "error", "reload", f"broken{_first(event)} · {_answering(event)}", ""
        case SkillTested():
            level = "info" if event.is_green else "warning"
            return level, "test", f"r{event.revision}  {event.total_ms:.0f} ms   {_tested(event)}", ""
        case SkillExecutionStarted():
            return "debug", "run", f"r{event.revision} began", event.run
        case SkillExecutionCompleted() | SkillExecutionFailed():
            glyph, word, _ = end_of(event.outcome)
            error = f"   {event.outcome.error.message}" if event.outcome.error else ""
            level = "info" if event.outcome.is_ok else "error"
            return level, "run", f"{glyph} {word}  {duration(event.outcome.duration_ms)}{error}", event.run
        case RunEnded():
            words = f"r{event.revision} {event.status} elsewhere  {duration(event.duration_ms)}"
            return "info", "run", words, event.run
        case SkillRegistered():
            return "info", "skill", f"is here, version {event.version}", ""
        case SkillUnregistered():
            return "warning", "skill", f"is gone: {event.reason}", ""
        case SkillStateChanged():
            return "debug", "skill", f"{event.before} → {event.after}", ""
        case WorkerEnded():
            return ("warning" if event.is_trouble else "debug"), "worker", event.why, ""
        case SessionChanged():
            return "info", "session", event.what, ""
        case RevisionAccepted():
            return "debug", "reload", f"r{event.revision} was accepted elsewhere", ""
    return "debug", "", "", ""


def _steps(steps: tuple[tuple[str, float], ...]) -> str:
    return " · ".join(f"{name} {ms:.0f}" for name, ms in steps)


def _first(event: SkillReloadFailed) -> str:
    first = next((finding for finding in event.findings if finding.severity.breaks), None)
    if first is None:
        return ""
    return f" line {first.place.line}: {first.message}" if first.place.line else f": {first.message}"


def _answering(event: SkillReloadFailed) -> str:
    return f"r{event.answering_revision} goes on answering" if event.answering_revision else "nothing answers yet"
