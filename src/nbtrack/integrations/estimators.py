"""Save and load estimators in the file formats that MLflow knows: skops, which contains no code, and pickles.

skops creates only types that it is told to trust, and runs no code from the file. A pickle can run anything, so one
that was not logged by a run of this store is loaded only with `trust=True`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
import warnings
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ..errors import InvalidParameter
from ..models import ModelInfo
from ..models.loading import ask_trust
from .common import sentence

Format: TypeAlias = Literal["skops", "cloudpickle", "pickle"]

FILES = {"skops": "model.skops", "cloudpickle": "model.pkl", "pickle": "model.pkl"}

_FUNCTIONS = ("sklearn.metrics", "sklearn.preprocessing")
"""Modules of scikit-learn whose functions only compute with arrays. Estimators refer to them."""


def check_format(serialization_format: str) -> None:
    """Raise InvalidParameter unless the format is one of the three."""
    if serialization_format not in FILES:
        raise InvalidParameter(
            f"serialization_format must be one of {', '.join(FILES)}, not {serialization_format!r:.80}."
        )


def chosen_format(serialization_format: Format | None) -> Format:
    """Return the format to write: the given one, or skops, or a pickle with a warning if skops is not installed.

    A model must not be lost at the end of a training because a package is missing.
    """
    if serialization_format is not None:
        check_format(serialization_format)
        return serialization_format
    try:
        _skops()
    except InvalidParameter:
        found = _pickle_format()
        warnings.warn(
            f"The model is saved with {found}, because skops is not installed. {_ADVICE}", stacklevel=_outside()
        )
        return found
    return "skops"


_ADVICE = (
    "A pickle can run code when it is loaded, so outside of this store it needs trust=True. For a file without code, "
    "install skops: pip install skops"
)


def announce_format(log_models: bool, serialization_format: Format | None) -> None:
    """Warn, at the start of autologging, if its models will be pickles because skops is not installed."""
    if log_models and serialization_format is None and _is_installed("sklearn") and not _is_installed("skops"):
        warnings.warn(
            f"Autologging will save estimators with {_pickle_format()}, because skops is not installed. {_ADVICE}",
            stacklevel=_outside(),
        )


def _pickle_format() -> Format:
    return "cloudpickle" if _is_installed("cloudpickle") else "pickle"


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # a module that a test has put in its place
        return True


def _outside() -> int:
    """Return the stack level of the first caller outside of nbtrack, for a warning of the calling function."""
    package = __name__.partition(".")[0]
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        level, frame = level + 1, frame.f_back
    return level


def packages_for(serialization_format: Format) -> list[str]:
    """Return the packages, besides the framework, that must be installed to load the format."""
    return [] if serialization_format == "pickle" else [serialization_format]


def as_skops_or_pickle(log_model: Callable[..., ModelInfo]) -> Callable[..., ModelInfo]:
    """Return a `log_model` that uses skops, and cloudpickle if it is missing or cannot write a model."""

    def log(model: Any, name: str, **arguments: Any) -> ModelInfo:
        if not _is_installed("skops"):
            # `announce_format` has said so.
            return log_model(model, name, serialization_format=_pickle_format(), **arguments)
        try:
            return log_model(model, name, **arguments)
        except InvalidParameter:
            # skops cannot write a lambda, such as a user's objective, or a class that is defined in a notebook.
            return log_model(model, name, serialization_format="cloudpickle", **arguments)

    return log


def dump(model: Any, file: Path, serialization_format: Format) -> list[str] | None:
    """Write an estimator to a file.

    For skops, return the types in the file that skops does not trust by itself; for a pickle, return None.
    """
    if serialization_format != "skops":
        file.write_bytes(_pickler(serialization_format).dumps(model))
        return None
    io = _skops()
    try:
        io.dump(model, file)
        # skops writes a lambda without an error, but cannot load it. It is better to know that now.
        return _read_skops(file, lambda types_in_file: None)[1]
    except Exception as error:  # skops raises its own types, and methods of the objects raise others
        raise InvalidParameter(
            f"skops cannot save this {type(model).__name__}: {sentence(error)} The usual cause is a lambda, or a class "
            "defined inside a function. Define it in a module, or pass serialization_format='cloudpickle'."
        ) from error


def load(file: Path, serialization_format: str, trusted: bool, own: Collection[str] = ()) -> Any:
    """Read an estimator from a file.

    If the file is not trusted, only types of scikit-learn and those in `own` are created.
    """
    if serialization_format == "skops":
        return _load_skops(file, trusted, own)
    if serialization_format not in FILES:
        raise InvalidParameter(
            f"The model at {str(file.parent)!r:.200} has the unknown serialization format {serialization_format!r:.80}."
        )
    ask_trust(trusted, file.parent)
    return _pickler(serialization_format).loads(file.read_bytes())


def _load_skops(file: Path, trusted: bool, own: Collection[str]) -> Any:
    def check(types_in_file: list[str]) -> None:
        foreign = [name for name in types_in_file if name not in own and not is_sklearns_own(name)]
        if foreign and not trusted:
            raise InvalidParameter(
                f"The model at {str(file.parent)!r:.200} was not logged by a run of this store, and it contains types "
                f"from outside the framework: {', '.join(foreign)}. Loading it would run their code. If you trust its "
                "source, pass trust=True."
            )

    return _read_skops(file, check)[0]


def _read_skops(file: Path, check: Callable[[list[str]], None]) -> tuple[Any, list[str]]:
    """Return the object in a file, and the types that skops does not trust by itself.

    `check` gets these types before any of them is created.
    """
    io = _skops()
    try:
        # Usually there are no such types, and listing them takes as long as loading.
        return io.load(file), []
    except io.exceptions.UntrustedTypesFoundException:
        types_in_file: list[str] = io.get_untrusted_types(file=file)
    check(types_in_file)
    return io.load(file, trusted=types_in_file), types_in_file


def is_sklearns_own(qualified_name: str) -> bool:
    """Return whether a name in a skops file is a class of scikit-learn, or one of its functions on arrays.

    The name is resolved, because a module also has the names that it imports from elsewhere.
    """
    module_name, _, name = qualified_name.rpartition(".")
    parts = module_name.split(".")
    if parts[0] != "sklearn" or "tests" in parts or "conftest" in parts:
        return False
    try:
        found = getattr(importlib.import_module(module_name), name, None)
    except Exception:  # a module that cannot be imported here is not trusted
        return False
    home = getattr(found, "__module__", None) or ""
    if isinstance(found, type):
        return home.split(".")[0] == "sklearn"
    return isinstance(found, types.FunctionType) and home.startswith(tuple(f"{place}." for place in _FUNCTIONS))


def _skops() -> Any:
    try:
        return importlib.import_module("skops.io")
    except ImportError:
        raise InvalidParameter(
            "serialization_format='skops' requires the package skops. Install it with `pip install skops`, or pass "
            "serialization_format='cloudpickle'."
        ) from None


def _pickler(serialization_format: str) -> Any:
    """Return the module `pickle` or `cloudpickle`."""
    try:
        return importlib.import_module(serialization_format)
    except ImportError:
        raise InvalidParameter(
            f"serialization_format={serialization_format!r} requires the package {serialization_format}. Install it "
            f"with `pip install {serialization_format}`."
        ) from None
