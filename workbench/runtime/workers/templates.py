"""Renders an author's Jinja template, inside the sandbox: Jinja's own stops escapes, ours and the limits bombs."""

from __future__ import annotations

from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.exceptions import SecurityError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

MOST_REPEATED = 1_000_000
_DROPPED_GLOBALS = ("lipsum", "cycler", "joiner", "namespace")
_WIDTH_FILTERS = ("center", "indent", "wordwrap")


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """Refuses the operators and filters by which a short template asks for gigabytes."""

    intercepted_binops = frozenset({"*", "**"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
        for name in _DROPPED_GLOBALS:
            self.globals.pop(name, None)
        for name in _WIDTH_FILTERS:
            self.filters[name] = _bounded(name, self.filters[name])
        self.filters["replace"] = _bounded_replace(self.filters["replace"])
        self.filters["format"] = _bounded_format

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" and not (_is_small(left, 10_000) and _is_small(right, 64)):
            raise SecurityError("** takes small numbers only")
        if operator == "*":
            for text, count in ((left, right), (right, left)):
                if (
                    isinstance(text, str | list | tuple)
                    and isinstance(count, int)
                    and len(text) * count > MOST_REPEATED
                ):
                    raise SecurityError(f"* makes more than {MOST_REPEATED:,} of it")
        return super().call_binop(context, operator, left, right)


def _is_small(value: Any, most: int) -> bool:
    return isinstance(value, int | float) and -most <= value <= most


def _bounded(name: str, plain: Any) -> Any:
    def bounded(value: Any, *arguments: Any, **keywords: Any) -> Any:
        if any(isinstance(number, int) and number > 10_000 for number in (*arguments, *keywords.values())):
            raise SecurityError(f"{name} takes a width of at most 10,000")
        return plain(value, *arguments, **keywords)

    return _marked_like(plain, bounded)


def _marked_like(plain: Any, bounded: Any) -> Any:
    """Jinja marks the filters that want the environment; the mark has to stay."""
    if hasattr(plain, "jinja_pass_arg"):
        bounded.jinja_pass_arg = plain.jinja_pass_arg
    return bounded


def _bounded_replace(plain: Any) -> Any:
    def bounded(context: Any, value: Any, old: Any, new: Any, count: Any = None) -> Any:
        text, old_text, new_text = str(value), str(old), str(new)
        if len(text) + text.count(old_text) * len(new_text) > MOST_REPEATED:
            raise SecurityError(f"replace makes more than {MOST_REPEATED:,} characters")
        return plain(context, text, old_text, new_text, count)

    return _marked_like(plain, bounded)


def _bounded_format(value: Any, *arguments: Any, **keywords: Any) -> str:
    raise SecurityError("the filter 'format' is not available; write the text with {{ names }} in it")


def check(template: str) -> dict[str, Any]:
    """Whether a template can be read at all, and the names that it wants from outside."""
    environment = BoundedEnvironment()
    try:
        names = find_undeclared_variables(environment.parse(template))
    except TemplateSyntaxError as error:
        return {"ok": False, "message": f"the template: {error.message}", "line": error.lineno}
    except (TemplateError, MemoryError, RecursionError) as error:
        return {"ok": False, "message": f"the template: {error}", "line": 0}
    return {"ok": True, "names": sorted(names - set(environment.globals))}


def render(template: str, inputs: dict[str, Any], most: int) -> dict[str, Any]:
    """The text, or what is wrong with the template and in which line."""
    try:
        parts: list[str] = []
        length = 0
        for part in BoundedEnvironment().from_string(template).generate(**inputs):
            length += len(part)
            if length > most:
                return {"ok": False, "kind": "resource_limit", "message": f"more than {most:,} characters of text"}
            parts.append(part)
    except TemplateSyntaxError as error:
        return {"ok": False, "kind": "crashed", "message": f"the template: {error.message}", "line": error.lineno}
    except (TemplateError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError) as error:
        return {"ok": False, "kind": "crashed", "message": f"the template: {error}", "line": _line_of(error)}
    except (MemoryError, RecursionError):
        return {"ok": False, "kind": "resource_limit", "message": "the template needs more memory than it may have"}
    return {"ok": True, "output": "".join(parts)}


def _line_of(error: BaseException) -> int:
    """Jinja rewrites tracebacks so that a template's frames carry the template's own lines."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
