"""How editors, formatters and version control write files: each save is one reload, never half a file, never a gap.

Programs that are here are run as they are; those that need a desktop are imitated, call by call.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import pexpect
import pytest

from tests.author import REPOSITORY, Author, function
from tests.runtime.devsessions.watched import watching
from workbench.model.events import SkillHotReloaded, SkillReloadFailed, SkillUnregistered

pytestmark = pytest.mark.anyio

Save = Callable[[Path, str], None]
SAVERS: dict[str, Save] = {}
NEEDS: dict[str, str] = {}


def saver(name: str, needs: str = "") -> Callable[[Save], Save]:
    def known(save: Save) -> Save:
        SAVERS[name] = save
        NEEDS[name] = needs
        return save

    return known


def run(*command: str, cwd: Path) -> None:
    subprocess.run(command, cwd=cwd, check=True, capture_output=True, timeout=20, stdin=subprocess.DEVNULL)


def vim(path: Path, *settings: str) -> None:
    changes = ["%s/hello/howdy/", "wq"]
    options = [part for line in (*settings, *changes) for part in ("-c", line)]
    run("vim", "-u", "NONE", "-N", "-es", *options, str(path), cwd=path.parent)


@saver("vim", "vim")
def _(path: Path, text: str) -> None:
    vim(path)


@saver("vim, a backup by rename", "vim")
def _(path: Path, text: str) -> None:
    vim(path, "set backup backupcopy=no")


@saver("vim, in place", "vim")
def _(path: Path, text: str) -> None:
    vim(path, "set backupcopy=yes")


@saver("vim, no backup at all", "vim")
def _(path: Path, text: str) -> None:
    vim(path, "set nowritebackup noswapfile")


def nano(path: Path, *options: str) -> None:
    with pexpect.spawn("nano", ["-I", *options, str(path)], env={**os.environ, "TERM": "xterm"}, timeout=10) as editor:
        editor.expect("hello")
        editor.send("\x1c")
        editor.expect("Search")
        editor.send("hello\r")
        editor.expect("Replace with")
        editor.send("howdy\r")
        editor.expect("this instance")
        editor.send("A")
        editor.expect("Replaced")
        editor.send("\x0f")
        editor.expect("File Name to Write")
        editor.send("\r")
        editor.expect("Wrote")
        editor.send("\x18")
        editor.expect(pexpect.EOF)


@saver("nano", "nano")
def _(path: Path, text: str) -> None:
    nano(path)


@saver("nano, with a backup", "nano")
def _(path: Path, text: str) -> None:
    nano(path, "-B")


@saver("sed -i", "sed")
def _(path: Path, text: str) -> None:
    run("sed", "-i", "s/hello/howdy/", path.name, cwd=path.parent)


@saver("perl -pi", "perl")
def _(path: Path, text: str) -> None:
    run("perl", "-pi", "-e", "s/hello/howdy/", path.name, cwd=path.parent)


@saver("a shell's >", "sh")
def _(path: Path, text: str) -> None:
    run("sh", "-c", 'printf %s "$1" > "$2"', "sh", text, path.name, cwd=path.parent)


@saver("cp", "cp")
def _(path: Path, text: str) -> None:
    (path.parent.parent.parent / "new.txt").write_text(text)
    run("cp", "../../new.txt", path.name, cwd=path.parent)


@saver("rsync", "rsync")
def _(path: Path, text: str) -> None:
    (path.parent.parent.parent / "new.txt").write_text(text)
    run("rsync", "--checksum", "../../new.txt", path.name, cwd=path.parent)


@saver("rsync --inplace", "rsync")
def _(path: Path, text: str) -> None:
    (path.parent.parent.parent / "new.txt").write_text(text)
    run("rsync", "--checksum", "--inplace", "../../new.txt", path.name, cwd=path.parent)


@saver("git checkout", "git")
def _(path: Path, text: str) -> None:
    root = path.parent.parent.parent

    def git(*words: str, given: str = "") -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *who, *words], cwd=root, input=given.encode(), capture_output=True, check=True)
        return done.stdout.decode().strip()

    git("init", "-q")
    git("add", "skills")
    git("commit", "-qm", "as it was")
    blob = git("hash-object", "-w", "--stdin", given=text)
    git("update-index", "--cacheinfo", f"100644,{blob},{path.relative_to(root)}")
    git("branch", "other", git("commit-tree", git("write-tree"), "-p", "HEAD", "-m", "as it will be"))
    git("read-tree", "HEAD")
    git("checkout", "-q", "other")


@saver("VS Code: truncated, then written")
def _(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    time.sleep(0.02)
    os.write(descriptor, text.encode())
    os.close(descriptor)


@saver("JetBrains: safe write")
def _(path: Path, text: str) -> None:
    beside, old = Path(f"{path}___jb_tmp___"), Path(f"{path}___jb_old___")
    beside.write_text(text)
    os.rename(path, old)
    time.sleep(0.01)
    os.rename(beside, path)
    old.unlink()


@saver("emacs: a lock, a backup, an auto-save")
def _(path: Path, text: str) -> None:
    lock, auto = path.with_name(f".#{path.name}"), path.with_name(f"#{path.name}#")
    lock.symlink_to("author@machine.1:2")
    auto.write_text(text[: len(text) // 2])
    os.rename(path, f"{path}~")
    path.write_text(text)
    auto.unlink()
    lock.unlink()


@saver("Kate, Sublime, gedit: a temporary file renamed over")
def _(path: Path, text: str) -> None:
    beside = path.with_name(f"{path.name}.Xy12Zw")
    with open(beside, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


@saver("Notepad++: deleted, then made anew")
def _(path: Path, text: str) -> None:
    path.unlink()
    time.sleep(0.05)
    path.write_text(text)


@saver("a slow disk: written in pieces")
def _(path: Path, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        for start in range(0, len(text), 60):
            file.write(text[start : start + 60])
            file.flush()
            time.sleep(0.02)


@saver("opened, written and closed twice")
def _(path: Path, text: str) -> None:
    path.write_text(text[:30])
    path.write_text(text)


@saver("a memory map")
def _(path: Path, text: str) -> None:
    import mmap

    with open(path, "r+b") as file:
        file.truncate(len(text.encode()))
        with mmap.mmap(file.fileno(), 0) as memory:
            memory[:] = text.encode()
            memory.flush()
        os.utime(path)


@pytest.mark.whole
@pytest.mark.parametrize("name", SAVERS)
async def test_a_save_is_one_reload_and_the_new_text_answers(author: Author, name: str) -> None:
    if NEEDS[name] and shutil.which(NEEDS[name]) is None:
        pytest.skip(f"{NEEDS[name]} is not here")
    author.has_function("greet", "return 'hello'")
    new = function("greet", "return 'howdy'")

    async with watching(author) as watched:
        assert await watched.answers("greet") == "hello"
        await anyio.to_thread.run_sync(SAVERS[name], author.skills / "greet/skill.py", new)
        await watched.until(lambda: watched.workbench.find("greet").revision > 1)
        assert await watched.answers("greet") == "howdy"
        await anyio.sleep(0.15)
        events = watched.heard()

    assert [event.revision for event in events if isinstance(event, SkillHotReloaded)] == [2]
    assert not [event for event in events if isinstance(event, SkillReloadFailed | SkillUnregistered)]


@pytest.mark.exhaustive
async def test_a_formatter_that_writes_right_after_the_save_has_the_last_word(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    path = author.skills / "greet/skill.py"

    async with watching(author) as watched:
        for number in range(8):
            path.write_text(function("greet", f"return  'text {number}'"))
            await anyio.sleep(number * 0.01)
            author.saves("greet/skill.py", function("greet", f"return 'text {number}'"))
            await watched.until_it_answers("greet", f"text {number}")
            await anyio.sleep(0.1)
            assert await watched.answers("greet") == f"text {number}"
        assert not [event for event in watched.heard() if isinstance(event, SkillReloadFailed | SkillUnregistered)]


async def test_what_is_touched_or_saved_as_it_was_reloads_nothing(author: Author) -> None:
    author.has_function("greet", "return 'hello'")
    path = author.skills / "greet/skill.py"

    async with watching(author) as watched:
        await watched.answers("greet")
        os.utime(path)
        path.write_text(path.read_text())
        (path.parent / ".skill.py.swp").write_bytes(b"\0" * 100)
        (path.parent / "skill.py~").write_text("an old one")
        (path.parent / "#skill.py#").write_text("half")
        await anyio.sleep(0.4)
        assert not [event for event in watched.heard() if isinstance(event, SkillHotReloaded | SkillReloadFailed)]


def test_the_guide_names_every_way_of_saving_that_is_tried() -> None:
    guide = (REPOSITORY / "docs/guide/writing-skills.md").read_text()
    rows = {line.split("|")[1].strip() for line in guide.splitlines() if line.startswith("| ") and "✓" in line}
    assert rows == set(SAVERS)
