"""What a skill's file says that it is called, where nothing else of it can be read."""

from __future__ import annotations

import re

from workbench.model.finding import Finding

# In the order in which they count: an id before a slug before a name, as in what can be read.
_SAID = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        rb"""(?:\bskill_id\s*=\s*|\bSkillMetadata\(\s*|"(?:skill_id|slug)"\s*:\s*)["']([A-Za-z0-9][\w.-]{0,127})["']""",
        rb"""(?:@skill\([^)]{0,2000}?\bname\s*=\s*|^\s{0,4}"name"\s*:\s*)["']([A-Za-z0-9][\w.-]{0,127})["']""",
        rb"""^name:\s*["']?([A-Za-z0-9][\w.-]{0,127})["']?\s*$""",
    )
)
_UNREADABLE = frozenset({"python.syntax", "manifest.json", "skill-md.yaml"})


def name_in(source: bytes, findings: tuple[Finding, ...]) -> str:
    """A broken save is still one of the skill that it was; "" where the file can be read, or says nothing."""
    if not any(finding.rule in _UNREADABLE for finding in findings):
        return ""
    found = (pattern.search(source) for pattern in _SAID)
    return next((match[1].decode("ascii", "replace") for match in found if match), "")
