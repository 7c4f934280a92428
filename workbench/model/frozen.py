"""`@frozen`: values that never change, as frozen, slotted, keyword-only dataclasses are, but cheap to define.

The standard library compiles six methods for each dataclass while it is imported, half a millisecond a class; with
seventy of them that was a third of every command's start. Here one method is compiled, when the first instance is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")
_REQUIRED = object()


class _Made:
    """A default that is made anew for each instance."""

    __slots__ = ("factory",)

    def __init__(self, factory: Callable[[], object]) -> None:
        self.factory = factory


def field(*, default_factory: Callable[[], T]) -> T:
    """A default that is made anew for each instance."""
    return _Made(default_factory)  # type: ignore[return-value]


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """Make a class of annotated names a value."""
    namespace = dict(cls.__dict__)
    own = {name: namespace.pop(name, _REQUIRED) for name in namespace.get("__annotations__", {})}
    for unwanted in ("__dict__", "__weakref__"):
        namespace.pop(unwanted, None)
    inherited = getattr(cls, "__frozen_fields__", {})
    namespace["__slots__"] = tuple(name for name in own if name not in inherited)
    namespace["__frozen_fields__"] = {**inherited, **own}
    for name, method in _METHODS.items():
        if namespace.get(name) is None:
            namespace[name] = method
    made: type[T] = type(cls)(cls.__name__, cls.__bases__, namespace)  # type: ignore[misc]
    return made


def replace(old: T, **changes: Any) -> T:
    """The same value with some fields changed."""
    given = {name: getattr(old, name) for name in type(old).__frozen_fields__}  # type: ignore[attr-defined]
    given.update(changes)
    return type(old)(**given)


def is_frozen(thing: object) -> bool:
    """Whether this is a value or a class of values."""
    return hasattr(thing, "__frozen_fields__")


def field_names(thing: object) -> tuple[str, ...]:
    """The names of a value's fields, or of a class of values'."""
    return tuple(thing.__frozen_fields__)  # type: ignore[attr-defined]


def as_mapping(thing: object) -> dict[str, Any]:
    """A value's fields by their names; what the fields hold stays as it is."""
    return {name: getattr(thing, name) for name in field_names(thing)}


def _first_init(self: Any, **given: Any) -> None:
    """Compile the class's own __init__, put it in this one's place, and go on with it."""
    cls = next(each for each in type(self).__mro__ if "__frozen_fields__" in each.__dict__)
    init = _compiled_init(cls)
    cls.__init__ = init  # type: ignore[misc]
    init(self, **given)


def _compiled_init(cls: Any) -> Callable[..., None]:
    environment: dict[str, Any] = {"_set": object.__setattr__}
    parameters, body = [], []
    for name, default in cls.__frozen_fields__.items():
        if default is _REQUIRED:
            parameters.append(name)
        else:
            environment[f"_d_{name}"] = default.factory if isinstance(default, _Made) else default
            parameters.append(f"{name}=_d_{name}")
        made = f"_d_{name}() if {name} is _d_{name} else {name}" if isinstance(default, _Made) else name
        body.append(f"    _set(self, {name!r}, {made})")
    if hasattr(cls, "__post_init__"):
        body.append("    self.__post_init__()")
    star = "*, " if parameters else ""
    source = f"def __init__(self, {star}{', '.join(parameters)}):\n" + ("\n".join(body) or "    pass")
    exec(source, environment)
    init: Callable[..., None] = environment["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _values(thing: Any) -> Iterator[Any]:
    return (getattr(thing, name) for name in type(thing).__frozen_fields__)


def _equal(self: Any, other: object) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return all(mine == theirs for mine, theirs in zip(_values(self), _values(other), strict=True))


def _hash(self: Any) -> int:
    return hash(tuple(_values(self)))


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in type(self).__frozen_fields__)
    return f"{type(self).__qualname__}({shown})"


def _refuse(self: Any, name: str, *_: object) -> None:
    raise AttributeError(f"a {type(self).__name__} never changes: '{name}' cannot be set; make another with replace()")


def _reduce(self: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    return _rebuilt, (type(self), as_mapping(self))


def _rebuilt(cls: type[T], given: dict[str, Any]) -> T:
    return cls(**given)


_METHODS: dict[str, Any] = {
    "__init__": _first_init,
    "__eq__": _equal,
    "__hash__": _hash,
    "__repr__": _repr,
    "__setattr__": _refuse,
    "__delattr__": _refuse,
    "__reduce__": _reduce,
}
