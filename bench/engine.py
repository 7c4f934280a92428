"""What the engine costs: a run that does nothing through every stage, and a call to a warm worker."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import AsyncIterator

from bench.figures import PYTHON, Figure, at_most, awaited, clean_environ, median_ms, percentile_ms
from workbench.assembly import Workbench, open_workbench
from workbench.model.run import Outcome, Run, Status
from workbench.runtime.pipeline.compose import compose
from workbench.runtime.pipeline.deadline import within_deadline
from workbench.runtime.pipeline.inputs import check_inputs
from workbench.runtime.pipeline.outputs import parse_outputs
from workbench.runtime.pipeline.permission import permit
from workbench.runtime.pipeline.record import record
from workbench.runtime.pipeline.trace import trace

RUNS = 3_000
CALLS = 2_000
KILOBYTE = "x" * 1_000
ECHO = (
    "from workbench.sdk import skill\n\n\n@skill(name='echo', version='1.0.0')\ndef echo(text: str):\n    return text\n"
)
PEER = """
import asyncio, socket, struct, sys

async def main():
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=int(sys.argv[1])))
    while True:
        try:
            header = await reader.readexactly(4)
        except asyncio.IncompleteReadError:
            return
        writer.write(header + await reader.readexactly(struct.unpack('>I', header)[0]))

asyncio.run(main())
"""


async def measure(folder: str) -> AsyncIterator[Figure]:
    workspace = f"{folder}/engine"
    os.makedirs(f"{workspace}/skills/echo")
    with open(f"{workspace}/skills/echo/skill.py", "w", encoding="utf-8") as file:
        file.write(ECHO)
    async with open_workbench(workspace=workspace, environ=clean_environ(folder)) as workbench:
        yield await _pipeline(workbench)
        yield await _worker(workbench)


async def _nothing() -> None:
    return


async def _pipeline(workbench: Workbench) -> Figure:
    async def does_nothing(run: Run) -> Outcome:
        return Outcome(status=Status.COMPLETED, output=1)

    ready = await workbench.session.answering(workbench.find("echo"))
    skill = ready.skill  # type: ignore[union-attr]
    handler = compose(
        ("trace", trace(workbench.bus, workbench.clock)),
        ("record", record(workbench.library.history, workbench.clock)),
        ("inputs", check_inputs),
        ("permission", permit(workbench.tier, workbench.approvals.of)),
        ("deadline", within_deadline(30, 300)),
        ("outputs", parse_outputs),
        to=does_nothing,
    )

    async def through_every_stage() -> None:
        await handler(workbench.new_run(skill, {"text": "a"}))

    async def as_a_task() -> None:
        await asyncio.create_task(_nothing())

    await awaited(through_every_stage, 200)
    run, bare = [], []
    for _ in range(10):
        run += await awaited(through_every_stage, RUNS // 10)
        bare += await awaited(as_a_task, RUNS // 10)
    return at_most(
        "pipeline_x",
        median_ms(run) / median_ms(bare),
        25,
        baseline={"await of a created task (ms)": median_ms(bare)},
        detail={"run (ms)": median_ms(run), "p99 (ms)": percentile_ms(run, 99)},
    )


async def _worker(workbench: Workbench) -> Figure:
    """The call as the executor makes it, and an echo between two asyncio processes, by turns."""
    ours, theirs = socket.socketpair()
    peer = await asyncio.create_subprocess_exec(PYTHON, "-c", PEER, str(theirs.fileno()), pass_fds=(theirs.fileno(),))
    theirs.close()
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    body = json.dumps({"text": KILOBYTE}).encode()

    async def echo() -> None:
        writer.write(struct.pack(">I", len(body)) + body)
        await reader.readexactly(4 + len(body))

    await workbench.run("echo", {"text": KILOBYTE})
    code = workbench.code_of(workbench.find("echo"))
    async with workbench.pool.lease("main", code) as worker:

        async def call() -> None:
            await worker.ask({"do": "execute", "inputs": {"text": KILOBYTE}, "context": {}})  # type: ignore[union-attr]

        await awaited(call, 100)
        calls, echoes = [], []
        for _ in range(10):
            calls += await awaited(call, CALLS // 10)
            echoes += await awaited(echo, CALLS // 10)
    writer.close()
    await peer.wait()
    return at_most(
        "worker_roundtrip_x",
        median_ms(calls) / median_ms(echoes),
        3,
        baseline={"1 KB echo between asyncio processes (ms)": median_ms(echoes)},
        detail={"call (ms)": median_ms(calls), "p99 (ms)": percentile_ms(calls, 99)},
    )
