"""Skill Workbench: edit, hot-reload, run, test, debug and watch skills. Public names load when they are used."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would double the start of every process that only needs a sub-package

if TYPE_CHECKING:
    from workbench.assembly import Workbench, open_workbench
    from workbench.model.settings import Settings

__version__ = "0.1.0"
__all__ = ["Settings", "Workbench", "__version__", "open_workbench"]

_HOMES = {
    "Settings": "workbench.model.settings",
    "Workbench": "workbench.assembly",
    "open_workbench": "workbench.assembly",
}


def __getattr__(name: str) -> object:
    """Import a public name from its module the first time that it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
