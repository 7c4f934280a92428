"""From the mapping that a file holds to a Manifest: checked once, here; every door of a skill comes through."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from itertools import islice
from typing import Any

from workbench.model.finding import Finding, Place, Severity, breaks
from workbench.model.manifest import NOTHING, Capability, Command, Isolation, Manifest, NodeEntry, PythonEntry, Template
from workbench.model.policy import Limits, Tier
from workbench.model.schema import load_schema
from workbench.model.skill import LEGAL_NAME, Kind
from workbench.model.version import parse_version
from workbench.runtime.formats.command_reader import read_command
from workbench.runtime.formats.names import LEGAL_HINT, is_dangerous
from workbench.runtime.formats.parameters import schema_of_parameters
from workbench.runtime.formats.permission_reader import named_permissions, read_permissions
from workbench.runtime.schemas.validator import Pointer, Validator, problems_of_schema, unknown_keys, validator_of
from workbench.runtime.schemas.words import nearest

Locate = Callable[[Pointer], Place]
OLD_KINDS = {
    "command": Kind.CODE_INLINE,
    "repl": Kind.CODE_SESSION,
    "assistant": Kind.CONVERSATION,
    "template": Kind.PROMPT_INLINE,
    "prompt_only": Kind.PROMPT,
    "python_code": Kind.PYTHON,
    "nodejs_code": Kind.NODE,
}
OLD_SPELLINGS = {
    "timeout": "resilience.timeout",
    "resource_limits": "security.resource_limits",
    "sandbox": "security.permissions",
    "retry_attempts": "resilience.retry.max_attempts",
    "fallback_command": "resilience.fallback",
}
NOTHING_FITS: Mapping[str, object] = {"not": {}}
MAX_FINDINGS = 100
_KINDS = {kind.value: kind for kind in Kind}
_TIERS = {tier.value: tier for tier in Tier}


@cache
def _manifest_validator() -> Validator:
    return Validator(load_schema("skill"))


class ManifestReader:
    """Reads one mapping, collecting findings as it goes."""

    def __init__(self, raw: Mapping[str, Any], locate: Locate) -> None:
        self._raw, self._locate = raw, locate
        self.findings: list[Finding] = []

    def read(
        self,
        *,
        folder_name: str,
        python: PythonEntry | None = None,
        node: NodeEntry | None = None,
        is_partial: bool = False,
    ) -> tuple[Kind | None, Manifest]:
        """The kind and the manifest, as far as they can be read; `findings` says what cannot.

        Where the mapping `is_partial`, what is missing is no news.
        """
        self._check_shape()
        raw = self._raw
        kind = self._kind(python)
        metadata = _mapping(raw, "metadata")
        security = _mapping(raw, "security")
        manifest = Manifest(
            name=self._name(folder_name),
            title=_text(raw, "name"),
            version=self._version(is_partial=is_partial),
            description=_text(raw, "description"),
            aliases=self._aliases(),
            author=_text(raw, "author"),
            license=_text(raw, "license"),
            homepage=_text(raw, "homepage"),
            category=_text(raw, "category") or _text(metadata, "category"),
            maturity=_text(metadata, "maturity"),
            tags=_texts(raw, "tags") or _texts(metadata, "tags"),
            capabilities=_capabilities(raw),
            input_schema=self._input_schema(),
            output_schema=self._schema("output_schema"),
            example=raw.get("example"),
            permissions=read_permissions(raw, self.add),
            permissions_named=named_permissions(raw),
            limits=_limits(_mapping(raw, "resource_limits") | _mapping(security, "resource_limits")),
            required_tier=_tier(security),
            timeout=_number(_mapping(raw, "resilience"), "timeout") or _number(raw, "timeout"),
            isolation=Isolation.RUN if raw.get("isolation") == Isolation.RUN else Isolation.WORKER,
            config=_mapping(raw, "config") or NOTHING,
            environment=_string_map(raw, "environment"),
            fallback_command=_text(_mapping(raw, "resilience"), "fallback_command") or _text(raw, "fallback_command"),
            dependencies=_string_map(raw, "dependencies"),
            command=self._command(kind),
            template=self._template(kind),
            python=python,
            node=node,
        )
        self._check_example(manifest)
        self._check_holes(manifest)
        self._check_environment()
        return kind, manifest

    def add(self, severity: Severity, rule: str, message: str, pointer: Pointer = (), hint: str = "") -> None:
        """One more finding, unless so many are told already that nobody reads on; what breaks is told once at least."""
        if len(self.findings) >= MAX_FINDINGS and not (severity.breaks and not breaks(self.findings)):
            return
        place = self._locate(pointer)
        self.findings.append(Finding(severity=severity, rule=rule, message=message, place=place, hint=hint))

    def _check_shape(self) -> None:
        for problem in _manifest_validator().problems(self._raw):
            self.add(Severity.ERROR, f"manifest.{problem.rule}", problem.message, problem.path, problem.hint)
        for problem in islice(unknown_keys(self._raw, load_schema("skill")), MAX_FINDINGS):
            self.add(Severity.WARNING, "manifest.unknown-key", problem.message, problem.path, problem.hint)
        for old, new in OLD_SPELLINGS.items():
            if old in self._raw:
                self.add(
                    Severity.INFO, "manifest.old-spelling", f"'{old}' is an older spelling", (old,), f"write {new}"
                )

    def _name(self, folder_name: str) -> str:
        for key in ("skill_id", "slug", "name"):
            value = self._raw.get(key)
            if isinstance(value, str) and LEGAL_NAME.fullmatch(value):
                return value
            if isinstance(value, str) and value and (key != "name" or is_dangerous(value)):
                self.add(Severity.ERROR, "manifest.name", f"'{value[:80]}' is not a legal {key}", (key,), LEGAL_HINT)
        return folder_name

    def _version(self, *, is_partial: bool) -> str:
        value = self._raw.get("version")
        if isinstance(value, str) and parse_version(value) is not None:
            return value
        if isinstance(value, str):
            message, hint = f"'{value[:40]}' is not a version", "write three numbers: 1.2.3"
            self.add(Severity.ERROR, "manifest.version", message, ("version",), hint)
        elif value is None and not is_partial:
            message, hint = "there is no version, so it counts as 0.0.0", "write a version: 0.1.0"
            self.add(Severity.INFO, "manifest.version", message, (), hint)
        return "0.0.0"

    def _aliases(self) -> tuple[str, ...]:
        legal: list[str] = []
        for index, alias in enumerate(_texts(self._raw, "aliases")):
            if LEGAL_NAME.fullmatch(alias):
                legal.append(alias)
            else:
                self.add(
                    Severity.WARNING,
                    "manifest.alias",
                    f"'{alias[:80]}' is not a legal name",
                    ("aliases", index),
                    LEGAL_HINT,
                )
        return tuple(legal)

    def _kind(self, python: PythonEntry | None) -> Kind | None:
        said = self._raw.get("type")
        if isinstance(said, str):
            if said in OLD_KINDS:
                now = OLD_KINDS[said]
                message, hint = f"type '{said}' is an older spelling", f"write {now}"
                self.add(Severity.INFO, "manifest.old-spelling", message, ("type",), hint)
                return now
            return _KINDS.get(said)
        if python is not None:
            return Kind.PYTHON
        if "prompt_template" in self._raw:
            return Kind.PROMPT
        if "prompt" in self._raw:
            return Kind.PROMPT_INLINE
        if said is None:
            self.add(
                Severity.ERROR, "manifest.type", "'type' is missing", (), 'add "type": "prompt_inline", for instance'
            )
        return None

    def _schema(self, key: str) -> Mapping[str, object] | None:
        schema = self._raw.get(key)
        if not isinstance(schema, Mapping):
            return NOTHING_FITS if schema is False else None
        problems = problems_of_schema(schema)
        for problem in problems:
            self.add(Severity.ERROR, problem.rule, problem.message, (key, *problem.path), problem.hint)
        return None if problems else schema

    def _input_schema(self) -> Mapping[str, object] | None:
        parameters = self._raw.get("parameters")
        if "input_schema" in self._raw or not isinstance(parameters, list):
            if "input_schema" in self._raw and parameters is not None:
                message = "'parameters' is not looked at beside 'input_schema'"
                self.add(Severity.WARNING, "manifest.parameters", message, ("parameters",), "keep one of the two")
            return self._schema("input_schema")
        schema, problems = schema_of_parameters(parameters)
        for problem in problems:
            self.add(Severity.ERROR, problem.rule, problem.message, ("parameters", *problem.path), problem.hint)
        return None if problems else schema

    def _command(self, kind: Kind | None) -> Command | None:
        if kind not in (Kind.CODE_INLINE, Kind.CODE_SESSION):
            return None
        return read_command(self._raw, kind, self.add)

    def _check_environment(self) -> None:
        """Variables that change what a program loads or runs are left out of every run."""
        if not (names := _string_map(self._raw, "environment")):
            return
        from workbench.runtime.sandbox.policy import is_harmless  # here: few manifests set variables

        for name in names:
            if is_harmless(name):
                continue
            message = f"'{name[:80]}' is left out: it is the run's own, or changes what programs load"
            hint = "remove it, or give the variable another name"
            if not name.isidentifier():
                message = f"'{name[:80]}' is left out: it is no name of a variable"
                hint = "write letters, digits and underscores"
            self.add(Severity.WARNING, "manifest.environment", message, ("environment", name), hint)

    def _check_example(self, manifest: Manifest) -> None:
        """An example that its own schema refuses helps nobody."""
        if manifest.example is None or manifest.input_schema is None:
            return
        for problem in validator_of(manifest.input_schema).problems(manifest.example)[:3]:
            self.add(Severity.WARNING, "manifest.example", problem.message, ("example", *problem.path), problem.hint)

    def _check_holes(self, manifest: Manifest) -> None:
        """A hole that no input can ever fill makes every run fail."""
        schema = manifest.input_schema or {}
        known = schema.get("properties")
        if manifest.template is None or manifest.template.is_jinja or schema.get("additionalProperties") is not False:
            return
        names = dict.fromkeys(match[1] for match in _HOLE.finditer(manifest.template.text) if match[1])
        for name in names:
            if isinstance(known, Mapping) and name not in known:
                hint = nearest(name, tuple(known)) or f"declare it, or write {{{{{name}}}}} for braces"
                self.add(Severity.ERROR, "prompt.hole", f"no input fills {{{name}}}", ("prompt",), hint)

    def _template(self, kind: Kind | None) -> Template | None:
        if kind not in (Kind.PROMPT_INLINE, Kind.PROMPT, Kind.CONVERSATION):
            return None
        output_format = _text(self._raw, "output_format") or "text"
        if text := _text(self._raw, "prompt"):
            return Template(text=text, output_format=output_format)
        if text := _text(self._raw, "prompt_template"):
            return Template(text=text, is_jinja=kind is not Kind.CONVERSATION, output_format=output_format)
        self.add(Severity.ERROR, "manifest.prompt", "there is no prompt", (), "write the text under 'prompt'")
        return None


_HOLE = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)


def _mapping(raw: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = raw.get(key)
    return dict(value) if isinstance(value, Mapping) else {}


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    return value if isinstance(value, str) else ""


def _texts(raw: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = raw.get(key)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list | tuple) else ()


def _number(raw: Mapping[str, Any], key: str) -> float | None:
    value = raw.get(key)
    return (
        value if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf") else None
    )


def _whole(raw: Mapping[str, Any], key: str) -> int | None:
    value = _number(raw, key)
    return None if value is None else int(value)


def _string_map(raw: Mapping[str, Any], key: str) -> Mapping[str, str]:
    return {name: value for name, value in _mapping(raw, key).items() if isinstance(value, str)}


def _capabilities(raw: Mapping[str, Any]) -> tuple[Capability, ...]:
    listed = raw.get("capabilities")
    return tuple(
        Capability(
            name=_text(item, "name"),
            description=_text(item, "description"),
            input_types=_texts(item, "input_types"),
            output_types=_texts(item, "output_types"),
        )
        for item in (listed if isinstance(listed, list) else ())
        if isinstance(item, Mapping)
    )


def _limits(asked: Mapping[str, Any]) -> Limits:
    return Limits(
        max_memory_mb=_whole(asked, "max_memory_mb"),
        max_cpu_percent=_number(asked, "max_cpu_percent"),
        max_execution_time=_number(asked, "max_execution_time"),
        max_file_size_mb=_whole(asked, "max_file_size_mb"),
        max_processes=_whole(asked, "max_processes"),
        max_output_mb=_number(asked, "max_output_mb"),
    )


def _tier(security: Mapping[str, Any]) -> Tier | None:
    said = security.get("require")
    return _TIERS.get(said) if isinstance(said, str) else None
