"""Find flavors: modules that save and load the models of one framework, which packages declare as entry points.

A package adds a flavor with a line in its pyproject.toml, in the group `nbtrack.flavors`: `name = "package.module"`.
A module that an artifact names is only looked up here and never imported by its name. Modules for a framework that has
no models, such as Optuna, are in the group `nbtrack.integrations`, because it must be known before the import which of
the two a module is.
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
    """Return the names of the installed flavors."""
    return sorted(_entry_points(GROUP, tuple(sys.path)))


def integration_names() -> list[str]:
    """Return the names of the installed flavors and of the integrations without models."""
    return sorted({*flavor_names(), *_entry_points(WITHOUT_MODELS, tuple(sys.path))})


def find_flavor(name: str) -> ModuleType | None:
    """Return the module of a flavor, or None if no installed package has a flavor of this name.

    Exceptions of the flavor's own framework at import are not caught, for example if the framework is not installed.
    """
    return _module(GROUP, name)


def find_integration(name: str) -> ModuleType | None:
    """Return the module of a flavor or of an integration without models, in the same way as `find_flavor`."""
    module = find_flavor(name)
    return _module(WITHOUT_MODELS, name) if module is None else module


def flavor(name: str) -> ModuleType:
    """Return the module of a flavor. Raises NotFound, with the installed flavors, if it does not exist."""
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
    """Return the entry points of a group by name. The search takes milliseconds, and its result depends on `path`."""
    from importlib.metadata import entry_points

    return {entry_point.name: entry_point for entry_point in entry_points(group=group)}
