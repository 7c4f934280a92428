from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.model.finding import Severity
from workbench.model.skill import Kind, Scope, Skill, SkillState
from workbench.runtime.formats.reader import read_skill

PROMPT = {"name": "greet", "version": "1.0.0", "type": "prompt_inline", "prompt": "Hello"}
FUNCTION = '@skill(name="greet", version="1.0.0")\ndef greet(name: str): ...\n'


def written(folder: Path, files: dict[str, str], *, entry: str = "", single_file: bool = False) -> Skill | None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, newline="")
    return read_skill(str(folder), entry or next(iter(files)), Scope.WORKSPACE, single_file=single_file)


def in_folder(folder: Path, files: dict[str, str]) -> Skill:
    found = written(folder, files)
    assert found is not None
    return found


def told(found: Skill) -> list[str]:
    return [str(finding).replace(f"{found.folder}/", "") for finding in found.findings]


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"skill.json": json.dumps(PROMPT)}, Kind.PROMPT_INLINE),
        ({"skill.py": FUNCTION}, Kind.PYTHON),
        ({"SKILL.md": "---\nname: greet\ndescription: d\n---\n"}, Kind.AGENT_SKILL),
        ({"skill.json": json.dumps({**PROMPT, "type": "python"}), "skill.py": FUNCTION}, Kind.PYTHON),
    ],
)
def test_every_door_leads_to_a_skill(tmp_path: Path, files: dict[str, str], kind: Kind) -> None:
    found = in_folder(tmp_path / "greet", files)

    assert (found.name, found.kind, found.state, told(found)) == ("greet", kind, SkillState.OK, [])
    assert {file.path for file in found.files} == set(files)


def test_a_lone_entry_reads_the_same_whether_or_not_it_is_known_to_be_alone(tmp_path: Path) -> None:
    found = in_folder(tmp_path / "greet", {"skill.json": json.dumps(PROMPT)})

    assert read_skill(found.folder, found.entry, found.scope, alone=True) == found


def test_a_file_named_in_another_case_is_read_and_told(tmp_path: Path) -> None:
    found = in_folder(tmp_path / "greet", {"skill.md": "---\nname: greet\ndescription: d\n---\n"})

    assert found.state is SkillState.OK
    assert told(found) == [
        "skill.md  the format calls it SKILL.md, not skill.md  (rename it: some clients do not find it)"
    ]


def test_a_skill_md_that_is_not_utf_8_is_told_by_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "greet"
    folder.mkdir()
    (folder / "SKILL.md").write_bytes("---\nname: ä".encode() + b"\xff\n---\n")

    found = read_skill(str(folder), "SKILL.md", Scope.WORKSPACE)

    assert found is not None
    assert told(found) == ["SKILL.md:2:8  not UTF-8 text  (save it as UTF-8)"]


def test_a_folder_whose_name_is_not_legal_needs_a_name_that_is(tmp_path: Path) -> None:
    nameless = json.dumps({**PROMPT, "name": "Say hello!"})

    named = in_folder(tmp_path / "say hello!", {"skill.json": json.dumps(PROMPT)})
    unnamed = in_folder(tmp_path / "say hello!", {"skill.json": nameless})

    assert (named.name, named.findings) == ("greet", ())
    assert unnamed.is_broken
    assert told(unnamed)[0].startswith("skill.json:1:1  'say hello!', the folder's name, is not a legal name")
    assert "write a name such as say-hello" in unnamed.findings[0].hint


def test_keys_that_stand_twice_are_told(tmp_path: Path) -> None:
    text = '{"name": "greet", "version": "1.0.0",\n "prompt": "a", "prompt": "b"}'

    found = in_folder(tmp_path / "greet", {"skill.json": text})

    assert told(found) == ["skill.json:2:17  the key 'prompt' stands twice  (remove one of them: the last one counts)"]
    assert found.state is SkillState.OK


