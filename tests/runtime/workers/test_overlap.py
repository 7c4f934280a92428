"""Calls of an asynchronous skill share its worker, and stay each its own."""

from __future__ import annotations

from time import monotonic

import anyio
import pytest

from tests.author import Author
from tests.runtime.executors.running import opened
from tests.runtime.workers.tongues import (
    BOTH,
    PYTHON,
    Tongue,
    called,
    called_after,
    warmed,
    worker_of,
)
from workbench.model.errors import ErrorKind
from workbench.model.run import Outcome, Status

pytestmark = pytest.mark.anyio


@BOTH
async def test_calls_overlap_in_one_worker_and_each_has_its_own_words_and_result(
    author: Author, tongue: Tongue
) -> None:
    tongue.given_to(author, tongue.waits)

    async with opened(author) as workbench:
        first = await warmed(workbench)
        began = monotonic()
        outcomes = await called(workbench, *({"mark": f"call-{number}"} for number in range(20)))
        took = monotonic() - began
        alone = (await workbench.run("waits", {"mark": "alone"})).outcome

    assert took < 20 * 0.3 / 2
    assert {worker_of(outcome) for outcome in outcomes} == {first}
    for number, outcome in enumerate(outcomes):
        mark = f"call-{number}"
        assert isinstance(outcome.output, dict)
        assert outcome.output["mark"] == mark
        assert outcome.stderr == f"{mark} begins\n{mark} ends\n{mark} half a line"
        assert outcome.usage.is_shared
    assert len({outcome.output["run"] for outcome in outcomes if isinstance(outcome.output, dict)}) == 20
    assert (worker_of(alone), alone.usage.is_shared) == (first, False)


@BOTH
async def test_what_a_call_says_is_heard_while_it_is_under_way(author: Author, tongue: Tongue) -> None:
    tongue.given_to(author, tongue.waits)

    async with opened(author) as workbench:
        await warmed(workbench)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(called, workbench, {"mark": "one", "seconds": 2}, {"mark": "two", "seconds": 2})
            heard: set[bytes] = set()
            with anyio.fail_after(1.8):
                while not heard >= {b"one begins\n", b"two begins\n"}:
                    await anyio.sleep(0.02)
                    heard = {workbench.spools.read(id, "stderr", 0, 11) for id in workbench.spools._kept}
            tasks.cancel_scope.cancel()


@BOTH
async def test_a_call_that_takes_too_long_is_given_up_and_the_others_go_on(author: Author, tongue: Tongue) -> None:
    tongue.given_to(author, tongue.waits)

    async with opened(author) as workbench:
        first = await warmed(workbench)
        late, patient = await called_after(1, workbench, {"mark": "late", "seconds": 60}, {"seconds": 1.5})
        after = await warmed(workbench)

    assert late.status is Status.TIMED_OUT
    assert late.stderr.startswith("late begins\n")
    assert worker_of(patient) == first
    assert after != first, "what a run that was cut off left behind ends with its worker"


@pytest.mark.exhaustive
@BOTH
@pytest.mark.parametrize("how", ["blocks", "never_gives_up"])
async def test_a_call_that_cannot_be_given_up_ends_the_worker_and_the_others_are_told_why(
    author: Author, tongue: Tongue, how: str
) -> None:
    tongue.given_to(author, tongue.says_first + getattr(tongue, how) + tongue.waits)
    many = ({"mark": f"{number}", "seconds": 1.8} for number in range(6))
    stubborn = {"do": how, "mark": "stubborn"}

    async with opened(author) as workbench:
        first = await warmed(workbench)
        if how == "blocks":  # whoever comes later would not even begin
            *ended, late = await called(workbench, *({"mark": "0", "seconds": 5} for _ in range(6)), stubborn)
            assert {outcome.status for outcome in ended} <= {Status.TIMED_OUT, Status.FAILED}
        else:
            late, *ended = await called_after(1, workbench, stubborn, *many)
            for number, outcome in enumerate(ended):
                assert outcome.error is not None
                assert outcome.error.kind is ErrorKind.CRASHED
                assert "because a run that it shared was given up and did not end" in outcome.error.message
                assert '"isolation": "run"' in outcome.error.hint
                assert outcome.stderr.startswith(f"{number} is here\n")
        after = await warmed(workbench)

    assert late.status is Status.TIMED_OUT
    assert late.stderr.startswith("stubborn is here\n")
    assert after != first


@BOTH
async def test_a_worker_that_dies_ends_all_its_calls_and_has_fallen_once(author: Author, tongue: Tongue) -> None:
    tongue.given_to(author, tongue.dies + tongue.waits)

    async with opened(author) as workbench:
        first = await warmed(workbench)
        *ended, died = await called(workbench, *({"seconds": 1.5} for _ in range(8)), {"do": "die"})
        assert [count for count, _ in workbench.pool._falls._falls.values()] == [1]
        after = await warmed(workbench)

    assert {outcome.error.kind for outcome in (*ended, died) if outcome.error} == {ErrorKind.CRASHED}
    assert len(ended) == 8
    assert after != first


