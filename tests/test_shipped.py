"""What ships: every skill is sound and does what it says; profiles and themes hold what will be read of them."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from textual.theme import Theme

from tests.author import REPOSITORY, needs_node
from workbench.assembly import open_workbench
from workbench.model.errors import ErrorKind, ExitCode
from workbench.model.finding import score
from workbench.model.run import Outcome, Status
from workbench.model.skill import Kind, Scope, Skill
from workbench.runtime.library.discovery import Root, take_snapshot

SHIPPED = take_snapshot([Root(folder=str(REPOSITORY / "skills"), scope=Scope.BUILTIN)])
RUNNABLE = [
    pytest.param(name, marks=needs_node) if skill.kind is Kind.NODE else name
    for name, skill in SHIPPED.skills.items()
    if skill.kind is not Kind.AGENT_SKILL
]
PROFILES = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in (REPOSITORY / "sessions").glob("*.toml")}
THEMES = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in (REPOSITORY / "themes").glob("*.toml")}
LENGTH = 2_000_000
PRIVATE = {
    "jürgen.m@exämple.de, a+b@x.co.uk.": "[email], [email].",
    "4111 1111 1111 1111 2030 and 378282246310005": "[card] 2030 and [card]",
    "4111 1111 1111 1112 and 1234567890123456": "4111 1111 1111 1112 and 1234567890123456",
    "AKIAIOSFODNN7EXAMPLE ghp_0123456789abcdefghij0123456789abcd": "[key] [key]",
    'DB_PASSWORD=hunter2x&a=1 "api_key": "abcdef123456"': 'DB_PASSWORD=[key]&a=1 "api_key": "[key]"',
    "Authorization: Bearer abcdefghijklmnop1234": "Authorization: Bearer [key]",
    "a -----BEGIN EC PRIVATE KEY-----\nMII\n-----END EC PRIVATE KEY----- b": "a [key] b",
    "a -----BEGIN PRIVATE KEY-----\nMII, and the rest is lost": "a [key]",
    "+44 20 7946 0958, (020) 7946 0958, 030 1234567, 555-010-9999": "[phone], [phone], [phone], [phone]",
    "2024-01-31 01-02-2024 10.0.0.1 v1.2.3 08:30 1,234,567": "2024-01-31 01-02-2024 10.0.0.1 v1.2.3 08:30 1,234,567",
    "the password: it is not here, max_tokens=4096": "the password: it is not here, max_tokens=4096",
}


@pytest.fixture(params=sorted(SHIPPED.skills))
def skill(request: pytest.FixtureRequest) -> Skill:
    return SHIPPED.skills[request.param]


def test_one_of_every_kind_that_runs_ships() -> None:
    kinds = {skill.kind for skill in SHIPPED.skills.values()}
    assert {Kind.CODE_INLINE, Kind.PROMPT_INLINE, Kind.PYTHON, Kind.NODE, Kind.AGENT_SKILL} <= kinds


def test_every_shipped_skill_is_sound(skill: Skill) -> None:
    assert [str(finding) for finding in skill.findings] == []
    assert score(skill.findings) == 100


def test_every_shipped_skill_says_what_it_is(skill: Skill) -> None:
    said = skill.manifest
    assert skill.name == skill.folder_name
    assert (said.author, said.license) == ("Skill Workbench", "MIT")
    assert all((said.version != "0.0.0", said.description, said.category, said.tags))


def test_every_manifest_names_its_schema(skill: Skill) -> None:
    if skill.entry.endswith(".json"):
        manifest = json.loads(Path(skill.path).read_bytes())
        assert manifest["$schema"] == "https://skill-workbench.dev/schema/skill.json"


@pytest.mark.anyio
@pytest.mark.parametrize("name", RUNNABLE)
async def test_every_shipped_skill_runs_with_its_example(name: str, workspace: Path, environ: dict[str, str]) -> None:
    outcome = await run(name, SHIPPED.skills[name].manifest.example, workspace, environ)
    assert outcome.error is None
    assert outcome.output


@pytest.mark.anyio
@pytest.mark.parametrize("name", RUNNABLE)
async def test_every_shipped_skill_refuses_what_it_does_not_take(
    name: str, workspace: Path, environ: dict[str, str]
) -> None:
    example = SHIPPED.skills[name].manifest.example
    wrong = {**example, "wrod": 1} if isinstance(example, dict) else {}
    outcome = await run(name, wrong, workspace, environ)
    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.INPUT_INVALID
    assert "wrod" in outcome.error.message


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["summarise", "redact", "line-stats"])
@pytest.mark.exhaustive
async def test_a_text_of_any_sort_is_answered(name: str, workspace: Path, environ: dict[str, str]) -> None:
    short = ["", " \n\n ", "\0\x1b[31m", "今天很好。明天也好。", "👩‍👩‍👧 ñ ß"]
    long = [part * (LENGTH // len(part)) for part in ("a", "a@", ". ", "\n ")]
    outcomes = await run_each(name, [{"text": text} for text in short + long], workspace, environ)
    assert [outcome.error for outcome in outcomes] == [None] * 9


@pytest.mark.anyio
async def test_a_summary_keeps_the_order_and_the_number_of_words(workspace: Path, environ: dict[str, str]) -> None:
    text = SHIPPED.skills["summarise"].manifest.example
    assert isinstance(text, dict)
    said = (await run("summarise", {"text": text["text"], "words": 30}, workspace, environ)).output
    assert said == {
        "summary": "The harbour of Odd was built in 1680 for the salt ships. … "
        "The last salt ship left the harbour in 1911.",
        "sentences": 2,
        "of": 6,
    }


@pytest.mark.anyio
async def test_what_is_short_already_is_not_shortened(workspace: Path, environ: dict[str, str]) -> None:
    text = 'Mr. Smith met Dr. No at 5 p.m. in St. Ives. He said "Go." So he went.'
    said = (await run("summarise", {"text": text, "style": "bullets"}, workspace, environ)).output
    assert said == {
        "summary": '- Mr. Smith met Dr. No at 5 p.m. in St. Ives.\n- He said "Go."\n- So he went.',
        "sentences": 3,
        "of": 3,
    }


@pytest.mark.anyio
async def test_a_sentence_with_too_many_words_is_cut(workspace: Path, environ: dict[str, str]) -> None:
    texts = ("one two three four five.", "今天天气很好")
    outcomes = await run_each("summarise", [{"text": text, "words": 3} for text in texts], workspace, environ)
    summaries = ("one two three …", "今天天 …")
    assert [outcome.output for outcome in outcomes] == [
        {"summary": summary, "sentences": 0, "of": 1} for summary in summaries
    ]


@pytest.mark.anyio
async def test_what_is_private_is_hidden_and_nothing_else(workspace: Path, environ: dict[str, str]) -> None:
    outcomes = await run_each("redact", [{"text": text} for text in PRIVATE], workspace, environ)
    said: list[Any] = [outcome.output for outcome in outcomes]
    assert [each["text"] for each in said] == list(PRIVATE.values())
    assert all(each["total"] == each["text"].count("[") == sum(each["counts"].values()) for each in said)


@pytest.mark.anyio
async def test_blocks_are_as_long_as_what_they_hide(workspace: Path, environ: dict[str, str]) -> None:
    given = {"text": "ask a@b.de or 030 1234567", "kinds": ["email"], "style": "blocks"}
    said = (await run("redact", given, workspace, environ)).output
    assert said == {"text": "ask ██████ or 030 1234567", "counts": {"email": 1}, "total": 1}


@pytest.mark.anyio
@pytest.mark.exhaustive
async def test_redact_takes_hostile_text_in_its_stride(workspace: Path, environ: dict[str, str]) -> None:
    parts = ["4 ", "444 ", "4444 ", "555-555-", "0 ", "+1", "secret", "password=", "eyJaaaaaaaaaa.", "_-", "sk-"]
    parts.append("-----BEGIN PRIVATE KEY-----")
    texts = [part * (LENGTH // 10 // len(part)) for part in parts]
    outcomes = await run_each("redact", [{"text": text} for text in texts], workspace, environ)
    assert [outcome.error for outcome in outcomes] == [None] * len(parts)


@pytest.mark.anyio
async def test_line_stats_counts_what_an_editor_shows(workspace: Path, environ: dict[str, str]) -> None:
    said = (await run("line-stats", {"text": "a b\r\n\tc \n\n  d", "width": 2}, workspace, environ)).output
    assert said == {
        "lines": 4,
        "blank": 1,
        "words": 4,
        "characters": 13,
        "bytes": 13,
        "line_ends": "mixed",
        "indentation": "mixed",
        "longest": 1,
        "long": {"count": 3, "first": [1, 2, 4]},
        "trailing_space": {"count": 1, "first": [2]},
        "ends_with_newline": False,
    }


@pytest.mark.anyio
async def test_braces_in_the_code_to_review_stay_as_they_are(workspace: Path, environ: dict[str, str]) -> None:
    given = {"language": "C++", "code": "{language} {{ x }} {focus}"}
    said: Any = (await run("review-prompt", given, workspace, environ)).output
    assert "<<<CODE\n{language} {{ x }} {focus}\nCODE>>>" in said


@pytest.mark.anyio
async def test_release_notes_keep_kinds_together_and_evaluate_nothing(workspace: Path, environ: dict[str, str]) -> None:
    changes = [
        {"kind": "fixed", "title": "{{ product }}", "issue": 7},
        {"kind": "added", "title": "one", "breaking": True},
        {"kind": "added", "title": "two"},
    ]
    given = {"product": "{{ 9 ** 9 }}", "version": "1.0", "changes": changes}
    said: Any = (await run("release-notes", given, workspace, environ)).output
    assert said.startswith("Write the release notes of {{ 9 ** 9 }} 1.0 for users.\n")
    assert said.endswith("what has to be done: one.\n\n## Added\n\n- one\n- two\n\n## Fixed\n\n- {{ product }} (#7)\n")


@pytest.mark.anyio
async def test_a_skill_for_agents_says_that_it_needs_a_model(workspace: Path, environ: dict[str, str]) -> None:
    outcome = await run("write-a-skill", {}, workspace, environ)
    assert outcome.status is Status.REJECTED
    assert outcome.process_exit_code is ExitCode.MACHINE_CANNOT
    assert outcome.error is not None
    assert "needs a model" in outcome.error.message


async def run(name: str, inputs: object, workspace: Path, environ: dict[str, str]) -> Outcome:
    return (await run_each(name, [inputs], workspace, environ))[0]


async def run_each(name: str, several: list[Any], workspace: Path, environ: dict[str, str]) -> list[Outcome]:
    """One outcome for each of several inputs, in one workbench."""
    async with open_workbench(workspace=str(workspace), environ=environ) as workbench:
        return [(await workbench.run(name, inputs)).outcome for inputs in several]


@needs_node
@pytest.mark.anyio
async def test_json_of_any_size_and_depth_is_compared(workspace: Path, environ: dict[str, str]) -> None:
    deep = '{"a":' * 5_000
    long = list(range(100_000))
    given = [
        {"before": f"{deep}1{'}' * 5_000}", "after": f"{deep}2{'}' * 5_000}"},
        {"before": json.dumps(long), "after": json.dumps([*long[:-1], "x"])},
        {"before": "null", "after": "[]"},
        {"before": '[{"id": 1}, {"id": 1}]', "after": '[{"id": 1}]', "key": "id"},
    ]
    said: list[Any] = [outcome.output for outcome in await run_each("json-diff", given, workspace, environ)]
    assert [(each["added"], each["removed"], each["changed"]) for each in said] == [
        (0, 0, 1),
        (0, 0, 1),
        (0, 0, 1),
        (0, 1, 0),
    ]
    assert said[0]["differences"] == [{"path": "/a" * 5_000, "kind": "changed", "from": 1, "to": 2}]
    assert said[2]["differences"] == [{"path": "", "kind": "changed", "from": None, "to": []}]


def test_every_link_in_a_shipped_text_leads_to_a_file_of_the_skill() -> None:
    for text in (REPOSITORY / "skills").rglob("*.md"):
        for link in text.read_text("utf-8").split("](")[1:]:
            assert (text.parent / link.partition(")")[0]).is_file()


NEEDED = {
    "name": str,
    "title": str,
    "command": str,
    "args": list,
    "environment": dict,
    "file_suffix": str,
    "run_line": str,
    "interrupt": str,
    "exit_line": str,
    "variables_line": str,
    "setup": str,
}
CELLS = {
    "python": ("word = 'good'\nprint(word)", "1 / 0", "print(word * 2)"),
    "bash": ("word=good\necho $word", "echo 'unclosed", "echo $word$word"),
    "node": ("let word = 'good';\nconsole.log(word)", "throw new Error('no')", "console.log(word + word)"),
    "sqlite3": (
        "create table t (word);\ninsert into t values ('good');\nselect word from t;",
        "selec 1;",
        "select word || word from t;",
    ),
}


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_every_profile_has_its_keys(name: str) -> None:
    profile = PROFILES[name]
    assert profile["name"] == name
    assert {key: type(profile.get(key)) for key in NEEDED} == NEEDED
    assert profile.keys() <= NEEDED.keys() | {"save_line", "restore_line"}
    assert "{file}" in profile["run_line"]
    assert "{nonce}" in profile["run_line"]
    assert "{setup}" in profile["args"]


def test_python_bash_node_and_sqlite_have_profiles() -> None:
    assert set(PROFILES) == set(CELLS)


@pytest.mark.parametrize("name", sorted(CELLS))
def test_a_profile_runs_cells_and_marks_where_they_end(name: str, tmp_path: Path, environ: dict[str, str]) -> None:
    pexpect, profile = pytest.importorskip("pexpect"), PROFILES[name]
    if shutil.which(profile["command"]) is None:
        pytest.skip(f"{profile['command']} is not here")
    setup = tmp_path / f"setup{profile['file_suffix']}"
    setup.write_text(profile["setup"])
    arguments = [argument.replace("{setup}", str(setup)) for argument in profile["args"]]
    variables = {**environ, **profile["environment"]}
    console = pexpect.spawn(profile["command"], arguments, env=variables, echo=False, timeout=20, encoding="utf-8")
    try:
        good, wrong, after = (typed(console, profile, tmp_path, code) for code in CELLS[name])
    finally:
        console.close(force=True)
    assert "good" in good[0]
    assert good[1] in ("0", "")
    assert wrong[1] != "0"
    assert "goodgood" in after[0]


def typed(console: Any, profile: Mapping[str, Any], folder: Path, code: str) -> tuple[str, str]:
    """What a cell prints between its marks, and its status."""
    file = folder / f"cell{len(list(folder.iterdir()))}{profile['file_suffix']}"
    file.write_text(code)
    console.sendline(profile["run_line"].replace("{file}", str(file)).replace("{nonce}", file.stem).strip("\n"))
    console.expect_exact(f"\x1b]133;C;k={file.stem}\x07")
    console.expect(rf"\x1b\]133;D;(\d*);k={file.stem}\x07")
    return str(console.before), str(console.match[1])


COLOURS = (
    "primary",
    "secondary",
    "accent",
    "foreground",
    "background",
    "surface",
    "panel",
    "success",
    "warning",
    "error",
)
TEXT = ("foreground", "secondary", "accent", "success", "warning", "error")


def test_there_are_four_themes() -> None:
    assert set(THEMES) == {"dark", "light", "high-contrast", "ansi"}


@pytest.mark.parametrize("name", sorted(THEMES))
def test_textual_takes_every_theme(name: str) -> None:
    theme = Theme(**THEMES[name])
    made = theme.to_color_system().generate()
    assert theme.name == name
    assert theme.dark is (name != "light")
    assert theme.variables.keys() <= made.keys()
    assert set(COLOURS) <= THEMES[name].keys()


@pytest.mark.parametrize(("name", "least"), [("dark", 4.5), ("light", 4.5), ("high-contrast", 7.0)])
def test_text_can_be_read_on_everything_it_stands_on(name: str, least: float) -> None:
    theme = THEMES[name]
    pairs = [(theme[text], theme[behind]) for text in TEXT for behind in ("background", "surface", "panel")]
    variables = theme["variables"]
    pairs.append((variables["block-cursor-foreground"], variables["block-cursor-background"]))
    pairs.append((variables["input-cursor-foreground"], variables["input-cursor-background"]))
    assert min(contrast(*pair) for pair in pairs) >= least


def test_the_terminals_own_theme_names_no_colour_of_ours() -> None:
    colours = [THEMES["ansi"][key] for key in COLOURS]
    assert all(colour.startswith("ansi_") for colour in colours)


def contrast(one: str, other: str) -> float:
    """How far two colours stand apart, from 1 to 21, by the formula of WCAG 2."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
