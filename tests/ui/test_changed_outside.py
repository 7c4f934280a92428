"""Files that others delete, move, forbid or write while they are open here: nothing typed is lost, and it is said."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.author import Author
from tests.ui.eyes import opened

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(90)]


@pytest.mark.exhaustive
async def test_a_workspace_that_is_deleted_takes_nothing_unsaved_with_it(author: Author) -> None:
    author.has_function("aaa", "return 1")
    path = author.skills / "aaa/skill.py"

    async with opened(author, watch=True) as eyes:
        await eyes.press("e", *"# mine", "enter")
        await eyes.see("+ unsaved")
        shutil.rmtree(author.workspace)
        await eyes.until(lambda: "gone" in eyes.app.notices.latest, "that it is gone")
        await eyes.press("alt+1", "end", "enter", "slash", "a", "escape", "alt+4", "ctrl+q")
        assert eyes.app.return_code == 0

    author.has_function("aaa", "return 1")
    async with opened(author) as eyes:
        await eyes.see("unsaved text of", "alt+t take it")
        await eyes.press("alt+t", "ctrl+s")
        await eyes.until(lambda: path.read_text().startswith("# mine"), "the text that was typed")


@pytest.mark.exhaustive
async def test_what_is_typed_stays_in_sight_when_its_skill_is_moved_away(author: Author) -> None:
    author.has_function("aaa", "return 1")

    async with opened(author, watch=True) as eyes:
        await eyes.press("e", *"# mine")
        (author.skills / "aaa").rename(author.workspace / "elsewhere")
        await eyes.until(lambda: "gone" in eyes.app.notices.latest, "that it is gone")
        await eyes.press(*" again")
        source = eyes.app.editor.source
        assert source is not None
        assert source.text.startswith("# mine again")
        assert eyes.app.focused is source


@pytest.mark.exhaustive
async def test_a_workspace_that_is_deleted_can_be_quit_at_once(author: Author) -> None:
    author.has_function("aaa", "return 1")

    async with opened(author, watch=True) as eyes:
        await eyes.press("enter", "e", *"# mine")
        shutil.rmtree(author.workspace)
        await eyes.press("ctrl+q")
        assert eyes.app.return_code == 0


@pytest.mark.exhaustive
async def test_an_open_file_that_becomes_a_folder_is_said_and_nothing_typed_is_lost(author: Author) -> None:
    author.has_function("aaa", "return 1")
    path = author.skills / "aaa/skill.py"

    async with opened(author, watch=True) as eyes:
        await eyes.press("e", *"# mine")
        path.unlink()
        path.mkdir()
        await eyes.see("is gone outside")
        await eyes.press("ctrl+s")
        await eyes.see("not saved")
        source = eyes.app.editor.source
        assert source is not None
        assert source.text.startswith("# mine")
        path.rmdir()
        await eyes.press("ctrl+s")
        await eyes.until(path.is_file, "the file again")
        assert path.read_text().startswith("# mine")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_file_that_may_not_be_read_any_more_is_said(author: Author) -> None:
    author.has_function("aaa", "return 1")
    path = author.skills / "aaa/skill.py"

    async with opened(author, watch=True) as eyes:
        await eyes.press("e", *"# mine")
        path.chmod(0)
        await eyes.see("outside")
        source = eyes.app.editor.source
        assert source is not None
        assert source.text.startswith("# mine")


@pytest.mark.exhaustive
async def test_a_save_in_one_app_is_seen_in_the_other(author: Author) -> None:
    author.has_function("aaa", "return 1")

    async with opened(author, watch=True) as one, opened(author, watch=True) as other:
        await one.press("e", *"# from one", "enter", "ctrl+s")
        await other.see("# from one")


@pytest.mark.exhaustive
async def test_of_two_apps_that_save_the_second_is_asked(author: Author) -> None:
    author.has_function("aaa", "return 1")
    path = author.skills / "aaa/skill.py"

    async with opened(author, watch=True) as one, opened(author, watch=True) as other:
        await other.press("e", *"# from other", "enter")
        await one.press("e", *"# from one", "enter", "ctrl+s")
        await one.until(lambda: path.read_text().startswith("# from one"), "the save")
        await other.press("ctrl+s")
        await other.see("was written outside", "alt+k keep mine")
        assert path.read_text().startswith("# from one")
        await other.press("alt+d")
        await other.see("-# from one", "+# from other")
        await other.press("escape", "alt+k", "ctrl+s")
        await other.until(lambda: path.read_text().startswith("# from other"), "the save")
        await one.see("# from other")
