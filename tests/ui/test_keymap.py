"""A person's own keys: what the file may say, what is wrong with it and where, and that the keys work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.author import Author
from tests.ui.eyes import opened
from workbench.model.finding import Finding
from workbench.ui.keymap import DEFAULT, MAPS, NAMES, TAKEN, VIM, Keymap, clashes, read_keymap
from workbench.ui.screens.page import Page

Write = Callable[[str | bytes], Keymap]


@pytest.fixture
def path(environ: dict[str, str]) -> Path:
    folder = Path(environ["HOME"], ".config", "skill-workbench")
    folder.mkdir(parents=True)
    return folder / "keymap.toml"


@pytest.fixture
def read(path: Path, environ: dict[str, str]) -> Write:
    """Write the file, and read it."""

    def written(content: str | bytes) -> Keymap:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_keymap(environ)

    return written


def only(keymap: Keymap) -> Finding:
    (finding,) = keymap.findings
    return finding


def test_without_a_file_the_keys_are_the_default_ones(environ: dict[str, str]) -> None:
    assert read_keymap(environ) == Keymap(name="default", keys=DEFAULT)


@pytest.mark.parametrize("base", MAPS)
def test_the_file_chooses_a_map_that_ships(read: Write, base: str) -> None:
    assert read(f'base = "{base}"') == Keymap(name=base, keys=MAPS[base])


def test_the_file_changes_the_keys_of_a_command_and_of_no_other(read: Write) -> None:
    keymap = read('base = "vim"\n[keys]\n"run.start" = ["ctrl+r", "f5"]\n"run.cancel" = "X"\n"app.theme" = []')

    changed = {id_: keys for id_, keys in keymap.keys.items() if keys != VIM[id_]}
    assert changed == {"run.start": ("ctrl+r", "f5"), "run.cancel": ("X",), "app.theme": ()}
    assert keymap.findings == ()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("/", "slash"),
        ("?", "question_mark"),
        ("+", "plus"),
        ("ctrl+R", "ctrl+r"),
        ("shift+ctrl+up", "ctrl+shift+up"),
        ("ctrl+alt+x", "alt+ctrl+x"),
        ("shift+r", "R"),
        ("alt+shift+r", "alt+R"),
        ("ä", "ä"),
        ("0", "0"),
    ],
)
def test_a_key_is_meant_however_it_is_spelled(read: Write, written: str, meant: str) -> None:
    assert meant in read(f'[keys]\n"editor.outside" = ["{written}"]').keys["editor.outside"]


@pytest.mark.parametrize(
    "key", ["ctrl+h", "ctrl+i", "ctrl+m", "ctrl+j", "ctrl+[", "ctrl+I", "ctrl+left_square_bracket"]
)
def test_keys_that_terminals_send_for_others_are_refused(read: Write, key: str) -> None:
    keymap = read(f'[keys]\n\n"run.start" = ["f5", "{key}"]')

    assert keymap.keys["run.start"] == ("f5",)
    assert only(keymap).message == f"'{key}' is what the terminal sends for another key"
    assert only(keymap).place.line == 3


@pytest.mark.parametrize(
    "key", ["banana", "", "ctrl+", "ctrl++", "meta+x", "strg+x", "rr", "<any-key>", "\\u001b", "a,b"]
)
def test_what_is_no_key_is_refused(read: Write, key: str) -> None:
    keymap = read(f'[keys]\n"run.start" = ["{key}", "f5"]')

    assert keymap.keys["run.start"] == ("f5",)
    assert "is not the name of a key" in only(keymap).message
    assert only(keymap).hint == "write keys like r, ctrl+r, alt+up, slash"


@pytest.mark.parametrize(
    ("content", "line", "message", "hint"),
    [
        ('[keys]\n"run.strat" = "r"', 2, "there is no command 'run.strat'", "did you mean 'run.start'?"),
        ('[keys]\nqwxz = "r"', 2, "there is no command 'qwxz'", "help lists every command"),
        ('[keys]\nrun.start = "f5"', 2, "there is no command 'run'", 'write it in quotes: "run.start" = …'),
        ('[keys]\n"run.start" = 1', 2, "the keys of 'run.start' are a list of names", '["r", "ctrl+r"]'),
        ('[keys]\n"run.start" = [["r"]]', 2, "the keys of 'run.start' are a list of names", '["r", "ctrl+r"]'),
        ('\nbase = "vmi"', 2, 'there is no keymap "vmi"', "write one of: default, vim"),
        ("base = 3", 1, "there is no keymap 3", "write one of: default, vim"),
        ('base = ["vim"]', 1, "there is no keymap a list", "write one of: default, vim"),
        ("base = {}", 1, "there is no keymap an object", "write one of: default, vim"),
        ("[kyes]", 1, "unknown key 'kyes'", "did you mean 'keys'?"),
        ("colour = 1", 1, "unknown key 'colour'", "write base = … and a table [keys]"),
        ("keys = 3", 1, "[keys] is a table", '[keys] and below it "run.start" = ["r"]'),
        ("[[keys]]", 1, "[keys] is a table", '[keys] and below it "run.start" = ["r"]'),
    ],
)
def test_each_mistake_is_told_with_its_line_and_what_to_write(
    read: Write, content: str, line: int, message: str, hint: str
) -> None:
    keymap = read(content)

    assert (only(keymap).message, only(keymap).hint, only(keymap).place.line) == (message, hint, line)
    assert keymap.keys == DEFAULT


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ('base = "vim"\nkeys = [', 2, "it is not TOML"),
        ("base = vim", 1, "it is not TOML"),
        ('[keys]\n"run.start" = "r"\n"run.start" = "x"', 3, "it is not TOML"),
        (b'base = "vim"\n# gr\xfc\xdfe', 2, "it is not UTF-8"),
        (b"\0", 0, "is not text"),
        ("keys = " + "[" * 50_000, 0, "nested too deep"),
        ("#" * 200_000, 0, "it is over 100 kB"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_file_that_cannot_be_read_is_told_and_the_default_keys_stay(
    read: Write, content: str | bytes, line: int, words: str
) -> None:
    keymap = read(content)

    assert (keymap.name, keymap.keys) == ("default", DEFAULT)
    assert words in only(keymap).message
    assert only(keymap).place.line == line
    assert only(keymap).hint


def test_a_folder_in_place_of_the_file_is_told(path: Path, environ: dict[str, str]) -> None:
    path.mkdir()

    assert "is not a file" in only(read_keymap(environ)).message


def test_what_the_person_wrote_has_the_key_before_what_the_map_says(read: Write) -> None:
    keymap = read('[keys]\n"run.again" = ["x"]')

    assert keymap.keys["run.again"] == ("x",)
    assert keymap.keys["run.cancel"] == ("ctrl+g",)
    assert only(keymap).message == "'x' stands for both run.again and run.cancel: run.again has it"
    assert only(keymap).place.line == 2
    assert only(keymap).hint == "give one of them another key"


def test_one_key_for_the_same_thing_in_two_panes_is_no_clash(read: Write) -> None:
    keymap = read('[keys]\n"log.filter" = ["f9"]\n"skills.filter" = ["f9"]')

    assert keymap.findings == ()
    assert keymap.keys["log.filter"] == keymap.keys["skills.filter"] == ("f9",)


def test_one_key_in_one_pane_and_everywhere_is_a_clash(read: Write) -> None:
    assert "run.start and log.level" in only(read('[keys]\n"log.level" = ["f5"]\n"run.start" = ["f5"]')).message


@pytest.mark.parametrize(
    "keys",
    [
        '"app.quit" = []',
        '"app.quit" = ["ctrl+m"]',
        '"app.quit" = ["banana"]',
        '"app.quit" = ["up"]',
        '"app.quit" = ["q"]',
        '"app.quit" = ["ctrl+r"]',
        '"run.start" = ["ctrl+q"]',
        '"run.start" = ["ctrl+q"]\n"app.quit" = []',
        '"run.start" = ["ctrl+q", "ctrl+x"]\n"app.quit" = ["ctrl+x"]',
    ],
)
def test_there_is_always_a_key_of_its_own_to_quit_with(read: Write, keys: str) -> None:
    keymap = read(f"[keys]\n{keys}")

    quitting = [key for key in keymap.keys["app.quit"] if key.startswith(("ctrl+", "alt+"))]
    others = {key for id_, held in keymap.keys.items() if id_ != "app.quit" for key in held}
    assert set(quitting) - others
    assert keymap.findings


keys_strategy = st.sampled_from(sorted(NAMES | TAKEN)) | st.text(max_size=6) | st.sampled_from([*"rxqQ", "ctrl+q"])


@given(st.dictionaries(st.sampled_from(sorted(DEFAULT)), st.lists(keys_strategy, max_size=4), max_size=8))
def test_whatever_the_file_says_no_key_stands_for_two_commands(wanted: dict[str, list[str]]) -> None:
    from workbench.ui.keymap import _read

    keymap = _read({"keys": wanted}, "", "keymap.toml")

    assert list(clashes(keymap.keys)) == []
    assert not TAKEN & {key for keys in keymap.keys.values() for key in keys}
    assert any(key.startswith(("ctrl+", "alt+")) for key in keymap.keys["app.quit"])


@pytest.mark.exhaustive
@pytest.mark.anyio
@pytest.mark.timeout(60)
async def test_a_key_of_ones_own_works_and_is_shown_wherever_keys_are_shown(author: Author, read: Write) -> None:
    author.has_command("aaa", "echo", "hello")
    read('[keys]\n"run.start" = ["f5"]')

    async with opened(author, size=(160, 60)) as eyes:
        await eyes.see("f5 run")
        await eyes.press("r")
        assert not eyes.app.runs.is_under_way
        await eyes.press("f5")
        await eyes.see("✓ completed", "hello")
        await eyes.press("question_mark")
        line = next(line for line in (await eyes.see("esc closes")).splitlines() if "Run the chosen skill" in line)
        assert "f5" in line
        await eyes.press("escape", "colon")
        line = next(line for line in (await eyes.see("Commands ")).splitlines() if "Run the chosen skill" in line)
        assert "f5" in line


@pytest.mark.exhaustive
@pytest.mark.anyio
@pytest.mark.timeout(60)
async def test_keys_are_read_again_while_the_app_runs_and_what_is_wrong_is_a_problem(
    author: Author, path: Path
) -> None:
    async with opened(author) as eyes:
        path.write_text('base = "vim"\n[keys]\n"app.help" = ["f1"]\n"run.strat" = "r"')
        await eyes.app.do("app.keymap")
        await eyes.see("the keymap is vim, and 1 problem")
        await eyes.press("5")
        await eyes.see("there is no command 'run.strat'", "keymap.toml")
        await eyes.press("question_mark")
        assert not isinstance(eyes.app.screen, Page)
        await eyes.press("f1")
        await eyes.until(lambda: isinstance(eyes.app.screen, Page), "the help")
        await eyes.press("escape")

        path.write_text("base = [")
        await eyes.app.do("app.keymap")
        await eyes.see("the keymap is default", "it is not TOML")
        await eyes.press("question_mark")
        await eyes.until(lambda: isinstance(eyes.app.screen, Page), "the help")
