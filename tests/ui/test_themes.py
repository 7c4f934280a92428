"""Themes: what ships, what people write, what is wrong with it and where; and what is on the screen meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual.color import Color
from textual.theme import Theme

from tests.author import REPOSITORY, Author
from tests.ui.eyes import Eyes, opened
from workbench.model.finding import Finding
from workbench.ui.themes import Themes, read_themes, theme_folders

SHIPPED = str(REPOSITORY / "themes")
PLAIN = 'primary = "#ff0000"\n'
pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def folder(workspace: Path) -> Path:
    """Where the workspace's themes lie."""
    made = workspace / "themes"
    made.mkdir()
    return made


def only(themes: Themes) -> Finding:
    (finding,) = themes.findings
    return finding


def read(folder: Path, content: str | bytes, name: str = "mine") -> Themes:
    (folder / f"{name}.toml").write_bytes(content.encode() if isinstance(content, str) else content)
    return read_themes([str(folder)])


def test_every_theme_that_ships_is_one() -> None:
    themes = read_themes([SHIPPED])

    assert themes.findings == ()
    assert sorted(themes.known) == sorted(path.stem for path in Path(SHIPPED).glob("*.toml"))
    assert {"dark", "light", "high-contrast", "ansi"} <= set(themes.known)


def test_a_theme_says_as_much_as_it_wants_and_is_called_like_its_file(folder: Path) -> None:
    themes = read(
        folder, f'{PLAIN}dark = false\n[variables]\nborder = "#ffffff 30%"\nlink-style-hover = "bold not underline"'
    )

    variables = {"border": "#ffffff 30%", "link-style-hover": "bold not underline"}
    assert themes.known == {"mine": Theme(name="mine", primary="#ff0000", dark=False, variables=variables)}


@pytest.mark.parametrize(
    ("content", "line", "words", "hint"),
    [
        ("", 0, "'primary' is missing", 'write a colour: primary = "#0f5f8f"'),
        ("primary = 3", 1, "'primary' is missing", "primary = "),
        ('\nprimary = "blau"', 2, "'primary' is no colour: \"blau\"", 'write "#rrggbb"'),
        (f'{PLAIN}accent = "rgba(1,2,3,.5)"', 2, "'accent' is no colour", 'write "#rrggbb"'),
        (f'{PLAIN}accent = "#fff\\n"', 2, "'accent' is no colour", 'write "#rrggbb"'),
        (f'{PLAIN}accent = "\\u001b[2J"', 2, "'accent' is no colour", 'write "#rrggbb"'),
        (f'{PLAIN}background = "transparent"', 2, "nothing behind the background", 'write "ansi_default"'),
        (f"{PLAIN}accent = []", 2, "'accent' is no colour: a list", 'write "#rrggbb"'),
        (f'{PLAIN}"primray" = "red"', 2, "unknown key 'primray'", "did you mean 'primary'?"),
        (f"{PLAIN}[varables]", 2, "unknown key 'varables'", "did you mean 'variables'?"),
        (f"{PLAIN}variables = 3", 2, "[variables] is a table", 'border = "#3a4049"'),
        (f'{PLAIN}[variables]\nborder = "banana"', 3, "'border' is no colour", 'write "#rrggbb"'),
        (f'{PLAIN}[variables]\nborder = "red; }} * {{ display: none"', 3, "'border' is no colour", 'write "#rrggbb"'),
        (f'{PLAIN}[variables]\nborder = "auto"', 3, "'border' is no colour", 'write "#rrggbb"'),
        (f"{PLAIN}[variables]\nborder = 3", 3, "'border' is no colour: 3", 'write "#rrggbb"'),
        (f'{PLAIN}[variables]\nlink-style = "fat"', 3, "'link-style' is no style of text", 'write "bold"'),
        (f'{PLAIN}[variables]\nbackground-darken-1 = "#fff 3%"', 2, "given with a %", "write it without"),
        (f"{PLAIN}dark = 1", 2, "'dark' is true or false", "write dark = true"),
        (f"{PLAIN}text_alpha = 3", 2, "'text_alpha' is a number from 0 to 1", "write text_alpha = 0.5"),
        (f"{PLAIN}text_alpha = nan", 2, "'text_alpha' is a number from 0 to 1", "write text_alpha = 0.5"),
        (f"{PLAIN}luminosity_spread = true", 2, "is a number from 0 to 1", "write luminosity_spread = 0.5"),
        (f'{PLAIN}name = "[red]x"', 2, "'name' is letters", 'write name = "my-theme"'),
        (f"{PLAIN}accent = #fff", 2, "it is not TOML", "mend this line"),
        (f"{PLAIN}[variables", 2, "it is not TOML", "mend this line"),
        (b'primary = "#fff"\n# \xff', 2, "it is not UTF-8", "save it as UTF-8"),
        (f"{PLAIN}accent = {'[' * 50_000}", 0, "nested too deep", "write less"),
        (f"{PLAIN}{'#' * 200_000}", 0, "it is over 100 kB", "write less"),
    ],
    ids=lambda value: repr(value)[-30:],
)
def test_a_file_that_is_no_theme_is_told_with_its_line_and_what_to_write(
    folder: Path, content: str | bytes, line: int, words: str, hint: str
) -> None:
    themes = read(folder, content)

    assert themes.known == {}
    assert only(themes).message.startswith("the theme 'mine' is not used: ")
    assert words in only(themes).message
    assert hint in only(themes).hint
    assert only(themes).place.line == line


@pytest.mark.parametrize("kind", ["folder", "pipe", "link to nothing"])
def test_what_is_no_file_is_no_theme_and_is_not_waited_for(folder: Path, kind: str) -> None:
    path = folder / "mine.toml"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("nowhere")

    assert read_themes([str(folder)]).known == {}


