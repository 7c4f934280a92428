"""Jinja templates of strangers: they render, they cannot escape, and their bombs do not go off."""

from __future__ import annotations

import pytest

from tests.author import Author
from workbench.assembly import open_workbench
from workbench.model.errors import ErrorKind
from workbench.model.run import Outcome

pytestmark = [pytest.mark.anyio, pytest.mark.whole]


async def rendered(author: Author, template: str, **inputs: object) -> Outcome:
    manifest = {"name": "page", "version": "1.0.0", "type": "prompt_inline", "prompt_template": template}
    author.writes("page.json", {**manifest, "resilience": {"timeout": 3}})
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        return (await workbench.run("page", inputs)).outcome


async def test_a_template_renders_with_its_inputs(author: Author) -> None:
    template = "Dear {{ name|title }},{% for item in items %}\n- {{ item }}{% endfor %}\n"

    outcome = await rendered(author, template, name="ada", items=["one", "{{ two }}"])

    assert outcome.output == "Dear Ada,\n- one\n- {{ two }}\n"


@pytest.mark.parametrize(
    ("template", "words", "line"),
    [
        ("a\n{{ nobody }}", "'nobody' is undefined", 2),
        ("a\nb\n{% if %}", "template", 3),
        ("{{ 1 / 0 }}", "division", 1),
    ],
)
async def test_what_is_wrong_with_a_template_is_told_with_its_line(
    author: Author, template: str, words: str, line: int
) -> None:
    outcome = await rendered(author, template)

    assert outcome.error is not None
    assert words in outcome.error.message
    assert f"line {line}" in outcome.error.message


async def test_a_template_that_cannot_be_read_leaves_the_last_good_one_answering(author: Author) -> None:
    manifest = {"name": "page", "version": "1.0.0", "type": "prompt_inline", "parameters": [{"name": "who"}]}
    author.writes("page.json", {**manifest, "prompt_template": "Hi {{ who }}"})
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        await workbench.run("page", {"who": "Ada"})
        for broken, words in (("{% if who %}Hi", "line 1"), ("Hi {{ whoo }}", "no input fills {{ whoo }}")):
            author.writes("page.json", {**manifest, "prompt_template": broken})
            workbench.refresh()
            result = await workbench.run("page", {"who": "Ada"})
            assert result.outcome.output == "Hi Ada"
            assert result.instead_of is not None
            assert words in result.instead_of.findings[0].message


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ ''|attr('__class__') }}",
        "{{ '%s'|format(x) }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ self._TemplateReference__context }}",
        "{{ lipsum.__globals__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{% set f = ''.format %}{{ f.__self__ }}",
        "{{ ['{0.__class__}']|map('format', 1)|list }}",
        "{{ (''|attr)('__class__') }}",
        "{{ {}.__class__.__base__.__subclasses__() }}",
    ],
)
async def test_no_template_gets_out(author: Author, template: str) -> None:
    outcome = await rendered(author, template, x="1")

    assert not outcome.is_ok
    assert "class" not in str(outcome.output or "")


@pytest.mark.parametrize(
    "template",
    [
        "{{ 9 ** 99999999 }}",
        "{{ 'A' * 1000000000 }}",
        "{{ 1000000000 * 'A' }}",
        "{{ [0] * 1000000000 }}",
        "{% for a in range(90000) %}{% for b in range(90000) %}{{ a }}{% endfor %}{% endfor %}",
        "{{ 'a'|replace('a', 'a' * 9999)|replace('a', 'a' * 9999)|replace('a', 'a' * 9999) }}",
        "{{ 'x'|center(999999999) }}",
        "{{ 'x'|indent(999999999) }}",
        "{{ '%999999999d' % 1 }}",
        "{{ range(999999999)|list }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ ('a' * 999999)|wordwrap(1, wrapstring='b' * 999999) }}",
        "{{ 'a'.ljust(999999999) }}",
        "{{ 'a'.zfill(9999999999) }}",
        "{{ ('%s' * 99999) | string | list | tojson }}{% for i in range(99999) %}{{ 'x' * 99999 }}{% endfor %}",
    ],
)
async def test_no_bomb_goes_off(author: Author, template: str) -> None:
    outcome = await rendered(author, template)

    assert outcome.error is not None
    assert outcome.error.kind in (ErrorKind.RESOURCE_LIMIT, ErrorKind.CRASHED, ErrorKind.TIMEOUT)
