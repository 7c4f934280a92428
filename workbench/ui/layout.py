"""Which pane stands where, and how large: values that fit themselves to the terminal."""

from __future__ import annotations

from typing import Any

from workbench.model.frozen import frozen, replace

PANES = ("skills", "editor", "run", "log", "problems", "tests")
LOWER = ("log", "problems", "tests")
NARROW = 100
LEAST_WIDTH, LEAST_EDITOR, LEAST_HEIGHT = 22, 30, 3
LEAST_TERMINAL = (30, 8)
STEP = 4


@frozen
class Layout:
    """What was chosen: the widths of the outer columns, the height of the lower panes, which of those is seen."""

    skills: int = 34
    run: int = 44
    lower: int = 8
    below: str = "log"
    is_maximised: bool = False

    def fitted(self, width: int, height: int) -> Layout:
        """The same as far as there is room; the editor keeps its least width before the outer columns keep theirs."""
        room = max(2 * LEAST_WIDTH, width - LEAST_EDITOR - 2)
        skills = max(LEAST_WIDTH, min(self.skills, room // 2))
        run = max(LEAST_WIDTH, min(self.run, room - skills))
        lower = max(LEAST_HEIGHT, min(self.lower, (height - 5) // 2))
        return replace(self, skills=skills, run=run, lower=lower)

    def is_single(self, width: int) -> bool:
        """Whether there is room, or the wish, for one pane only."""
        return self.is_maximised or width < NARROW

    def resized(self, pane: str, wider: int, taller: int) -> Layout:
        """The focused pane a step wider or taller; the editor grows by what the run pane loses."""
        if pane in LOWER or taller:
            grown = taller if pane in LOWER else -taller
            return replace(self, lower=max(LEAST_HEIGHT, self.lower + grown))
        match pane:
            case "skills":
                return replace(self, skills=max(LEAST_WIDTH, self.skills + wider * STEP))
            case "run":
                return replace(self, run=max(LEAST_WIDTH, self.run + wider * STEP))
        return replace(self, run=max(LEAST_WIDTH, self.run - wider * STEP))

    def dragged(self, divider: str, right: int, down: int, sizes: tuple[int, int, int]) -> Layout:
        """A divider was taken so many cells to the right and down; the sizes are those of now."""
        skills, run, lower = sizes
        match divider:
            case "right-of-skills":
                return replace(self, skills=max(LEAST_WIDTH, skills + right))
            case "left-of-run":
                return replace(self, run=max(LEAST_WIDTH, run - right))
        return replace(self, lower=max(LEAST_HEIGHT, lower - down))

    def document(self) -> dict[str, Any]:
        return {"skills": self.skills, "run": self.run, "lower": self.lower, "below": self.below}


def layout_from(document: object) -> Layout:
    """What was remembered, as far as it makes sense."""
    known = document if isinstance(document, dict) else {}
    sizes = {
        name: known[name]
        for name in ("skills", "run", "lower")
        if type(known.get(name)) is int and 0 < known[name] < 1000
    }
    below = known.get("below")
    return replace(Layout(), **sizes, below=below if below in LOWER else "log")
