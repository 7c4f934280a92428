"""Modules at the top of a skills folder, found by the text of the code that imports them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.author import function
from workbench.model.skill import Scope, Skill
from workbench.runtime.formats.reader import read_skill
from workbench.runtime.formats.shared import imported


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import common", {"common"}),
        ("import a, b as c , d.e", {"a", "b", "d"}),
        ("import a, \\\n    b", {"a", "b"}),
        ("from common.deep import thing", {"common"}),
        ("from . import sibling", set()),
        ("from .sibling import thing", set()),
        ("def f():\n    import late", {"late"}),
        ("if True: import same_line", {"same_line"}),
        ("x = 1; import behind", {"behind"}),
        ("import_module('dynamic')", {"dynamic"}),
        ("__import__(\n    'older')", {"older"}),
        ("important = 1\nfrom_here = 2", set()),
        ("import a  # and not b", {"a"}),
        ("import broken(:\nimport whole", {"broken", "whole"}),
        ("\xff\x00", set()),
    ],
)
def test_the_names_that_a_source_imports(source: str, names: set[str]) -> None:
    assert imported(source.encode("latin-1")) == names


NAME = st.sampled_from(["a", "b1", "c_d", "common"])


@given(
    st.lists(
        st.one_of(
            st.lists(NAME, min_size=1, max_size=3).map(lambda names: f"import {', '.join(names)}"),
            NAME.map(lambda name: f"from {name} import x"),
            NAME.map(lambda name: f"from {name}.y import (\n    x,\n)"),
            NAME.map(lambda name: f"def f():\n    import {name} as z"),
            NAME.map(lambda name: f"try:\n  from {name} import x\nexcept ImportError: pass"),
        )
    )
)
def test_nothing_that_python_imports_is_overlooked(lines: list[str]) -> None:
    source = "\n".join(lines)
    tree = ast.walk(ast.parse(source))
    expected = {
        name.partition(".")[0]
        for node in tree
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported(source.encode()) == expected


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "greet").mkdir()
    return tmp_path


def read(root: Path, source: str) -> Skill:
    (root / "greet/skill.py").write_text(source)
    skill = read_skill(str(root / "greet"), "skill.py", Scope.WORKSPACE, root=str(root))
    assert skill is not None
    return skill


def paths(skill: Skill) -> list[str]:
    return [file.path for file in skill.files if file.path != "skill.py"]


GREET = function("greet", "return 1")


def test_a_module_is_part_of_the_skill_that_imports_it_and_of_its_digest(root: Path) -> None:
    (root / "common.py").write_text("WORD = 1")
    alone, sharing = read(root, GREET), read(root, f"import common\n{GREET}")
    assert paths(alone) == []
    assert paths(sharing) == [".shared/common.py"]
    assert sharing.path_of(".shared/common.py") == str(root / "common.py")
    (root / "common.py").write_text("WORD = 2")
    assert read(root, f"import common\n{GREET}").digest != sharing.digest


def test_what_a_module_imports_comes_with_it(root: Path) -> None:
    (root / "one.py").write_text("import two")
    (root / "two.py").write_text("import one\nimport three")
    (root / "three").mkdir()
    (root / "three/__init__.py").write_text("from three.words import WORD")
    (root / "three/words.py").write_text("WORD = 1")
    (root / "three/table.csv").write_text("1,2")
    assert sorted(paths(read(root, f"import one\n{GREET}"))) == [
        ".shared/one.py",
        ".shared/three/__init__.py",
        ".shared/three/table.csv",
        ".shared/three/words.py",
        ".shared/two.py",
    ]


def test_a_helper_of_its_own_goes_before_a_shared_one_and_the_standard_library_before_both(root: Path) -> None:
    (root / "helper.py").write_text("")
    (root / "json.py").write_text("")
    (root / "greet/helper.py").write_text("")
    skill = read(root, f"import helper, json\n{GREET}")
    assert paths(skill) == ["helper.py"]
    assert skill.imports == frozenset()


def test_a_name_that_is_not_there_is_remembered(root: Path) -> None:
    skill = read(root, f"import common\n{GREET}")
    assert paths(skill) == []
    assert "common" in skill.imports


def test_code_that_cannot_be_parsed_keeps_what_it_stands_on(root: Path) -> None:
    (root / "common.py").write_text("")
    assert paths(read(root, f"import common\n{GREET}\ndef broken(:")) == [".shared/common.py"]


def test_a_link_or_a_folder_without_a_package_is_not_shared(root: Path) -> None:
    (root / "elsewhere.txt").write_text("SECRET = 1")
    (root / "linked.py").symlink_to(root / "elsewhere.txt")
    (root / "plain").mkdir()
    skill = read(root, f"import linked, plain\n{GREET}")
    assert paths(skill) == []
    assert [finding.rule for finding in skill.findings] == ["file.link"]
