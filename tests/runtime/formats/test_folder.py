from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.model.skill import Scope, Skill
from workbench.runtime.formats import folder as limits
from workbench.runtime.formats.folder import Unreadable, read_small
from workbench.runtime.formats.reader import read_skill

MANIFEST = '{"name": "greet", "version": "1.0.0", "type": "prompt_inline", "prompt": "Hello"}'


@pytest.fixture
def skill(tmp_path: Path) -> Path:
    made = tmp_path / "greet"
    made.mkdir()
    (made / "skill.json").write_text(MANIFEST)
    return made


def read(folder: Path) -> Skill:
    found = read_skill(str(folder), "skill.json", Scope.WORKSPACE)
    assert found is not None
    return found


def told(folder: Path) -> list[str]:
    return [str(finding).replace(f"{folder}/", "") for finding in read(folder).findings]


def paths(folder: Path) -> list[str]:
    return sorted(file.path for file in read(folder).files)


def write(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_every_regular_file_below_counts(skill: Path) -> None:
    for path in ("data.txt", "references/a.md", "scripts/deep/run.sh"):
        write(skill / path)

    assert paths(skill) == ["data.txt", "references/a.md", "scripts/deep/run.sh", "skill.json"]


@pytest.mark.parametrize(
    "path",
    [
        "tests/test_it.py",
        "evals/evals.json",
        "references/tests/x",
        ".hidden",
        ".git/config",
        "__pycache__/skill.cpython-311.pyc",
        "node_modules/left-pad/index.js",
        "skill.json~",
        ".skill.json.swp",
        "#skill.json#",
        "a.tmp",
        "a.bak",
        "4913",
    ],
)
def test_tests_hidden_names_caches_and_editors_leftovers_do_not_count(skill: Path, path: str) -> None:
    before = read(skill).digest

    write(skill / path)

    assert read(skill).digest == before
    assert told(skill) == []


def test_the_digest_is_the_files_alone(skill: Path, tmp_path: Path) -> None:
    write(skill / "data.txt")
    before = read(skill).digest

    os.utime(skill / "data.txt", (1, 1))
    elsewhere = skill.rename(tmp_path / "renamed")

    assert read(elsewhere).digest == before


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "data.txt").write_bytes(b"y"),
        lambda folder: (folder / "data.txt").rename(folder / "other.txt"),
        lambda folder: (folder / "data.txt").chmod(0o755),
        lambda folder: (folder / "data.txt").unlink(),
        lambda folder: (folder / "new.txt").write_bytes(b""),
        lambda folder: (folder / "skill.json").write_text(MANIFEST + "\n"),
    ],
    ids=["byte", "name", "execute bit", "gone", "new", "entry"],
)
def test_the_digest_changes_with_whatever_changes_in_a_file(skill: Path, change: Callable[[Path], object]) -> None:
    write(skill / "data.txt").chmod(0o644)
    before = read(skill).digest

    change(skill)

    assert read(skill).digest != before


@pytest.mark.parametrize(
    ("pattern", "left_out"),
    [
        ("*.csv", ["data.csv", "deep/data.csv"]),
        ("deep", ["deep/data.csv", "deep/note.md"]),
        ("deep/", ["deep/data.csv", "deep/note.md"]),
        ("/deep/", ["deep/data.csv", "deep/note.md"]),
        ("deep/*.md", ["deep/note.md"]),
        ("# deep", []),
        ("", []),
        ("[", []),
        ("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", []),
    ],
)
def test_what_skillignore_names_does_not_count(skill: Path, pattern: str, left_out: list[str]) -> None:
    every = ["a" * 60, "data.csv", "deep/data.csv", "deep/note.md", "skill.json"]
    for path in every[:-1]:
        write(skill / path)
    write(skill / ".skillignore", f"\n{pattern}\n".encode())

    assert paths(skill) == [path for path in every if path not in left_out]


def test_a_skillignore_of_too_many_patterns_is_told(skill: Path) -> None:
    write(skill / "a")
    write(skill / ".skillignore", b"\n".join(b"x%d" % number for number in range(1000)))

    assert told(skill) == [".skillignore  over 200 patterns  (name whole folders: build/)"]


def test_a_skillignore_that_is_a_link_is_told(skill: Path) -> None:
    (skill / ".skillignore").symlink_to("/etc/passwd")

    assert told(skill) == [".skillignore  is a link, and links are not followed  (put a copy of the file here)"]