def test_the_nearest_theme_of_a_name_wins(author: Author, folder: Path) -> None:
    folders = theme_folders(str(author.workspace), author.environ, SHIPPED)
    own = Path(folders[1])
    own.mkdir(parents=True)
    for place, colour in ((own, "#00ff00"), (folder, "#0000ff")):
        (place / "dark.toml").write_text(f'primary = "{colour}"')

    assert read_themes(folders).known["dark"].primary == "#0000ff"
    assert read_themes(folders[:2]).known["dark"].primary == "#00ff00"


def test_a_file_that_was_broken_leaves_what_it_held_before_its_namesake_far_away_too(folder: Path) -> None:
    folders = [SHIPPED, str(folder)]
    (folder / "dark.toml").write_text(PLAIN)
    (folder / "other.toml").write_text('name = "called otherwise"\nprimary = "#00ff00"')
    before = read_themes(folders)
    (folder / "dark.toml").write_text("primary =")
    (folder / "other.toml").write_text("primary =")

    after = read_themes(folders, before)

    assert after.known == before.known
    assert len(after.findings) == 2


def test_a_theme_that_is_gone_gives_its_name_back(folder: Path) -> None:
    (folder / "dark.toml").write_text(PLAIN)
    before = read_themes([SHIPPED, str(folder)])
    (folder / "dark.toml").unlink()

    assert read_themes([SHIPPED, str(folder)], before).known == read_themes([SHIPPED]).known


def test_nothing_is_read_again_where_nothing_has_changed(folder: Path) -> None:
    before = read(folder, PLAIN)

    assert read_themes([str(folder)], before) is before


async def wears(eyes: Eyes, colour: str) -> None:
    """The look-around finds what has changed; the tests do not wait for its second."""
    eyes.app._look_around()
    panel, wanted = eyes.app.query_one("#top").styles, Color.parse(colour)
    await eyes.until(lambda: all(abs(a - b) < 3 for a, b in zip(panel.background.rgb, wanted.rgb, strict=True)), colour)


@pytest.mark.exhaustive
@pytest.mark.anyio
async def test_a_theme_is_on_as_it_was_saved_and_stays_on_when_the_next_save_is_broken(
    author: Author, folder: Path
) -> None:
    (folder / "dark.toml").write_text(f'{PLAIN}panel = "#ff0000"\n')
    async with opened(author) as eyes:
        await wears(eyes, "#ff0000")
        (folder / "dark.toml").write_text(f'{PLAIN}panel = "#00ff00"\n')
        await wears(eyes, "#00ff00")
        await eyes.see("the theme is dark")

        (folder / "dark.toml").write_text(f'{PLAIN}accent = "blau"\npanel = "#0000ff"\n')
        await wears(eyes, "#00ff00")
        await eyes.see("the theme 'dark' is not used: 'accent' is no colour")
        await eyes.press("5")
        await eyes.see("dark.toml:2")

        (folder / "dark.toml").write_text(f'{PLAIN}panel = "#0000ff"\n')
        await wears(eyes, "#0000ff")


@pytest.mark.anyio
@pytest.mark.exhaustive
async def test_whatever_a_theme_may_say_the_app_can_wear(author: Author, folder: Path) -> None:
    async with opened(author) as eyes:
        made_of = {"background-darken-1", "primary-lighten-1"}
        names = sorted(name for name in eyes.app.theme_variables if "style" not in name and name not in made_of)
        for colour in ("#ff0000 30%", "transparent", "ansi_blue"):
            wanted = [name for name in names if (name, colour) != ("background", "transparent")]
            variables = "\n".join(f'{name} = "{colour}"' for name in wanted)
            (folder / "dark.toml").write_text(f"{PLAIN}[variables]\n{variables}\n")
            eyes.app._look_around()
            assert eyes.app.theme_variables["border"] == colour
            await eyes.press("t", "escape", "question_mark", "escape")
        (folder / "dark.toml").write_text(f"{PLAIN}ansi = true\n")
        eyes.app._look_around()
        await eyes.press("t", "escape")
        assert eyes.app.current_theme.ansi
        assert eyes.app.wardrobe.themes.findings == ()


@pytest.mark.exhaustive
@pytest.mark.anyio
async def test_each_theme_is_shown_while_it_is_looked_at_and_escape_brings_the_old_one_back(author: Author) -> None:
    async with opened(author) as eyes:
        for name in (*eyes.app.wardrobe.themes.known, "dark"):
            eyes.app.theme = name
            await eyes.settle()
        before = eyes.text

        await eyes.press("t", *"high")
        await eyes.until(lambda: eyes.app.theme == "high-contrast", "high-contrast")
        await eyes.press("escape")
        await eyes.until(lambda: eyes.app.theme == "dark", "dark")
        await eyes.see("the theme is dark")
        assert eyes.text.splitlines()[:5] == before.splitlines()[:5]

        await eyes.press("t", *"light", "enter")
        await eyes.see("the theme is light")
        await eyes.app.do("app.quit")

    async with opened(author) as eyes:
        assert eyes.app.theme == "light"


@pytest.mark.anyio
async def test_without_colours_every_state_is_still_told_by_its_sign(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    author.has_command("good", "true")
    author.writes("bad/skill.json", "{")

    async with opened(author) as eyes:
        await eyes.see("● good", "✕ bad", "1 broken")
        colours = {
            colour.triplet
            for strip in eyes.app.screen._compositor.render_strips()
            for segment in strip.apply_filter(eyes.app._filters[-1], eyes.app.background_colors[0])
            if segment.style is not None
            for colour in (segment.style.color, segment.style.bgcolor)
            if colour is not None and colour.triplet is not None
        }
        assert {(one.red - one.green, one.green - one.blue) for one in colours} == {(0, 0)}
