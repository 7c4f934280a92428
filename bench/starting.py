"""How long it takes to be there: the version, an import, a run with nothing warm."""

from __future__ import annotations

import os
from collections.abc import Iterator

from bench.figures import PYTHON, Figure, at_most, clean_environ, in_turns, median_ms, spawned

ECHO = '{"name": "echo", "version": "1.0.0", "type": "code_inline", "command": "echo", "args": ["hi"]}'
FUNCTION = (
    "from workbench.sdk import skill\n\n\n"
    '@skill(name="answer", version="1.0.0")\ndef answer(x: int = 1) -> int:\n    return x + 41\n'
)


def measure(folder: str) -> Iterator[Figure]:
    environ = clean_environ(folder)
    workspace = f"{folder}/starting"
    for name, file, text in (("echo", "skill.json", ECHO), ("answer", "skill.py", FUNCTION)):
        os.makedirs(f"{workspace}/skills/{name}", exist_ok=True)
        with open(f"{workspace}/skills/{name}/{file}", "w", encoding="utf-8") as target:
            target.write(text)

    def once(*argv: str) -> float:
        return spawned([PYTHON, *argv], 1, cwd=workspace, environ=environ)[0]

    def workbench(*arguments: str) -> float:
        command = os.path.join(os.path.dirname(PYTHON), "workbench")
        return spawned([command, *arguments], 1, cwd=workspace, environ=environ)[0]

    version, bare = in_turns(lambda: workbench("--version"), lambda: once("-c", "pass"), 30)
    baseline = {"python -c pass (ms)": median_ms(bare)}
    yield at_most("cli_version_x", median_ms(version) / median_ms(bare), 4, baseline=baseline)

    ours, textual = in_turns(
        lambda: once("-c", "import workbench.assembly"), lambda: once("-c", "import textual.app"), 15
    )
    without = median_ms(bare)
    yield at_most(
        "import_runtime_x",
        (median_ms(ours) - without) / (median_ms(textual) - without),
        0.5,
        baseline={"import textual.app (ms)": median_ms(textual) - without},
        detail={"import workbench.assembly (ms)": median_ms(ours) - without},
    )

    for name, gate in (("echo", 20.0), ("answer", 30.0)):
        once("-m", "workbench", "run", name)
        run, bare = in_turns(lambda name=name: workbench("run", name), lambda: once("-c", "pass"), 15)  # type: ignore[misc]
        suffix = "" if name == "echo" else "_python"
        yield at_most(
            f"cold_run{suffix}_x",
            median_ms(run) / median_ms(bare),
            gate,
            baseline={"python -c pass (ms)": median_ms(bare)},
            detail={"workbench run (ms)": median_ms(run)},
        )
