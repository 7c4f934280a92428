from __future__ import annotations

import pytest

from workbench.model.errors import AmbiguousSkill, ExitCode, UnknownSkill
from workbench.model.manifest import Manifest
from workbench.model.realm import COMPARED_NAMES, Snapshot
from workbench.model.skill import Ref, Scope, Skill, parse_ref


def skill(name: str, *, folder: str = "", aliases: tuple[str, ...] = (), version: str = "1.2.3") -> Skill:
    return Skill(
        name=name,
        kind=None,
        scope=Scope.WORKSPACE,
        folder=f"/w/skills/{folder or name}",
        entry="skill.json",
        files=(),
        digest="",
        manifest=Manifest(name=name, aliases=aliases, version=version),
    )


def snapshot(*skills: Skill) -> Snapshot:
    return Snapshot(skills={skill.name: skill for skill in skills})


def found(snapshot: Snapshot, text: str) -> str:
    return snapshot.find(parse_ref(text)).name


def test_a_skill_is_found_by_its_name_its_alias_and_its_folder() -> None:
    library = snapshot(skill("greet", folder="hello-world", aliases=("hi", "hey")), skill("other"))

    assert found(library, "greet") == "greet"
    assert found(library, "hey") == "greet"
    assert found(library, "hello-world") == "greet"


def test_a_name_wins_over_an_alias_and_a_folder_of_that_name() -> None:
    library = snapshot(skill("greet"), skill("other", folder="greet"), skill("third", aliases=("greet",)))

    assert library.find(Ref(name="greet")).name == "greet"


def test_an_alias_and_a_folder_of_one_skill_may_be_the_same_word() -> None:
    assert found(snapshot(skill("greet", folder="hi", aliases=("hi",))), "hi") == "greet"


def test_a_word_for_two_skills_is_refused_with_their_names() -> None:
    library = snapshot(skill("zebra", aliases=("z",)), skill("zoo", folder="z"))

    with pytest.raises(AmbiguousSkill) as refused:
        library.find(Ref(name="z"))

    assert refused.value.message == "'z' names more than one skill: zebra, zoo"
    assert refused.value.hint == "use one of these names"


@pytest.mark.parametrize(
    ("asked", "meant"), [("gret", "greet"), ("Greet", "greet"), ("GREET", "greet"), ("hello-wrld", "hello-world")]
)
def test_a_near_miss_is_told_the_nearest_name(asked: str, meant: str) -> None:
    library = snapshot(skill("greet", folder="hello-world"), skill("summarise"))

    with pytest.raises(UnknownSkill) as refused:
        library.find(Ref(name=asked))

    assert refused.value.message == f"there is no skill '{asked}'"
    assert refused.value.hint == f"did you mean '{meant}'?"
    assert refused.value.exit_code == ExitCode.WRONG_USE


def test_what_is_near_to_nothing_is_told_how_to_look() -> None:
    for library in (snapshot(), snapshot(skill("greet"))):
        with pytest.raises(UnknownSkill) as refused:
            library.find(Ref(name="xyzzy"))
        assert refused.value.hint == "`workbench list` shows every skill there is"


def test_an_empty_name_names_nothing() -> None:
    nowhere = skill("linked")
    broken = Skill(
        name="linked", kind=None, scope=nowhere.scope, folder="/w/linked", entry="", files=(), digest="",
        manifest=nowhere.manifest,
    )  # fmt: skip
    with pytest.raises(UnknownSkill):
        snapshot(broken).find(Ref(name=""))


def test_an_unknown_name_is_told_in_a_way_that_any_terminal_can_show() -> None:
    with pytest.raises(UnknownSkill) as refused:
        snapshot(skill("greet")).find(Ref(name="\x1b[2J" + "x" * 100_000))

    assert refused.value.message.startswith("there is no skill '\\x1b[2Jxxx")
    assert len(refused.value.message) < 200


def test_a_near_miss_is_found_among_very_many_names() -> None:
    library = snapshot(*(skill(f"a{number}") for number in range(COMPARED_NAMES)), skill("summarise"))

    with pytest.raises(UnknownSkill) as refused:
        library.find(Ref(name="sumarise"))

    assert refused.value.hint == "did you mean 'summarise'?"


@pytest.mark.parametrize(
    "text", ["greet@1.2.3", "greet@1.2", "greet@1", "greet@^1", "greet@^1.1", "greet@~1.2.0", "hi@1"]
)
def test_a_version_that_fits_is_found(text: str) -> None:
    assert found(snapshot(skill("greet", aliases=("hi",))), text) == "greet"


@pytest.mark.parametrize("version", ["2", "^2", "1.3", "1.2.4", "~1.1", "nonsense", "\x1b[31m"])
def test_another_version_is_told_which_one_is_here(version: str) -> None:
    with pytest.raises(UnknownSkill) as refused:
        snapshot(skill("greet")).find(Ref(name="greet", version=version))

    assert refused.value.message.startswith("'greet' is here in version 1.2.3, not ")
    assert refused.value.message.isprintable()
    assert refused.value.hint == "use greet, or greet@1.2.3"


def test_the_next_generation_leaves_the_one_before_as_it_was() -> None:
    before = snapshot(skill("greet"), skill("other"))

    after = before.with_skill(skill("new")).without(["greet"])

    assert [each.name for each in before] == ["greet", "other"]
    assert [each.name for each in after] == ["other", "new"]
    assert (before.generation, after.generation, len(after)) == (0, 2, 2)
