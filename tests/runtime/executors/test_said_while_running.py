"""What a run says is told while it says it, and whatever becomes of that, the run goes on."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from tests.author import Author
from tests.runtime.executors.running import next_of, opened
from workbench.assembly import Workbench
from workbench.model.events import (
    Event,
    OutputReceived,
    SkillExecutionCompleted,
    SkillExecutionFailed,
    SkillExecutionStarted,
)
from workbench.model.run import Status, Stream
from workbench.runtime.bus import Subscription

pytestmark = pytest.mark.anyio

WAITS = 'echo "$WORKBENCH_OUT"{there}; until test -e "$WORKBENCH_OUT/go"; do sleep 0.01; done; echo done{there}'
WAITS_IN_PYTHON = """
import os, sys, time
print(context.out, file=sys.{stream})
while not os.path.exists(context.out + "/go"):
    time.sleep(0.01)
print("done", file=sys.{stream})
"""


def told(events: Iterable[Event], stream: Stream = "stdout") -> list[OutputReceived]:
    return [event for event in events if isinstance(event, OutputReceived) and event.stream == stream]


async def first_line(workbench: Workbench, events: Subscription, stream: Stream) -> tuple[OutputReceived, bytes]:
    """The first that is told of any run, and its first line once that is whole."""
    first = await next_of(events, OutputReceived)
    while not (line := workbench.output_of(first.run, stream)).endswith(b"\n"):
        await next_of(events, OutputReceived)
    return first, line


@pytest.mark.parametrize(("there", "stream"), [("", "stdout"), (" >&2", "stderr")])
async def test_a_commands_first_line_is_told_while_it_runs(author: Author, there: str, stream: Stream) -> None:
    author.has_command("waits", "sh", "-c", WAITS.format(there=there))

    async with opened(author) as workbench, anyio.create_task_group() as tasks:
        with workbench.bus.subscribe() as events:
            tasks.start_soon(workbench.run, "waits")
            first, line = await first_line(workbench, events, stream)
            Path(line.decode().strip(), "go").touch()
            await next_of(events, SkillExecutionCompleted)

        assert (first.skill, first.stream, first.offset) == ("waits", stream, 0)
        assert workbench.output_of(first.run, stream) == line + b"done\n"
        assert workbench.output_of(first.run, stream, len(line), 2) == b"do"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
async def test_what_a_python_skill_prints_is_told_while_it_runs(author: Author, stream: str) -> None:
    author.has_function("waits", WAITS_IN_PYTHON.format(stream=stream), parameters="context")

    async with opened(author) as workbench, anyio.create_task_group() as tasks:
        with workbench.bus.subscribe() as events:
            tasks.start_soon(workbench.run, "waits")
            first, line = await first_line(workbench, events, "stderr")
            Path(line.decode().strip(), "go").touch()
            ended = await next_of(events, SkillExecutionCompleted)

        assert workbench.output_of(first.run, "stderr").decode() == ended.outcome.stderr == f"{line.decode()}done\n"


async def test_each_call_of_a_warm_worker_has_its_own_words(author: Author) -> None:
    author.has_function("says", "if words:\n    print(words)", parameters="words: str")

    async with opened(author) as workbench:
        runs = [(await workbench.run("says", {"words": words})).run for words in ("one", "", "two")]

        assert [workbench.output_of(run.id, "stderr") for run in runs] == [b"one\n", b"", b"two\n"]


async def test_a_caller_knows_its_own_run_among_others_while_it_runs(author: Author) -> None:
    author.has_command("greet", "echo", "{name}", parameters=[{"name": "name"}])

    async with opened(author) as workbench, anyio.create_task_group() as tasks:
        with workbench.bus.subscribe() as events:
            tasks.start_soon(workbench.run, "greet", {"name": "a stranger"})
            result = await workbench.run("greet", {"name": "me"}, correlation_id="mine")
        started = [event for event in events.drain() if isinstance(event, SkillExecutionStarted)]

        assert [event.run for event in started if event.correlation_id == "mine"] == [result.run.id]
        assert workbench.output_of(result.run.id) == b"me\n"


async def test_two_runs_at_once_do_not_mix(author: Author) -> None:
    script = "for i in $(seq 200); do echo $1; echo $1 $1 >&2; done"
    author.has_command("repeats", "sh", "-c", script, "sh", "{word}", parameters=[{"name": "word"}])
    heard: dict[str, tuple[bytes, bytes]] = {}

    async with opened(author) as workbench:

        async def run(word: str) -> None:
            id_ = (await workbench.run("repeats", {"word": word})).run.id
            heard[word] = workbench.output_of(id_), workbench.output_of(id_, "stderr")

        async with anyio.create_task_group() as tasks:
            for word in ("here", "there"):
                tasks.start_soon(run, word)

    assert heard == {
        word: (f"{word}\n".encode() * 200, f"{word} {word}\n".encode() * 200) for word in ("here", "there")
    }


async def test_bytes_that_are_not_text_pass_unharmed(author: Author) -> None:
    author.has_command("binary", "sh", "-c", r"printf '\377\000\303'; printf '\376' >&2")

    async with opened(author) as workbench:
        run = (await workbench.run("binary")).run
        assert workbench.output_of(run.id) == b"\xff\x00\xc3"
        assert workbench.output_of(run.id, "stderr") == b"\xfe"


async def test_many_small_words_are_few_events_that_miss_nothing(author: Author) -> None:
    author.has_command("counts", "sh", "-c", "for i in $(seq 5000); do echo $i; done")

    async with opened(author) as workbench:
        with workbench.bus.subscribe() as events:
            outcome = (await workbench.run("counts")).outcome
            heard = events.drain()

    pieces = told(heard)
    seconds = outcome.duration_ms / 1000
    assert isinstance(heard[-1], SkillExecutionCompleted), "every word is told before the end"
    assert [piece.offset for piece in pieces[1:]] == [piece.offset + piece.length for piece in pieces[:-1]]
    assert pieces[-1].offset + pieces[-1].length == len(str(outcome.output))
    assert len(pieces) <= 2 + seconds * 30


@pytest.mark.parametrize(
    ("there", "stream", "limit"), [("", "stdout", "max_output_mb"), (" >&2", "stderr", "max_file_size_mb")]
)
async def test_a_flood_lets_others_have_their_turn_and_ends_at_the_bound(
    author: Author, there: str, stream: Stream, limit: str
) -> None:
    limits = {"security": {"resource_limits": {"max_output_mb": 4, "max_file_size_mb": 6}}}
    author.has_command("flood", "sh", "-c", f"exec cat /dev/zero{there}", **limits)
    sizes: list[int] = []

    async with opened(author) as workbench, anyio.create_task_group() as tasks:

        async def watch() -> None:
            """How much there is at each turn of the loop."""
            while True:
                kept = list(author.workspace.glob(f".workbench/scratch/*/*/*.{stream}"))
                sizes.append(kept[0].stat().st_size if kept else 0)
                await anyio.lowlevel.checkpoint()

        tasks.start_soon(watch)
        result = await workbench.run("flood")
        tasks.cancel_scope.cancel()
        assert workbench.output_of(result.run.id, stream, 3_999_999, 99) == b"\0"

    assert not result.outcome.is_ok
    assert (result.outcome.limit.name if result.outcome.limit else "") == limit
    assert max(after - before for before, after in pairwise(sizes)) <= 65_536
    assert sizes[-1] == 4_000_000


async def test_a_cancelled_run_keeps_what_it_said(author: Author) -> None:
    author.has_command("naps", "sh", "-c", "echo beside >&2; echo so far; sleep 60")

    async with opened(author) as workbench:
        with workbench.bus.subscribe() as events:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(workbench.run, "naps")
                heard = [await next_of(events, OutputReceived)]
                while not told(heard):
                    heard.append(await next_of(events, OutputReceived))
                tasks.cancel_scope.cancel()
            heard += told(events.drain(), "stderr")

        assert workbench.output_of(heard[0].run) == b"so far\n"
        assert workbench.output_of(heard[0].run, "stderr") == b"beside\n"
        assert [(piece.offset, piece.length) for piece in told(heard, "stderr")] == [(0, 7)]


@pytest.mark.parametrize("ending", ["os._exit(3)", "os.kill(os.getpid(), 9)"])
async def test_a_worker_that_ends_leaves_its_last_words(author: Author, ending: str) -> None:
    author.has_function("chatty", f"import os\nprint('so far')\n{ending}")

    async with opened(author) as workbench:
        with workbench.bus.subscribe() as events:
            result = await workbench.run("chatty")
            *before, ended = events.drain()

        assert isinstance(ended, SkillExecutionFailed)
        assert sum(piece.length for piece in told(before, "stderr")) == 7
        assert workbench.output_of(result.run.id, "stderr") == b"so far\n"


async def test_a_worker_that_is_cancelled_while_it_spins_leaves_its_last_words(author: Author) -> None:
    author.has_function("spins", "print('so far')\nwhile True: pass")

    async with opened(author) as workbench:
        with workbench.bus.subscribe() as events:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(workbench.run, "spins")
                first, _ = await first_line(workbench, events, "stderr")
                tasks.cancel_scope.cancel()

        assert workbench.output_of(first.run, "stderr") == b"so far\n"


async def test_a_scratch_folder_that_is_deleted_fails_no_run(author: Author) -> None:
    author.has_command("waits", "sh", "-c", WAITS.format(there=""))
    author.has_command("greet", "echo", "hello")

    async with opened(author) as workbench, anyio.create_task_group() as tasks:
        with workbench.bus.subscribe() as events:
            tasks.start_soon(workbench.run, "waits")
            first, line = await first_line(workbench, events, "stdout")
            shutil.rmtree(author.workspace / ".workbench/scratch")
            Path(line.decode().strip(), "go").touch()
            ended = await next_of(events, SkillExecutionCompleted)
        later = await workbench.run("greet")

        assert ended.outcome.output == f"{line.decode()}done\n"
        assert workbench.output_of(first.run) == b""
        assert workbench.output_of(later.run.id) == b"hello\n"


async def test_a_disk_that_is_full_costs_a_run_its_spool_and_nothing_else(author: Author) -> None:
    author.has_command("long", "sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)

    async with opened(author) as workbench:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limit[1]))
        try:
            result = await workbench.run("long")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        kept = len(workbench.output_of(result.run.id, length=9_000_000))

    assert result.outcome.status is Status.COMPLETED
    assert result.outcome.output == "x" * 3_000_000
    assert kept == 1_000_000
    assert "what it says is no longer kept: File too large" in [stage.note for stage in result.outcome.stages]


async def test_nothing_of_what_was_said_outlives_the_workbench(author: Author) -> None:
    author.has_command("greet", "echo", "hello")

    async with opened(author) as workbench:
        run = (await workbench.run("greet")).run
        assert workbench.output_of(run.id) == b"hello\n"

    assert workbench.output_of(run.id) == b""
    assert os.listdir(author.workspace / ".workbench/scratch") == []
