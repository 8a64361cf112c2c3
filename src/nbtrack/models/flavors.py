"""Flavors: modules that save and load the models of one framework, found by their names as entry points.

A package adds one by a line in its pyproject.toml, in the group `nbtrack.flavors`: `name = "package.module"`. What an
artifact names is looked up here or not at all; it is never imported.
"""

from __future__ import annotations

import importlib
import sys
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

from ..errors import NotFound

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "nbtrack.flavors"


def flavor_names() -> list[str]:
    """The flavors that are installed."""
    return sorted(_entry_points(tuple(sys.path)))


def find_flavor(name: str) -> ModuleType | None:
    """The module of a flavor, None where no installed package has one of this name.

    What the flavor's own framework raises at import, because it is not installed for example, is not caught.
    """
    entry_point = _entry_points(tuple(sys.path)).get(name)
    if entry_point is None:
        return None
    return importlib.import_module(entry_point.module)


def flavor(name: str) -> ModuleType:
    """The module of a flavor; NotFound, with those that are installed, where there is none of this name."""
    module = find_flavor(name)
    if module is None:
        raise NotFound(
            f"There is no flavor {name!r:.80}. Installed are: {', '.join(flavor_names()) or 'none'}. "
            f"A package adds one by an entry point in the group {GROUP!r}."
        )
    return module


@cache
def _entry_points(path: tuple[str, ...]) -> dict[str, EntryPoint]:
    """The group's entry points by name. `path` is what the answer depends on: the search takes milliseconds."""
    from importlib.metadata import entry_points

    return {entry_point.name: entry_point for entry_point in entry_points(group=GROUP)}
