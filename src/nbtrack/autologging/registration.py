"""Register autologgers, and install each one when its framework is imported, or at once if it already is."""

from __future__ import annotations

import importlib
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import wrapt

from . import guard
from .patches import Patches
from .settings import settings, store

Install = Callable[[Patches], None]


@dataclass
class _Autologger:
    flavor: str
    module: str
    supported: tuple[str, str]
    install: Install
    patches: Patches | None = None
    is_waiting: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)


_autologgers: dict[str, _Autologger] = {}


def autologger(flavor: str, *, module: str, supported: tuple[str, str]) -> Callable[[Install], Install]:
    """Register the decorated function as the autologger of a framework.

    It is called once the framework is imported and autologging is switched on for it.

    Args:
        flavor: Name of the framework's flavor.
        module: Module whose import means that the framework is imported.
        supported: The first version that was tested and the first one that was not, such as ("2.0", "4").

    Returns:
        A decorator for a function that gets `Patches` and wraps the framework with them.
    """

    def register(install: Install) -> Install:
        _autologgers[flavor] = _Autologger(flavor, module, supported, install)
        return install

    return register


def switch(flavor: str, **options: Any) -> None:
    """Store the arguments of a flavor's `autolog`, and wrap or restore the framework.

    Args:
        flavor: Name of the flavor.
        **options: The arguments: the fields of `Settings`, and those that only this flavor has.
    """
    if not store(flavor, options):
        return
    guard.forget(flavor)
    apply(flavor)


def apply(flavor: str) -> None:
    """Wrap or restore a framework, as its settings ask for."""
    one = _autologgers.get(flavor)
    if one is None:
        return
    if settings(flavor).disable:
        _uninstall(one)
    elif one.module in sys.modules:
        _install(one)
    elif not one.is_waiting:
        one.is_waiting = True
        wrapt.register_post_import_hook(lambda module: _imported(one), one.module)


def is_installed(flavor: str) -> bool:
    """Return whether a flavor's framework is wrapped now."""
    one = _autologgers.get(flavor)
    return one is not None and one.patches is not None


def _imported(one: _Autologger) -> None:
    one.is_waiting = False
    if not settings(one.flavor).disable:
        _install(one)


def _install(one: _Autologger) -> None:
    with one.lock, guard.guarded(one.flavor, f"patch {one.module}"):
        # Another thread may be in the middle of the import. This waits for it.
        module = importlib.import_module(one.module)
        if one.patches is not None or not _is_wanted(one, module):
            return
        patches = Patches(one.flavor)
        try:
            one.install(patches)
        except BaseException:
            # An autologger that is only partly installed would log only a part of a training.
            patches.undo()
            raise
        one.patches = patches


def _uninstall(one: _Autologger) -> None:
    with one.lock, guard.guarded(one.flavor, "be switched off"):
        patches, one.patches = one.patches, None
        if patches is not None:
            patches.undo()


def _is_wanted(one: _Autologger, module: ModuleType) -> bool:
    version = str(getattr(module, "__version__", ""))
    lowest, too_high = one.supported
    if not version or _parts(lowest) <= _parts(version) < _parts(too_high):
        return True
    return accepts_untested(one.flavor, one.module, version, f"{lowest} or later, before {too_high}")


def accepts_untested(flavor: str, package: str, version: str, tested: str) -> bool:
    """Warn that a version was not tested, and return whether the flavor's settings accept it.

    Args:
        flavor: The flavor that wraps the package.
        package: The package's name.
        version: The version that was found.
        tested: The versions that were tested, as the end of a sentence.

    Returns:
        False if `disable_for_unsupported_versions` is set.
    """
    is_off = settings(flavor).disable_for_unsupported_versions
    effect = "is disabled for" if is_off else "may not work with"
    message = f"{effect} {package} {version}. It is tested with version {tested}."
    guard.warn_once(flavor, f"version of {package}", message)
    return not is_off


def _parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version.partition("+")[0])[:3]))
