"""What a settings file says wrong is told with its file, its key, and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.configuration import read_settings
from workbench.model.errors import WrongSettings


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("[security]\nmax_memory_mb = -1", "security.max_memory_mb: -1 is too small: it has to be at least 1"),
        ("[security]\nmax_file_size_mb = 0", "security.max_file_size_mb: 0 is too small: it has to be at least 1"),
        ("[security]\nmax_output_mb = 0", "security.max_output_mb: 0.0 is too small: it has to be more than 0"),
        ("[security]\nmax_processes = 1.5", "security.max_processes: 1.5 is not a whole number"),
        ("[security]\nmax_processes = inf", "security.max_processes: inf is not a whole number"),
        ("[security]\nmax_cpu_percent = nan", "security.max_cpu_percent: nan is not a number"),
        ("[performance]\nmax_workers = 0", "performance.max_workers: 0 is too small: it has to be at least 1"),
        ("[performance]\nspare_workers = -1", "performance.spare_workers: -1 is too small: it has to be at least 0"),
    ],
)
def test_a_number_that_cannot_be_says_what_it_has_to_be(tmp_path: Path, said: str, words: str) -> None:
    (tmp_path / "workbench.toml").write_text(said)

    with pytest.raises(WrongSettings, match=r"workbench\.toml") as caught:
        read_settings(str(tmp_path), {"HOME": str(tmp_path)})

    assert caught.value.message.endswith(words)


def test_what_may_be_nothing_is_taken(tmp_path: Path) -> None:
    (tmp_path / "workbench.toml").write_text("[performance]\nspare_workers = 0\nworker_idle_seconds = 0")
    settings = read_settings(str(tmp_path), {"HOME": str(tmp_path), "WORKBENCH_SECURITY_MAX_PROCESSES": "9"})

    assert (settings.performance.spare_workers, settings.performance.worker_idle_seconds) == (0, 0)
    assert settings.security.max_processes == 9


def test_a_variable_is_told_as_a_file_is(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match=r"security.max_files: -3 is too small: it has to be at least 1"):
        read_settings(str(tmp_path), {"HOME": str(tmp_path), "WORKBENCH_SECURITY_MAX_FILES": "-3"})
