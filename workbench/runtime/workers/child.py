"""What runs inside the sandbox for a python skill: loads it, calls it, says what happened. Standard library only.

Started as a script, with a socket as descriptor 3. Frames are four bytes of length and JSON; nothing is ever unpickled.
"""

from __future__ import annotations

import _socket  # and not socket, nor what only few need: each module that is imported delays the first answer
import _thread
import json
import os
import resource
import struct
import sys
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PROTOCOL = 2
CHANNEL = 3
MOST_CAPTURED = 64_000
MOST_FRAME = 64_000_000
ROOM = 500_000
MOST_PARTS = 300_000
HEADER = struct.Struct(">I")
CO_COROUTINE = 0x80
NOT_VALID = {"ok": False, "kind": "input_invalid", "message": "the skill's own validate() said no"}
# What goes with a refusal of a result that cannot be carried.
KEPT = frozenset({"id", "stdout", "stderr", "cpu_s", "max_rss_kb", "rss_kb"})
# What a spare imports while nobody asks anything of it: an event loop, a part at a time, and what else skills use.
LIKELY = "contextlib socket logging concurrent.futures subprocess asyncio.events ssl asyncio random"


class Channel:
    """Blocking frames over the one socket there is."""

    def __init__(self, descriptor: int) -> None:
        self.socket = _socket.socket(fileno=descriptor)
        self.socket.setblocking(True)
        self._one_frame_at_a_time = _thread.allocate_lock()
        os.set_inheritable(descriptor, False)

    def receive(self) -> dict[str, object] | None:
        header = self._exactly(HEADER.size)
        if header is None:
            return None
        (length,) = HEADER.unpack(header)
        body = self._exactly(length) if length <= MOST_FRAME else None
        if body is None:
            return None
        message: dict[str, object] = json.loads(body)
        return message

    def is_asked(self) -> bool:
        """Whether something was said to us, or nobody is there any more."""
        import select

        return bool(select.select([self.socket], [], [], 0)[0])

    def send(self, body: bytes) -> None:
        with self._one_frame_at_a_time:
            self.socket.sendall(HEADER.pack(len(body)) + body)

    def _exactly(self, count: int) -> bytes | None:
        chunks: list[bytes] = []
        while count:
            chunk = self.socket.recv(min(count, 1 << 20))
            if not chunk:
                return None
            chunks.append(chunk)
            count -= len(chunk)
        return b"".join(chunks)


class Capture:
    """Stands in for stdout or stderr and keeps the beginning of what is written during one run."""

    encoding = "utf-8"
    errors = "replace"
    closed = False
    # Where calls overlap: finds the one that speaks.
    speaker: Any = None

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._parts: list[str] = []
        self._length = 0
        self.was_cut = False

    def write(self, text: str) -> int:
        """Kept for the answer, and written through: what a worker said before it was ended can still be read."""
        if self.speaker is not None and (call := self.speaker()) is not None:
            return int(call.says(self._descriptor, text))
        room = MOST_CAPTURED - self._length
        if room > 0:
            try:
                os.write(self._descriptor, text[:room].encode("utf-8", "replace"))
            except OSError:
                pass
        if room > 0:
            self._parts.append(text[:room])
            self._length += min(room, len(text))
        self.was_cut = self.was_cut or len(text) > room
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self.speaker is not None and (call := self.speaker()) is not None:
            call.flush()

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def take(self) -> str:
        text = "".join(self._parts) + ("\n… cut\n" if self.was_cut else "")
        self._parts, self._length, self.was_cut = [], 0, False
        return text


class NotCarried(Exception):
    """A result that JSON cannot carry."""


