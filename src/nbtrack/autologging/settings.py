"""The settings of autologging, by framework."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Settings:
    """The arguments of `autolog` for one framework.

    Attributes:
        log_input_examples: Whether to store the first five rows of the training data with each model.
        log_model_signatures: Whether to store a signature with each model, inferred from the first rows and what
            the model predicts for them.
        log_models: Whether to log each trained model, as the artifact "model".
        log_datasets: Whether to log the training data as an input of the run: its name, digest and schema, not the
            data itself.
        disable: Whether to switch autologging off and restore the original functions of the framework.
        exclusive: Whether to log only trainings that get a run of their own. By default, a training is logged to
            the active run if there is one.
        disable_for_unsupported_versions: Whether to do nothing if the installed version of the framework was not
            tested. By default there is a warning, and trainings are logged.
        silent: Whether to suppress all warnings of autologging.
        registered_model_name: Registered model to which each logged model is added as its next version. None
            registers nothing.
        extra_tags: Tags for the runs that are started for a training. A run that was already active does not get
            them.
        own: The arguments that only this framework has.
    """

    log_input_examples: bool = False
    log_model_signatures: bool = True
    log_models: bool = True
    log_datasets: bool = True
    disable: bool = False
    exclusive: bool = False
    disable_for_unsupported_versions: bool = False
    silent: bool = False
    registered_model_name: str | None = None
    extra_tags: Mapping[str, Any] | None = None
    own: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


_OFF = Settings(disable=True)
_NAMES = {one.name for one in fields(Settings)} - {"own"}

_settings: dict[str, Settings] = {}
_global: set[str] = set()
"""The flavors whose settings come from `nbtrack.autolog()`, not from their own `autolog`."""
_storing_global: ContextVar[bool] = ContextVar("nbtrack_autolog_for_all", default=False)


def settings(flavor: str) -> Settings:
    """Return the current settings of a flavor's autologging.

    Args:
        flavor: Name of the flavor.

    Returns:
        The settings. `disable` is True if autologging was never switched on.
    """
    return _settings.get(flavor, _OFF)


def store(flavor: str, options: Mapping[str, Any]) -> bool:
    """Store the arguments of a flavor's `autolog`, and return whether they take effect.

    As in MLflow, arguments of `nbtrack.autolog` never replace those of a framework's own `autolog`.
    """
    if _storing_global.get() and flavor in _settings and flavor not in _global:
        return False
    common = {name: value for name, value in options.items() if name in _NAMES}
    own = {name: value for name, value in options.items() if name not in _NAMES}
    _settings[flavor] = Settings(**common, own=MappingProxyType(own))
    (_global.add if _storing_global.get() else _global.discard)(flavor)
    return True


@contextmanager
def for_all() -> Iterator[None]:
    """Mark the settings that are stored within the block as coming from `nbtrack.autolog`."""
    token = _storing_global.set(True)
    try:
        yield
    finally:
        _storing_global.reset(token)


def known() -> dict[str, Settings]:
    """Return the settings of all flavors for which autologging was ever switched on or off.

    Returns:
        Settings by the name of the flavor.
    """
    return dict(_settings)


def restore(flavor: str, earlier: Settings | None, from_all: bool) -> None:
    """Restore settings of a flavor that `known` returned earlier. None forgets the flavor."""
    if earlier is None:
        _settings.pop(flavor, None)
    else:
        _settings[flavor] = earlier
    (_global.add if from_all and earlier else _global.discard)(flavor)


def is_global(flavor: str) -> bool:
    """Return whether a flavor's settings come from `nbtrack.autolog()`."""
    return flavor in _global
