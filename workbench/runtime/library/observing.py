"""From what was noted of single runs to what can be said of a skill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from workbench.model.observed import Observed


def observed_in(outcomes: Iterable[Mapping[str, Any]]) -> Observed:
    """What these outcomes, as they were kept, say together."""
    runs = files = 0
    reached, refused = Counter[str](), Counter[str]()
    denied, limits, errors = Counter[str](), Counter[str](), Counter[str]()
    most: dict[str, float] = {}
    for outcome in outcomes:
        runs += 1
        contacts = outcome.get("contacts") or ()
        reached.update({each["host"] for each in contacts if not each["refused"]})
        refused.update({each["host"] for each in contacts if each["refused"]})
        denied.update({each["what"] for each in outcome.get("denied") or ()})
        limits.update([limit["name"]] if (limit := outcome.get("limit")) else [])
        errors.update([error["kind"]] if (error := outcome.get("error")) else [])
        files = max(files, len(outcome.get("artifacts") or ()))
        usage = dict(outcome.get("usage") or {})
        if usage.pop("shared", False):
            del usage["cpu_ms"]  # with what other calls have used
        for name, value in {**usage, "duration_ms": outcome.get("duration_ms")}.items():
            if isinstance(value, int | float):
                most[name] = max(most.get(name, 0), value)
    output = most.get("output_bytes")
    return Observed(
        runs=runs,
        reached=dict(reached.most_common()),
        refused=dict(refused.most_common()),
        denied=dict(denied.most_common()),
        limits=dict(limits.most_common()),
        errors=dict(errors.most_common()),
        most_memory_mb=most.get("max_rss_mb"),
        most_cpu_ms=most.get("cpu_ms"),
        most_output_bytes=None if output is None else int(output),
        longest_ms=most.get("duration_ms"),
        most_files_left=files,
    )
