from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import workbench
from workbench.model.realm import Snapshot
from workbench.model.skill import Scope
from workbench.runtime.library.discovery import MAX_DEPTH, Root, read_spot, spots, take_snapshot

NOBODY = 65534
SYSTEM_PYTHON = "/usr/bin/python3"


@pytest.fixture
def skills(tmp_path: Path) -> Path:
    folder = tmp_path / "skills"
    prompt(folder / "good")
    return folder


def prompt(folder: Path, name: str = "", **said: object) -> Path:
    """A skill that is right in every way, in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = {"name": name or folder.name, "version": "1.0.0", "type": "prompt_inline", "prompt": "Hello", **said}
    (folder / "skill.json").write_text(json.dumps(manifest))
    return folder


def snapshot(*folders: Path) -> Snapshot:
    scopes = (Scope.WORKSPACE, Scope.USER, Scope.BUILTIN)
    return take_snapshot(
        [Root(folder=str(folder), scope=scope) for folder, scope in zip(folders, scopes, strict=False)]
    )


def told(found: Snapshot, name: str) -> list[str]:
    return [str(finding) for finding in found.skills[name].findings]


def assert_good_is_unharmed(found: Snapshot) -> None:
    assert (found.skills["good"].findings, found.skills["good"].is_broken) == ((), False)


def test_skills_are_found_in_folders_of_folders_and_as_single_files(skills: Path) -> None:
    prompt(skills / "group" / "inner")
    (skills / "group" / "shout.py").write_text('@skill(version="1.0.0")\ndef shout(text: str): ...\n')
    (skills / "single.json").write_text('{"type": "prompt_inline", "prompt": "x", "version": "1.0.0"}')
    (skills / "shared.py").write_text("def helper(): ...\n")
    (skills / "data.json").write_text("[1, 2, 3]")
    (skills / "README.md").write_text("# My skills\n")

    found = snapshot(skills)

    assert sorted(found.skills) == ["good", "inner", "shout", "single"]
    assert [skill for skill in found if skill.findings] == []


def test_a_skills_folder_belongs_to_it_with_all_that_is_below(skills: Path) -> None:
    prompt(skills / "good" / "examples" / "inner")

    assert list(snapshot(skills).skills) == ["good"]


@pytest.mark.parametrize("name", [".hidden", "__pycache__", "node_modules", "tests", "evals", "old~"])
def test_no_skills_are_looked_for_where_none_are_meant(skills: Path, name: str) -> None:
    prompt(skills / name, "other")

    assert list(snapshot(skills).skills) == ["good"]


def test_very_deep_folders_are_not_looked_into(skills: Path) -> None:
    prompt(skills.joinpath(*["d"] * (MAX_DEPTH - 1)) / "deep")
    prompt(skills.joinpath(*["e"] * MAX_DEPTH) / "deeper")

    assert sorted(snapshot(skills).skills) == ["deep", "good"]


def test_what_is_wrong_with_one_skill_is_told_and_harms_no_other(skills: Path) -> None:
    files = {
        "json/skill.json": "{,}",
        "deep/skill.json": "[" * 60_000,
        "python/skill.py": "x = " + "(" * 100_000,
        "zero/skill.py": "x\0",
        "yaml/SKILL.md": "---\n" + "[" * 60_000 + "\n---\n",
        "name/skill.json": json.dumps({"name": "../../x", "version": "1.0.0", "prompt": "x"}),
        "empty/skill.json": "",
    }
    for path, text in files.items():
        (skills / path).parent.mkdir()
        (skills / path).write_text(text)

    found = snapshot(skills)

    assert_good_is_unharmed(found)
    for name in ("json", "deep", "python", "zero", "yaml", "name", "empty"):
        place = found.skills[name].findings[0].place
        assert found.skills[name].is_broken
        assert (place.line, place.column) >= (1, 1)
        assert found.skills[name].findings[0].hint


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("good", "is a link to another folder, and links are not followed"),
        ("../outside", "is a link to another folder, and links are not followed"),
        (".", "is a link to another folder, and links are not followed"),
        ("link", "is a link that leads nowhere, and links are not followed"),
        ("nowhere", "is a link that leads nowhere, and links are not followed"),
    ],
    ids=["inside", "outside", "circle", "loop", "dangling"],
)
def test_a_folder_that_is_a_link_is_listed_and_not_followed(skills: Path, target: str, why: str) -> None:
    prompt(skills.parent / "outside")
    (skills / "link").symlink_to(target)

    found = snapshot(skills)

    assert_good_is_unharmed(found)
    assert sorted(found.skills) == ["good", "link"]
    assert told(found, "link") == [f"{skills}/link  {why}  (put the folder itself here)"]
    assert found.skills["link"].path == f"{skills}/link"


def test_a_link_is_not_followed_when_it_is_looked_at_by_itself(skills: Path) -> None:
    (skills / "link").symlink_to("good")

    found = [read_spot(spot, "") for spot in spots(f"{skills}/link", Scope.WORKSPACE, 1)]

    assert [skill.name for skill in found if skill and skill.is_broken] == ["link"]


@pytest.mark.parametrize("name", [b"two\nlines", b"not utf-8 \xff", b"red\x1b[31m"])
def test_a_folder_whose_name_cannot_be_shown_is_listed_under_one_that_can(skills: Path, name: bytes) -> None:
    folder = os.fsencode(skills) + b"/" + name
    os.mkdir(folder)
    with open(folder + b"/skill.json", "w") as file:
        json.dump({"name": "other", "version": "1.0.0", "prompt": "x"}, file)

    found = snapshot(skills)
    (broken,) = (skill for skill in found if skill.is_broken)

    assert_good_is_unharmed(found)
    assert broken.name.isprintable()
    assert broken.path.isprintable()
    assert [finding.hint for finding in broken.findings] == ["rename it"]
    json.dumps([broken.name, broken.path, str(broken.findings[0])]).encode()


LISTING = """
import sys
from workbench.model.skill import Scope
from workbench.runtime.library.discovery import Root, take_snapshot
for skill in take_snapshot([Root(folder=sys.argv[1], scope=Scope.WORKSPACE)]):
    print(skill.name, skill.state, *(f"{each.place}  {each.message}  ({each.hint})" for each in skill.findings))
