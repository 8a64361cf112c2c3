"""Autologging of all frameworks at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from ..models.flavors import find_integration, integration_names
from . import guard, registration
from . import settings as configuration


def autolog(
    log_input_examples: bool = False,
    log_model_signatures: bool = True,
    log_models: bool = True,
    log_datasets: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    extra_tags: Mapping[str, Any] | None = None,
    exclude_flavors: Sequence[str] | None = None,
) -> None:
    """Log the training calls of every framework that nbtrack knows, those imported later too.

    They go to the active run; where none is, each training gets one of its own. `exclusive` leaves runs that are
    active alone. As in MLflow, a framework whose own `autolog` was called keeps what it was told there.
    See `nbtrack guide autologging`.

    >>> autolog(log_models=False)
    >>> autolog(disable=True)
    """
    options = {name: value for name, value in locals().items() if name not in ("exclude_flavors", "extra_tags")} | (
        {"extra_tags": extra_tags} if extra_tags else {}
    )
    with configuration.for_all():
        for name in integration_names():
            if name not in (exclude_flavors or ()):
                _autolog_of(name, options)


def _autolog_of(name: str, options: Mapping[str, Any]) -> None:
    # Of another package, it may not even be importable.
    with guard.guarded(name, "be switched on"):
        try:
            module: ModuleType | None = find_integration(name)
        except ModuleNotFoundError as error:
            if str(error.name).startswith("nbtrack"):
                raise
            # A package that is not installed has nothing to log.
            return
        function = getattr(module, "autolog", None)
        if function is not None:
            function(**options)


def switch_off() -> None:
    """Switch autologging off for every framework, those with settings of their own too."""
    for name in configuration.known():
        configuration.restore(name, None, False)
        registration.apply(name)


@contextmanager
def temporarily(**options: Any) -> Iterator[None]:
    """Switch autologging on for the block, for every framework; then it is again as it was."""
    before = begin_temporarily(**options)
    try:
        yield
    finally:
        end_temporarily(before)


Before = dict[str, tuple[configuration.Settings, bool]]


def begin_temporarily(**options: Any) -> Before:
    """Switch it on for every framework that it is off for; what `end_temporarily` takes."""
    before = {name: (one, configuration.is_by_all(name)) for name, one in configuration.known().items()}
    for name, (one, _) in before.items():
        if one.disable:
            configuration.restore(name, None, False)
    autolog(**options, exclude_flavors=[name for name, (one, _) in before.items() if not one.disable])
    return before


def end_temporarily(before: Before) -> None:
    """Put every framework back to what it was set to."""
    for name in configuration.known():
        earlier, by_all = before.get(name, (None, False))
        configuration.restore(name, earlier, by_all)
        registration.apply(name)
