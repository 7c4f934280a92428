"""prompt_inline: a text with holes, filled once. Single braces are filled here, Jinja in a sandboxed worker."""

from __future__ import annotations

import re
from collections.abc import Mapping

import anyio

from workbench.model.errors import ErrorKind
from workbench.model.finding import Place
from workbench.model.frozen import replace
from workbench.model.manifest import Template
from workbench.model.run import Outcome, Run, Status, Usage, failure
from workbench.runtime.executors.failures import crashed
from workbench.runtime.executors.holes import Holes, TooMuch
from workbench.runtime.workers.pool import WorkerPool
from workbench.runtime.workers.worker import WorkerGone

MOST_CHARACTERS = 2_000_000
MOST_AT_ONCE = 20_000
_PART = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)


class UndefinedName(Exception):
    """A hole that no input fills."""

    def __init__(self, name: str, line: int) -> None:
        super().__init__(name)
        self.name, self.line = name, line


class PromptInline:
    """Renders a skill's text with its checked inputs."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool

    async def __call__(self, run: Run) -> Outcome:
        template = run.skill.manifest.template
        assert template is not None
        if template.is_jinja:
            return await self._rendered_in_a_worker(run, template)
        try:
            text = await _substituted_aside(template.text, run.inputs)
        except UndefinedName as error:
            return failure(
                ErrorKind.INPUT_INVALID,
                f"'{error.name}' is not given (line {error.line} of the prompt)",
                hint=f"give it: -i {error.name}=…, or declare it with a default",
                place=Place(file=run.skill.path),
            )
        except TooMuch as error:
            hint = "give less, or name a long input once"
            return failure(
                ErrorKind.INPUT_INVALID,
                f"with these inputs the prompt is too long: {error}",
                hint=hint,
                place=Place(file=run.skill.path),
            )
        return Outcome(
            status=Status.COMPLETED, output=text, usage=Usage(output_bytes=len(text.encode("utf-8", "replace")))
        )

    async def _rendered_in_a_worker(self, run: Run, template: Template) -> Outcome:
        try:
            async with self._pool.lease_renderer() as (worker, libraries):
                answer = await worker.ask(
                    {
                        "do": "render",
                        "template": template.text,
                        "inputs": dict(run.inputs),
                        "most": MOST_CHARACTERS,
                        "libraries": libraries,
                    }
                )
        except WorkerGone as error:
            return crashed(error)
        said = answer.said
        usage = Usage(cpu_ms=answer.cpu_ms, max_rss_mb=answer.max_rss_mb)
        if answer.is_ok:
            return Outcome(status=Status.COMPLETED, output=said.output, usage=usage, sandbox=worker.report)
        kind = ErrorKind.RESOURCE_LIMIT if said.kind == "resource_limit" else ErrorKind.CRASHED
        line = f" (line {said.line} of the template)" if said.line else ""
        place = Place(file=run.skill.path)
        failed = failure(kind, f"{said.message}{line}", place=place, hint="mend the template, or give what it asks for")
        return replace(failed, usage=usage, sandbox=worker.report)


async def _substituted_aside(text: str, inputs: Mapping[str, object]) -> str:
    """Filling a long text takes its time, and the loop has none."""
    if len(text) > MOST_AT_ONCE:
        return await anyio.to_thread.run_sync(substituted, text, inputs)
    return substituted(text, inputs)


def substituted(text: str, inputs: Mapping[str, object]) -> str:
    """`{name}` becomes the input; `{{` and `}}` are braces. Raises UndefinedName and TooMuch."""
    holes = Holes(inputs, most=MOST_CHARACTERS)

    def filled(part: re.Match[str]) -> str:
        if part[1] is None:
            return part[0][0]
        word = holes.word(part[1])
        if word is None:
            raise UndefinedName(part[1], text.count("\n", 0, part.start()) + 1)
        return word

    return holes.fill(text, _PART, filled)
