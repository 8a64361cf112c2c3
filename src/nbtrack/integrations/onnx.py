"""The ONNX flavor: save, log and load models in a format that contains no code, and predict with ONNX Runtime."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from ..errors import InvalidParameter
from ..models import Model, ModelInfo
from ..models.loading import ask_trust, file_of, open_model
from ..models.saving import new_model
from .common import log

FLAVOR_NAME = "onnx"

Provider: TypeAlias = str | tuple[str, Mapping[str, Any]]

_FILE = "model.onnx"
_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")
_CPU = "CPUExecutionProvider"
_MODES = {"sequential": "ORT_SEQUENTIAL", "parallel": "ORT_PARALLEL"}
_OPTIONS = (
    "inter_op_num_threads",
    "intra_op_num_threads",
    "execution_mode",
    "graph_optimization_level",
    "extra_session_config",
)


def save_model(
    onnx_model: Any,
    path: str,
    *,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Sequence[str] | str | None = None,
    extra_pip_requirements: Sequence[str] | str | None = None,
    code_paths: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    onnx_execution_providers: Sequence[Provider] | None = None,
    onnx_session_options: Mapping[str, Any] | None = None,
    save_as_external_data: bool = True,
    mlflow_model: Model | None = None,
    conda_env: Mapping[str, Any] | str | None = None,
) -> None:
    """Save an ONNX model as a folder.

    `load_model` reads the folder, and so does MLflow.

    Args:
        onnx_model: An `onnx.ModelProto`.
        path: Folder to save to. It must be new or empty.
        signature: Inputs, outputs and params of the model, for example from `nbtrack.models.infer_signature`. None
            infers the signature from `input_example`; False saves none.
        input_example: A few rows of data for `predict`, or a pair of data and a dict of params. It is stored with
            the model, and the model is tested with it; if that fails, there is a warning and the model is saved.
            None stores no example.
        pip_requirements: What must be installed to load the model: a list of requirements, or the path of a
            requirements file. Defaults to the installed versions of numpy, onnx and onnxruntime.
        extra_pip_requirements: Requirements to add to `pip_requirements` or to its default, in the same forms. They
            replace requirements of the same package.
        code_paths: Files and folders with modules that the model imports. They are copied into the model, and
            `load_model` makes them importable.
        metadata: A dict of your own that is stored in the MLmodel file.
        onnx_execution_providers: Execution providers of ONNX Runtime, the preferred one first: names, or pairs of a
            name and a dict of options. Providers that are not available when the model is loaded are skipped.
            Defaults to CUDA, then CPU.
        onnx_session_options: Session options of ONNX Runtime. Valid keys are "inter_op_num_threads",
            "intra_op_num_threads", "execution_mode" ("sequential" or "parallel"), "graph_optimization_level" and
            "extra_session_config" (a dict).
        save_as_external_data: Whether to store the weights in a file beside the model. A single file cannot be
            larger than 2 GB.
        mlflow_model: The manifest to fill in. Defaults to a new one. `log_model` passes the one that belongs to the
            run.
        conda_env: A conda environment, as a dict or as the path of a YAML file, in place of `pip_requirements`: its pip
            packages are the requirements, and it becomes the model's conda.yaml.

    Raises:
        InvalidParameter: If `path` is not a new or empty folder, or if a session option is not valid.
        NotFound: If a file in `code_paths` or the requirements file does not exist.
    """
    onnx = importlib.import_module("onnx")
    _check_options(onnx_session_options)
    with new_model(
        path,
        mlflow_model,
        signature=signature,
        input_example=input_example,
        code_paths=code_paths,
        metadata=metadata,
    ) as saving:
        if save_as_external_data:
            # onnx moves the weights out of the model that it saves, so it gets a copy.
            whole, onnx_model = onnx_model, onnx.ModelProto()
            onnx_model.CopyFrom(whole)
        onnx.save_model(
            onnx_model,
            str(saving.folder / _FILE),
            save_as_external_data=save_as_external_data,
            location=f"{_FILE}.data",
        )
        settings = {
            "onnx_version": onnx.__version__,
            "data": _FILE,
            "providers": [_to_yaml(each) for each in onnx_execution_providers or _PROVIDERS],
            "onnx_session_options": None if onnx_session_options is None else dict(onnx_session_options),
        }
        saving.write_flavor(FLAVOR_NAME, settings, loader_module="mlflow.onnx", data=_FILE)
        saving.requirements(
            pip_requirements, extra_pip_requirements, conda_env, default=["numpy", "onnx", "onnxruntime"]
        )
        saving.predict = _Predictor(saving.folder / _FILE, settings).predict


def log_model(
    onnx_model: Any,
    artifact_path: str | None = None,
    *,
    name: str | None = None,
    registered_model_name: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Sequence[str] | str | None = None,
    extra_pip_requirements: Sequence[str] | str | None = None,
    code_paths: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    onnx_execution_providers: Sequence[Provider] | None = None,
    onnx_session_options: Mapping[str, Any] | None = None,
    save_as_external_data: bool = True,
    conda_env: Mapping[str, Any] | str | None = None,
    await_registration_for: int | None = None,
) -> ModelInfo:
    """Log an ONNX model to the active run. Without an active run, the model gets a run of its own.

    Args:
        onnx_model: An `onnx.ModelProto`.
        artifact_path: Folder of the model below the run's artifacts. Defaults to "model".
        name: MLflow 3's name for `artifact_path`. Pass only one of them.
        registered_model_name: Registered model to which the model is added as its next version. It is created if it
            does not exist. None registers nothing.
        signature: Inputs, outputs and params of the model, for example from `nbtrack.models.infer_signature`. None
            infers the signature from `input_example`; False saves none.
        input_example: A few rows of data for `predict`, or a pair of data and a dict of params. It is stored with
            the model, and the model is tested with it; if that fails, there is a warning and the model is saved.
            None stores no example.
        pip_requirements: What must be installed to load the model: a list of requirements, or the path of a
            requirements file. Defaults to the installed versions of numpy, onnx and onnxruntime.
        extra_pip_requirements: Requirements to add to `pip_requirements` or to its default, in the same forms. They
            replace requirements of the same package.
        code_paths: Files and folders with modules that the model imports. They are copied into the model, and
            `load_model` makes them importable.
        metadata: A dict of your own that is stored in the MLmodel file.
        onnx_execution_providers: Execution providers of ONNX Runtime, the preferred one first: names, or pairs of a
            name and a dict of options. Providers that are not available when the model is loaded are skipped.
            Defaults to CUDA, then CPU.
        onnx_session_options: Session options of ONNX Runtime. Valid keys are "inter_op_num_threads",
            "intra_op_num_threads", "execution_mode" ("sequential" or "parallel"), "graph_optimization_level" and
            "extra_session_config" (a dict).
        save_as_external_data: Whether to store the weights in a file beside the model. A single file cannot be
            larger than 2 GB.
        conda_env: A conda environment, as a dict or as the path of a YAML file, in place of `pip_requirements`: its pip
            packages are the requirements, and it becomes the model's conda.yaml.
        await_registration_for: Ignored, because a version is ready at once. MLflow has this parameter.

    Returns:
        The description of the logged model. Its `model_uri` is what `load_model` takes.

    Raises:
        InvalidParameter: If both `artifact_path` and `name` are given, or as in `save_model`.
        NotFound: If a file in `code_paths` or the requirements file does not exist.
    """
    return log(
        sys.modules[__name__],
        artifact_path,
        name,
        registered_model_name,
        onnx_model=onnx_model,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        conda_env=conda_env,
        code_paths=code_paths,
        metadata=metadata,
        onnx_execution_providers=onnx_execution_providers,
        onnx_session_options=onnx_session_options,
        save_as_external_data=save_as_external_data,
    )


def load_model(model_uri: str | os.PathLike[str], dst_path: str | None = None, *, trust: bool = False) -> Any:
    """Load an ONNX model and check it with `onnx.checker`.

    To predict with it, use `nbtrack.pyfunc.load_model`.

    Args:
        model_uri: A URI such as "runs:/<run_id>/model", "models:/digits/3", "models:/digits/Production" or
            "models:/digits@champion", or the path of a model folder.
        dst_path: Folder to copy the model's files to. None reads them where they are stored.
        trust: Whether to make modules in the model's `code_paths` importable if no run of this store logged it. The
            ONNX file itself contains no code.

    Returns:
        The `onnx.ModelProto`.

    Raises:
        NotFound: If the model does not exist, or was not saved with this flavor.
        InvalidParameter: If no run of this store logged the model, it contains code, and `trust` is False.
    """
    opened = open_model(model_uri, FLAVOR_NAME, dst_path, trust=trust)
    onnx = importlib.import_module("onnx")
    file = str(file_of(opened.folder, opened.settings, "data", _FILE))
    onnx.checker.check_model(file)
    return onnx.load(file)


def load_pyfunc(folder: Path, settings: Mapping[str, Any], *, trusted: bool) -> Any:
    """Load the model into a session of ONNX Runtime, for `nbtrack.pyfunc`.

    Options of providers and of the session can name libraries to load, so a model from outside the store that sets
    them must be trusted.

    Args:
        folder: The model's local folder.
        settings: The entry of this flavor in the MLmodel file.
        trusted: Whether the model may run code of its own while it is loaded.

    Returns:
        An object whose `predict` returns a DataFrame for a DataFrame, and otherwise a dict of arrays by the
            names of the outputs.

    Raises:
        InvalidParameter: If the model sets such options and is not trusted.
    """
    options = settings.get("onnx_session_options")
    with_options = any(not isinstance(each, str) for each in _as_list(settings.get("providers")))
    if with_options or (isinstance(options, Mapping) and options.get("extra_session_config")):
        ask_trust(trusted, folder, "sets options of execution providers or of the session")
    function = _Predictor(file_of(folder, settings, "data", _FILE), settings)
    function.get_raw_model()
    return function


class _Predictor:
    """A session that returns a DataFrame for a DataFrame, and a dict of arrays by output name for other data."""

    def __init__(self, file: Path, settings: Mapping[str, Any]) -> None:
        self._file = file
        self._settings = settings

    @cached_property
    def _session(self) -> Any:
        return _session(self._file, self._settings)

    def get_raw_model(self) -> Any:
        return self._session

    def predict(self, data: Any) -> Any:
        import numpy as np

        names = [output.name for output in self._session.get_outputs()]
        feeds = {}
        for wanted, values in self._feeds(data):
            values = np.asarray(values)
            # JSON has no float32, and pandas uses float64 by default.
            is_wide = wanted.type == "tensor(float)" and values.dtype == np.float64
            feeds[wanted.name] = values.astype(np.float32) if is_wide else values
        predictions = self._session.run(names, feeds)
        if not hasattr(data, "iloc"):
            return dict(zip(names, predictions, strict=True))
        import pandas as pd

        return pd.DataFrame(
            {name: _column(values, len(data)) for name, values in zip(names, predictions, strict=True)},
            index=data.index,
        )

    def _feeds(self, data: Any) -> list[tuple[Any, Any]]:
        """Return each input of the model with its values."""
        wanted = self._session.get_inputs()
        if isinstance(data, Mapping):
            return [(each, data[each.name]) for each in wanted if each.name in data]
        if len(wanted) == 1:
            return [(wanted[0], data.to_numpy() if hasattr(data, "iloc") else data)]
        if hasattr(data, "iloc"):
            # A model of tables, such as one converted from scikit-learn, takes each column as a table of one column.
            return [(each, data[each.name].to_numpy().reshape(-1, *[1] * (len(each.shape) - 1))) for each in wanted]
        raise InvalidParameter(
            f"The model has {len(wanted)} inputs: {', '.join(each.name for each in wanted)}. Pass a dict of arrays or "
            "a DataFrame with these names."
        )


def _column(values: Any, rows: int) -> Any:
    """Return an output as a column, with a value or a list of values for each row."""
    import numpy as np

    if isinstance(values, list):
        return values
    array = np.asarray(values)
    return array.reshape(-1) if array.size == rows else list(array)


def _session(file: Path, settings: Mapping[str, Any]) -> Any:
    """Create a session as the MLmodel file describes it, on the CPU if none of its providers is available."""
    runtime = importlib.import_module("onnxruntime")
    given = _as_list(settings.get("providers")) or list(_PROVIDERS)
    wanted: list[Any] = [each if isinstance(each, str) else tuple(each) for each in given]
    here = runtime.get_available_providers()
    usable = [each for each in wanted if _name_of(each) in here]
    missing = [_name_of(each) for each in wanted if _name_of(each) not in here]
    if missing and wanted != list(_PROVIDERS):
        warnings.warn(
            f"The model requests ONNX Runtime execution providers that are not available here: {', '.join(missing)}. "
            f"It runs on {', '.join(map(_name_of, usable)) or _CPU}.",
            stacklevel=2,
        )
    return runtime.InferenceSession(str(file), _session_options(runtime, settings), providers=usable or [_CPU])


def _name_of(provider: str | Sequence[Any]) -> str:
    return provider if isinstance(provider, str) else str(provider[0])


def _session_options(runtime: Any, settings: Mapping[str, Any]) -> Any:
    result = runtime.SessionOptions()
    options = settings.get("onnx_session_options") or {}
    for name in ("inter_op_num_threads", "intra_op_num_threads"):
        if options.get(name):
            setattr(result, name, int(options[name]))
    if mode := options.get("execution_mode"):
        result.execution_mode = getattr(runtime.ExecutionMode, _MODES[str(mode).lower()])
    if level := options.get("graph_optimization_level"):
        result.graph_optimization_level = runtime.GraphOptimizationLevel(level)
    for key, value in (options.get("extra_session_config") or {}).items():
        result.add_session_config_entry(key, value)
    return result


def _check_options(options: Mapping[str, Any] | None) -> None:
    for name, value in (options or {}).items():
        if name not in _OPTIONS:
            raise InvalidParameter(
                f"{name!r:.80} is not a valid key of onnx_session_options. Valid keys are {', '.join(_OPTIONS)}."
            )
        if name == "execution_mode" and str(value).lower() not in _MODES:
            raise InvalidParameter(f"execution_mode must be 'sequential' or 'parallel', not {value!r:.80}.")


def _as_list(providers: Any) -> list[Any]:
    """Return the providers of an MLmodel file as a list. The file may contain a single name."""
    return [providers] if isinstance(providers, str) else list(providers or ())


def _to_yaml(provider: Provider) -> Any:
    """Return a provider in the form in which YAML stores it."""
    return provider if isinstance(provider, str) else [provider[0], dict(provider[1])]
