"""Reload what is saved, without a screen: one line for each event, until it is interrupted."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from enum import Enum
from typing import Any

from workbench.cli.frame import add_dev, workspace_of
from workbench.cli.paper import finding_lines, write
from workbench.cli.waiting import waited_for
from workbench.model.documents import finding_document, outcome_document
from workbench.model.errors import WrongUse
from workbench.model.events import (
    Event,
    RunEnded,
    SkillHotReloaded,
    SkillRegistered,
    SkillReloadFailed,
    SkillTested,
    SkillUnregistered,
    WatchStarted,
    WorkerEnded,
)
from workbench.model.finding import Finding
from workbench.model.frozen import as_mapping
from workbench.model.run import Outcome
from workbench.model.words import counted, duration


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--exec",
        metavar="COMMAND",
        default=None,
        help="run this after each accepted save of $WORKBENCH_SKILL",
    )
    add_dev(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")


def run(options: argparse.Namespace) -> int:
    if options.exec is not None and not options.exec.strip():
        raise WrongUse("--exec names no command", hint="write --exec 'workbench test $WORKBENCH_SKILL'")

    return waited_for(_watch, options)


async def _watch(options: argparse.Namespace) -> int:
    from workbench.assembly import open_workbench
    from workbench.cli.following import following

    async with open_workbench(workspace=workspace_of(options), dev=options.dev) as workbench:
        with workbench.bus.subscribe(capacity=10_000) as events:
            async with workbench.watching(), following(options.exec or "", to_stderr=options.json) as follow:
                async for event in events:
                    for line in [_json(event)] if options.json else _lines(event):
                        write(line)
                    sys.stdout.flush()
                    if isinstance(event, SkillHotReloaded):
                        follow(event)
    return 0


def _json(event: Event) -> str:
    facts = {name: _plain(fact) for name, fact in as_mapping(event).items()}
    return json.dumps({"event": type(event).__name__, **facts}, ensure_ascii=False, default=str)


def _plain(value: Any) -> Any:
    match value:
        case Finding():
            return finding_document(value)
        case Outcome():
            return outcome_document(value)
        case Enum():
            return value.value
        case tuple() if value and all(isinstance(item, tuple) and len(item) == 2 for item in value):
            return dict(value)
        case tuple():
            return [_plain(item) for item in value]
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
    return value


def _lines(event: Event) -> list[str]:
    match event:
        case WatchStarted():
            polling = [f"▲ every 0.3 s, because {event.polling}"] if event.polling else []
            return [f"watching {counted(event.skills, 'skill')} · save to reload · ctrl+c ends", *polling]
        case SkillHotReloaded():
            steps = " · ".join(f"{name} {ms:.1f}" for name, ms in event.steps)
            return [f"↻ {event.skill}  → r{event.revision}  {duration(event.total_ms)}   {steps}"]
        case SkillReloadFailed():
            good = (
                f"r{event.answering_revision} goes on answering" if event.answering_revision else "nothing answers yet"
            )
            lines = [f"✕ {event.skill}  not reloaded · {good}"]
            found = [finding for finding in event.findings if finding.severity.breaks] or list(event.findings)
            return [*lines, *(f"  {line}" for finding in found for line in finding_lines(finding))]
        case SkillTested():
            counts = (("passed", event.passed), ("red", event.failed), ("skipped", event.skipped))
            told = ", ".join(f"{count} {word}" for word, count in counts if count)
            line = f"{'✓' if event.is_green else '▲'} {event.skill} r{event.revision}  tests: {told}"
            return [line, *(f"  {line}" for finding in event.findings for line in finding_lines(finding))]
        case WorkerEnded(is_trouble=True):
            return [f"▲ {event.skill}  its worker {event.why}: the next run starts another"]
        case RunEnded():
            glyph = "✓" if event.status == "completed" else "✕"
            return [
                f"{glyph} {event.skill}  r{event.revision}  {event.status}  {duration(event.duration_ms)}  {event.run}"
            ]
        case SkillRegistered():
            return [f"+ {event.skill}  {event.version}"]
        case SkillUnregistered():
            return [f"- {event.skill}  {event.reason}"]
    return []
