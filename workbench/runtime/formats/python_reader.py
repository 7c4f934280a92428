"""A skill written in Python, read from its syntax tree: nothing of it is ever executed here."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from workbench.model.manifest import PythonEntry
from workbench.runtime.formats.python_literals import NOT_PLAIN, arguments_of, last_name, places_in, plain_value
from workbench.runtime.formats.python_signature import Function, schema_of_signature
from workbench.runtime.schemas.validator import Pointer

MAX_BYTES = 300_000
_INTERFACE = "SkillInterface"
_NEEDED = ("get_metadata", "execute")
_SIGNS = re.compile(rb"\bSkillInterface\b|^@[ \t]*(?:\w+[ \t]*\.[ \t]*)*skill\b", re.MULTILINE)


class PythonRefused(Exception):
    """The source is not Python, or not one skill; says where."""

    def __init__(self, message: str, line: int, column: int, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.line, self.column, self.hint = message, line, column, hint


class PythonSource:
    """What the tree tells: where the code is, the literal part of the metadata, and where each of it stands."""

    def __init__(self, entry: PythonEntry, line: int, source: bytes) -> None:
        self.entry, self.line, self._source = entry, line, source
        self.metadata: dict[str, Any] = {}
        self.nodes: dict[Pointer, ast.expr | ast.keyword] = {}
        self.unread = ""
        self.missing_methods: tuple[str, ...] = ()

    def place_of(self, pointer: Pointer) -> tuple[int, int]:
        """Line and column, from 1, of the nearest part of the metadata that is written down."""
        while pointer and pointer not in self.nodes:
            pointer = pointer[:-1]
        node = self.nodes.get(pointer)
        return _inside(self._source, node.lineno, node.col_offset) if node else (self.line, 1)


def may_hold_a_skill(source: bytes) -> bool:
    """Whether a source is worth parsing: a file of shared code has none of the signs of a skill."""
    return _SIGNS.search(source) is not None


def read_python(source: bytes, file: str) -> PythonSource | None:
    """The one skill in a source, or None where there is none; raises PythonRefused."""
    if len(source) > MAX_BYTES:
        message = f"{len(source) / 1000:,.0f} kB of Python, and at most {MAX_BYTES // 1000} kB is read"
        raise PythonRefused(message, 1, 1, "keep data in a file of its own")
    try:
        tree = _parsed(source)
        found = [*_classes(tree, source, file), *_functions(tree, source, file)]
    except (SyntaxError, ValueError) as error:
        raise _refused(source, error) from None
    except (RecursionError, MemoryError):
        raise PythonRefused("nested too deep", 1, 1, "split the longest expression") from None
    if len(found) > 1:
        names = " and ".join(one.entry.name for one in found[:3])
        message = f"more than one skill in one file: {names}"
        raise PythonRefused(message, found[1].line, 1, "give each skill a folder of its own")
    return found[0] if found else None


def _parsed(source: bytes | str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def _refused(source: bytes, error: SyntaxError | ValueError) -> PythonRefused:
    if (at := source.find(b"\0")) >= 0:
        line = source.count(b"\n", 0, at) + 1
        return PythonRefused("a zero byte", line, 1, "save it as UTF-8 text")
    if not isinstance(error, SyntaxError):
        return PythonRefused(f"not Python that is taken here: {error}", 1, 1, "save it as UTF-8 text")
    hint = "save it as UTF-8" if "codec" in error.msg or "encoding" in error.msg else "look here, and just above"
    return PythonRefused(error.msg, *_place_of_mistake(source, error), hint)


def _place_of_mistake(source: bytes, error: SyntaxError) -> tuple[int, int]:
    """Line and column, from 1; columns of a mistake in bytes mean bytes in one Python and characters in the next."""
    with suppress(ValueError, RecursionError, MemoryError):
        try:
            _parsed(source.decode("utf-8-sig"))
        except SyntaxError as in_text:
            error = in_text
    line, end = _inside(source, error.lineno or 1, len(source))
    return line, min(max(error.offset or 1, 1), end)


def _inside(source: bytes, line: int, offset: int) -> tuple[int, int]:
    """Line and column, from 1, that an editor can go to; an offset counts bytes from the line's beginning."""
    lines = source.splitlines() or [b""]
    line = min(max(line, 1), len(lines))
    return line, len(lines[line - 1][:offset].decode("utf-8", "replace")) + 1


def _classes(tree: ast.Module, source: bytes, file: str) -> Iterator[PythonSource]:
    """The classes with the interface that no other class of the file builds upon."""
    families: dict[str, list[ast.ClassDef]] = {}
    parents: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            bases = [last_name(base) for base in node.bases]
            known = [base for base in bases if base in families]
            if known or _INTERFACE in bases:
                families[node.name] = [node, *(ancestor for base in known for ancestor in families[base])]
                parents.update(known)
    for name, family in families.items():
        if name not in parents:
            yield _read_class(family, source, file)


def _functions(tree: ast.Module, source: bytes, file: str) -> Iterator[PythonSource]:
    for node in tree.body:
        if isinstance(node, Function):
            for decorator in node.decorator_list:
                if last_name(decorator.func if isinstance(decorator, ast.Call) else decorator) == "skill":
                    yield _read_function(node, decorator, source, file)


def _read_class(family: list[ast.ClassDef], source: bytes, file: str) -> PythonSource:
    """A class by itself and the classes of the same file that it builds upon, nearest first."""
    read = PythonSource(PythonEntry(file=file, name=family[0].name), family[0].lineno, source)
    members = [item for node in family for item in node.body]
    methods = {item.name: item for item in reversed(members) if isinstance(item, Function)}
    read.missing_methods = tuple(name for name in _NEEDED if name not in methods)
    if get_metadata := methods.get("get_metadata"):
        call = _returned_call(get_metadata)
        if call is None:
            read.unread = "get_metadata() does more than return SkillMetadata(…)"
        else:
            _read_arguments(call, read)
    return read


def _read_function(node: Function, decorator: ast.expr, source: bytes, file: str) -> PythonSource:
    entry = PythonEntry(file=file, name=node.name, is_class=False)
    read = PythonSource(entry, node.lineno, source)
    if isinstance(decorator, ast.Call):
        _read_arguments(decorator, read)
    read.metadata.setdefault("name", node.name.replace("_", "-"))
    if document := ast.get_docstring(node):
        read.metadata.setdefault("description", " ".join(document.split("\n\n")[0].split()))
    read.metadata.setdefault("input_schema", schema_of_signature(node))
    return read


def _returned_call(function: Function) -> ast.Call | None:
    returns = [node for node in ast.walk(function) if isinstance(node, ast.Return)]
    value = returns[0].value if len(returns) == 1 else None
    return value if isinstance(value, ast.Call) and last_name(value.func) == "SkillMetadata" else None


def _read_arguments(call: ast.Call, read: PythonSource) -> None:
    read.nodes[()] = call
    unread: list[str] = []
    for name, node, begin in arguments_of(call):
        value = plain_value(node) if name else NOT_PLAIN
        if value is NOT_PLAIN:
            unread.append(name or f"line {node.lineno}")
        else:
            read.metadata[name] = value
            read.nodes[(name,)] = begin
            read.nodes.update(places_in(node, (name,)))
    if unread:
        read.unread = f"not written as plain values: {', '.join(unread[:8])}"
