"""What a skill could do to whoever starts it: with what it leaves, says and answers; tried on each tier."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.author import Author, function
from tests.runtime.executors.running import opened
from tests.runtime.sandbox.outside import run, stamps
from tests.runtime.sandbox.test_warden import until_gone
from tests.runtime.sandbox.tiers import BY_TIER, behind
from workbench.model.run import Status

pytestmark = pytest.mark.anyio

ODD_THINGS = """
import os, stat
def odd(folder):
    os.mkfifo(folder + '/pipe')
    os.mknod(folder + '/socket', 0o600 | stat.S_IFSOCK)
    os.symlink('/dev/zero', folder + '/zeros')
    os.mkdir(folder + '/below')
    os.mkfifo(folder + '/below/pipe')
    try:
        os.mknod(folder + '/device', 0o600 | stat.S_IFCHR, os.makedev(0, 0))
    except OSError:
        pass
    open(folder + '/note', 'w').write('kept')
"""


@BY_TIER
async def test_no_reader_waits_for_a_pipe_a_socket_or_a_device(author: Author, tier: str) -> None:
    author = behind(author, tier)
    (author.workspace / "reports").mkdir()
    permissions = {"file_write": ["workspace:reports"]}
    held = "os.mkfifo(os.environ['WORKBENCH_WORKSPACE'] + '/reports/.envrc')"
    script = f"{ODD_THINGS}\nodd(os.environ['WORKBENCH_OUT'])\n{held}"
    author.has_command("leaves", "python3", "-c", script, security={"permissions": permissions})
    author.writes("helper.py", ODD_THINGS)
    author.writes(
        "called/skill.py", "import helper\n" + function("called", "helper.odd(context.out)", parameters="context")
    )

    async with opened(author) as workbench:
        left, taken = await run(workbench, "leaves"), await run(workbench, "called")

    assert [left.status, taken.status] == [Status.COMPLETED] * 2, (left.error, taken.error)
    for outcome in (left, taken):
        assert [os.path.basename(path) for path in outcome.artifacts] == ["below", "note"]
    assert [os.path.basename(each.path) for each in left.held_back] == [".envrc"]
    assert sorted(os.listdir(author.workspace / "reports")) == []


SWAPS = """
import ctypes, os, threading
def swap(one, other):
    exchange = ctypes.CDLL(None).renameat2
    while True:
        exchange(-100, one.encode(), -100, other.encode(), 2)