class Skill:
    """The loaded skill: a class with the interface, or a function under the decorator."""

    def __init__(self, module: types.ModuleType, name: str, folder: str, *, is_class: bool) -> None:
        self._folder = folder
        self._loop: Any = None
        target = getattr(module, name)
        self._instance = target() if is_class else None
        self._function = None if is_class else target
        code = getattr(target.execute if is_class else target, "__code__", None)
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code else ()
        self._wants_context = "context" in names
        self._is_asynchronous = code is not None and bool(code.co_flags & CO_COROUTINE)

    def initialize(self, config: dict[str, object]) -> None:
        if self._instance is not None and hasattr(self._instance, "initialize"):
            self.awaited(self._instance.initialize(config))

    def metadata(self) -> object:
        if self._instance is None or not hasattr(self._instance, "get_metadata"):
            return None
        return plain(self._instance.get_metadata())

    def validity(self, inputs: object) -> object:
        """Whether it takes these inputs, or what has to be awaited for that."""
        if self._instance is None or not hasattr(self._instance, "validate"):
            return True
        return self._instance.validate(inputs)

    def call(self, inputs: dict[str, object], context: object) -> object:
        """What it returns, or what has to be awaited for that."""
        if self._instance is not None:
            return self._instance.execute(inputs, context)
        extra = {"context": context} if self._wants_context else {}
        return self._function(**inputs, **extra)  # type: ignore[misc]

    @property
    def overlaps(self) -> bool:
        """Whether a call of it leaves time to others."""
        return self._is_asynchronous and bool(self.loop.waits)

    def tells_health(self, sdk: str) -> bool:
        """Whether the author wrote a health_check; the one that every class inherits knows nothing."""
        own = getattr(type(self._instance), "health_check", None)
        return own is not None and getattr(getattr(own, "__code__", None), "co_filename", "") != sdk

    def health(self) -> object:
        """What it says of itself, or what has to be awaited for that."""
        assert self._instance is not None
        return self._instance.health_check()

    def cleanup(self) -> None:
        if self._instance is not None and hasattr(self._instance, "cleanup"):
            self.awaited(self._instance.cleanup())

    def awaited(self, result: object) -> object:
        return self.loop.result_of(result) if hasattr(result, "__await__") else result

    @property
    def loop(self) -> Any:
        if self._loop is None:
            self._loop = beside("awaiting").Loop(self._folder)
        return self._loop