@pytest.mark.exhaustive
@BOTH
async def test_a_run_that_wants_a_worker_of_its_own_has_one(author: Author, tongue: Tongue) -> None:
    tongue.given_to(author, tongue.waits, isolation="run")

    async with opened(author) as workbench:
        outcomes = await called(workbench, *({} for _ in range(4)))

    assert len({worker_of(outcome) for outcome in outcomes}) == 4
    assert not any(outcome.usage.is_shared for outcome in outcomes)


@pytest.mark.exhaustive
@BOTH
async def test_calls_under_way_end_on_the_revision_that_they_began_with(author: Author, tongue: Tongue) -> None:
    tongue.given_to(author, tongue.waits)

    async with opened(author) as workbench:
        first = await warmed(workbench)
        ended: list[Outcome] = []

        async def neighbours() -> None:
            ended.extend(await called(workbench, *({"seconds": 1} for _ in range(5))))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(neighbours)
            await anyio.sleep(0.2)
            tongue.given_to(author, tongue.waits.replace("ends", "ends anew"))
            workbench.refresh()
            fresh = await called(workbench, {}, {})
        assert not workbench.pool._shared._held

    assert {worker_of(outcome) for outcome in ended} == {first}
    assert first not in {worker_of(outcome) for outcome in fresh}
    assert all("ends anew" in outcome.stderr for outcome in fresh)


@BOTH
async def test_an_error_in_one_call_is_its_own(author: Author, tongue: Tongue) -> None:
    raises = "raise ValueError(mark)" if tongue is PYTHON else "throw new Error(mark);"
    tongue.given_to(author, tongue.waits.replace("return", "RETURN").split("RETURN")[0] + raises)

    async with opened(author) as workbench:
        outcomes = await called(workbench, *({"mark": f"mine {number}"} for number in range(5)))

    for number, outcome in enumerate(outcomes):
        assert outcome.error is not None
        assert outcome.error.message.endswith(f"mine {number}")
        assert outcome.stderr.startswith(f"mine {number} begins")


async def test_python_says_what_threads_of_a_call_say_with_it(author: Author) -> None:
    body = "await asyncio.to_thread(print, mark, 'in a thread')\nawait asyncio.sleep(seconds)\nreturn {'worker': ME}"
    PYTHON.given_to(author, body)

    async with opened(author) as workbench:
        await warmed(workbench)
        outcomes = await called(workbench, {"mark": "a"}, {"mark": "b"})

    assert [outcome.stderr for outcome in outcomes] == ["a in a thread\n", "b in a thread\n"]


async def test_what_nobodys_thread_says_is_shown_with_the_next_answer(author: Author) -> None:
    body = (
        "if mark:\n    threading.Thread(target=print, args=('from nowhere',)).start()\n"
        "await asyncio.sleep(0.05)\nreturn {'worker': ME}"
    )
    PYTHON.given_to(author, body)

    async with opened(author) as workbench:
        first = (await workbench.run("waits", {"mark": "x"})).outcome
        second = (await workbench.run("waits")).outcome

    assert (first.stderr, second.stderr) == ("from nowhere\n", "")


async def test_what_a_call_left_running_says_after_its_end_harms_nobody(author: Author) -> None:
    body = (
        "async def later():\n    for _ in range(200):\n        print('still here')\n        await asyncio.sleep(0)\n"
        "def much():\n    for _ in range(2000):\n        print(mark, 'still here, too')\n"
        "left = asyncio.create_task(later())\nleft2 = asyncio.create_task(asyncio.to_thread(much))\n"
        "await asyncio.sleep(0)\nreturn {'worker': ME}"
    )
    PYTHON.given_to(author, body)

    async with opened(author) as workbench:
        workers = {worker_of(outcome) for _ in range(10) for outcome in await called(workbench, {}, {}, {})}
        assert len(workers) <= 3


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise asyncio.CancelledError", "CancelledError"),
    ],
)
async def test_what_leaves_a_task_of_a_call_is_told_as_its_error(author: Author, raised: str, words: str) -> None:
    body = f"async def inner():\n    {raised}\nif do == 'leave':\n    await asyncio.create_task(inner())\n"
    PYTHON.given_to(author, body + PYTHON.waits)

    async with opened(author) as workbench:
        await warmed(workbench)
        outcome = (await workbench.run("waits", {"do": "leave"})).outcome
        await warmed(workbench)

    assert outcome.error is not None
    assert words in outcome.error.message