"""


@BY_TIER
@pytest.mark.exhaustive
@pytest.mark.timeout(120)
async def test_what_is_taken_from_a_worker_that_swaps_it_for_a_link_is_never_anothers(
    author: Author, tier: str, outside: Path
) -> None:
    author = behind(author, tier)
    (outside / "deep").mkdir()
    (outside / "deep/key").write_text("secret")
    body = (
        "beside = context.out + '-link'\nos.symlink(target, beside)\nos.mkdir(context.out + '/deep')\n"
        "os.symlink(target + '/deep', context.out + '/link')\n"
        "open(context.out + '/deep/note', 'w').close()\nopen(context.out + '/note', 'w').close()\n"
        "for pair in ((context.out, beside), (context.out + '/deep', context.out + '/link')):\n"
        "    threading.Thread(target=helper.swap, args=pair, daemon=True).start()"
    )
    author.writes("helper.py", SWAPS)
    parameters = "target: str, context"
    author.writes("swaps/skill.py", f"import helper, os, threading\n{function('swaps', body, parameters=parameters)}")
    before = stamps(outside)

    async with opened(author) as workbench:
        for _ in range(10):
            assert (await run(workbench, "swaps", target=str(outside))).sandbox is not None

    assert stamps(outside) == before
    kept = {path.name for path in (author.workspace / ".workbench/runs").rglob("*") if path.is_file()}
    assert kept <= {"note"}


@BY_TIER
@pytest.mark.exhaustive
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "body",
    [
        "for folder in range(100):\n    os.mkdir(f'{context.out}/{folder}'); os.chdir(f'{context.out}/{folder}')\n"
        "    open('one', 'w').close()\n    for number in range(1_000): os.link('one', str(number))",
        "os.chdir(context.out)\nfor _ in range(10_000):\n    os.mkdir('d'); os.chdir('d')",
        "os.mkdir(context.out + '/closed'); open(context.out + '/closed/x', 'w').close()\n"
        "os.chmod(context.out + '/closed', 0); os.chmod(context.out, 0)",
    ],
    ids=["a hundred thousand files", "ten thousand folders in one another", "closed folders"],
)
async def test_a_folder_of_any_size_and_depth_is_cleared_away(author: Author, tier: str, body: str) -> None:
    author = behind(author, tier, max_files=1_000_000, max_written_mb=10_000, max_execution_time=60)
    author.has_function("leaves", f"import os\n{body}", parameters="context", options=", timeout=60")
    author.has_function("honest", "return 'well'")

    async with opened(author) as workbench:
        outcome = await run(workbench, "leaves")
        assert outcome.sandbox is not None
        assert (await run(workbench, "honest")).output == "well"
        runs = author.workspace / ".workbench/scratch"
        assert [path for path in runs.glob("*/*/*") if outcome.artifacts and path.name in outcome.artifacts[0]] == []

    assert list((author.workspace / ".workbench/scratch").iterdir()) == []


HOLDS = "import os, time\nprint('said', flush=True)\n"
WAYS_TO_HOLD = {
    "somebody else holds it": (f"{HOLDS}if os.fork() == 0:\n    os.setsid(); time.sleep(600)", Status.COMPLETED),
    "somebody's somebody": (
        f"{HOLDS}if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(600)\n    os._exit(0)",
        Status.COMPLETED,
    ),
    "closed, and then the end": (f"{HOLDS}os.close(1); os.close(2)", Status.COMPLETED),
    "closed, and no end": (f"{HOLDS}os.close(0); os.close(1); os.close(2); time.sleep(600)", Status.TIMED_OUT),
}


@BY_TIER
@pytest.mark.exhaustive
async def test_nobody_waits_for_an_output_that_others_hold_open(author: Author, tier: str) -> None:
    author = behind(author, tier)
    for number, (script, status) in enumerate(WAYS_TO_HOLD.values()):
        seconds = 2 if status is Status.TIMED_OUT else 20
        author.has_command(f"holds-{number}", "python3", "-c", script, resilience={"timeout": seconds})

    async with opened(author) as workbench:
        for number, (way, (_, status)) in enumerate(WAYS_TO_HOLD.items()):
            outcome = await run(workbench, f"holds-{number}")
            assert (outcome.status, outcome.output) == (status, "said\n"), way


JSON_BOMBS = {
    "a frame without an end": "header(2**32 - 1); os.write(3, b'x' * 100_000)",
    "a frame just too large": "header(2_000_001); os.write(3, b'x' * 100_000)",
    "a frame that never comes": "header(1_900_000); os.write(3, b'x' * 100_000)",
    "deep": "frame(b'[' * 900_000)",
    "deep, and closed": "frame(b'[' * 400_000 + b']' * 400_000)",
    **{f"{deep} deep": f"frame(b'[' * {deep} + b']' * {deep})" for deep in (100, 300, 500, 700, 900, 990)},
    **{f"{deep} objects deep": f"frame(b'{{\"a\":' * {deep} + b'1' + b'}}' * {deep})" for deep in (300, 900)},
    "many small lists": "frame(b'[' + b'[],' * 600_000 + b'[]]')",
    "a long number": "frame(b'9' * 1_800_000)",
    "a number without an end": "frame(b'1e999999999')",
    "no number": "frame(b'NaN')",
    "half a character": "frame(b'\"\\\\ud800\"')",
    "bytes that are no text": "frame(b'\"\\xff\\xfe\"')",
    "the same name again and again": "frame(b'{' + b'\"a\":1,' * 200_000 + b'\"a\":1}')",
    "answers that nobody asked for": "[frame(b'1') for _ in range(1000)]",
}
FORGES = """
import os, struct, time
def header(length):
    os.write(3, struct.pack('>I', length))
def frame(output):
    body = b'{"ok": true, "output": ' + output + b'}'
    data = struct.pack('>I', len(body)) + body
    while data:
        data = data[os.write(3, data):]
