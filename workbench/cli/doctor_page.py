"""What the doctor found, as one page of eighty columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from workbench.cli.paper import columns, write
from workbench.model.policy import Hold, Tier

WIDTH = 80
STATES = {Hold.ENFORCED: "● {}  enforced", Hold.WATCHED: "▲ {}  watched", Hold.NOT_HELD: "– {}  not held"}
BROKEN = "✕ {}  broken"


def print_page(document: Mapping[str, Any], programs: Mapping[str, tuple[str, str]]) -> None:
    sandbox = document["sandbox"]
    write(f"Skill Workbench {document['version']}   Python {document['python']}   {document['system']}")
    write(f"workspace  {document['workspace']}")
    write(f"state      {document['state']['folder']}  ({document['state']['reason']})")
    write("")
    _write_below(f"sandbox    tier {sandbox['tier']}: ", sandbox["meaning"], indent=11)
    for probe in sandbox["probes"]:
        said = "its canary tried every door" if probe["holds"] else probe["why_not"]
        if probe["tier"] != Tier.D.value:
            _write_below(f"{'●' if probe['holds'] else '✕'} tier {probe['tier']}   ", said, indent=11)
    write("")
    _write_promises(sandbox["promises"])
    _write_list("not promised here", sandbox["not_promised"])
    _write_list("to get more", sandbox["advice"])
    write("")
    places = document["programs"]
    rows = [
        (f"● {name}", places[name], use) if places[name] else (f"– {name}", f"– not here: {remedy}", use)
        for name, (use, remedy) in programs.items()
    ]
    for line in columns(rows):
        write(line)


def _write_promises(promises: Iterable[Mapping[str, Any]]) -> None:
    """A line for each promise: its state, the layer that holds it, and what came of trying to break it just now."""
    rows = [(_state_of(each), each["by"], each["proof"]["result"]) for each in promises]
    widths = [max(len(row[column]) for row in rows) + 2 for column in (0, 1)]
    write(f"{'  promise'.ljust(widths[0])}{'by'.ljust(widths[1])}tried just now")
    for state, by, result in rows:
        _write_below(f"{state.ljust(widths[0])}{by.ljust(widths[1])}", result, indent=sum(widths))


def _state_of(promise: Mapping[str, Any]) -> str:
    state = BROKEN if promise["is_broken"] else STATES[Hold(promise["hold"])]
    return state.format(promise["name"].ljust(11))


def _write_list(title: str, lines: Iterable[str]) -> None:
    for number, line in enumerate(lines):
        if number == 0:
            write("")
            write(title)
        _write_below("  – ", line, indent=4)


def _write_below(start: str, text: str, *, indent: int) -> None:
    """Text behind a start; what does not fit stands below the text, not below the start."""
    for line in textwrap.wrap(f"{start}{text}", WIDTH, subsequent_indent=" " * indent) or [start]:
        write(line)
