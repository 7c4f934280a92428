"""A save at the very moment when a session and the workspace are brought together is nobody's to lose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.author import Author, function
from tests.runtime.devsessions.test_sessions import edit, opened, said
from workbench.assembly import Workbench
from workbench.model.devsession import FileStand, Standing
from workbench.model.errors import Conflict
from workbench.model.skill import Scope
from workbench.runtime.devsessions.overlay import Overlay
from workbench.runtime.devsessions.promotion import Promotions

pytestmark = pytest.mark.anyio
Save = Callable[[], object]
TEXT = "first\n\n\n\nlast\n"


def right_after_the_next_look(monkeypatch: pytest.MonkeyPatch, save: Save) -> None:
    """Somebody saves once the files were compared, before anything comes of that."""
    real = Overlay.stands

    def and_then_a_save(*arguments: object, **more: object) -> list[FileStand]:
        monkeypatch.undo()
        found = real(*arguments, **more)  # type: ignore[arg-type]
        save()
        return found

    monkeypatch.setattr(Overlay, "stands", and_then_a_save)


def left_beside(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*") if path.is_file()]


@pytest.mark.parametrize("file", ["skill.py", "notes.txt", "new.txt", "deep/new.txt"])
async def test_what_is_saved_while_a_skill_is_given_back_stays_in_the_session(
    author: Author, workbench: Workbench, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    author.writes("greet/notes.txt", "notes")
    inside = await opened(workbench, "one", "greet")
    home = Path(inside.find("greet").folder)

    def save() -> None:
        (home / file).parent.mkdir(exist_ok=True)
        (home / file).write_text("typed just now")

    right_after_the_next_look(monkeypatch, save)
    with pytest.raises(Conflict, match="saved at this moment"):
        await inside.exchange.give_back(["greet"])
    assert (home / file).read_text() == "typed just now"
    stands = {stand.path: stand.standing for stand in await inside.exchange.compared()}
    assert stands.pop(f"skills/greet/{file}") is Standing.HERE
    assert set(stands.values()) == {Standing.SAME}
    assert left_beside(home.parent) == []


async def test_what_is_saved_while_it_is_promoted_stays_and_the_promotion_has_succeeded(
    workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = await opened(workbench, "one", "greet")
    path = edit(inside, "greet", function("greet", "return 'howdy'"))
    later = function("greet", "return 'still typing'")
    real = Promotions.carry_out

    async def and_then_a_save(*arguments: object) -> None:
        await real(*arguments)  # type: ignore[arg-type]
        path.write_text(later)

    monkeypatch.setattr(Promotions, "carry_out", and_then_a_save)
    promoted = await inside.promote()
    assert [stand.path for stand in promoted.files] == ["skills/greet/skill.py"]
    assert await said(workbench) == "howdy"
    assert path.read_text() == later
    inside.refresh()
    assert inside.find("greet").scope is Scope.DEV


@pytest.mark.parametrize("looks", [1, 2])
async def test_what_is_saved_once_a_promotion_was_compared_again_stays_too(
    workbench: Workbench, monkeypatch: pytest.MonkeyPatch, looks: int
) -> None:
    inside = await opened(workbench, "one", "greet")
    path = edit(inside, "greet", function("greet", "return 'howdy'"))
    later = function("greet", "return 'still typing'")
    real, real_stands, after = Promotions.carry_out, Overlay.stands, iter(range(1, 9))

    def and_then_a_save(*arguments: object, **more: object) -> list[FileStand]:
        found = real_stands(*arguments, **more)  # type: ignore[arg-type]
        if next(after) == looks:
            path.write_text(later)
        return found

    async def and_then_look(*arguments: object) -> None:
        await real(*arguments)  # type: ignore[arg-type]
        monkeypatch.setattr(Overlay, "stands", and_then_a_save)

    monkeypatch.setattr(Promotions, "carry_out", and_then_look)
    await inside.promote()
    assert path.read_text() == later
    assert await said(workbench) == "howdy"


@pytest.mark.parametrize("prefer", ["", "theirs"])
@pytest.mark.parametrize("mine", ["first\n\n\n\nmine\n", TEXT])
async def test_what_is_saved_in_the_session_while_it_is_brought_up_to_date_stays(
    author: Author, workbench: Workbench, monkeypatch: pytest.MonkeyPatch, prefer: str, mine: str
) -> None:
    author.writes("greet/notes.txt", TEXT)
    inside = await opened(workbench, "one", "greet")
    notes = Path(inside.find("greet").folder) / "notes.txt"
    notes.write_text(mine)
    author.writes("greet/notes.txt", TEXT.replace("first", "theirs"))
    later = TEXT.replace("last", "typed just now")
    right_after_the_next_look(monkeypatch, lambda: notes.write_text(later))
    with pytest.raises(Conflict, match="saved at this moment"):
        await inside.exchange.update(prefer=prefer)
    assert notes.read_text() == later
    [stand] = [stand for stand in await inside.exchange.compared() if stand.path.endswith("notes.txt")]
    assert stand.standing is Standing.BOTH
    assert left_beside(author.workspace / ".workbench/dev/one") == []


@pytest.mark.parametrize("prefer", ["", "mine", "theirs"])
async def test_what_is_saved_in_the_workspace_while_a_session_takes_it_over_is_not_promoted_over(
    author: Author, workbench: Workbench, monkeypatch: pytest.MonkeyPatch, prefer: str
) -> None:
    author.writes("greet/notes.txt", TEXT)
    inside = await opened(workbench, "one", "greet")
    notes = Path(inside.find("greet").folder) / "notes.txt"
    notes.write_text(TEXT.replace("last", "mine"))
    author.writes("greet/notes.txt", TEXT.replace("first", "theirs"))
    right_after_the_next_look(monkeypatch, lambda: author.writes("greet/notes.txt", "typed just now"))
    with pytest.raises(Conflict, match="saved at this moment"):
        await inside.exchange.update(prefer=prefer)
    with pytest.raises(Conflict, match="nothing was promoted"):
        await inside.promote()
    assert (author.skills / "greet/notes.txt").read_text() == "typed just now"
    assert notes.read_text() == TEXT.replace("last", "mine")


async def test_a_folder_is_not_taken_away_for_a_file_of_its_name(author: Author, workbench: Workbench) -> None:
    inside = await opened(workbench, "one", "greet")
    folder = Path(inside.find("greet").folder) / "data"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    author.writes("greet/data", "theirs")
    with pytest.raises(Conflict):
        await inside.exchange.update()
    assert (folder / "mine.txt").read_text() == "mine"