def test_findings_stand_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = '{\n"nmae": 1,\n"type": "prompt_inline",\n"prompt": 2,\n"version": "x",\n"tags": 3}'

    found = in_folder(tmp_path / "greet", {"skill.json": text})

    assert [finding.place.line for finding in found.findings] == sorted(
        finding.place.line for finding in found.findings
    )
    assert len(found.findings) >= 4


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ({"entry": "main.py"}, "skill.json:6:2  'main.py' is not a file of this skill"),
        ({"entry": "../greet.py"}, "skill.json:6:2  '../greet.py' is not a file of this skill"),
        ({"entry": ".hidden.py"}, "skill.json:6:2  '.hidden.py' is not a file of this skill"),
        ({"entry": "ignored.py"}, "skill.json:6:2  'ignored.py' is not a file of this skill"),
        ({"entry": "link.py"}, "skill.json:6:2  'link.py' is not a file of this skill"),
        ({"entry": "none.py"}, "none.py:1:1  there is no skill in it"),
        ({"entry": "broken.py"}, "broken.py:2:1  "),
        ({"entry": "half.py"}, "half.py:1:1  Half has no execute()"),
    ],
)
def test_code_beside_a_manifest_is_a_readable_file_of_the_skill(
    tmp_path: Path, said: dict[str, str], line: str
) -> None:
    folder = tmp_path / "greet"
    folder.mkdir()
    (folder / "link.py").symlink_to("skill.json")
    files = {
        "skill.json": json.dumps({**PROMPT, "type": "python", **said}, indent=1),
        ".hidden.py": FUNCTION,
        "ignored.py": FUNCTION,
        ".skillignore": "ignored.py",
        "none.py": "x = 1",
        "broken.py": "def f():\nreturn",
        "half.py": "class Half(SkillInterface): ...",
    }

    found = in_folder(folder, files)

    assert found.is_broken
    assert [finding for finding in told(found) if finding.startswith(line)], told(found)


def test_metadata_that_is_not_literal_leaves_the_skill_listed_and_unread(tmp_path: Path) -> None:
    found = in_folder(tmp_path / "greet", {"skill.py": '@skill(name=f"a{1}", tags=["x"])\ndef f(a: int): ...\n'})

    assert (found.state, found.name, found.manifest.tags) == (SkillState.UNREAD, "f", ("x",))
    assert [(finding.severity, finding.rule) for finding in found.findings] == [(Severity.INFO, "python.unread")]


def test_what_is_wrong_with_literal_metadata_is_told_where_it_is_written(tmp_path: Path) -> None:
    source = '@skill(\n    version="1.0.0",\n    permissions={"file_raed": []},\n    timeout="soon",\n)\ndef f(): ...\n'

    found = in_folder(tmp_path / "greet", {"skill.py": source})

    assert told(found) == [
        "skill.py:3:18  unknown key 'file_raed'  (did you mean 'file_read'?)",
        "skill.py:4:5  'timeout' must be a number, not \"soon\"  (write 0.5, without quotes)",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("shared.py", "def helper(): ...\n"),
        ("shared.py", "class Skilled: ..."),
        ("shared.py", "not python ("),
        ("data.json", '{"a": 1}'),
        ("data.json", "[1, 2]"),
        ("data.json", '{"a": '),
        ("notes.txt", "type"),
        ("README.md", "---\nname: x\ndescription: d\n---\n"),
        (".greet.json", json.dumps(PROMPT)),
        ("greet.json~", json.dumps(PROMPT)),
    ],
)
def test_a_single_file_that_is_shared_code_or_data_is_no_skill(tmp_path: Path, name: str, text: str) -> None:
    assert written(tmp_path, {name: text}, single_file=True) is None


def test_a_single_file_of_data_may_be_large_or_a_link(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to("/etc/passwd")
    with open(tmp_path / "large.json", "wb") as file:
        file.truncate(50_000_000)

    assert written(tmp_path, {}, entry="large.json", single_file=True) is None
    assert written(tmp_path, {}, entry="link.json", single_file=True) is None


@pytest.mark.parametrize(
    ("name", "text", "state"),
    [
        ("greet.json", json.dumps(PROMPT), SkillState.OK),
        ("greet.json", '{"prompt_template": "Hello"}', SkillState.OK),
        ("greet.json", '{"type": "prompt_inline",}', SkillState.BROKEN),
        ("greet.json", "{'type': 'prompt_inline'}", SkillState.BROKEN),
        ("greet.py", FUNCTION, SkillState.OK),
        ("greet.py", "@skill\ndef greet(:", SkillState.BROKEN),
        ("greet.json", json.dumps({**PROMPT, "type": "python"}), SkillState.BROKEN),
    ],
)
def test_a_single_file_with_the_signs_of_a_skill_is_one(
    tmp_path: Path, name: str, text: str, state: SkillState
) -> None:
    found = written(tmp_path, {name: text, "skill.py": FUNCTION}, single_file=True)

    assert found is not None
    assert (found.name, found.state, found.single_file) == ("greet", state, True)
    assert [file.path for file in found.files] == [name]
