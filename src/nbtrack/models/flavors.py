"""Flavors: modules that save and load the models of one framework, found by their names as entry points.

A package adds one by a line in its pyproject.toml, in the group `nbtrack.flavors`: `name = "package.module"`. What an
artifact names is looked up here or not at all; it is never imported. Modules for a framework that has no models, such
as Optuna, are in the group `nbtrack.integrations`: which of the two it is must be known before it is imported.
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
WITHOUT_MODELS = "nbtrack.integrations"


def flavor_names() -> list[str]:
    """The flavors that are installed."""
    return sorted(_entry_points(GROUP, tuple(sys.path)))


def integration_names() -> list[str]:
    """The flavors that are installed, and the integrations without models."""
    return sorted({*flavor_names(), *_entry_points(WITHOUT_MODELS, tuple(sys.path))})


def find_flavor(name: str) -> ModuleType | None:
    """The module of a flavor, None where no installed package has one of this name.

    What the flavor's own framework raises at import, because it is not installed for example, is not caught.
    """
    return _module(GROUP, name)


def find_integration(name: str) -> ModuleType | None:
    """The module of a flavor or of an integration without models; None, and what is raised, as for `find_flavor`."""
    module = find_flavor(name)
    return _module(WITHOUT_MODELS, name) if module is None else module


def flavor(name: str) -> ModuleType:
    """The module of a flavor; NotFound, with those that are installed, where there is none of this name."""
    module = find_flavor(name)
    if module is None:
        raise NotFound(
            f"Flavor {name!r:.80} does not exist. Installed flavors: {', '.join(flavor_names()) or 'none'}. "
            f"A package can add a flavor with an entry point in the group {GROUP!r}."
        )
    return module


def _module(group: str, name: str) -> ModuleType | None:
    entry_point = _entry_points(group, tuple(sys.path)).get(name)
    return None if entry_point is None else importlib.import_module(entry_point.module)


@cache
def _entry_points(group: str, path: tuple[str, ...]) -> dict[str, EntryPoint]:
    """The group's entry points by name. `path` is what the answer depends on: the search takes milliseconds."""
    from importlib.metadata import entry_points

    return {entry_point.name: entry_point for entry_point in entry_points(group=group)}
