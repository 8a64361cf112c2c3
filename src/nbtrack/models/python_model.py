"""What a model in plain Python is made of. The classes are kept inside each saved model, by value: who loads it, with
nbtrack or with the real mlflow, needs no nbtrack. So this module stands on nothing but Python.
"""

from __future__ import annotations

import inspect
import typing
from typing import Any


class PythonModelContext:
    """What a PythonModel is given beside its data: the local paths of its artifacts by name, and its configuration."""

    def __init__(self, artifacts: dict[str, str], model_config: dict[str, Any] | None = None) -> None:
        self.artifacts = artifacts
        self.model_config = model_config or {}


class TypeHints:
    """The annotations of a predict function; None where there are none."""

    def __init__(self, input: Any = None, output: Any = None) -> None:
        self.input = input
        self.output = output


class PythonModel:
    """A model that is written in Python: derive from it and define `predict`.

    `load_context` is called once, when the model is loaded, to read files that were given as `artifacts`. `predict`
    may leave out `context` and `params`.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Read what the model needs from `context.artifacts`, into attributes of the model."""

    def predict(self, context: PythonModelContext, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """The model's answer for a batch of data."""
        raise NotImplementedError("A PythonModel must define predict(self, context, model_input, params=None).")

    @property
    def predict_type_hints(self) -> TypeHints:
        """The annotations of `predict`'s data and answer, which the real mlflow asks for."""
        predict = getattr(self, "func", None) or self.predict
        try:
            hints = typing.get_type_hints(predict)
            names = [
                name for name in inspect.signature(predict).parameters if name not in ("self", "context", "params")
            ]
        except (NameError, TypeError, ValueError):
            return TypeHints()
        return TypeHints(hints.get(names[-1]) if names else None, hints.get("return"))


class FunctionModel(PythonModel):
    """A function as a model."""

    def __init__(self, func: typing.Callable[..., Any]) -> None:
        self.func = func

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:  # type: ignore[override]
        model_input = as_hinted(model_input, self.predict_type_hints)
        if "params" in inspect.signature(self.func).parameters:
            return self.func(model_input, params=params)
        return self.func(model_input)


def takes_context(predict: typing.Callable[..., Any]) -> bool:
    """Whether a bound `predict` takes a context before its data, by whatever name."""
    names = [name for name in inspect.signature(predict).parameters if name != "params"]
    return "context" in names or len(names) == 2


def as_hinted(data: Any, hints: Any) -> Any:
    """A table as the list that predict's annotation asks for."""
    wanted = str(getattr(hints, "input", None)).lower().replace("typing.", "")
    if not hasattr(data, "to_dict") or not hasattr(data, "columns"):
        return data
    if wanted == "list[str]":
        texts = [name for name in data.columns if len(data) and isinstance(data[name].iloc[0], str)]
        return data[texts[0]].tolist() if texts else data
    return data.to_dict(orient="records") if wanted.startswith("list[dict[") else data
