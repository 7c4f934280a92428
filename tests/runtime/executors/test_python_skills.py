"""Functions and classes in workers: what they are given, what they give, and that they harm only themselves."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.author import Author
from tests.runtime.executors.running import opened, outcome_of
from workbench.model.errors import ErrorKind
from workbench.model.run import Status
from workbench.model.skill import SkillState
from workbench.runtime.workers.worker import Worker

pytestmark = [pytest.mark.anyio, pytest.mark.whole]


@pytest.mark.parametrize("ending", ["import time; time.sleep(60)", "import os; os._exit(3)", "while True: pass"])
async def test_what_a_python_skill_printed_before_it_was_ended_is_kept(author: Author, ending: str) -> None:
    author.has_function(
        "chatty", f"import sys\nprint('so far')\nprint('and this', file=sys.stderr)\n{ending}", options=", timeout=0.5"
    )

    async with opened(author) as workbench:
        outcome = (await workbench.run("chatty")).outcome

    assert not outcome.is_ok
    assert "so far" in outcome.stderr
    assert "and this" in outcome.stderr


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ("import socket\nsocket.socket()", "not granted"),
        ("open('skill.py', 'w')", "its own folder"),
        ("raise OSError('Temporary failure in name resolution')", "no network"),
    ],
)
async def test_what_the_walls_refuse_is_said_to_be_the_walls(author: Author, body: str, hint: str) -> None:
    author.has_function("tries", body)

    outcome = await outcome_of(author, "tries")

    assert outcome.error is not None
    assert hint in outcome.error.hint


async def test_what_a_python_skill_leaves_in_its_runs_folder_is_an_artifact(author: Author) -> None:
    body = "import os\nopen(f'{context.out}/note.txt', 'w').write('kept')\n"
    body += "os.symlink('/etc/passwd', f'{context.out}/link')"
    author.has_function("leaves", body, parameters="context")

    async with opened(author) as workbench:
        first = (await workbench.run("leaves")).outcome.artifacts
        second = (await workbench.run("leaves")).outcome.artifacts

    assert [path.rpartition("/")[2] for path in (*first, *second)] == ["note.txt", "note.txt"]
    assert first != second


async def test_a_function_is_a_skill_and_its_worker_stays_warm(author: Author) -> None:
    author.has_function("count", "state.append(1)\nreturn len(state)")
    source = (author.skills / "count/skill.py").read_text()
    author.saves("count/skill.py", source.replace("\n\n\n", "\n\nstate = []\n\n\n", 1))

    async with opened(author) as workbench:
        outputs = [(await workbench.run("count")).outcome.output for _ in range(3)]

    assert outputs == [1, 2, 3]


async def test_the_whole_interface_is_called_in_its_order(author: Author) -> None:
    author.saves(
        "whole/skill.py",
        "from workbench.sdk import SkillInterface, SkillMetadata\n\n\n"
        "class Whole(SkillInterface):\n"
        "    def get_metadata(self):\n"
        '        return SkillMetadata(skill_id="whole", version="1.0.0", config={"greeting": "hi"})\n\n'
        "    async def initialize(self, config):\n"
        "        self.config, self.calls = config, ['initialize']\n\n"
        "    async def validate(self, input_data):\n"
        "        self.calls.append('validate')\n"
        "        return 'bad' not in input_data\n\n"
        "    async def execute(self, input_data, context):\n"
        "        self.calls.append('execute')\n"
        "        return [*self.calls, self.config['greeting'], context['skill'], bool(context.run_id)]\n",
    )

    async with opened(author) as workbench:
        good = (await workbench.run("whole")).outcome
        bad = (await workbench.run("whole", {"bad": 1})).outcome

    assert good.output == ["initialize", "validate", "execute", "hi", "whole", True]
    assert bad.error is not None
    assert bad.error.kind is ErrorKind.INPUT_INVALID


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ("raise ValueError('not so')", ErrorKind.CRASHED, "ValueError: not so"),
        ("import os\nos._exit(4)", ErrorKind.CRASHED, "exit code 4"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", ErrorKind.CRASHED, "signal 11"),
        ("return {1, 2}", ErrorKind.OUTPUT_INVALID, "cannot be carried"),
        ("return float('nan')", ErrorKind.OUTPUT_INVALID, "cannot be carried"),
        ("x = []\nx.append(x)\nreturn x", ErrorKind.OUTPUT_INVALID, "cannot be carried"),
        ("while True: pass", ErrorKind.TIMEOUT, "not done"),
        ("return [bytearray(10_000_000) for _ in range(400)][0] and 1", ErrorKind.RESOURCE_LIMIT, "memory"),
        ("import subprocess\nsubprocess.run(['true'])", ErrorKind.CRASHED, "PermissionError"),
        ("import socket\nsocket.socket()", ErrorKind.CRASHED, "PermissionError"),
        ("return 'x' * 70_000_000", ErrorKind.OUTPUT_INVALID, "context.out"),
    ],
)
async def test_whatever_a_skill_does_it_ends_only_itself(
    author: Author, body: str, kind: ErrorKind, words: str
) -> None:
    seconds = 1.5 if kind is ErrorKind.TIMEOUT else 20
    author.has_function("wild", body, options=f", timeout={seconds}")
    author.has_function("tame", "return 'well'")

    async with opened(author) as workbench:
        wild = (await workbench.run("wild")).outcome
        tame = (await workbench.run("tame")).outcome

    assert wild.error is not None
    assert wild.error.kind in (kind, ErrorKind.CRASHED if kind is ErrorKind.RESOURCE_LIMIT else kind)
    assert words in wild.error.message or "MemoryError" in wild.error.message
    assert tame.output == "well"


async def test_an_exception_is_told_at_the_authors_own_line(author: Author) -> None:
    author.has_function("raises", "def inner():\n    raise KeyError('lost')\n\ninner()")

    outcome = await outcome_of(author, "raises")

    assert outcome.error is not None
    assert outcome.error.place is not None
    assert outcome.error.place.file == str(author.skills / "raises/skill.py")
    assert outcome.error.place.line == 8


async def test_what_a_skill_prints_is_kept_beside_its_result(author: Author) -> None:
    author.has_function("prints", "import sys\nprint('out')\nprint('err', file=sys.stderr)\nreturn 1")

    outcome = await outcome_of(author, "prints")

    assert outcome.output == 1
    assert "out" in outcome.stderr
    assert "err" in outcome.stderr


async def test_bytes_come_back_as_bytes(author: Author) -> None:
    author.has_function("bytes", r"return b'\xff\x00'")

    assert (await outcome_of(author, "bytes")).output_bytes == b"\xff\x00"


async def test_metadata_that_cannot_be_read_is_asked_for_in_the_sandbox(author: Author) -> None:
    author.saves(
        "dynamic/skill.py",
        "from workbench.sdk import SkillInterface, SkillMetadata\n\n"
        "DESCRIPTION = ' '.join(['made', 'up'])\n\n\n"
        "class Dynamic(SkillInterface):\n"
        "    def get_metadata(self):\n"
        "        return SkillMetadata(skill_id='dynamic', version='2.0.0', description=DESCRIPTION)\n\n"
        "    async def execute(self, input_data, context):\n"
        "        return 'done'\n",
    )

    async with opened(author) as workbench:
        before = workbench.find("dynamic")
        outcome = (await workbench.run("dynamic")).outcome
        after = workbench.find("dynamic")
    async with opened(author) as workbench:
        later = workbench.find("dynamic")

    assert (before.state, before.manifest.description) == (SkillState.UNREAD, "")
    assert outcome.output == "done"
    assert after.manifest.description == later.manifest.description == "made up"
    assert later.state is SkillState.OK


async def test_a_skill_cleans_up_when_its_worker_ends(author: Author) -> None:
    author.saves(
        "tidy/skill.py",
        "import os\nfrom workbench.sdk import SkillInterface, SkillMetadata\n\n\n"
        "class Tidy(SkillInterface):\n"
        "    def get_metadata(self):\n"
        '        return SkillMetadata(skill_id="tidy", version="1.0.0")\n\n'
        "    async def execute(self, input_data, context):\n"
        "        return 1\n\n"
        "    async def cleanup(self):\n"
        "        os._exit(42)\n",
    )

    async with opened(author) as workbench:
        worker = await workbench.pool.load(workbench.code_of(workbench.find("tidy")))
        assert isinstance(worker, Worker)
        await worker.end()
        end = await worker.process.wait()

    assert end.code == 42


FORGED = [
    '{"ok": true, "cpu_s": "much"}',
    '{"ok": true, "max_rss_kb": null}',
    '{"ok": true, "base64": 7}',
    '{"ok": true, "base64": "%%%"}',
    '{"ok": false, "kind": "cancelled", "message": {"a": 1}}',
    '{"ok": false, "trace": [1, {"line": "x"}]}',
    "[1]",
    "not json at all",
]


@pytest.mark.parametrize("frame", FORGED)
async def test_what_a_skill_forges_on_its_channel_harms_only_its_own_run(author: Author, frame: str) -> None:
    body = f"import os, struct, time\nframe = {frame!r}.encode()\n"
    body += "os.write(3, struct.pack('>I', len(frame)) + frame)\ntime.sleep(5)"
    author.has_function("forger", body, options=", timeout=3")
    author.has_function("honest", "return 'well'")

    async with opened(author) as workbench:
        forged = (await workbench.run("forger")).outcome
        honest = (await workbench.run("honest")).outcome

    assert forged.status in (Status.FAILED, Status.COMPLETED)
    assert forged.error is None or forged.error.kind is not ErrorKind.CANCELLED
    assert honest.output == "well"


async def test_a_folder_that_became_a_link_is_no_artifact(author: Author) -> None:
    body = "import os, shutil\nshutil.rmtree(context.out)\nos.symlink('/etc', context.out)\nreturn 1"
    author.has_function("linker", body, parameters="context")

    async with opened(author) as workbench:
        outcome = (await workbench.run("linker")).outcome

    assert (outcome.output, outcome.artifacts) == (1, ())


async def test_a_finished_runs_artifact_cannot_be_changed_by_the_next_run(author: Author) -> None:
    body = (
        "import os\npath = context.out + '/note'\nif not hasattr(os, 'kept'):\n"
        "    open(path, 'w').write('first')\n    os.kept = os.open(path, os.O_RDWR)\n"
        "else:\n    os.pwrite(os.kept, b'XXXXX', 0)"
    )
    author.has_function("tampers", body, parameters="context")

    async with opened(author) as workbench:
        (artifact,) = (await workbench.run("tampers")).outcome.artifacts
        await workbench.run("tampers")

    assert Path(artifact).read_text() == "first"


async def test_a_result_larger_than_allowed_is_refused_for_python_too(author: Author) -> None:
    author.has_function("large", "return 'x' * 3_000_000", options=", resource_limits={'max_output_mb': 1}")

    outcome = await outcome_of(author, "large")

    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.OUTPUT_INVALID
    assert "context.out" in outcome.error.message


WAITING = """
from workbench.sdk import SkillInterface, SkillMetadata