"""


def as_ordinary_user(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program of ours as somebody for whom permissions count, which they do not for root."""
    paths = [path for path in sys.path if path.endswith("site-packages")]
    paths.append(str(Path(workbench.__file__).resolve().parent.parent))
    environ = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}
    is_root = os.geteuid() == 0
    return subprocess.run(
        [SYSTEM_PYTHON if is_root else sys.executable, "-c", program, *arguments],
        env=environ,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        user=NOBODY if is_root else None,
        group=NOBODY if is_root else None,
        extra_groups=[] if is_root else None,
    )


def test_a_folder_that_cannot_be_read_is_listed_for_an_ordinary_user() -> None:
    if not os.access(SYSTEM_PYTHON, os.X_OK) or as_ordinary_user("import workbench.runtime.schemas").returncode:
        pytest.skip("another user cannot import the workbench here")
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        root = Path(place, "skills")
        for name in ("closed", "good", "half", "sealed"):
            prompt(root / name)
        (root / "half" / "data").mkdir()
        closed = [root / "closed", root / "half" / "data", root / "sealed" / "skill.json"]
        for path in closed:
            path.chmod(0)
        ran = as_ordinary_user(LISTING, str(root))
        for path in closed:
            path.chmod(0o755)

    look = "cannot be read: Permission denied  (look at its permissions, and who owns it)"
    assert ran.stdout.splitlines() == [
        f"closed broken {root}/closed  {look}",
        "good ok",
        f"half broken {root}/half/data  {look}",
        f"sealed broken {root}/sealed/skill.json  {look}",
    ], ran.stderr


def test_a_root_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert len(snapshot(tmp_path / "nowhere")) == 0


def test_a_root_that_is_the_same_folder_as_a_nearer_one_is_skipped(skills: Path) -> None:
    (skills.parent / "again").symlink_to("skills")

    found = snapshot(skills, skills.parent / "again", skills)

    assert (list(found.skills), found.shadowed, told(found, "good")) == (["good"], (), [])


def test_the_nearest_scope_wins_and_what_it_hides_is_kept_beside(skills: Path, tmp_path: Path) -> None:
    prompt(tmp_path / "user" / "mine", "good", version="2.0.0")
    prompt(tmp_path / "user" / "other")
    prompt(tmp_path / "builtin" / "good", version="3.0.0")

    found = snapshot(skills, tmp_path / "user", tmp_path / "builtin")

    assert_good_is_unharmed(found)
    assert {name: skill.scope for name, skill in found.skills.items()} == {
        "good": Scope.WORKSPACE,
        "other": Scope.USER,
    }
    assert [(skill.scope, skill.manifest.version, skill.is_broken) for skill in found.shadowed] == [
        (Scope.USER, "2.0.0", False),
        (Scope.BUILTIN, "3.0.0", False),
    ]


def test_of_two_skills_of_one_name_in_one_scope_the_first_answers_and_both_are_told(skills: Path) -> None:
    prompt(skills / "a", "same")
    prompt(skills / "b", "same")
    hint = "give one of them another name; until then the one in the folder of that name answers, else the first"

    found = snapshot(skills)
    (second,) = found.shadowed

    assert told(found, "same") == [f"{skills}/a/skill.json  'same' is also the name of {skills}/b/skill.json  ({hint})"]
    assert not found.skills["same"].is_broken
    assert second.is_broken
    assert str(second.findings[0]).startswith(f"{skills}/b/skill.json  'same' is also the name of {skills}/a/")


def test_a_copy_of_a_folder_does_not_take_the_originals_place(skills: Path) -> None:
    prompt(skills / "aaa", "same")
    prompt(skills / "same", "same")

    found = snapshot(skills)

    assert found.skills["same"].folder == f"{skills}/same"
    assert [skill.folder for skill in found.shadowed] == [f"{skills}/aaa"]


def test_names_that_differ_in_case_only_are_told_on_both_sides(skills: Path) -> None:
    prompt(skills / "a", "Greet")
    prompt(skills / "b", "greet")

    found = snapshot(skills)

    assert "'Greet' and 'greet' differ in case only" in told(found, "Greet")[0]
    assert "'greet' and 'Greet' differ in case only" in told(found, "greet")[0]
    assert found.shadowed == ()


def test_the_order_of_discovery_does_not_depend_on_the_disk(skills: Path) -> None:
    for name in ("zebra", "apple", "Mango"):
        prompt(skills / name)

    assert list(snapshot(skills).skills) == ["Mango", "apple", "good", "zebra"]
