"""What runs inside the sandbox for a python skill: loads it, calls it, says what happened. Standard library only.

Started as a script, with a socket as descriptor 3. Frames are four bytes of length and JSON; nothing is ever unpickled.
"""

from __future__ import annotations

import _socket  # and not socket, nor what only few need: each module that is imported delays the first answer
import json
import os
import resource
import struct
import sys
import types

PROTOCOL = 1
CHANNEL = 3
MOST_CAPTURED = 64_000
MOST_FRAME = 64_000_000
ROOM = 500_000
HEADER = struct.Struct(">I")
# What a spare imports while nobody asks anything of it: an event loop, a part at a time, and what else skills use.
LIKELY = (
    "contextlib",
    "socket",
    "logging",
    "concurrent.futures",
    "subprocess",
    "asyncio.events",
    "ssl",
    "asyncio",
    "random",
)


class Channel:
    """Blocking frames over the one socket there is."""

    def __init__(self, descriptor: int) -> None:
        self._socket = _socket.socket(fileno=descriptor)
        self._socket.setblocking(True)
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

        return bool(select.select([self._socket], [], [], 0)[0])

    def send(self, body: bytes) -> None:
        self._socket.sendall(HEADER.pack(len(body)) + body)

    def _exactly(self, count: int) -> bytes | None:
        chunks: list[bytes] = []
        while count:
            chunk = self._socket.recv(min(count, 1 << 20))
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

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._parts: list[str] = []
        self._length = 0
        self.was_cut = False

    def write(self, text: str) -> int:
        """Kept for the answer, and written through: what a worker said before it was ended can still be read."""
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
        return

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

    def __init__(self, module: types.ModuleType, name: str, *, is_class: bool, may_wait: bool) -> None:
        self._runner: object = None
        self._may_wait = may_wait
        target = getattr(module, name)
        self._instance = target() if is_class else None
        self._function = None if is_class else target
        code = getattr(target, "__code__", None)
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code else ()
        self._wants_context = "context" in names

    def initialize(self, config: dict[str, object]) -> None:
        if self._instance is not None and hasattr(self._instance, "initialize"):
            self._awaited(self._instance.initialize(config))

    def metadata(self) -> object:
        if self._instance is None or not hasattr(self._instance, "get_metadata"):
            return None
        return plain(self._instance.get_metadata())

    def is_valid(self, inputs: object) -> bool:
        if self._instance is None or not hasattr(self._instance, "validate"):
            return True
        return bool(self._awaited(self._instance.validate(inputs)))

    def execute(self, inputs: dict[str, object], context: object) -> object:
        if self._instance is not None:
            return self._awaited(self._instance.execute(inputs, context))
        extra = {"context": context} if self._wants_context else {}
        return self._awaited(self._function(**inputs, **extra))  # type: ignore[misc]

    def cleanup(self) -> None:
        if self._instance is not None and hasattr(self._instance, "cleanup"):
            self._awaited(self._instance.cleanup())

    def _awaited(self, result: object) -> object:
        if not hasattr(result, "__await__"):
            return result
        if not self._may_wait:
            return without_waiting(result)
        import asyncio

        if self._runner is None:
            self._runner = asyncio.Runner()

        async def wait() -> object:
            return await result

        return self._runner.run(wait())  # type: ignore[attr-defined]


