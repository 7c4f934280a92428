"""The front matter of a SKILL.md: every value is text, as it was written.

Most front matter is a handful of plain lines, and those are read here at a fraction of a YAML parser's cost. What is
not plain goes to the parser; what the parser refuses may still be what a lenient client makes of it.
"""

from __future__ import annotations

import re

from workbench.runtime.texts.yaml_reader import YamlDocument, YamlRefused, read_yaml

MAX_KEYS = 50
_PLAIN = r"[A-Za-z0-9(][^:#]*(?:(?::(?! )|(?<! )#)[^:#]+)*(?<! )"
_PLAIN_LINE = re.compile(rf'(  )?([A-Za-z][A-Za-z0-9_-]*):(?: (?:({_PLAIN})|"([^"\\]*)"))?')
_PLAIN_TEXT = re.compile(r"[\n -~\xa0-\u2027\u2030-\ud7ff]*")
_KEY_LINE = re.compile(r"([A-Za-z][\w-]*)[ \t]*:(?:[ \t].*)?")


def read_front_matter(front: str) -> YamlDocument:
    """What is between the two lines of dashes; raises YamlRefused."""
    plain = _read_plain_lines(front)
    return read_yaml(front, as_text=True) if plain is None else YamlDocument(plain, front)


def _read_plain_lines(front: str) -> dict[str, object] | None:
    """Lines of `key: plain text`, and such lines indented by two below a key alone; None where YAML has a say."""
    if _PLAIN_TEXT.fullmatch(front) is None:
        return None
    values: dict[str, object] = {}
    below: dict[str, object] | None = None
    for line in front.split("\n")[:-1]:
        match = _PLAIN_LINE.fullmatch(line)
        if match is None:
            return None
        indent, key, plain, quoted = match.groups()
        holder = below if indent else values
        if holder is None or key in holder:
            return None
        if plain is None and quoted is None:
            if indent:
                return None
            holder[key] = below = {}
        else:
            holder[key] = plain or quoted or ""
            below = below if indent else None
    return {key: value if value != {} else "" for key, value in values.items()} or None


def read_line_by_line(front: str) -> YamlDocument | None:
    """What a client without a YAML parser makes of it, `key: rest of the line`, where that gives what a skill needs."""
    chunks: list[tuple[str, int, list[str]]] = []
    for number, line in enumerate(front.split("\n"), 1):
        if match := _KEY_LINE.fullmatch(line):
            chunks.append((match[1], number, [line]))
        elif chunks:
            chunks[-1][2].append(line)
        if len(chunks) > MAX_KEYS:
            return None
    values = {key: _value_of(key, lines) for key, _, lines in chunks}
    if not (values.get("name") and values.get("description")):
        return None
    return YamlDocument(values, front, {(key,): (number, 1) for key, number, _ in chunks})


def _value_of(key: str, lines: list[str]) -> object:
    try:
        value = read_yaml("\n".join(lines), as_text=True).value
    except YamlRefused:
        rest = " ".join([lines[0].partition(":")[2].strip(), *(line.strip() for line in lines[1:])]).strip()
        return rest[1:-1] if len(rest) > 1 and rest[0] == rest[-1] and rest[0] in "\"'" else rest
    return value[key] if isinstance(value, dict) else ""
