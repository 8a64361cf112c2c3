"""The part of saving a model that all flavors share: the folder around the framework's own file.

with new_model(path, mlflow_model, signature=signature, input_example=input_example, code_paths=code_paths,
               metadata=metadata) as saving:
    framework.save(model, saving.folder / "model.bin")
    saving.write_flavor("framework", {"data": "model.bin"}, loader_module="mlflow.framework", data="model.bin")
    saving.requirements(pip_requirements, extra_pip_requirements, default=["framework"])
    saving.predict = model.predict
"""

from __future__ import annotations

import inspect
import os
import platform
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import InvalidParameter, NotFound
from .enforcement import enforce, enforce_params
from .environment import (
    conda_environment,
    conda_pip_packages,
    pinned,
    requirement_lines,
    with_extra,
    write_environment,
)
from .example import INPUT_EXAMPLE, SERVING_EXAMPLE, read_input_example, save_input_example, split_example
from .model import Model
from .requirements import distributions, with_local_imports
from .schema import Schema
from .signature import ModelSignature, as_signature, infer_signature
from .yaml_text import write_yaml

PYFUNC = "python_function"
CODE = "code"


class Saving:
    """A model's folder while it is being written. `new_model` creates it.

    `predict` checks the input example and gives the outputs for an inferred signature. It is called with the example,
    and with `params` if it accepts them.
    """

    def __init__(self, folder: Path, model: Model, code: str | None) -> None:
        self.folder = folder
        self.model = model
        self.predict: Callable[..., Any] | None = None
        self._code = code
        self._lines: list[str] | None = None
        self._conda: dict[str, Any] | None = None

    def write_flavor(
        self,
        name: str,
        settings: Mapping[str, Any],
        *,
        loader_module: str | None = None,
        data: str | None = None,
        pyfunc: Mapping[str, Any] | None = None,
    ) -> None:
        """Record that the flavor `name` can load the model, with these settings.

        The real mlflow needs `loader_module`, `data` and the settings in `pyfunc` to load the model as a function.
        nbtrack itself finds the flavor by its name. `data` is the file or folder that MLflow's loader gets, or None for
        the model's folder.
        """
        self.model.add_flavor(name, **{CODE: self._code, **settings})
        if loader_module is not None:
            where = {} if data is None else {"data": data}
            self.write_pyfunc({"loader_module": loader_module, **where, **(pyfunc or {})})

    def write_pyfunc(self, settings: Mapping[str, Any]) -> None:
        """Record how the real mlflow loads the model as a function."""
        python = {"python_version": platform.python_version()}
        self.model.add_flavor(PYFUNC, **{CODE: self._code, **python, **settings})

    def requirements(
        self,
        pip_requirements: Sequence[str] | str | None = None,
        extra_pip_requirements: Sequence[str] | str | None = None,
        conda_env: Mapping[str, Any] | str | None = None,
        *,
        default: Sequence[str] = (),
        modules: Iterable[str] = (),
    ) -> None:
        """Record the packages that the model needs.

        They are those that the caller lists, or else the installed versions of the distributions in `default` and of
        those that `modules` belong to. `requirements.required_by` finds the modules of an object. The pip packages of a
        conda environment count as listed.
        """
        if conda_env is not None:
            if pip_requirements is not None or extra_pip_requirements is not None:
                raise InvalidParameter(
                    "Pass either conda_env, or pip_requirements and extra_pip_requirements, not both."
                )
            self._conda = conda_environment(conda_env)
            pip_requirements = conda_pip_packages(self._conda)
        if pip_requirements is not None:
            lines = requirement_lines(pip_requirements)
        else:
            sources = (self.folder / CODE).rglob("*.py") if self._code else ()
            found = distributions(with_local_imports(modules, sources))
            lines = pinned(sorted({*default, *found}, key=str.lower))
        extra = [] if extra_pip_requirements is None else extra_pip_requirements
        self._lines = with_extra(lines, requirement_lines(extra, "extra_pip_requirements"))


