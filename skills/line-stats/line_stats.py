"""Reads {"text": …, "width": …} on stdin and writes what it measured as JSON on stdout."""

import json
import re
import sys

ENDS = {"\n": "lf", "\r\n": "crlf", "\r": "cr"}


def measured(text, width):
    parts = re.split(r"(\r\n|\n|\r)", text)
    lines, ends = parts[::2], parts[1::2]
    if not lines[-1]:
        lines.pop()
    return {
        "lines": len(lines),
        "blank": sum(not line.strip() for line in lines),
        "words": len(text.split()),
        "characters": len(text),
        "bytes": len(text.encode("utf-8", "surrogatepass")),
        "line_ends": one_of(ENDS[end] for end in ends),
        "indentation": one_of(filter(None, map(indentation, lines))),
        "longest": max(range(len(lines)), key=lambda place: len(lines[place])) + 1 if lines else None,
        "long": numbered(len(line) > width for line in lines),
        "trailing_space": numbered(line != line.rstrip(" \t") for line in lines),
        "ends_with_newline": bool(ends) and len(ends) == len(lines),
    }


def indentation(line):
    """What a line with something in it is indented by."""
    space = line[: len(line) - len(line.lstrip(" \t"))]
    if not space or space == line:
        return None
    return one_of({" ": "spaces", "\t": "tabs"}[sign] for sign in space)


def one_of(kinds):
    """The one kind there is, or that there is none, or that they differ."""
    different = set(kinds)
    return different.pop() if len(different) == 1 else "mixed" if different else "none"


def numbered(flags):
    numbers = [number for number, flag in enumerate(flags, 1) if flag]
    return {"count": len(numbers), "first": numbers[:10]}


inputs = json.load(sys.stdin)
json.dump(measured(inputs["text"], inputs["width"]), sys.stdout)
