"""What a skill may be called."""

from __future__ import annotations

import re

from workbench.model.finding import printable

LEGAL_HINT = "letters, digits, dot, dash and underscore, at most 128, beginning with a letter or digit"
_ILLEGAL = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)


def is_dangerous(name: str) -> bool:
    """Whether a name could be taken for a path, or hides characters: such a name is no mere title."""
    return "/" in name or "\\" in name or ".." in name or printable(name) != name


def legal_form_of(name: str) -> str:
    """The nearest legal name, to be suggested."""
    return _ILLEGAL.sub("-", name).strip("-._")[:64] or "my-skill"
