"""Autologging of all frameworks at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from ..models.flavors import find_integration, integration_names
from ..names import check_list
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
    """Log every training of all frameworks that nbtrack supports, including those imported later.

    A training is logged to the active run. If there is none, it gets a run of its own, which ends with the
    training. What each framework logs, and its own options, are described at its own `autolog`, for example
    `nbtrack.sklearn.autolog`.

    As in MLflow, this function does not change the settings of a framework whose own `autolog` was called.

    Args:
        log_input_examples: Whether to store the first five rows of the training data with each model.
        log_model_signatures: Whether to store a signature with each model, inferred from the first rows and what
            the model predicts for them.
        log_models: Whether to log each trained model, as the artifact "model".
        log_datasets: Whether to log the training data as an input of the run: its name, digest and schema, not the
            data itself.
        disable: Whether to switch autologging off and restore the original functions of the frameworks.
        exclusive: Whether to log only trainings that get a run of their own. By default, a training is logged to
            the active run if there is one.
        disable_for_unsupported_versions: Whether to leave out frameworks whose installed version was not tested. By
            default there is a warning, and their trainings are logged.
        silent: Whether to suppress all warnings of autologging.
        extra_tags: Tags for the runs that are started for a training. A run that was already active does not get
            them.
        exclude_flavors: Frameworks to leave as they are, for example ["sklearn", "pytorch"].

    Raises:
        InvalidParameter: If `exclude_flavors` is not a list.

    Example:
        >>> autolog(log_models=False)
        >>> autolog(disable=True)
    """
    options = {name: value for name, value in locals().items() if name not in ("exclude_flavors", "extra_tags")} | (
        {"extra_tags": extra_tags} if extra_tags else {}
    )
    excluded = check_list(exclude_flavors, "exclude_flavors")
    with configuration.for_all():
        for name in integration_names():
            if name not in excluded:
                _autolog_of(name, options)


def _autolog_of(name: str, options: Mapping[str, Any]) -> None:
    # A flavor of another package may not even be importable.
    with guard.guarded(name, "be switched on"):
        try:
            module: ModuleType | None = find_integration(name)
        except ModuleNotFoundError as error:
            if str(error.name).startswith("nbtrack"):
                raise
            # A framework that is not installed has nothing to log.
            return
        function = getattr(module, "autolog", None)
        if function is not None:
            function(**options)


def switch_off() -> None:
    """Switch autologging off for every framework, including those whose own `autolog` was called."""
    for name in configuration.known():
        configuration.restore(name, None, False)
        registration.apply(name)


@contextmanager
def temporarily(**options: Any) -> Iterator[None]:
    """Switch autologging on for all frameworks within the block, and restore the earlier settings after it.

    Args:
        **options: Arguments of `autolog`.

    Yields:
        Nothing.
    """
    before = begin_temporarily(**options)
    try:
        yield
    finally:
        end_temporarily(before)


Before = dict[str, tuple[configuration.Settings, bool]]


def begin_temporarily(**options: Any) -> Before:
    """Switch autologging on for every framework for which it is off.

    Args:
        **options: Arguments of `autolog`.

    Returns:
        The earlier settings, for `end_temporarily`.
    """
    before = {name: (one, configuration.is_global(name)) for name, one in configuration.known().items()}
    for name, (one, _) in before.items():
        if one.disable:
            configuration.restore(name, None, False)
    autolog(**options, exclude_flavors=[name for name, (one, _) in before.items() if not one.disable])
    return before


def end_temporarily(before: Before) -> None:
    """Restore the settings that frameworks had before `begin_temporarily`.

    Args:
        before: What `begin_temporarily` returned.
    """
    for name in configuration.known():
        earlier, from_all = before.get(name, (None, False))
        configuration.restore(name, earlier, from_all)
        registration.apply(name)
