"""What tests of sessions begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.author import Author
from workbench.assembly import Workbench, open_workbench


@pytest.fixture
async def workbench(author: Author) -> AsyncIterator[Workbench]:
    """An open workbench on a workspace with one skill, which says hello."""
    author.has_function("greet", "return 'hello'")
    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        yield workbench