def test_links_are_told_and_never_followed(skill: Path, tmp_path: Path) -> None:
    (skill / "up").symlink_to("..")
    (skill / "loop").symlink_to("loop")
    (skill / "passwd").symlink_to("/etc/passwd")
    (skill / "inside").symlink_to("skill.json")

    assert paths(skill) == ["skill.json"]
    assert told(skill) == [
        f"{name}  is a link, and links are not part of a skill  (put a copy of the file here)"
        for name in ("inside", "loop", "passwd", "up")
    ]
    assert not read(skill).is_broken


def test_pipes_and_sockets_are_no_part_of_a_skill(skill: Path) -> None:
    os.mkfifo(skill / "pipe")

    assert paths(skill) == ["skill.json"]
    assert told(skill) == []


@pytest.mark.parametrize("name", [b"two\nlines", b"red\x1b[31m", b"not utf-8 \xff", "right\u202eto left".encode()])
def test_a_file_whose_name_cannot_be_shown_breaks_the_skill(skill: Path, name: bytes) -> None:
    with open(os.fsencode(skill) + b"/" + name, "wb"):
        pass

    found = read(skill)

    assert found.is_broken
    assert [finding.rule for finding in found.findings] == ["folder.name"]
    assert found.findings[0].place.file.isprintable()
    assert [file.path for file in found.files] == ["skill.json"]


@pytest.mark.exhaustive
def test_ten_thousand_files_are_told_once(skill: Path) -> None:
    for number in range(limits.MAX_FILES + 8_000):
        os.close(os.open(f"{skill}/{number}", os.O_CREAT))

    assert [str(finding) for finding in read(skill).findings] == [
        f"{skill}  over 2,000 files  (name what does not belong to the skill in .skillignore)"
    ]


def test_a_file_of_a_terabyte_is_told_unread(skill: Path) -> None:
    with open(skill / "huge", "wb") as file:
        file.truncate(10**12)

    assert [finding.message for finding in read(skill).findings] == ["over 100 MB of files"]


def test_a_thousand_links_are_told_briefly_and_an_error_among_them_all_the_same(skill: Path) -> None:
    for number in range(1000):
        (skill / f"link{number}").symlink_to("nowhere")
    write(skill / "z\n")

    found = read(skill)

    assert len(found.findings) == limits.MAX_TOLD + 1
    assert found.is_broken


def test_folders_a_thousand_deep_are_told_where_it_becomes_too_deep(skill: Path) -> None:
    here = os.open(skill, os.O_RDONLY)
    for _ in range(1000):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    try:
        assert told(skill) == [
            "/".join(["d"] * 13) + "  over 12 folders deep  (make it flatter, or name it in .skillignore)"
        ]
    finally:
        for _ in range(1000):
            above = os.open("..", os.O_RDONLY, dir_fd=here)
            os.rmdir("d", dir_fd=above)
            os.close(here)
            here = above
        os.close(here)


def test_a_large_manifest_is_not_read(skill: Path) -> None:
    with open(skill / "skill.json", "wb") as file:
        file.truncate(50_000_000)

    assert told(skill) == ["skill.json  50.0 MB, and at most 1 MB is read  (keep data in a file of its own)"]


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda path: path.symlink_to("/etc/passwd"), "is a link, and links are not followed"),
        (lambda path: path.symlink_to("skill.json"), "is a link, and links are not followed"),
        (lambda path: os.mkfifo(path), "is not a regular file"),
        (lambda path: path.mkdir(), "is not a regular file"),
        (lambda path: None, "cannot be read: No such file or directory"),
    ],
    ids=["link", "loop", "pipe", "folder", "gone"],
)
def test_an_entry_that_is_no_file_is_told_and_not_waited_for(
    skill: Path, make: Callable[[Path], object], line: str
) -> None:
    (skill / "skill.json").unlink()
    make(skill / "skill.json")

    found = read(skill)

    assert str(found.findings[0]).startswith(f"{skill}/skill.json  {line}")
    assert found.findings[0].hint
    assert (found.name, found.is_broken, found.digest) == ("greet", True, "")


def test_a_device_is_not_read() -> None:
    with pytest.raises(Unreadable) as refused:
        read_small("/dev/zero")

    assert refused.value.finding.message == "is not a regular file"
