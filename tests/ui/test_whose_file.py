"""Whose a file is that is saved: what is not one's own stays as it is, whatever skill is chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.author import Author, function
from tests.ui.eyes import Eyes, opened
from workbench.model.finding import Place

pytestmark = pytest.mark.anyio


@pytest.fixture
def given(author: Author) -> Path:
    """A skill that somebody else gave, with cases; the author has one of their own."""
    folder = author.workspace / "given"
    (folder / "lent/tests").mkdir(parents=True)
    (folder / "lent/skill.py").write_text(function("lent", "return 1"))
    (folder / "lent/tests/lent.yaml").write_text("cases:\n  - name: one\n    expect: {output: 1}\n")
    (author.workspace / "workbench.toml").write_text('[skills]\nbuiltin_paths = ["given"]\n')
    author.has_function("aaa", "return 1")
    return folder


async def edit(eyes: Eyes, path: Path) -> None:
    await eyes.app.show_place(Place(file=str(path), line=1))
    await eyes.press(*"# mine", "enter", "ctrl+s")


@pytest.mark.exhaustive
@pytest.mark.parametrize("file", ["skill.py", "tests/lent.yaml"])
async def test_a_lent_file_becomes_ones_own_even_while_another_skill_is_chosen(
    author: Author, given: Path, file: str
) -> None:
    lent = given / "lent" / file
    before = lent.read_text()
    async with opened(author, watch=True) as eyes:
        await eyes.press("slash", *"aaa", "enter")
        await eyes.until(lambda: eyes.app.chosen is not None and eyes.app.chosen.name == "aaa", "aaa chosen")
        await edit(eyes, lent)
        copy = author.skills / "lent" / file
        await eyes.until(lambda: copy.exists() and copy.read_text() == f"# mine\n{before}", "the copy")
    assert lent.read_text() == before


@pytest.mark.exhaustive
async def test_a_lent_skill_that_has_a_copy_is_not_saved_over(author: Author, given: Path) -> None:
    lent = given / "lent/skill.py"
    before = lent.read_text()
    async with opened(author, watch=True) as eyes:
        author.has_function("lent", "return 'a copy'")
        await eyes.until(lambda: eyes.app.workbench.find("lent").folder == str(author.skills / "lent"), "the copy")
        await edit(eyes, lent)
        await eyes.see("✕ not saved", "there is already")
    assert lent.read_text() == before
    assert "a copy" in (author.skills / "lent/skill.py").read_text()
