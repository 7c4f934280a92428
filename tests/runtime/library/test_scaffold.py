"""New skills from templates: sound, escaped, never over anything, whole or not at all."""

from __future__ import annotations

import ast
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.author import needs_node
from workbench.assembly import open_workbench
from workbench.model.errors import Conflict, WorkbenchError, WrongUse
from workbench.model.finding import score
from workbench.model.skill import Scope, Skill
from workbench.runtime.formats.reader import ENTRIES
from workbench.runtime.library.discovery import Root, read_root
from workbench.runtime.library.scaffold import TEMPLATES, VARIABLES, literal, scaffold, template_named

NAMES = [template.name for template in TEMPLATES]
RUNNING = [
    pytest.param(template.name, marks=needs_node) if template.name == "node" else template.name
    for template in TEMPLATES
    if template.runs
]
NASTY = (
    "\"quotes\" 'more' {brace} {{ jinja }} {% raw %} «name» \\n \\ %s $x `x` # c: [y] - z"
    " \n---\nline\ttab é 😀 \u2028\x85\ufeff\0\x7f"
)


@pytest.fixture
def skills(tmp_path: Path) -> Path:
    return tmp_path / "skills"


def only_skill_in(folder: Path) -> Skill:
    (skill,) = read_root(Root(folder=str(folder), scope=Scope.WORKSPACE))
    return skill


@pytest.mark.parametrize("template", NAMES)
def test_every_template_makes_a_skill_without_a_finding(template: str, skills: Path) -> None:
    made = scaffold(str(skills), "my-skill", template=template)
    skill = only_skill_in(skills)
    assert (skill.name, skill.findings, score(skill.findings)) == ("my-skill", (), 100)
    assert made.path == str(skills / "my-skill")
    own = [path for path in made.files if not path.startswith("tests/")]
    assert own == sorted(file.path for file in skill.files)
    assert (skill.manifest.version, skill.manifest.license) == ("0.1.0", "MIT")
    assert skill.manifest.description == template_named(template).description


@pytest.mark.anyio
@pytest.mark.parametrize("template", RUNNING)
async def test_every_template_that_runs_runs_with_its_example(
    template: str, workspace: Path, environ: dict[str, str]
) -> None:
    scaffold(str(workspace / "skills"), "my-skill", template=template)
    async with open_workbench(workspace=str(workspace), environ=environ) as workbench:
        inputs: Any = workbench.find("my-skill").manifest.example
        outcome = (await workbench.run("my-skill", inputs)).outcome
        report = await workbench.test("my-skill")
    assert outcome.error is None
    assert outcome.output
    assert report.is_green
    assert len(report.results) >= 2


@pytest.mark.parametrize("template", NAMES)
def test_a_manifest_of_json_names_its_schema(template: str, skills: Path) -> None:
    scaffold(str(skills), "my-skill", template=template)
    for path in skills.rglob("*.json"):
        assert json.loads(path.read_bytes())["$schema"] == "https://skill-workbench.dev/schema/skill.json"


@pytest.mark.parametrize("template", NAMES)
def test_a_value_lands_exactly_as_it_was_given(template: str, skills: Path) -> None:
    scaffold(str(skills), "my-skill", template=template, variables={"description": NASTY, "author": NASTY})
    skill = only_skill_in(skills)
    assert (skill.manifest.description, skill.manifest.author) == (NASTY, NASTY)


@given(st.text())
def test_a_literal_is_read_alike_by_json_python_and_yaml(text: str) -> None:
    quoted = literal(text)
    assert json.loads(quoted) == ast.literal_eval(quoted) == yaml.safe_load(quoted) == text


def test_a_value_that_looks_like_a_hole_is_not_filled(skills: Path) -> None:
    scaffold(str(skills), "my-skill", variables={"description": "«author»", "author": "«description»"})
    assert only_skill_in(skills).manifest.description == "«author»"


@pytest.mark.parametrize("name", ["class", "none", "true", "3d", "1.0", "skill", "skill-metadata", "a..b", "x" * 128])
@pytest.mark.parametrize("template", ["python", "python-class"])
def test_a_name_that_is_no_identifier_still_makes_python(name: str, template: str, skills: Path) -> None:
    scaffold(str(skills), name, template=template)
    skill = only_skill_in(skills)
    assert (skill.name, skill.findings) == (name, ())
    compile((skills / name / "skill.py").read_bytes(), "skill.py", "exec")


def test_the_older_names_of_template_and_variables_are_known(skills: Path) -> None:
    given_then = {"skill_description": "My custom functionality", "author": "Developer Name"}
    made = scaffold(str(skills), "MyCustomSkill", template="basic_skill", variables=given_then)
    skill = only_skill_in(skills)
    assert made.template.name == "python-class"
    assert skill.manifest.python is not None
    assert skill.manifest.python.name == "MyCustomSkill"
    assert (skill.manifest.description, skill.manifest.author) == ("My custom functionality", "Developer Name")


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "/x", "a/b", "a\\b", "-x", ".x", "a b", "a\0b", "a\nb", "ünï", "x" * 200, "\udcff", "CON?"],
)
def test_a_name_that_cannot_be_is_refused_with_one_that_can(name: str, skills: Path) -> None:
    with pytest.raises(WrongUse) as refused:
        scaffold(str(skills), name)
    suggested = refused.value.hint.split("'")[1]
    assert not skills.exists()
    assert scaffold(str(skills), suggested).name == suggested


@pytest.mark.parametrize("name", ["tests", "evals", "node_modules", "x.bak", "x.tmp"])
def test_a_folder_that_is_not_looked_at_is_no_name(name: str, skills: Path) -> None:
    with pytest.raises(WrongUse, match="not looked at") as refused:
        scaffold(str(skills), name)
    scaffold(str(skills), refused.value.hint.split("'")[1])
    assert only_skill_in(skills).findings == ()


