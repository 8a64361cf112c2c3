"""One file for each framework, available as `nbtrack.<name>` by attribute and by import.

    import nbtrack;  nbtrack.sklearn.log_model(…)        from nbtrack.sklearn import load_model

Flavors of other packages are available in the same way (see `nbtrack.models.flavors`). `nbtrack` imports this module
at every start, so it imports nothing itself.
"""

from __future__ import annotations

import sys
from _thread import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_PREFIX = "nbtrack."
_loading: set[int] = set()
"""Threads that are importing `models.flavors`. A name that is missing meanwhile is not looked up as a flavor."""


def flavor_module(name: str) -> ModuleType | None:
    """Return the module of a flavor or another integration, or None if no installed package has one of this name."""
    thread = get_ident()
    if thread in _loading:
        return None
    _loading.add(thread)
    try:
        # `import nbtrack` imports this module and nothing else.
        from ..models.flavors import find_integration
    finally:
        _loading.discard(thread)
    return find_integration(name)


def install_finder() -> None:
    """Make `import nbtrack.<flavor>` work in this process."""
    if not any(isinstance(finder, _FlavorFinder) for finder in sys.meta_path):
        sys.meta_path.append(_FlavorFinder())


class _FlavorFinder:
    """Find flavors as submodules of nbtrack.

    It comes after Python's own finders, so a module of nbtrack is never taken for a flavor.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        name = fullname.removeprefix(_PREFIX)
        if name == fullname or "." in name or name.startswith("_"):
            return None
        module = flavor_module(name)
        if module is None:
            return None
        from importlib.machinery import ModuleSpec

        # The loader is not derived from importlib.abc.Loader, which would have to be imported for it.
        return ModuleSpec(fullname, _Alias(module))  # type: ignore[arg-type]


class _Alias:
    """Load a module that is already imported under a second name. Its own name and spec stay the same."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec
