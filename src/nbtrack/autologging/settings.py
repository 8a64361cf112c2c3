"""What autologging is set to, a framework at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Settings:
    """The arguments of `autolog()`. `own` are those that only one framework has."""

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
_by_all: set[str] = set()
"""The flavors whose settings are those of `nbtrack.autolog()`, and not of one of their own."""
_from_all: ContextVar[bool] = ContextVar("nbtrack_autolog_for_all", default=False)


def settings(flavor: str) -> Settings:
    """What a flavor's autologging is set to now; `disable` where it was never switched on."""
    return _settings.get(flavor, _OFF)


def store(flavor: str, options: Mapping[str, Any]) -> bool:
    """Keep the arguments of a flavor's `autolog()`; whether they count.

    As in MLflow, those of `nbtrack.autolog()` never replace those of a framework's own.
    """
    if _from_all.get() and flavor in _settings and flavor not in _by_all:
        return False
    common = {name: value for name, value in options.items() if name in _NAMES}
    own = {name: value for name, value in options.items() if name not in _NAMES}
    _settings[flavor] = Settings(**common, own=MappingProxyType(own))
    (_by_all.add if _from_all.get() else _by_all.discard)(flavor)
    return True


@contextmanager
def for_all() -> Iterator[None]:
    """What is set in the block comes from `nbtrack.autolog()`."""
    token = _from_all.set(True)
    try:
        yield
    finally:
        _from_all.reset(token)


def known() -> dict[str, Settings]:
    """The settings of all flavors that were ever switched on or off."""
    return dict(_settings)


def restore(flavor: str, earlier: Settings | None, by_all: bool) -> None:
    """Put back what `known()` had."""
    if earlier is None:
        _settings.pop(flavor, None)
    else:
        _settings[flavor] = earlier
    (_by_all.add if by_all and earlier else _by_all.discard)(flavor)


def is_by_all(flavor: str) -> bool:
    """Whether a flavor's settings came from `nbtrack.autolog()`."""
    return flavor in _by_all