class Worker:
    """Answers one frame after the other until the other end closes."""

    def __init__(self, channel: Channel, sdk: str, most: int) -> None:
        self._channel, self._sdk, self._most = channel, sdk, most
        self._skill: Skill | None = None
        self._context_type: type = dict
        self._folder = ""

    def serve(self, likely: tuple[str, ...]) -> None:
        self._install_sdk()
        self._reply({"did": "ready", "protocol": PROTOCOL, "pid": os.getpid()})
        for name in likely:
            if self._channel.is_asked():
                break
            __import__(name)
        while (message := self._channel.receive()) is not None:
            answer = self._answer(message)
            if answer is None:
                return
            self._reply(answer)
        self._end()

    def _answer(self, message: dict[str, object]) -> dict[str, object] | None:
        do = message["do"]
        try:
            if do == "load":
                return self._load(message)
            if do == "execute":
                return self._execute(message)
            if do == "render":
                return dict(self._templates(message).render(message["template"], message["inputs"], message["most"]))
            if do == "check":
                return dict(self._templates(message).check(message["template"]))
            if do == "end":
                self._end()
                return None
        except NotCarried as error:
            return {"ok": False, "kind": "output_invalid", "message": str(error)}
        except BaseException as error:  # noqa: BLE001  what a skill raises is told, whatever it is
            return {"ok": False, "kind": "crashed", **told(error, self._folder)}
        return {"ok": False, "kind": "crashed", "message": f"unknown request {do!r}", "trace": []}

    def _load(self, message: dict[str, object]) -> dict[str, object]:
        folder, file, name = str(message["folder"]), str(message["file"]), str(message["name"])
        self._folder = folder
        os.chdir(folder)
        sys.path += [folder, f"{folder}/.shared"]
        path = f"{folder}/{file}"
        with open(path, "rb") as source:
            text = source.read()
        module = types.ModuleType(file.rpartition(".")[0])
        module.__file__ = path
        sys.modules[module.__name__] = module
        exec(compile(text, path, "exec", dont_inherit=True), module.__dict__)
        self._skill = Skill(module, name, is_class=bool(message["is_class"]), may_wait=may_wait(folder))
        self._skill.initialize(dict(message["config"]))  # type: ignore[call-overload]
        return {"ok": True, "metadata": self._skill.metadata() if message.get("metadata") else None}

    def _execute(self, message: dict[str, object]) -> dict[str, object]:
        if self._skill is None:
            return {"ok": False, "kind": "crashed", "message": "nothing is loaded", "trace": []}
        inputs: dict[str, object] = message["inputs"]  # type: ignore[assignment]
        if not self._skill.is_valid(inputs):
            return {"ok": False, "kind": "input_invalid", "message": "the skill's own validate() said no"}
        context = self._context_type(message["context"])
        if "out" in context:
            os.makedirs(context["out"], exist_ok=True)
        output = self._skill.execute(inputs, context)
        if isinstance(output, bytes | bytearray):
            import binascii

            return {"ok": True, "base64": binascii.b2a_base64(output, newline=False).decode()}
        return {"ok": True, "output": output}

    def _templates(self, message: dict[str, object]) -> types.ModuleType:
        """The module that knows Jinja, with its libraries loaded before it."""
        for package in ("markupsafe", "jinja2"):
            loaded(package, f"{message['libraries']}/{package}/__init__.py")
        return loaded("templates", f"{os.path.dirname(os.path.abspath(__file__))}/templates.py")

    def _end(self) -> None:
        if self._skill is not None:
            self._skill.cleanup()

    def _reply(self, answer: dict[str, object]) -> None:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            answer[name] = stream.take() if isinstance(stream, Capture) else ""
        used = resource.getrusage(resource.RUSAGE_SELF)
        below = resource.getrusage(resource.RUSAGE_CHILDREN)
        answer["cpu_s"] = used.ru_utime + used.ru_stime + below.ru_utime + below.ru_stime
        answer["max_rss_kb"] = used.ru_maxrss
        try:
            body = json.dumps(answer, allow_nan=False, separators=(",", ":")).encode()
            if len(body) > self._most:
                size = f"{len(body) / 1e6:.0f} MB, and at most {self._most / 1e6:.0f} MB is taken"
                raise NotCarried(f"a result of {size}; write it to a file in context.out")
        except (TypeError, ValueError, NotCarried, RecursionError, UnicodeEncodeError) as error:
            refused = {"ok": False, "kind": "output_invalid", "message": f"the result cannot be carried: {error}"}
            kept = {key: answer[key] for key in ("stdout", "stderr", "cpu_s", "max_rss_kb")}
            body = json.dumps({**refused, **kept}).encode("utf-8", "replace")
        self._channel.send(body)

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


def may_wait(folder: str) -> bool:
    """Whether anything here knows of an event loop. To import one takes longer than all the rest of a first answer."""
    if "asyncio" in sys.modules:
        return True
    for parent, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".py"):
                with open(f"{parent}/{name}", "rb") as source:
                    text = source.read()
                if any(word in text for word in (b"asyncio", b"anyio", b"trio", b"import_module", b"__import__")):
                    return True
    return False


def without_waiting(awaitable: object) -> object:
    """What a coroutine returns that never waits for anything."""
    steps = awaitable.__await__()  # type: ignore[attr-defined]
    try:
        while next(steps) is None:
            """It lets others go first, and there are none."""
    except StopIteration as done:
        return done.value
    steps.close()
    raise RuntimeError("it waits for something, and no event loop is here; import asyncio where one is needed")


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


def told(error: BaseException, folder: str) -> dict[str, object]:
    """An exception as the author sees it: their own frames, the last of them as the place."""
    import linecache
    import traceback

    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(f"{folder}/")]
    trace = [
        {
            "file": os.path.relpath(frame.filename, folder),
            "line": frame.lineno,
            "function": frame.name,
            "text": (frame.line or "")[:200],
        }
        for frame in frames[-20:]
    ]
    if isinstance(error, SyntaxError) and str(error.filename).startswith(f"{folder}/"):
        file = os.path.relpath(str(error.filename), folder)
        trace.append({"file": file, "line": error.lineno or 1, "column": error.offset or 1, "function": "", "text": ""})
    try:
        words = str(error) if not isinstance(error, SyntaxError) else error.msg
    except BaseException:  # noqa: BLE001  an exception of a stranger's may fail at being shown
        words = "(its message cannot be shown)"
    linecache.clearcache()
    return {"message": f"{type(error).__name__}: {words}"[:2000] if words else type(error).__name__, "trace": trace}


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
    Worker(channel, sdk, most - ROOM).serve(LIKELY if preload else ())


if __name__ == "__main__":
    main()
