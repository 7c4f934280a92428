"""What a test does around a skill in its worker: stops the clock, counts the lines that run. Standard library only."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any


def stop_clock(seconds: float) -> None:
    """Have it be that time, and stay it. What counts time that passes, and what files say, goes on as it is."""
    microseconds = round(seconds * 1_000_000)
    now = microseconds / 1_000_000
    _stop_time(now, microseconds * 1_000)
    _stop_datetime(now)


def _stop_time(now: float, nanoseconds: int) -> None:
    module: Any = time
    clock_gettime, clock_gettime_ns = time.clock_gettime, time.clock_gettime_ns
    module.time = lambda: now
    module.time_ns = lambda: nanoseconds
    module.clock_gettime = lambda clock: now if clock == time.CLOCK_REALTIME else clock_gettime(clock)
    module.clock_gettime_ns = lambda clock: nanoseconds if clock == time.CLOCK_REALTIME else clock_gettime_ns(clock)
    for name in ("gmtime", "localtime", "ctime"):
        setattr(module, name, _of_seconds(getattr(time, name), now))
    localtime, strftime, asctime = time.localtime, time.strftime, time.asctime
    module.strftime = lambda format, moment=None: strftime(format, moment or localtime())
    module.asctime = lambda moment=None: asctime(moment or localtime())


def _of_seconds(real: Callable[[float], Any], now: float) -> Callable[..., Any]:
    """The same function; of no time at all, it is asked of the time that stands still."""
    return lambda seconds=None: real(now if seconds is None else seconds)


def _stop_datetime(now: float) -> None:
    """Other classes in the place of date and datetime. Their instances, and those of the real ones, are both's."""
    import datetime

    module: Any = datetime
    real_date, real_datetime = datetime.date, datetime.datetime

    def standing_for(real: type) -> type:
        """A class of classes: who asks for the one that stands there is asking for the real one."""

        class Standing(type):
            def __instancecheck__(cls, thing: object) -> bool:
                return isinstance(thing, real) if cls in (date, moment) else type.__instancecheck__(cls, thing)

            def __subclasscheck__(cls, other: type) -> bool:
                return issubclass(other, real) if cls in (date, moment) else type.__subclasscheck__(cls, other)

        return Standing

    class date(real_date, metaclass=standing_for(real_date)):  # type: ignore[misc, valid-type, metaclass]
        @classmethod
        def today(cls) -> Any:
            return cls.fromtimestamp(now)

        def __repr__(self) -> str:
            return _of_module(date, self, super().__repr__())

    class moment(real_datetime, metaclass=standing_for(real_datetime)):  # type: ignore[misc, valid-type, metaclass]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls.fromtimestamp(now, tz)

        @classmethod
        def today(cls) -> Any:
            return cls.fromtimestamp(now)

        @classmethod
        def utcnow(cls) -> Any:
            return cls.fromtimestamp(now, datetime.timezone.utc).replace(tzinfo=None)  # noqa: UP017

        def __repr__(self) -> str:
            return _of_module(moment, self, super().__repr__())

    for name, standing in (("date", date), ("datetime", moment)):
        standing.__name__ = standing.__qualname__ = name
        standing.__module__ = "datetime"
        setattr(module, name, standing)


def _of_module(standing: type, value: object, text: str) -> str:
    """How a value is shown: with its module before it, as the real one's, unless it is of a class of the author's."""
    return f"datetime.{text}" if type(value) is standing else text


class Lines:
    """Which lines of the files below a folder run from now on, and which of them can."""

    def __init__(self, folder: str) -> None:
        self._folder = f"{folder}/"
        self._ran: dict[str, set[int]] = {}
        self._can_run: dict[str, set[int]] = {}
        if sys.version_info >= (3, 12):
            self._monitor()
        else:
            import threading

            threading.settrace(self._trace)
            sys.settrace(self._trace)

    def told(self) -> dict[str, dict[str, list[tuple[int, int]]]]:
        """Every file by its path in the folder; lines as ranges, both ends included."""
        self._can_run = self._can_run or dict(self._every_file())
        return {
            file: {"ran": ranges(self._ran.get(file, set()) & can_run), "can_run": ranges(can_run)}
            for file, can_run in self._can_run.items()
        }

    def _every_file(self) -> Iterator[tuple[str, set[int]]]:
        for parent, folders, names in os.walk(self._folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                if name.endswith(".py"):
                    path = os.path.join(parent, name)
                    with open(path, "rb") as source:
                        text = source.read()
                    try:
                        yield path.removeprefix(self._folder), lines_that_can_run(compile(text, path, "exec"))
                    except (SyntaxError, ValueError, RecursionError, MemoryError):
                        continue  # nothing of it runs, and whoever imports it is told

    def _of(self, path: str) -> set[int] | None:
        """The lines of a file that ran, where it is one of those below the folder."""
        if not path.startswith(self._folder):
            return None
        return self._ran.setdefault(path.removeprefix(self._folder), set())

    def _monitor(self) -> None:
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
        tool, line = monitoring.COVERAGE_ID, monitoring.events.LINE

        def took(code: Any, number: int) -> Any:
            if (ran := self._of(code.co_filename)) is not None:
                ran.add(number)
            return monitoring.DISABLE

        monitoring.use_tool_id(tool, "workbench")
        monitoring.register_callback(tool, line, took)
        monitoring.set_events(tool, line)

    def _trace(self, frame: Any, event: str, _: object) -> Any:
        ran = self._of(frame.f_code.co_filename)
        if ran is None:
            return None

        def took(frame: Any, event: str, _: object) -> Any:
            if event == "line":
                ran.add(frame.f_lineno)
            return took

        return took


def lines_that_can_run(code: Any) -> set[int]:
    """The lines that a module's code has something to do at, and all code in it."""
    lines = {line for _, _, line in code.co_lines() if line}
    for constant in code.co_consts:
        if hasattr(constant, "co_lines"):
            lines |= lines_that_can_run(constant)
    return lines


def ranges(lines: set[int]) -> list[tuple[int, int]]:
    """Lines as pairs of a first and a last one."""
    found: list[tuple[int, int]] = []
    for line in sorted(lines):
        if found and line == found[-1][1] + 1:
            found[-1] = (found[-1][0], line)
        else:
            found.append((line, line))
    return found