class Others:
    def __await__(self):
        yield
        yield
        return 6


class Nobodys:
    def __await__(self):
        yield object()


class Waits(SkillInterface):
    def get_metadata(self):
        return SkillMetadata(skill_id="waits", version="1.0.0")

    async def execute(self, input_data, context):
{body}
"""


@pytest.mark.parametrize(
    ("body", "output"),
    [
        ("import sys\nreturn 'async' + 'io' in sys.modules", False),
        ("return await Others()", 6),
        ("import asyncio\nreturn await asyncio.sleep(0.01, 'slept')", "slept"),
        ("import asyncio\nreturn sum(await asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2)))", 3),
        ("import importlib\nname = 'async' + 'io'\nreturn await importlib.import_module(name).sleep(0, 4)", 4),
    ],
)
async def test_an_event_loop_is_there_for_whoever_may_wait(author: Author, body: str, output: object) -> None:
    author.saves("waits/skill.py", WAITING.format(body=textwrap.indent(body, " " * 8)))
    async with opened(author) as workbench:
        assert (await workbench.run("waits")).outcome.output == output


async def test_a_helper_beside_the_skill_may_wait_too(author: Author) -> None:
    author.writes("waits/helper.py", "import asyncio\n\n\nasync def slept():\n    return await asyncio.sleep(0, 5)\n")
    body = "from helper import slept\nreturn await slept()"
    author.saves("waits/skill.py", WAITING.format(body=textwrap.indent(body, " " * 8)))
    async with opened(author) as workbench:
        assert (await workbench.run("waits")).outcome.output == 5


async def test_who_waits_for_what_nobody_wakes_is_told(author: Author) -> None:
    author.saves("waits/skill.py", WAITING.format(body=" " * 8 + "await Nobodys()"))
    async with opened(author) as workbench:
        error = (await workbench.run("waits")).outcome.error
    assert error is not None
    assert "import asyncio" in error.message
