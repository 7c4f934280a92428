"""The front door of SKILL.md."""

from __future__ import annotations

from workbench.model.finding import Finding, Place, Severity
from workbench.model.skill import Kind
from workbench.runtime.formats.entry import Entry, Said, error_at
from workbench.runtime.formats.skill_md_reader import read_skill_md
from workbench.runtime.texts.lines import end_of


def from_skill_md(entry: Entry) -> Said:
    try:
        text = entry.data.decode()
    except UnicodeDecodeError as error:
        line, column = end_of(entry.data[: error.start].decode())
        finding = error_at("skill-md.encoding", "not UTF-8 text", entry.path, line, column, "save it as UTF-8")
        return entry.refused(Kind.AGENT_SKILL, finding)
    read = read_skill_md(text, file=entry.path, folder_name=entry.name)
    findings = read.findings
    if entry.file != "SKILL.md":
        message, hint = f"the format calls it SKILL.md, not {entry.file}", "rename it: some clients do not find it"
        place = Place(file=entry.path)
        finding = Finding(severity=Severity.WARNING, rule="skill-md.case", message=message, place=place, hint=hint)
        findings = (*findings, finding)
    return Said(kind=Kind.AGENT_SKILL, manifest=read.manifest, findings=findings)