class Worker:
    """Answers one frame after the other until the other end closes."""

    def __init__(self, channel: Channel, sdk: str, most: int) -> None:
        self.channel, self._sdk, self._most = channel, sdk, most
        self.skill: Skill | None = None
        self._context_type: type = dict
        self._folder = ""
        self._lines: Any = None
        self._cpu_s = 0.0

    def serve(self, likely: list[str]) -> None:
        self._install_sdk()
        self.reply({"id": 0, "did": "ready", "protocol": PROTOCOL, "pid": os.getpid()}, *said_by_all())
        for name in likely:
            if self.channel.is_asked():
                break
            __import__(name)
        while (message := self.channel.receive()) is not None and message["do"] != "end":
            answer = self._answer(message)
            before, self._cpu_s = self._cpu_s, cpu_s()
            self.reply({"id": message["id"], "cpu_s": self._cpu_s - before, **answer}, *said_by_all())
            if answer.get("overlaps"):
                beside("overlap").serve(sys.modules[__name__], self)
                break
        if self.skill is not None:
            self.skill.cleanup()

    def _answer(self, message: dict[str, object]) -> dict[str, object]:
        do = message["do"]
        try:
            if do == "load":
                return self._load(message)
            if do == "execute":
                return self._execute(message)
            if do == "health" and self.skill is not None:
                return {"ok": True, "output": plain(self.skill.awaited(self.skill.health()))}
            if do == "render":
                return dict(self._templates(message).render(message["template"], message["inputs"], message["most"]))
            if do == "check":
                return dict(self._templates(message).check(message["template"]))
        except BaseException as error:  # noqa: BLE001  what a skill raises is told, whatever it is
            return self.failed(error)
        return {"ok": False, "kind": "crashed", "message": f"unknown request {do!r}", "trace": []}

    def failed(self, error: BaseException) -> dict[str, object]:
        if isinstance(error, NotCarried):
            return {"ok": False, "kind": "output_invalid", "message": str(error)}
        return {"ok": False, "kind": "crashed", **beside("telling").told(error, self._folder)}

    def _load(self, message: dict[str, object]) -> dict[str, object]:
        folder, file, name = str(message["folder"]), str(message["file"]), str(message["name"])
        self._folder = folder
        if message["clock"] is not None:
            beside("trial").stop_clock(message["clock"])
        if message["counts_lines"]:
            self._lines = beside("trial").Lines(folder)
        os.chdir(folder)
        sys.path += [folder, f"{folder}/.shared"]
        path = f"{folder}/{file}"
        with open(path, "rb") as source:
            text = source.read()
        module = types.ModuleType(file.rpartition(".")[0])
        module.__file__ = path
        sys.modules[module.__name__] = module
        exec(compile(text, path, "exec", dont_inherit=True), module.__dict__)
        self.skill = Skill(module, name, folder, is_class=bool(message["is_class"]))
        self.skill.initialize(dict(message["config"]))  # type: ignore[call-overload]
        return {
            "ok": True,
            "metadata": self.skill.metadata() if message.get("metadata") else None,
            "tells_health": self.skill.tells_health(self._sdk),
            "overlaps": self._lines is None and self.skill.overlaps,
        }

    def _execute(self, message: dict[str, object]) -> dict[str, object]:
        if self.skill is None:
            return {"ok": False, "kind": "crashed", "message": "nothing is loaded", "trace": []}
        inputs: dict[str, object] = message["inputs"]  # type: ignore[assignment]
        if not self.skill.awaited(self.skill.validity(inputs)):
            return dict(NOT_VALID)
        return carried(self.skill.awaited(self.skill.call(inputs, self.context_of(message))))

    def context_of(self, message: dict[str, object]) -> Any:
        """What the skill is told of its run; the run's own folder is there from now on."""
        context = self._context_type(message["context"])
        if "out" in context:
            os.makedirs(context["out"], exist_ok=True)
        return context

    def _templates(self, message: dict[str, object]) -> types.ModuleType:
        """The module that knows Jinja, with its libraries loaded before it."""
        for package in ("markupsafe", "jinja2"):
            loaded(package, f"{message['libraries']}/{package}/__init__.py")
        return beside("templates")

    def reply(self, answer: dict[str, object], stdout: str, stderr: str) -> None:
        answer["stdout"], answer["stderr"] = (each.encode("utf-8", "replace").decode() for each in (stdout, stderr))
        if self._lines is not None:
            answer["lines"] = self._lines.told()
        answer["max_rss_kb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        answer["rss_kb"] = rss_kb()
        try:
            text = json.dumps(answer, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
            body = text.encode("utf-8", "strict" if answer.get("ok") else "replace")
            is_large = len(body) > self._most or body.count(b"[") + body.count(b"{") > MOST_PARTS
            if is_large and (why := beside("telling").too_large(body, self._most, MOST_PARTS)):
                raise NotCarried(why)
        except (TypeError, ValueError, NotCarried, RecursionError, UnicodeEncodeError) as error:
            refused = {"ok": False, "kind": "output_invalid", "message": f"the result cannot be carried: {error}"}
            kept = {key: value for key, value in answer.items() if key in KEPT}
            body = json.dumps({**refused, **kept}).encode("utf-8", "replace")
        self.channel.send(body)

    def _install_sdk(self) -> None:
        """Make `workbench.sdk` importable, and nothing else of the workbench."""
        package = types.ModuleType("workbench")
        package.__path__ = []
        sdk = types.ModuleType("workbench.sdk")
        sdk.__file__ = self._sdk
        sys.modules["workbench"], sys.modules["workbench.sdk"] = package, sdk
        with open(self._sdk, "rb") as source:
            exec(compile(source.read(), self._sdk, "exec", dont_inherit=True), sdk.__dict__)
        package.sdk = sdk  # type: ignore[attr-defined]
        self._context_type = sdk.SkillContext


def said_by_all() -> tuple[str, str]:
    """What was said to stdout and stderr since this was asked."""
    stdout, stderr = (stream.take() if isinstance(stream, Capture) else "" for stream in (sys.stdout, sys.stderr))
    return stdout, stderr


def carried(output: object) -> dict[str, object]:
    """A result as it is answered: bytes in the one form that JSON has for them."""
    if isinstance(output, bytes | bytearray):
        import binascii

        return {"ok": True, "base64": binascii.b2a_base64(output, newline=False).decode()}
    return {"ok": True, "output": output}


def cpu_s() -> float:
    """What this process has used until now, with those of its children that have ended."""
    used, below = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime + below.ru_utime + below.ru_stime


def rss_kb() -> int:
    """What this process holds at this moment; 0 where nobody says."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * (resource.getpagesize() >> 10)
    except (OSError, ValueError, IndexError):
        return 0


def plain(value: object) -> object:
    """Dataclasses and enums as plain JSON values, as far as they go."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "value") and hasattr(value, "name"):
        return value.value
    return value


def beside(name: str) -> types.ModuleType:
    """A module of ours that only few need, under a name that no skill's own module has."""
    return loaded(f"workbench.{name}", f"{os.path.dirname(os.path.abspath(__file__))}/{name}.py")


def loaded(name: str, path: str) -> types.ModuleType:
    """The module in this very file. The folder around it may not be listed here, so that no search would find it."""
    if name not in sys.modules:
        import importlib.util

        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def main() -> None:
    sys.dont_write_bytecode = True
    sdk, most_memory, preload, most = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "spare", int(sys.argv[4])
    if most_memory:
        resource.setrlimit(resource.RLIMIT_AS, (most_memory, most_memory))
    channel = Channel(CHANNEL)
    sys.stdout, sys.stderr = Capture(1), Capture(2)
    Worker(channel, sdk, most - ROOM).serve(LIKELY.split() if preload else [])


if __name__ == "__main__":
    main()