"""


@BY_TIER
@pytest.mark.exhaustive
@pytest.mark.timeout(120)
async def test_a_bomb_on_a_workers_channel_ends_its_own_run_alone(author: Author, tier: str) -> None:
    author = behind(author, tier, max_output_mb=1)
    for number, bomb in enumerate(JSON_BOMBS.values()):
        body = f"{FORGES.strip()}\n{bomb}\ntime.sleep(60)"
        author.has_function(f"forges-{number}", body, options=", timeout=2")
    author.has_function("honest", "return 'well'")

    async with opened(author) as workbench:
        for number, bomb in enumerate(JSON_BOMBS):
            forged = await run(workbench, f"forges-{number}")
            assert forged.status in (Status.FAILED, Status.TIMED_OUT, Status.COMPLETED), bomb
            if bomb == "a frame without an end":
                assert "a frame of 4295 MB" in str(forged.error)
            assert (await run(workbench, "honest")).output == "well", bomb


@BY_TIER
async def test_a_breach_of_the_channel_is_told_and_not_what_the_worker_died_of_then(author: Author, tier: str) -> None:
    author = behind(author, tier)
    late = "header(2**32 - 1)\nwhile True:\n    time.sleep(0.05)\n    os.write(3, b'x')"
    author.has_function("forges", f"{FORGES.strip()}\n{late}")

    async with opened(author) as workbench:
        outcome = await run(workbench, "forges")

    assert outcome.error is not None
    assert outcome.error.message == "the worker was ended for what came on its channel: a frame of 4295 MB"


HARD_TO_END = {
    "stopped": "os.kill(os.getpid(), signal.SIGSTOP)",
    "deaf": "deaf(); time.sleep(600)",
    "deaf with its children, and stopped": "deaf(); os.fork(); os.fork(); os.kill(os.getpid(), signal.SIGSTOP)",
    "the end of the first process": "os.kill(1, signal.SIGKILL); time.sleep(600)",
    "the first process stopped": "os.kill(1, signal.SIGSTOP); os.kill(os.getppid(), signal.SIGSTOP); time.sleep(600)",
    "an end to everybody": "os.setsid(); deaf(); os.kill(-1, signal.SIGSTOP if INSIDE else 0); time.sleep(600)",
}
DEAF = """
import os, signal, time
INSIDE = os.getpid() < 10  # in a process namespace of its own, or else nobody is stopped
def deaf():
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
"""


@BY_TIER
@pytest.mark.exhaustive
@pytest.mark.timeout(120)
async def test_who_is_stopped_or_deaf_or_ends_the_first_process_is_ended(author: Author, tier: str) -> None:
    author = behind(author, tier)
    mark = f"hard-to-end-{os.getpid()}-{tier}"
    for number, script in enumerate(HARD_TO_END.values()):
        author.has_command(
            f"hard-{number}", "python3", "-c", f"{DEAF}\n{script}\n# {mark}", resilience={"timeout": 1.5}
        )
    author.has_command("quiet", "echo", "well")

    async with opened(author) as workbench:
        for number, way in enumerate(HARD_TO_END):
            outcome = await run(workbench, f"hard-{number}")
            assert outcome.status in (Status.FAILED, Status.TIMED_OUT), way
            assert await until_gone(mark) == [], way
            assert (await run(workbench, "quiet")).output == "well\n", way


SHADOWING = (
    "json",
    "socket",
    "struct",
    "asyncio",
    "typing",
    "msgspec",
    "anyio",
    "workbench",
    "sitecustomize",
    "conftest",
)


@BY_TIER
@pytest.mark.exhaustive
@pytest.mark.timeout(120)
async def test_a_module_with_anothers_name_is_loaded_by_nobody_outside(
    author: Author, tier: str, outside: Path
) -> None:
    author = behind(author, tier)
    for folder in ("one", "."):
        for name in SHADOWING:
            taken = f"open({str(outside)!r} + '/{name}', 'w').write('taken')\n"
            author.writes(f"{folder}/{name}.py" if name != "workbench" else f"{folder}/workbench/__init__.py", taken)
    author.has_function("one", "import json, struct\nreturn json.loads('[1]')")
    before = stamps(outside)

    async with opened(author) as workbench:
        assert (await run(workbench, "one")).output == [1]
        author.has_function("one", "import json, struct\nreturn json.loads('[2]')")
        workbench.refresh()
        assert (await run(workbench, "one")).output == [2]
    for words in (("run", "one"), ("validate",), ("show", "one"), ("list",), ("doctor",)):
        said = author.calls(*words, cwd=author.skills / "one", environ={"PYTHONSAFEPATH": "1"})
        assert "Traceback" not in said.err

    assert stamps(outside) == before
    assert not {module.__file__ for module in sys.modules.values() if _lies_in(module, author.skills)}


def _lies_in(module: object, folder: Path) -> bool:
    return str(getattr(module, "__file__", None) or "").startswith(str(folder))
