"""Somebody who changes a small workspace in every way that files can be changed, at random and without mercy."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.author import Author, function

FOLDERS = ("alpha", "beta", "gamma", "delta")
COMMANDS = ("ls", "pwd")
NOWHERE = "import nowhere_to_be_found\n"


class Scribbler:
    """Each edit leaves files that may be good or bad, and never asks which they were before."""

    def __init__(self, author: Author, chance: Random) -> None:
        self._author, self._chance = author, chance
        self._number = 0
        self._away = author.workspace / "away"
        self._away.mkdir()
        self._closed: list[Path] = []
        self.module()
        for folder in FOLDERS:
            self._saves(folder, self._good(folder))
        for folder in COMMANDS:
            self._command(folder)

    def edits(self) -> str:
        """One edit; says which."""
        choices: list[Callable[[], None]] = [
            self.good,
            self.good,
            self.good_in_place,
            self.bad,
            self.command,
            self.deleted,
            self.renamed_away_and_maybe_back,
            self.named_otherwise,
            self.nested,
            self.module,
            self.bad_module,
            self.folder_in_its_place,
            self.closed_or_opened,
            self.clock_set_back,
            self.tests_changed,
            self.helper,
        ]
        edit = self._chance.choice(choices)
        edit()
        return edit.__name__

    def good(self) -> None:
        folder = self._chance.choice(FOLDERS)
        self._saves(folder, self._good(folder))

    def good_in_place(self) -> None:
        folder = self._chance.choice(FOLDERS)
        self._free(self._entry(folder))
        self._author.writes(f"{folder}/skill.py", self._good(folder))

    def bad(self) -> None:
        folder = self._chance.choice(FOLDERS)
        good = self._good(folder)
        self._saves(folder, self._chance.choice(["def execute(:", "", NOWHERE + good, good + "raise ValueError(7)\n"]))

    def command(self) -> None:
        self._command(self._chance.choice(COMMANDS))

    def deleted(self) -> None:
        shutil.rmtree(self._author.skills / self._chance.choice(FOLDERS), ignore_errors=True)

    def renamed_away_and_maybe_back(self) -> None:
        folder = self._chance.choice((*FOLDERS, *COMMANDS))
        here, there = self._author.skills / folder, self._away / folder
        for source, target in ((here, there), (there, here)):
            if source.exists() and not target.exists() and self._chance.random() < 0.8:
                source.rename(target)

    def named_otherwise(self) -> None:
        folder = self._chance.choice(FOLDERS)
        self._saves(folder, self._good(self._chance.choice(("epsilon", *FOLDERS))))

    def nested(self) -> None:
        home = self._author.skills / "group/inner"
        if home.exists():
            shutil.rmtree(home.parent)
        else:
            self._saves("group/inner/zeta", self._good("zeta"))

    def module(self) -> None:
        self._number += 1
        self._author.saves("common.py", f"WORD = {self._number}\n")

    def bad_module(self) -> None:
        module = self._author.skills / "common.py"
        if self._chance.random() < 0.5:
            module.unlink(missing_ok=True)
        else:
            self._author.writes("common.py", "WORD = missing\n")

    def folder_in_its_place(self) -> None:
        entry = self._entry(self._chance.choice(FOLDERS))
        self._nothing_at(entry)
        entry.mkdir(parents=True)
        (entry / "x.py").write_text("x = 1\n")

    def closed_or_opened(self) -> None:
        """Permissions are taken away, or given back; to root they say nothing."""
        if self._closed:
            path = self._closed.pop()
            if path.exists():
                path.chmod(0o644)
        elif (entry := self._entry(self._chance.choice(FOLDERS))).is_file():
            entry.chmod(0)
            self._closed.append(entry)

    def clock_set_back(self) -> None:
        folder = self._chance.choice(FOLDERS)
        self._saves(folder, self._good(folder))
        os.utime(self._entry(folder), (1, 1))

    def tests_changed(self) -> None:
        folder = self._chance.choice(FOLDERS)
        if (self._author.skills / folder).is_dir():
            self._author.writes(f"{folder}/tests/a.yaml", "cases: [{name: a, expect: {status: completed}}]")

    def helper(self) -> None:
        folder = self._chance.choice(FOLDERS)
        if (self._author.skills / folder).is_dir():
            self._number += 1
            self._author.saves(f"{folder}/words.txt", f"{self._number}")

    def _good(self, name: str) -> str:
        self._number += 1
        if self._chance.random() < 0.5:
            return function(name, f"return [{self._number}]")
        return "from common import WORD\n" + function(name, f"return [{self._number}, WORD]")

    def _command(self, name: str) -> None:
        self._number += 1
        self._author.has_command(name, "echo", str(self._number))

    def _saves(self, folder: str, text: str) -> None:
        self._free(self._entry(folder))
        self._author.saves(f"{folder}/skill.py", text)

    def _entry(self, folder: str) -> Path:
        return self._author.skills / folder / "skill.py"

    def _free(self, entry: Path) -> None:
        if entry.is_dir():
            shutil.rmtree(entry)

    def _nothing_at(self, entry: Path) -> None:
        self._free(entry)
        entry.unlink(missing_ok=True)
