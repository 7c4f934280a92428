"""`make screens`: every pane and every page as pictures, small and light, wide and dark, to be looked at."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
from textual.pilot import Pilot

from bench.figures import REPOSITORY
from workbench.assembly import open_workbench
from workbench.configuration import read_settings
from workbench.ui.app import WorkbenchApp
from workbench.ui.memory import open_memory

LOOKS = (("light", (80, 24)), ("dark", (120, 40)))
BROKEN = 'from workbench.sdk import skill\n\n\n@skill(name="redact-all", version="0.1.0")\ndef redact_all(text: str:\n'
Scene = Callable[[Pilot[int], WorkbenchApp], Awaitable[None]]


async def seen(pilot: Pilot[int], app: WorkbenchApp, *keys: str) -> None:
    """Keys, and the run that they may have begun."""
    await pilot.press(*keys)
    with anyio.move_on_after(10):
        while True:
            await pilot.pause(0.05)
            if not app.runs.is_under_way:
                break
    await pilot.pause(0.2)


def pressing(*keys: str) -> Scene:
    return lambda pilot, app: seen(pilot, app, *keys)


async def at(pilot: Pilot[int], app: WorkbenchApp, name: str, *keys: str) -> None:
    app.skills_pane.look_at(name)
    await pilot.pause(0.2)
    await seen(pilot, app, *keys)


SCENES: dict[str, Scene] = {
    "skills": pressing(),
    "editor": pressing("2"),
    "run": lambda pilot, app: at(pilot, app, "summarise", "r", "3"),
    "inputs": lambda pilot, app: at(pilot, app, "summarise", "i"),
    "json": lambda pilot, app: at(pilot, app, "summarise", "alt+j"),
    "broken": lambda pilot, app: at(pilot, app, "redact-all", "r", "2"),
    "unsaved": lambda pilot, app: at(pilot, app, "summarise", "e", "x"),
    "log": lambda pilot, app: at(pilot, app, "summarise", "r", "4"),
    "problems": pressing("5"),
    "nothing-matches": pressing("slash", "z", "q", "x"),
    "help": pressing("question_mark"),
    "palette": pressing("colon"),
    "theme": pressing("t"),
    "new": pressing("n"),
    "jump": pressing("f"),
    "refused": lambda pilot, app: at(pilot, app, "write-a-skill", "r", "3"),
}


async def draw(folder: Path) -> None:
    """One SVG for each scene and look."""
    for theme, size in LOOKS:
        for name, scene in SCENES.items():
            with tempfile.TemporaryDirectory() as home:
                svg = await _drawn(home, theme, size, scene)
            (folder / f"{name}-{size[0]}x{size[1]}-{theme}.svg").write_text(svg, encoding="utf-8")


async def _drawn(home: str, theme: str, size: tuple[int, int], scene: Scene) -> str:
    workspace = f"{home}/skills-demo"
    shutil.copytree(REPOSITORY / "skills", f"{workspace}/skills", ignore=shutil.ignore_patterns("__pycache__"))
    os.makedirs(f"{workspace}/skills/redact-all")
    Path(f"{workspace}/skills/redact-all/skill.py").write_text(BROKEN, encoding="utf-8")
    os.environ["HOME"] = home  # the top line shows paths from there
    environ = {"HOME": home, "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    settings = read_settings(workspace, environ)
    memory = open_memory(settings.workspace, environ)
    memory.user["theme"] = theme
    app = WorkbenchApp(settings, memory, environ)
    async with app.run_test(size=size) as pilot:
        await app.first_frame.wait()
        async with open_workbench(settings, environ=environ) as workbench, workbench.watching():
            app.connect(workbench)
            await pilot.pause(0.4)
            await scene(pilot, app)
            return app.export_screenshot(title="Skill Workbench")


def main() -> None:
    """Draw into the folder that is named, as PNG too where rsvg-convert is here."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "screens")
    folder.mkdir(parents=True, exist_ok=True)
    anyio.run(draw, folder)
    if shutil.which("rsvg-convert"):
        for svg in sorted(folder.glob("*.svg")):
            subprocess.run(["rsvg-convert", "-o", str(svg.with_suffix(".png")), str(svg)], check=True)
    print(f"{len(list(folder.glob('*.svg')))} pictures in {folder}")


if __name__ == "__main__":
    main()