async def test_a_flood_of_words_in_many_calls_is_bounded(author: Author) -> None:
    PYTHON.given_to(
        author, "for _ in range(40):\n    print('x' * 4000)\n    await asyncio.sleep(0)\nreturn {'worker': 1}"
    )

    async with opened(author) as workbench:
        outcomes = await called(workbench, *({} for _ in range(10)))

    assert all(outcome.error is None for outcome in outcomes)
    assert {len(outcome.stderr) for outcome in outcomes} == {64_000 + len("\n… cut\n")}


async def test_half_a_character_is_said_as_a_mark(author: Author) -> None:
    PYTHON.given_to(author, "print('a\\ud800b')\nawait asyncio.sleep(0)\nreturn {'worker': ME}")

    async with opened(author) as workbench:
        outcome = (await workbench.run("waits")).outcome

    assert (outcome.error, outcome.stderr) == (None, "a?b\n")


@pytest.mark.parametrize("result", ["'half \\ud800'", "{'\\udc00': 1}"])
async def test_a_result_with_half_a_character_cannot_be_carried_and_ends_nobody(author: Author, result: str) -> None:
    PYTHON.given_to(author, f"await asyncio.sleep(0)\nreturn {{'worker': ME}} if not mark else {result}")

    async with opened(author) as workbench:
        first = await warmed(workbench)
        outcome = (await workbench.run("waits", {"mark": "x"})).outcome
        after = await warmed(workbench)

    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.OUTPUT_INVALID
    assert after == first


async def test_many_who_come_before_there_is_a_worker_share_the_first_one(author: Author) -> None:
    PYTHON.given_to(author, PYTHON.waits)

    async with opened(author) as workbench:
        outcomes = await called(workbench, *({} for _ in range(20)))

    assert len({worker_of(outcome) for outcome in outcomes}) == 1


@pytest.mark.exhaustive
@BOTH
async def test_what_computes_more_than_it_waits_is_not_put_behind_others(author: Author, tongue: Tongue) -> None:
    python = "end = time.monotonic() + seconds\nwhile time.monotonic() < end:\n    pass\nreturn {'worker': ME}"
    node = "const end = Date.now() + seconds * 1000;\nwhile (Date.now() < end);\nreturn { worker: ME };"
    tongue.given_to(author, python if tongue is PYTHON else node)

    async with opened(author) as workbench:
        for _ in range(20):
            [first] = await called(workbench, {})
            if (first.usage.cpu_ms or 0) > 200:
                break
        else:
            pytest.skip("nobody gets two thirds of a core here at this moment")
        outcomes = await called(workbench, *({} for _ in range(3)))

    assert len({worker_of(outcome) for outcome in outcomes}) > 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("sys.stdout.write(b'x')", "write() takes a text, not bytes"),
        ("class Odd(dict):\n    def items(self):\n        raise KeyError('no items')\nreturn Odd(a=1)", "no items"),
    ],
)
async def test_what_cannot_be_said_or_carried_is_an_error_of_its_own_run(author: Author, body: str, words: str) -> None:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    PYTHON.given_to(author, f"if do == 'odd':\n{lines}\n{PYTHON.waits}")

    async with opened(author) as workbench:
        first = await warmed(workbench)
        patient, odd = await called(workbench, {"seconds": 1}, {"do": "odd"})
        after = await warmed(workbench)

    assert odd.error is not None
    assert words in odd.error.message
    assert worker_of(patient) == after == first


async def test_a_call_that_is_given_up_before_it_has_begun_harms_nobody(author: Author) -> None:
    PYTHON.given_to(author, "if do == 'compute':\n    time.sleep(0.3)\n" + PYTHON.waits)

    async with opened(author) as workbench:
        first = await warmed(workbench)
        async with anyio.create_task_group() as tasks:

            async def given_up() -> None:
                await anyio.sleep(0.1)
                with anyio.move_on_after(0.05):
                    await workbench.run("waits", {"mark": "late"})

            tasks.start_soon(given_up)
            [patient] = await called(workbench, {"do": "compute", "seconds": 0.6})

    assert worker_of(patient) == first


async def test_a_child_that_a_call_forks_says_nothing_in_its_name(author: Author) -> None:
    body = (
        "import concurrent.futures\n"
        "pool = concurrent.futures.ProcessPoolExecutor(1)\n"
        "pool.submit(print, 'x', flush=True).result()\nsys.pool = pool\nreturn {'worker': ME}"
    )
    again = "sys.pool.submit(print, 'again', flush=True).result()\nreturn {'worker': ME}"
    lines = "\n".join(f"    {line}" for line in again.splitlines())
    PYTHON.given_to(author, f"if do == 'again':\n{lines}\n{body}", permissions={"process_spawn": True})

    async with opened(author) as workbench:
        first = (await workbench.run("waits")).outcome
        second = (await workbench.run("waits", {"do": "again"})).outcome

    assert (first.error, second.error) == (None, None)
    assert worker_of(first) == worker_of(second)