@contextmanager
def new_model(
    path: str,
    mlflow_model: Model | None = None,
    *,
    signature: Any = None,
    input_example: Any = None,
    code_paths: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Iterator[Saving]:
    """Create the folder of a model, or use an empty one, and complete it at the end of the block.

    `signature` may be a ModelSignature, MLflow's, or the dict of one. If it is None, it is inferred from
    `input_example`, which is data for `predict` or a pair of data and params. False means no signature even with an
    example. If the example cannot be stored, or if the model cannot predict it, a warning is issued and the model is
    saved anyway. MLmodel is written last.
    """
    if not isinstance(path, str | os.PathLike):
        raise InvalidParameter(f"path must be a string, the folder that the model is saved to, not {path!r:.80}.")
    folder = Path(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidParameter(f"{path!r:.200} already exists. Save the model to a new or empty folder.")
    given = None if signature is False else as_signature(signature)
    model = mlflow_model or Model()
    model.signature = given
    model.metadata = checked_dict(metadata, "metadata")
    was_there = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        saving = Saving(folder, model, _copy_code(folder, code_paths))
        yield saving
        _finish(saving, signature, input_example)
    except BaseException:
        # An incomplete model is useless, and would make the next attempt fail.
        shutil.rmtree(folder, ignore_errors=True)
        if was_there:
            folder.mkdir()
        raise


def checked_dict(value: Any, name: str) -> dict[str, Any]:
    """Return a copy of a dict that the caller may have left out. Raises InvalidParameter if YAML cannot store it."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidParameter(f"{name} must be a dict, not {type(value).__name__}.")
    try:
        write_yaml(dict(value))
    except Exception as error:  # whatever an object of any type raises
        raise InvalidParameter(
            f"{name} must contain only strings, numbers, booleans, None, lists and dicts, because it is stored as "
            f"YAML: {error!s:.200}."
        ) from error
    return dict(value)


def _finish(saving: Saving, signature: Any, input_example: Any) -> None:
    """Write the files around the framework's own, MLmodel last."""
    folder, model = saving.folder, saving.model
    if input_example is not None:
        inferred = _try_example(saving, input_example)
        if signature is None:
            model.signature = inferred
    if saving._lines is None:
        saving.requirements()
    assert saving._lines is not None
    environment = write_environment(folder, saving._lines, saving._conda)
    if PYFUNC in model.flavors:
        model.flavors[PYFUNC]["env"] = environment
    model.save(folder)


def _try_example(saving: Saving, example: Any) -> ModelSignature | None:
    """Store the example, predict it as read back from its file, and return the inferred signature.

    Any error is only a warning, so that a model that took a night to train is not lost because of its example.
    """
    model = saving.model
    try:
        model.saved_input_example_info = info = save_input_example(saving.folder, example)
        data, params = split_example(example)
        inferred = infer_signature(data, params=params)
    except Exception as error:  # whatever an object of any type raises
        model.saved_input_example_info = None
        for name in (INPUT_EXAMPLE, SERVING_EXAMPLE):
            (saving.folder / name).unlink(missing_ok=True)
        _warn(
            "The model is saved without its input example, and no signature is inferred from it, because the example "
            f"cannot be stored: {error}"
        )
        return None
    signature = model.signature or inferred
    try:
        data, params = read_input_example(saving.folder, info, signature.inputs)
        if signature.inputs is not None:
            data = enforce(data, signature.inputs)
        params = enforce_params(params, signature.params)
        if saving.predict is None:
            return inferred
        outputs = call_predict(saving.predict, data, params)
    except Exception as error:  # whatever a model raises
        _warn(
            f"The model is saved, but it cannot predict its own input example as read from {INPUT_EXAMPLE}. "
            f"Any caller that sends such data gets the same error: {type(error).__name__}: {error}"
        )
        return inferred
    return ModelSignature(inferred.inputs, _outputs_of(outputs, inferred.inputs), inferred.params)


def _outputs_of(outputs: Any, inputs: Schema | None) -> Schema | None:
    """Return the outputs of a signature. As in MLflow, one value per row of a table is a column."""
    import numpy

    if inputs is not None and not inputs.is_tensor_spec() and isinstance(outputs, numpy.ndarray) and outputs.ndim == 1:
        import pandas

        outputs = pandas.Series(outputs)
    return infer_signature(None, outputs).outputs


def _warn(text: str) -> None:
    # The level of the caller of the flavor's save_model, across the end of the `with` block.
    warnings.warn(text, stacklevel=7)


def call_predict(predict: Callable[..., Any], data: Any, params: dict[str, Any] | None) -> Any:
    """Call a predict function, with the params if it accepts them."""
    try:
        taken = inspect.signature(predict).parameters.get("params")
    except (TypeError, ValueError):
        taken = None
    if taken is None or taken.kind is inspect.Parameter.VAR_KEYWORD:
        return predict(data)
    return predict(data, params=params)


def _copy_code(folder: Path, code_paths: Sequence[str] | None) -> str | None:
    """Copy the files and folders with code into the model's folder, and return the name of the folder that has them."""
    if not code_paths:
        return None
    if not isinstance(code_paths, list | tuple) or not all(isinstance(each, str | os.PathLike) for each in code_paths):
        raise InvalidParameter(f"code_paths must be a list of paths of files and folders, not {code_paths!r:.80}.")
    (folder / CODE).mkdir()
    for each in code_paths:
        source = Path(each)
        if not source.exists():
            raise NotFound(f"File or folder {str(each)!r:.200} in code_paths does not exist.")
        if folder.resolve().is_relative_to(source.resolve()):
            raise InvalidParameter(
                f"Folder {str(each)!r:.200} in code_paths must not contain the folder that the model is saved to."
            )
        target = folder / CODE / source.resolve().name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".git"))
        else:
            shutil.copyfile(source, target)
    return CODE
