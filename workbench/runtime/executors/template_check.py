"""What is wrong with a Jinja template before it is ever rendered; read in the sandbox, as it is rendered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from workbench.model.finding import Finding, Place, Severity
from workbench.model.skill import Skill
from workbench.runtime.schemas.words import nearest
from workbench.runtime.workers.pool import WorkerPool


async def check_template(skill: Skill, pool: WorkerPool) -> tuple[Finding, ...]:
    """Findings for a template that cannot be read, and for names that no input can ever fill."""
    template = skill.manifest.template
    if template is None or not template.is_jinja:
        return ()
    async with pool.lease_renderer() as (worker, libraries):
        answer = await worker.ask({"do": "check", "template": template.text, "libraries": libraries})
    said = answer.said
    if not answer.is_ok:
        line = f" (line {said.line} of the template)" if said.line else ""
        return (_finding(skill, f"{said.message}{line}", ""),)
    return tuple(_unknown_names(skill, said.names))


def _unknown_names(skill: Skill, names: list[str]) -> Iterator[Finding]:
    schema = skill.manifest.input_schema or {}
    known = schema.get("properties")
    if schema.get("additionalProperties") is not False or not isinstance(known, Mapping):
        return
    for name in names:
        if name not in known:
            yield _finding(
                skill, f"no input fills {{{{ {name} }}}}", nearest(name, tuple(known)) or f"declare '{name}'"
            )


def _finding(skill: Skill, message: str, hint: str) -> Finding:
    place = Place(file=skill.path)
    return Finding(severity=Severity.ERROR, rule="prompt.template", message=message, place=place, hint=hint)
