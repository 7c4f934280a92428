"""Run a skill. What it says goes to stdout; what the workbench says of it goes to stderr."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.cli.approve_command import command_for
from workbench.cli.frame import add_dev, add_json, print_json, workspace_of
from workbench.cli.paper import finding_lines, place, say
from workbench.cli.slow_reader import SlowReader
from workbench.cli.waiting import waited_for
from workbench.model.errors import WrongUse
from workbench.model.finding import printable
from workbench.model.words import duration
from workbench.runtime.sandbox.spawning import WardenProcess, spawn_warden

if TYPE_CHECKING:
    from workbench.cli.live import Shown
    from workbench.model.run import Outcome
    from workbench.runtime.runtime import Result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "ref", help="a skill's name, alias or folder; @1.2.0 or @r3 behind it names a version or revision"
    )
    parser.add_argument("--input", metavar="JSON", help="the inputs as a JSON object")
    parser.add_argument("--input-file", metavar="FILE", help="the inputs from a JSON file; - is stdin")
    parser.add_argument("-i", metavar="KEY=VALUE", action="append", default=[], dest="pairs", help="one input")
    parser.add_argument("--example", action="store_true", help="the example input that the skill comes with")
    parser.add_argument("--user", default="", help="on whose behalf")
    parser.add_argument("--session", default="", help="in which session")
    parser.add_argument("--agent", default="", help="for which agent")
    add_dev(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    given = _given(options)
    warden = spawn_warden()  # it starts while the rest is imported
    reader = SlowReader()
    try:
        return waited_for(_run, options, given, warden, reader)
    except KeyboardInterrupt:
        reader.give_up()
        raise


async def _run(options: argparse.Namespace, given: Mapping[str, Any], warden: WardenProcess, reader: SlowReader) -> int:
    from workbench.assembly import open_workbench
    from workbench.cli.live import Shown, shown_while_it_runs
    from workbench.model.run import Caller
    from workbench.model.skill import Kind

    output = Shown("stdout", sys.stdout.buffer, for_a_person=sys.stdout.isatty())
    words = Shown("stderr", sys.stderr.buffer, for_a_person=True)

    async with open_workbench(workspace=workspace_of(options), dev=options.dev, warden=warden) as workbench:
        if "/" in options.ref and os.path.exists(options.ref) and not workbench.knows(options.ref):
            workbench.register(options.ref)
        skill = workbench.find(options.ref)
        answering = workbench.library.last_good(skill) if skill.is_broken else None
        manifest = (answering or skill).manifest
        inputs = _inputs(manifest.input_schema, manifest.example if options.example else None, given, options)
        caller = Caller(user=options.user, session=options.session, agent=options.agent)
        coming = workbench.run(options.ref, inputs, caller=caller)
        if skill.kind is Kind.CODE_INLINE and not options.json:
            live = (words,) if manifest.output_schema else (output, words)
            result = await shown_while_it_runs(workbench, live, reader, coming)
        else:
            result = await coming
    await reader.gets(_tell, options, result, output, words)
    return int(result.outcome.process_exit_code)


def _tell(options: argparse.Namespace, result: Result, output: Shown, words: Shown) -> None:
    """How it ended, as a document or for a person."""
    from workbench.model.documents import run_document

    if options.json:
        print_json(run_document(result.run, result.outcome))
        return
    name = result.run.skill.name
    if result.instead_of is not None and result.instead_of.answering is not None:
        for finding in result.instead_of.findings:
            if finding.severity.breaks:
                for line in finding_lines(finding):
                    say(line)
        say(f"▲ {name} is broken as it stands; its last good revision r{result.run.skill.revision} answered")
    _print(result.outcome, output, words)
    if result.outcome.needs:
        say(f"    `{command_for(name, result.outcome.needs, options)}` allows that")


def _print(outcome: Outcome, output: Shown, words: Shown) -> None:
    """What was not shown while it ran: all of it, or what a spool that fell silent could not keep."""
    from workbench.runtime.executors.code_inline import MOST_STDERR

    whole = _bytes_of(outcome)
    if not output.bytes or outcome.usage.output_bytes is not None:
        output.write(whole[output.bytes :])
    if outcome.output_bytes is None:
        output.end_line()
    if not words.bytes and outcome.stderr:
        say(outcome.stderr.rstrip("\n"))
    elif words.bytes < MOST_STDERR:
        words.write_rest(outcome.stderr)
    words.end_line()
    for held in outcome.held_back:
        say(f"▲ {printable(str(held))}")
    for artifact in outcome.artifacts:
        say(f"· left {artifact}")
    error = outcome.error
    if error is None:
        return
    where = f"{place(error.place)}  " if error.place else ""
    say(f"✕ {outcome.status.value} after {duration(outcome.duration_ms)}  {where}{error.message}")
    if error.hint:
        say(f"    {error.hint}")


def _bytes_of(outcome: Outcome) -> bytes:
    if outcome.output_bytes is not None:
        return outcome.output_bytes
    if outcome.output is None:
        return b""
    text = outcome.output
    if not isinstance(text, str):
        text = json.dumps(text, ensure_ascii=False, indent=2)
    return text.encode("utf-8", "surrogatepass")


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """What --input and --input-file say; raises WrongUse."""
    if options.input is not None and options.input_file is not None:
        raise WrongUse("--input and --input-file are both given", hint="give one of them")
    if options.input is not None:
        return _object(options.input, "--input")
    if options.input_file is None:
        return {}
    try:
        if options.input_file == "-":
            return _object(sys.stdin.read(), "stdin")
        with open(options.input_file, encoding="utf-8") as file:
            return _object(file.read(), options.input_file)
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"{options.input_file}: cannot be read: {error}", hint="name a JSON file") from None


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
        text.encode()
        json.dumps(value, ensure_ascii=False).encode()
    except (json.JSONDecodeError, RecursionError) as error:
        raise WrongUse(f"{where} is not JSON: {error}", hint='write {"name": "value"}') from None
    except UnicodeEncodeError:
        raise WrongUse(f"{where} holds half a character (a lone surrogate)", hint="write whole characters") from None
    if not isinstance(value, dict):
        raise WrongUse(f"{where} is not a JSON object", hint='write {"name": "value"}')
    return value


def _inputs(
    schema: Mapping[str, Any] | None, example: Any, given: Mapping[str, Any], options: argparse.Namespace
) -> dict[str, Any]:
    if options.example and not isinstance(example, dict):
        raise WrongUse(f"'{options.ref}' comes without an example", hint="give its inputs with -i name=value")
    inputs = {**(example if options.example else {}), **given}
    properties = (schema or {}).get("properties")
    for pair in options.pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise WrongUse(f"-i {pair}: a value is missing", hint="write -i name=value")
        inputs[key] = _typed(text, properties.get(key) if isinstance(properties, Mapping) else None)
    return inputs


def _types(rule: object) -> list[object]:
    """The types that a schema allows, also where it names them one by one."""
    if not isinstance(rule, Mapping):
        return [None]
    wanted = rule.get("type")
    types = list(wanted) if isinstance(wanted, list) else [wanted]
    for each in rule.get("anyOf") or rule.get("oneOf") or ():
        types += _types(each)
    return types if types == [None] else [type_ for type_ in types if type_ is not None]


def _typed(text: str, rule: object) -> Any:
    """A word from the command line as what the schema wants there; a text where it says nothing."""
    types = _types(rule)
    if "string" in types or (types == [None] and not (isinstance(rule, Mapping) and "enum" in rule)):
        return text
    if isinstance(rule, Mapping) and text in (rule.get("enum") or ()):
        return text
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return text
