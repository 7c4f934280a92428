"""The controls of a reload: the same skill loaded again by `importlib`, and by an interpreter of its own."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import time
from types import ModuleType

from bench.figures import PYTHON, REPOSITORY, median_ms, spawned

TIMES = 40
CALL = (
    "import asyncio; from plain_skill import Count; skill = Count(); "
    "asyncio.run(skill.initialize({})); print(asyncio.run(skill.execute({'text': 'a b'}, None)))"
)


def save(path: str, text: str) -> None:
    """Beside, and renamed over, as careful editors do it."""
    beside = f"{path}.new"
    with open(beside, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(beside, path)


def importlib_ms(folder: str, source: str) -> float:
    """A save, `importlib.reload` in the same process, and one call: what hot reload costs without any wall."""
    path, samples = f"{folder}/plain_skill.py", []
    save(path, source.format(name="plain", number=0))
    sys.path.insert(0, folder)
    try:
        module = importlib.import_module("plain_skill")
        for number in range(1, TIMES):
            began = time.perf_counter()
            save(path, f"{source.format(name='plain', number=number)}{'#' * number}")  # another size: never stale
            importlib.invalidate_caches()
            assert _answer(importlib.reload(module)) == number
            samples.append(time.perf_counter() - began)
    finally:
        sys.path.remove(folder)
        sys.modules.pop("plain_skill", None)
    return median_ms(samples)


def fresh_ms(folder: str, source: str) -> float:
    """A save is only read by the next process: the same skill imported and called by an interpreter of its own."""
    save(f"{folder}/plain_skill.py", source.format(name="plain", number=1))
    environ = {"PYTHONPATH": f"{folder}{os.pathsep}{REPOSITORY}", "PATH": os.environ["PATH"]}
    return median_ms(spawned([PYTHON, "-c", CALL], TIMES // 4, environ=environ))


def stale_by_importlib(folder: str, source: str, saves: int) -> int:
    """Of so many saves of one size within a second or so, how many `importlib.reload` answers with an older text."""
    path, stale = f"{folder}/plain_skill.py", 0
    sys.dont_write_bytecode = False  # as everybody has it
    save(path, source.format(name="plain", number=10_000))
    sys.path.insert(0, folder)
    try:
        module = importlib.import_module("plain_skill")
        for number in range(10_001, 10_001 + saves):
            save(path, source.format(name="plain", number=number))
            importlib.invalidate_caches()
            stale += _answer(importlib.reload(module)) != number
    finally:
        sys.path.remove(folder)
        sys.modules.pop("plain_skill", None)
    return stale


def _answer(module: ModuleType) -> int:
    skill = module.Count()

    async def called() -> int:
        await skill.initialize({})
        return int((await skill.execute({"text": "a b"}, None))["revision"])

    return asyncio.run(called())
