"""How states are said on the screen: a glyph, a word, and the name of a style."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from workbench.model.run import Outcome, Status
from workbench.model.skill import Skill, SkillState
from workbench.model.words import counted

STATES = {
    SkillState.OK: ("●", "ok", "good"),
    SkillState.UNREAD: ("○", "unread", "dim"),
    SkillState.RELOADING: ("↻", "reloading", "accent"),
    SkillState.BROKEN: ("✕", "broken", "bad"),
    SkillState.TESTS_RED: ("▲", "tests red", "warning"),
    SkillState.DISABLED: ("◌", "disabled", "dim"),
}
ENDS = {
    Status.COMPLETED: ("✓", "completed", "good"),
    Status.FAILED: ("✕", "failed", "bad"),
    Status.TIMED_OUT: ("✕", "timed out", "bad"),
    Status.REJECTED: ("⊘", "rejected", "warning"),
    Status.CANCELLED: ("◌", "cancelled", "dim"),
    Status.LOST: ("?", "lost", "warning"),
}
KEY_NAMES = {
    "slash": "/",
    "question_mark": "?",
    "colon": ":",
    "escape": "esc",
    "full_stop": ".",
    "apostrophe": "'",
    "semicolon": ";",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}


def state_of(skill: Skill) -> tuple[str, str, str]:
    """Glyph, word and style of a skill's state."""
    return STATES[skill.state]


def end_of(outcome: Outcome) -> tuple[str, str, str]:
    """Glyph, word and style of a run's end."""
    return ENDS[outcome.status]


def spoken_counts(states: Iterable[SkillState]) -> str:
    """`18 skills · 16 ok · 2 broken`: the states that there are, in the order of the table."""
    counts = Counter(states)
    parts = [f"{counts[state]} {STATES[state][1]}" for state in STATES if counts[state]]
    return " · ".join([counted(counts.total(), "skill"), *parts])


def has_in_order(text: str, letters: str) -> bool:
    """Whether the text has these letters, in this order."""
    rest = iter(text)
    return all(letter in rest for letter in letters)


def key_name(key: str) -> str:
    """A key as people read it."""
    front, plus, last = key.rpartition("+")
    return f"{front}{plus}{KEY_NAMES.get(last, last)}"
