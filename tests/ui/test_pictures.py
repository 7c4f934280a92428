"""Pictures of the panes, compared with those that were looked at (`--snapshot-update` takes new ones)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.author import Author
from tests.ui.eyes import Eyes
from workbench.assembly import open_workbench
from workbench.configuration import read_settings
from workbench.model.frozen import replace
from workbench.model.policy import Tier
from workbench.ui.app import WorkbenchApp
from workbench.ui.heartbeat import Heartbeat
from workbench.ui.memory import open_memory

pytestmark = pytest.mark.timeout(60)
SCENES = {
    "skills": (),
    "editor": ("down", "e", "end", "x"),
    "inputs": ("i", "tab"),
    "broken": ("end", "2"),
    "problems": ("5",),
    "nothing-matches": ("slash", "z", "q"),
    "help": ("question_mark",),
    "palette": ("colon", "r", "u", "n"),
}
LOOKS = {"light": (80, 24), "dark": (120, 40)}


@pytest.mark.parametrize("theme", LOOKS)
@pytest.mark.parametrize("scene", SCENES)
def test_the_panes_look_as_they_did(
    author: Author, monkeypatch: pytest.MonkeyPatch, snap_compare: Callable[..., bool], scene: str, theme: str
) -> None:
    workspace = Path(author.environ["HOME"]) / "demo"
    monkeypatch.setenv("HOME", author.environ["HOME"])  # the top line shows the path from there
    monkeypatch.setattr(Heartbeat, "hurts", False)
    here = Author(workspace, author.environ)
    here.has_command("hello", "echo", "hello", description="Says hello.")
    parameters = "who: str, often: int = 1, loud: bool = False"
    here.has_function("greet", "return who * often", parameters=parameters, options=", example={'who': 'ada'}")
    here.writes("skills-of-others/zigzag/skill.py", "from workbench.sdk import skill\n\n\ndef zigzag(text: str:\n")
    settings = read_settings(str(workspace), author.environ)
    memory = open_memory(settings.workspace, author.environ)
    memory.user |= {"theme": theme, "step": "done"}
    app = WorkbenchApp(settings, memory, author.environ)

    async def act(pilot: Pilot[int]) -> None:
        eyes = Eyes(pilot, app)
        await app.first_frame.wait()
        async with open_workbench(settings, environ=author.environ) as workbench:
            app.connect(replace(workbench, tier=Tier.A))  # the pictures are of one machine
            await eyes.until(lambda: "opening" not in eyes.text, "an open workbench")
            await eyes.press(*SCENES[scene])
            await eyes.until(lambda: app.chosen is not None, "a skill")
            app.say("as it was")
            await eyes.settle()

    assert snap_compare(app, terminal_size=LOOKS[theme], run_before=act)
