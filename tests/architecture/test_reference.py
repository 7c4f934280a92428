"""The key reference in the docs is what the registry says."""

from __future__ import annotations

from tests.author import REPOSITORY
from workbench.ui.commands import REGISTRY
from workbench.ui.reference import TITLES, reference


def test_the_key_reference_is_made_from_the_registry() -> None:
    page = (REPOSITORY / "docs" / "guide" / "keys.md").read_text(encoding="utf-8")

    assert page == reference(), "write it again: python -m workbench.ui.reference > docs/guide/keys.md"


def test_every_command_has_its_place_in_the_reference() -> None:
    assert {command.id.partition(".")[0] for command in REGISTRY} == set(TITLES)