def test_an_unknown_template_is_refused_with_the_nearest(skills: Path) -> None:
    with pytest.raises(WrongUse, match="no template 'pyton'") as refused:
        scaffold(str(skills), "my-skill", template="pyton")
    assert "python" in refused.value.hint
    with pytest.raises(WrongUse) as refused:
        scaffold(str(skills), "my-skill", template="../command")
    assert refused.value.hint


def test_an_unknown_variable_is_refused_with_the_nearest(skills: Path) -> None:
    with pytest.raises(WrongUse, match="no variable 'auhtor'") as refused:
        scaffold(str(skills), "my-skill", variables={"auhtor": "x"})
    assert "author" in refused.value.hint
    with pytest.raises(WrongUse, match="no variable 'name'"):
        scaffold(str(skills), "my-skill", variables={"name": "other"})


@pytest.mark.parametrize(
    ("template", "variables", "words"),
    [
        ("python", {"version": "one"}, "is not a version"),
        ("command", {"version": "1.2.3.4"}, "is not a version"),
        ("skill-md", {"description": ""}, "'description' is missing"),
        ("skill-md", {"description": "x" * 2000}, "characters"),
        ("prompt", {"author": "\udcff"}, "is not text"),
        ("prompt", {"author": "x" * 200_000}, "too long"),
    ],
)
def test_a_value_that_would_lead_to_a_finding_is_refused(
    template: str, variables: dict[str, str], words: str, skills: Path
) -> None:
    with pytest.raises(WrongUse, match=words) as refused:
        scaffold(str(skills), "my-skill", template=template, variables=variables)
    assert refused.value.hint
    assert not skills.exists()


def test_a_name_that_the_agents_format_refuses_is_refused_for_its_template(skills: Path) -> None:
    with pytest.raises(WrongUse, match="not a name of the format"):
        scaffold(str(skills), "My_Skill", template="skill-md")
    assert scaffold(str(skills), "My_Skill", template="python").name == "My_Skill"


@pytest.mark.parametrize("kind", ["folder", "empty folder", "file", "dangling link", "fifo"])
def test_nothing_that_exists_is_written_over(kind: str, skills: Path) -> None:
    there = skills / "mine"
    skills.mkdir()
    if kind.endswith("folder"):
        there.mkdir()
    if kind == "folder":
        (there / "notes").write_text("kept")
    elif kind == "file":
        there.write_text("kept")
    elif kind == "dangling link":
        there.symlink_to(skills / "elsewhere")
    elif kind == "fifo":
        os.mkfifo(there)
    before = sorted(skills.rglob("*"))
    with pytest.raises(Conflict, match=str(there)):
        scaffold(str(skills), "mine")
    assert sorted(skills.rglob("*")) == before
    assert not (skills / "elsewhere").exists()


def test_names_that_differ_in_case_only_are_a_conflict(skills: Path) -> None:
    scaffold(str(skills), "mine")
    with pytest.raises(Conflict, match="differ in case only"):
        scaffold(str(skills), "Mine")
    assert os.listdir(skills) == ["mine"]


def test_a_skill_of_the_name_elsewhere_in_the_workspace_is_a_conflict(skills: Path) -> None:
    scaffold(str(skills / "group"), "mine")
    known = list(read_root(Root(folder=str(skills), scope=Scope.WORKSPACE)))
    with pytest.raises(Conflict, match="group/mine"):
        scaffold(str(skills), "mine", known=known)


def test_a_skill_that_ships_may_be_hidden_but_not_almost(skills: Path, tmp_path: Path) -> None:
    scaffold(str(tmp_path / "shipped"), "echo")
    known = list(read_root(Root(folder=str(tmp_path / "shipped"), scope=Scope.BUILTIN)))
    with pytest.raises(Conflict, match="differ in case only"):
        scaffold(str(skills), "Echo", known=known)
    assert scaffold(str(skills), "echo", known=known).name == "echo"


def test_a_file_where_the_skills_belong_is_a_conflict(skills: Path) -> None:
    skills.write_text("kept")
    with pytest.raises(Conflict, match="is not a folder"):
        scaffold(str(skills), "mine")
    assert skills.read_text() == "kept"


def test_a_folder_of_skills_that_was_missing_is_made_only_for_a_skill(tmp_path: Path) -> None:
    skills = tmp_path / "new" / "skills"
    with pytest.raises(WorkbenchError):
        scaffold(str(skills), "mine", variables={"version": "x"})
    assert not skills.exists()
    assert scaffold(str(skills), "mine").path == str(skills / "mine")


def test_of_several_at_the_same_time_one_makes_it_and_the_others_are_told(skills: Path) -> None:
    start = threading.Barrier(8)
    results: list[object] = []

    def make() -> None:
        start.wait()
        try:
            results.append(scaffold(str(skills), "mine"))
        except Conflict as refused:
            results.append(refused)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert sum(not isinstance(result, Conflict) for result in results) == 1
    assert os.listdir(skills) == ["mine"]


def test_every_file_of_a_template_is_meant(skills: Path) -> None:
    """A hole without a filling would be a KeyError, a file without its ending would be left out."""
    folder = Path(scaffold.__code__.co_filename).parent / "templates"
    assert sorted(path.name for path in folder.iterdir()) == sorted(NAMES)
    assert all(path.name.endswith(".in") for path in folder.rglob("*") if path.is_file())
    assert all(any((folder / name / f"{entry}.in").is_file() for entry in ENTRIES) for name in NAMES)
    for name in NAMES:
        text = "".join(path.read_text("utf-8") for path in (folder / name).rglob("*.in"))
        assert all(f"«{variable}»" in text for variable in VARIABLES)
