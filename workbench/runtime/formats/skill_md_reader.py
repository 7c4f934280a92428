"""The open Agent Skills format: SKILL.md, read as leniently as its clients do, judged as strictly as it is written.

`read_skill_md` is on the path of loading thousands: it looks at a text once and builds nothing that nobody asked for.
"""

from __future__ import annotations

import re
from itertools import islice

from workbench.model.finding import Finding, Place, Severity
from workbench.model.frozen import frozen
from workbench.model.manifest import Manifest
from workbench.model.skill import LEGAL_NAME
from workbench.model.version import parse_version
from workbench.runtime.formats.front_matter import read_front_matter, read_line_by_line
from workbench.runtime.formats.names import is_dangerous, legal_form_of
from workbench.runtime.texts.yaml_reader import YamlDocument, YamlRefused

STRICT_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
KNOWN_KEYS = frozenset({"name", "description", "license", "compatibility", "metadata", "allowed-tools"})
MAX_NAME, MAX_DESCRIPTION, MAX_COMPATIBILITY, MAX_BODY_LINES = 64, 1024, 500, 500
MAX_TOLD_KEYS = 20
_FIRST_LINE = re.compile(r"---[ \t]*\n")
_LAST_LINE = re.compile(r"^---[ \t]*$", re.MULTILINE)
_TOOL = re.compile(r"[^\s,(]+(?:\([^)]*\))?")


@frozen
class SkillMd:
    """What a SKILL.md says, and what is to be said of it."""

    manifest: Manifest
    findings: tuple[Finding, ...]


