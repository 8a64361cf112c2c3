"""The classes of models in plain Python.

They are stored by value inside each saved model, so that loading it with the real mlflow does not need nbtrack. For
that reason, this module imports only the standard library.
"""

from __future__ import annotations

import inspect
import typing
from typing import Any


class PythonModelContext:
    """The files and the settings that a PythonModel gets in addition to its data.

    Args:
        artifacts: The local path of each file or folder that was saved with the model, by its name.
        model_config: The settings that were saved with the model. Defaults to an empty dict.
    """

    def __init__(self, artifacts: dict[str, str], model_config: dict[str, Any] | None = None) -> None:
        self.artifacts = artifacts
        self.model_config = model_config or {}


class TypeHints:
    """The annotations of a predict function, or None for those that it does not have."""

    def __init__(self, input: Any = None, output: Any = None) -> None:
        self.input = input
        self.output = output


class PythonModel:
    """A model that is written in Python. Derive a class from it and define `predict`.

    `load_context` is called once, when the model is loaded, to read the files that were passed as `artifacts`.
    `predict` may omit `context` and `params`.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Read what the model needs from `context.artifacts` into attributes of the model.

        The default does nothing.

        Args:
            context: The files and the settings of the model.
        """

    def predict(self, context: PythonModelContext, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """Return the predictions for a batch of data.

        Args:
            context: The files and the settings of the model. A subclass may omit this parameter.
            model_input: The data, which was checked against the model's signature if it has one.
            params: The params of the signature, with the defaults of those that the caller did not pass. A subclass may
                omit this parameter.

        Returns:
            The predictions, usually one per row: a list, an array, a Series, a DataFrame, or whatever else the callers
                of the model expect.

        Raises:
            NotImplementedError: If the subclass does not define `predict`.
        """
        raise NotImplementedError("A PythonModel must define predict(self, context, model_input, params=None).")

    @property
    def predict_type_hints(self) -> TypeHints:
        """The annotations of the data and of the answer of `predict`, which the real mlflow asks for."""
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
    """A model whose `predict` calls a function."""

    def __init__(self, func: typing.Callable[..., Any]) -> None:
        self.func = func

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:  # type: ignore[override]
        """Return what the function returns for the data, converted as its type hint says."""
        model_input = as_hinted(model_input, self.predict_type_hints)
        if "params" in inspect.signature(self.func).parameters:
            return self.func(model_input, params=params)
        return self.func(model_input)


def takes_context(predict: typing.Callable[..., Any]) -> bool:
    """Return whether a bound `predict` takes a context before its data, under any name."""
    names = [name for name in inspect.signature(predict).parameters if name != "params"]
    return "context" in names or len(names) == 2


def as_hinted(data: Any, hints: Any) -> Any:
    """Return a table as the list that the annotation of `predict` asks for, and all other data unchanged."""
    wanted = str(getattr(hints, "input", None)).lower().replace("typing.", "")
    if not hasattr(data, "to_dict") or not hasattr(data, "columns"):
        return data
    if wanted == "list[str]":
        strings = [name for name in data.columns if len(data) and isinstance(data[name].iloc[0], str)]
        return data[strings[0]].tolist() if strings else data
    return data.to_dict(orient="records") if wanted.startswith("list[dict[") else data
