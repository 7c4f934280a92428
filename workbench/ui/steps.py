"""The first steps: one line that leads from running the sample to making a skill of one's own. It never blocks."""

from __future__ import annotations

from enum import StrEnum

SAMPLE = "summarise"


class Step(StrEnum):
    """What is to be tried next."""

    RUN = "run"
    EDIT = "edit"
    BREAK = "break"
    ANSWERED = "answered"
    MEND = "mend"
    NEW = "new"
    DONE = "done"


WORDS = {
    Step.RUN: "enter runs it",
    Step.EDIT: "e: another sign in line 5, then ctrl+s",
    Step.BREAK: "it answers already · now break it: delete a bracket, save",
    Step.ANSWERED: "run it: the last good version still answers",
    Step.MEND: "mend it: ctrl+z, then ctrl+s",
    Step.NEW: "that is all · n makes a skill of your own",
    Step.DONE: "",
}
_ORDER = tuple(Step)


class Steps:
    """Where somebody is on the way. Every step may also be skipped by doing a later one."""

    def __init__(self, remembered: object) -> None:
        known = [step.value for step in Step]
        self.step = Step(remembered) if remembered in known else Step.RUN

    def words(self, chosen: str) -> str:
        """What to try next, with this skill chosen."""
        if chosen != SAMPLE and self.step not in (Step.NEW, Step.DONE):
            return f"first steps: choose {SAMPLE}"
        return WORDS[self.step]

    def ran(self, name: str, *, is_ok: bool, is_broken: bool) -> None:
        if name != SAMPLE:
            return
        if is_broken and self.step is Step.ANSWERED:
            self._reach(Step.MEND)
        elif is_ok:
            self._reach(Step.EDIT)

    def reloaded(self, name: str) -> None:
        """A save of the sample was accepted."""
        if name == SAMPLE:
            self._reach(Step.NEW if self.step in (Step.ANSWERED, Step.MEND) else Step.BREAK)

    def broke(self, name: str) -> None:
        """A save of the sample was refused."""
        if name == SAMPLE:
            self._reach(Step.ANSWERED)

    def finish(self) -> None:
        self.step = Step.DONE

    def begin_again(self) -> None:
        self.step = Step.RUN

    def _reach(self, step: Step) -> None:
        if _ORDER.index(step) > _ORDER.index(self.step):
            self.step = step
