"""Every public function, class and method explains each parameter and what it returns, in Google style."""

from __future__ import annotations

import importlib
import inspect
import logging
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

import griffe

import nbtrack

MODULES = [
    "artifacts",
    "autologging",
    "client",
    "data",
    "entities",
    "errors",
    "integrations.keras",
    "integrations.lightgbm",
    "integrations.onnx",
    "integrations.optuna",
    "integrations.pyfunc",
    "integrations.pytorch",
    "integrations.sklearn",
    "integrations.xgboost",
    "magics",
    "models",
    "query",
    "serving",
    "tracking",
    "widgets",
]
"""The modules whose names are documented, besides the names of `nbtrack` itself."""


def _is_ours(value: Any) -> bool:
    return callable(value) and (getattr(value, "__module__", None) or "").startswith("nbtrack")


def _named() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the functions and classes that the documented modules name."""
    for name in nbtrack.__all__:
        yield f"nbtrack.{name}", getattr(nbtrack, name)
    for path in MODULES:
        module = importlib.import_module(f"nbtrack.{path}")
        own = [name for name in vars(module) if getattr(getattr(module, name), "__module__", None) == module.__name__]
        for name in getattr(module, "__all__", [name for name in own if not name.startswith("_")]):
            yield f"nbtrack.{path}.{name}", getattr(module, name)


def _public() -> dict[str, Callable[..., Any]]:
    """Return the public callables by their dotted names, with the methods of classes, each once."""
    found: dict[str, Callable[..., Any]] = {}
    seen: set[str] = set()

    def add(path: str, value: Any) -> None:
        where = f"{value.__module__}.{value.__qualname__}"
        if where not in seen:
            seen.add(where)
            found[path] = value

    for path, value in _named():
        if not _is_ours(value):
            continue
        add(path, value)
        inherited: set[str] = set()
        for base in reversed(value.__mro__) if inspect.isclass(value) else ():
            for name, member in vars(base).items():
                function = getattr(member, "__func__", member)
                if base.__module__.startswith("nbtrack") and not name.startswith("_") and inspect.isfunction(function):
                    # A method that overrides another one is explained there.
                    if name not in inherited:
                        add(f"{path}.{name}", function)
                    inherited.add(name)
    return found


def _signature(value: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a call. Enums and protocols are not called by users."""
    if inspect.isclass(value) and (issubclass(value, Enum) or getattr(value, "_is_protocol", False)):
        return inspect.Signature()
    return inspect.signature(value)


def _sections(value: Callable[..., Any]) -> list[griffe.DocstringSection]:
    """Return the sections of a docstring. A class inherits the parameters that its base classes explain."""
    ours = [base for base in value.__mro__ if base.__module__.startswith("nbtrack")] if inspect.isclass(value) else ()
    texts = [text for base in ours for text in (base.__doc__, base.__init__.__doc__)] if ours else [value.__doc__]
    parsed = [griffe.Docstring(inspect.cleandoc(text), parser="google").parse("google") for text in texts if text]
    return [section for sections in parsed for section in sections]


def test_every_parameter_and_result_is_explained() -> None:
    logging.getLogger("griffe").setLevel(logging.CRITICAL)
    callables = _public()
    explained = total = 0
    faults = []
    for path, value in callables.items():
        signature = _signature(value)
        names = [name for name in signature.parameters if name not in ("self", "cls") and not name.startswith("_")]
        sections = _sections(value)
        described = {
            item.name.lstrip("*")
            for section in sections
            if section.kind.value in ("parameters", "other parameters", "attributes")
            for item in section.value
        }
        missing = [name for name in names if name not in described]
        total += len(names)
        explained += len(names) - len(missing)
        faults += [f"{path} does not explain {name}" for name in missing]
        if not inspect.getdoc(value):
            faults.append(f"{path} has no docstring")
        if inspect.isclass(value):
            continue
        faults += [f"{path} explains {name}, which it does not take" for name in sorted(described - set(names))]
        result = str(signature.return_annotation)
        documented = {section.kind.value for section in sections}
        if result not in ("None", "NoReturn", str(inspect.Signature.empty)) and not documented & {"returns", "yields"}:
            faults.append(f"{path} does not explain what it returns")
    print(f"{len(callables)} public callables; {explained} of {total} parameters are explained")
    assert faults == []
    assert total > 1000
