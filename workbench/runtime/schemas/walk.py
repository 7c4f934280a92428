"""How a JSON Schema hangs together: its parts, where its references lead, and how much work it can make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from urllib.parse import unquote

Pointer = tuple[str | int, ...]
Node = Mapping[str, object]

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_TO_THE_SAME_VALUE = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else"})
_TO_ONE_CHILD = frozenset({"properties", "prefixItems"})
_TO_EVERY_CHILD = frozenset(
    {"patternProperties", "additionalProperties", "unevaluatedProperties", "propertyNames"}
    | {"items", "additionalItems", "unevaluatedItems", "contains"}
)
_TO_NOTHING = frozenset({"$defs", "definitions"})
_BY_KEY_TO_THE_SAME_VALUE = frozenset({"dependentSchemas", "dependencies"})
_BY_KEY = _BY_KEY_TO_THE_SAME_VALUE | _TO_NOTHING | {"properties", "patternProperties"}
_KEYWORDS = _BY_KEY | _TO_THE_SAME_VALUE | _TO_ONE_CHILD | _TO_EVERY_CHILD
_ENOUGH = 10**9


def parts_of(schema: Node) -> Iterator[tuple[Node, Pointer]]:
    """Every subschema with its path, the schema itself first; what `enum`, `const` or `default` hold is data."""
    seen: set[int] = set()
    stack: list[tuple[Node, Pointer]] = [(schema, ())]
    while stack:
        node, path = stack.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node, path
            stack.extend((child, (*path, *where)) for where, child in _children(node))


def references_of(node: Node) -> Iterator[tuple[str, str]]:
    """The keywords of a node that refer elsewhere, and what they say."""
    for keyword in _REFERENCES:
        said = node.get(keyword)
        if isinstance(said, str):
            yield keyword, said


def anchors_of(root: Node) -> Mapping[str, Node]:
    """The parts of a document that have a name of their own."""
    anchors: dict[str, Node] = {}
    for node, _ in parts_of(root):
        for name in (node.get("$anchor"), node.get("$dynamicAnchor"), node.get("$id")):
            if isinstance(name, str):
                anchors.setdefault(name.removeprefix("#"), node)
    return anchors


def resolve(root: Node, reference: str, anchors: Mapping[str, Node]) -> object:
    """What `#`, `#/$defs/x` or `#anchor` names inside a document; None where it names nothing."""
    fragment = unquote(reference.removeprefix("#"))
    if fragment and not fragment.startswith("/"):
        return anchors.get(fragment)
    node: object = root
    for part in fragment.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, Mapping):
            node = node.get(part)
        elif isinstance(node, list | tuple) and part.isdecimal() and int(part) < len(node):
            node = node[int(part)]
        else:
            return None
    return node


def endless_part(schema: Node) -> Pointer | None:
    """The path of a part that applies itself to the same value for ever, or None."""
    reach = _Reach(schema)
    places: dict[int, Pointer] = {}
    graph: dict[int, list[int]] = {}
    for node, path in parts_of(schema):
        if any(references_of(node)):
            places[id(node)] = path
        graph[id(node)] = [id(child) for child in reach.of(node).same_value]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return min((places[node] for node in error.args[1] if node in places), key=len, default=())
    return None


def work_of(schema: Node) -> int:
    """How many parts one value can meet at worst; recursion counts once, for the validator remembers what it saw."""
    reach = _Reach(schema)
    costs: dict[int, int] = {}
    opened: set[int] = set()
    stack = [schema]
    while stack:
        node = stack[-1]
        applied = reach.of(node)
        if id(node) not in opened:
            opened.add(id(node))
            stack.extend(child for child in applied.all if id(child) not in opened)
            continue
        stack.pop()
        if id(node) not in costs:
            together = sum(costs.get(id(child), 1) for child in (*applied.same_value, *applied.every_child))
            dearest = max((costs.get(id(child), 1) for child in applied.one_child), default=0)
            costs[id(node)] = min(1 + together + dearest, _ENOUGH)
    return costs[id(schema)]


def is_affordable(schema: Node, value: object, *, steps: int) -> bool:
    """Whether telling everything that is wrong with a value takes no more than so many steps."""
    reach = _Reach(schema)
    stack: list[tuple[object, Node]] = [(value, schema)]
    while stack:
        steps -= 1
        if len(stack) > steps:
            return False
        part, node = stack.pop()
        stack.extend(islice(_meetings(part, node, reach.of(node)), steps))
    return True


def _meetings(part: object, node: Node, applied: _Applied) -> Iterator[tuple[object, Node]]:
    yield from ((part, child) for child in applied.same_value)
    if isinstance(part, Mapping):
        yield from ((below, child) for child in applied.every_child for below in part.values())
        properties = node.get("properties")
        if isinstance(properties, Mapping):
            known = ((key, properties[key]) for key in part.keys() & properties.keys())
            yield from ((part[key], child) for key, child in known if isinstance(child, Mapping))
    elif isinstance(part, list | tuple):
        yield from ((below, child) for child in (*applied.every_child, *applied.one_child) for below in part)


class _Applied:
    """The subschemas of one node by what they are applied to."""

    def __init__(self) -> None:
        self.same_value: list[Node] = []
        self.one_child: list[Node] = []
        self.every_child: list[Node] = []

    @property
    def all(self) -> tuple[Node, ...]:
        return *self.same_value, *self.one_child, *self.every_child


class _Reach:
    """What the nodes of one schema apply, references followed, looked up once for each node."""

    def __init__(self, root: Node) -> None:
        self._root, self._anchors = root, anchors_of(root)
        self._known: dict[int, _Applied] = {}

    def of(self, node: Node) -> _Applied:
        if (known := self._known.get(id(node))) is not None:
            return known
        applied = self._known[id(node)] = _Applied()
        targets = (resolve(self._root, reference, self._anchors) for _, reference in references_of(node))
        applied.same_value.extend(target for target in targets if isinstance(target, Mapping))
        for where, child in _children(node):
            if where[0] in _TO_ONE_CHILD:
                applied.one_child.append(child)
            elif where[0] in _TO_EVERY_CHILD:
                applied.every_child.append(child)
            elif where[0] not in _TO_NOTHING:
                applied.same_value.append(child)
        return applied


def _children(node: Node) -> Iterator[tuple[Pointer, Node]]:
    for keyword, held in node.items():
        if keyword not in _KEYWORDS:
            continue
        if isinstance(held, list | tuple):
            yield from (((keyword, index), child) for index, child in enumerate(held) if isinstance(child, Mapping))
        elif isinstance(held, Mapping) and keyword in _BY_KEY:
            yield from (((keyword, str(key)), child) for key, child in held.items() if isinstance(child, Mapping))
        elif isinstance(held, Mapping):
            yield (keyword,), held