def read_skill_md(text: str, *, file: str, folder_name: str) -> SkillMd:
    """Never fails: what cannot be read is a finding, and the folder's name stands in for the name."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.removeprefix("\ufeff")
    begin = _FIRST_LINE.match(text)
    end = _LAST_LINE.search(text, begin.end()) if begin else None
    reading = _Reading(file)
    if begin is None or end is None:
        message = "the front matter has no end" if begin else "there is no front matter"
        hint = "begin the file with --- and end the front matter with ---, each on a line of its own"
        reading.say(Severity.ERROR, "front-matter", message, hint=hint)
        manifest = Manifest(name=folder_name, body=text)
    else:
        reading.read(text[begin.end() : end.start()])
        manifest = reading.manifest(folder_name, text[end.end() :].lstrip("\n"))
    return SkillMd(manifest=manifest, findings=tuple(reading.findings))


class _Reading:
    """The front matter of one file, and what is to be said of it."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._fields: dict[str, object] | None = None
        self._document: YamlDocument | None = None
        self.findings: list[Finding] = []

    def read(self, front: str) -> None:
        try:
            document: YamlDocument | None = read_front_matter(front)
        except YamlRefused as refusal:
            document = read_line_by_line(front)
            severity = Severity.ERROR if document is None else Severity.WARNING
            suffix = "; some clients load it, others do not" if document else ""
            self._tell(severity, "yaml", f"{refusal.message}{suffix}", (refusal.line, refusal.column), refusal.hint)
            if document is None:
                return
        self._document = document
        if document is not None and isinstance(document.value, dict):
            self._fields = document.value
        else:
            self.say(Severity.ERROR, "front-matter", "the front matter is not key: value", hint="write name: and so on")

    def manifest(self, folder_name: str, body: str) -> Manifest:
        fields = self._fields
        if fields is None:
            return Manifest(name=folder_name, body=body)
        name = self._text(fields, "name")
        description = self._text(fields, "description")
        if name != folder_name or len(name) > MAX_NAME or STRICT_NAME.fullmatch(name) is None:
            self._judge_name(name, folder_name)
        if not description:
            hint = "say what it does and when to use it"
            self.say(Severity.ERROR, "description", "'description' is missing", hint=hint)
        elif len(description) > MAX_DESCRIPTION:
            message = f"the description has {len(description):,} characters, and the format allows {MAX_DESCRIPTION:,}"
            self.say(
                Severity.WARNING, "description", message, "description", "some clients refuse it, one cuts it short"
            )
        if not fields.keys() <= KNOWN_KEYS:
            for key in islice((key for key in fields if key not in KNOWN_KEYS), MAX_TOLD_KEYS):
                message = f"'{key[:80]}' is not a key of the format"
                self.say(Severity.INFO, "key", message, key, "put it under metadata")
        compatibility = fields.get("compatibility")
        if isinstance(compatibility, str) and len(compatibility) > MAX_COMPATIBILITY:
            message = (
                f"'compatibility' has {len(compatibility):,} characters, and the format allows {MAX_COMPATIBILITY}"
            )
            self.say(Severity.WARNING, "compatibility", message, "compatibility", "move detail to the body")
        if len(body) > MAX_BODY_LINES and (lines := body.count("\n") + 1) > MAX_BODY_LINES:
            message = f"the body has {lines:,} lines, and the format advises under {MAX_BODY_LINES}"
            self.say(Severity.INFO, "body", message, hint="move detail to references/")
        return self._built(fields, name if LEGAL_NAME.fullmatch(name) else folder_name, name, description, body)

    def _built(self, fields: dict[str, object], name: str, title: str, description: str, body: str) -> Manifest:
        metadata = fields.get("metadata")
        if metadata and not isinstance(metadata, dict):
            self.say(
                Severity.WARNING, "metadata", "'metadata' is not key: value", "metadata", "write a key: value a line"
            )
        extras = {**fields, **metadata} if isinstance(metadata, dict) else fields
        version = _plain(extras.get("version")) or "0.0.0"
        if parse_version(version) is None:
            message = f"'{version[:40]}' is not a version, so it counts as 0.0.0"
            self.say(Severity.INFO, "version", message, "metadata", "write version: 1.2.3 under metadata")
            version = "0.0.0"
        return Manifest(
            name=name,
            title=title,
            version=version,
            description=description,
            license=_plain(fields.get("license")),
            author=_plain(extras.get("author")),
            category=_plain(extras.get("category")),
            tags=_words(extras.get("tags")),
            allowed_tools=_tools(fields.get("allowed-tools")),
            body=body,
        )

    def _judge_name(self, name: str, folder_name: str) -> None:
        if not name:
            self.say(Severity.ERROR, "name", "'name' is missing", hint=f"write name: {legal_form_of(folder_name)}")
        elif len(name) > MAX_NAME or STRICT_NAME.fullmatch(name) is None:
            severity = Severity.ERROR if is_dangerous(name) else Severity.WARNING
            message = f"'{name[:80]}' is not a name of the format"
            self.say(severity, "name", message, "name", "lowercase letters, digits and single hyphens, at most 64")
        elif name != folder_name:
            message = f"the name is '{name}', the folder's is '{folder_name[:80]}'"
            self.say(Severity.WARNING, "name", message, "name", "the format wants them equal: rename one of them")

    def _text(self, fields: dict[str, object], key: str) -> str:
        value = fields.get(key, "")
        if isinstance(value, str):
            return value
        self.say(Severity.ERROR, "type", f"'{key}' must be a text", key, "put it in quotes")
        return ""

    def say(self, severity: Severity, rule: str, message: str, key: str = "", hint: str = "") -> None:
        place = self._document.places.get((key,), (0, 1)) if self._document and key else (0, 1)
        self._tell(severity, rule, message, place, hint)

    def _tell(self, severity: Severity, rule: str, message: str, at: tuple[int, int], hint: str) -> None:
        """`at` counts from the front matter's first line as 1."""
        place = Place(file=self._file, line=at[0] + 1, column=at[1])
        self.findings.append(
            Finding(severity=severity, rule=f"skill-md.{rule}", message=message, place=place, hint=hint)
        )


def _plain(value: object) -> str:
    return value if isinstance(value, str) else ""


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _tools(value: object) -> tuple[str, ...]:
    """`Read, Bash(git add:*)` or a list of such: a tool keeps what stands in its parentheses."""
    return tuple(_TOOL.findall(value)) if isinstance(value, str) else _words(value)
