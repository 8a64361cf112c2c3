"""The PyTorch flavor: save, log and load modules, autologging of Lightning, and `track` for your own training loop.

With an input example, a module is exported as a graph (`data/model.pt2`), which predicts without the module's class,
and the module itself is kept beside it (`module/model.pth`), so that it can be trained further. Without an example the
module is pickled (`data/model.pth`). Both formats can run code while they are loaded: torch unpickles parts of a
graph's archive, and evaluates the expressions of its shapes. So a model that was not logged by a run of this store is
loaded only with `trust=True`.
"""

from __future__ import annotations

import inspect
import os
import shutil
import sys
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .. import autologging
from ..errors import InvalidParameter
from ..models import Model, ModelInfo
from ..models.example import split_example
from ..models.loading import ask_trust, file_of, open_model
from ..models.saving import new_model
from ..models.signature import as_signature, infer_signature
from . import pytorch_autolog
from .common import log, sentence
from .pytorch_track import track

if TYPE_CHECKING:
    import torch

__all__ = ["FLAVOR_NAME", "autolog", "load_model", "load_pyfunc", "log_model", "save_model", "track"]

FLAVOR_NAME = "pytorch"

Format: TypeAlias = Literal["pickle", "pt2"]

_DATA, _MODULE = "data", "module"
_PICKLE, _GRAPH = "model.pth", "model.pt2"
_PICKLER_FILE = "pickle_module_info.txt"
_PICKLER = "mlflow.pytorch.pickle_module"
"""The module with which MLflow unpickles. It is cloudpickle under another name. nbtrack never imports it."""


def save_model(
    pytorch_model: Any,
    path: str,
    *,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Sequence[str] | str | None = None,
    extra_pip_requirements: Sequence[str] | str | None = None,
    code_paths: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    serialization_format: Format | None = None,
    mlflow_model: Model | None = None,
    conda_env: Mapping[str, Any] | str | None = None,
) -> None:
    """Save a PyTorch module as a folder.

    `load_model` reads the folder, and so does MLflow. A graph predicts without the class of the module. It is
    exported in evaluation mode, and its batch size is free.

    Args:
        pytorch_model: A `torch.nn.Module`, which may be TorchScript.
        path: Folder to save to. It must be new or empty.
        signature: Inputs, outputs and params of the model, for example from `nbtrack.models.infer_signature`. None
            infers the signature from `input_example`; False saves none.
        input_example: A tensor, an array, a DataFrame, or a dict of tensors for a `forward` that takes them by
            name; or a pair of one of these and a dict of further arguments of `forward`. It is stored with the
            model, the model is tested with it, and it is needed to export a graph. None stores no example.
        pip_requirements: What must be installed to load the model: a list of requirements, or the path of a
            requirements file. Defaults to the installed versions of torch and of the packages that the model
            imports.
        extra_pip_requirements: Requirements to add to `pip_requirements` or to its default, in the same forms. They
            replace requirements of the same package.
        code_paths: Files and folders with modules that the model imports. They are copied into the model, and
            `load_model` makes them importable.
        metadata: A dict of your own that is stored in the MLmodel file.
        serialization_format: "pickle" pickles the module, "pt2" exports its graph with `torch.export`. None does
            both if there is an `input_example` and torch can trace the module, and otherwise pickles it.
        mlflow_model: The manifest to fill in. Defaults to a new one. `log_model` passes the one that belongs to the
            run.
        conda_env: A conda environment, as a dict or as the path of a YAML file, in place of `pip_requirements`: its pip
            packages are the requirements, and it becomes the model's conda.yaml.

    Raises:
        InvalidParameter: If `path` is not a new or empty folder, if `pytorch_model` is not a module, or if it
            cannot be saved in the format that was asked for.
        NotFound: If a file in `code_paths` or the requirements file does not exist.
    """
    import torch

    if not isinstance(pytorch_model, torch.nn.Module):
        raise InvalidParameter(f"pytorch_model must be a torch.nn.Module, not {type(pytorch_model).__name__}.")
    if serialization_format not in (None, "pickle", "pt2"):
        raise InvalidParameter(f"serialization_format must be 'pickle' or 'pt2', not {serialization_format!r:.80}.")
    input_example = _without_tensors(input_example)
    with new_model(
        path,
        mlflow_model,
        signature=signature,
        input_example=input_example,
        code_paths=code_paths,
        metadata=metadata,
    ) as saving:
        folder = saving.folder / _DATA
        folder.mkdir()
        settings = {"model_data": _DATA, "pytorch_version": str(torch.__version__)}
        if not _export(pytorch_model, folder / _GRAPH, input_example, signature, serialization_format):
            _pickle(pytorch_model, folder)
        elif serialization_format is None and _try_pickle(pytorch_model, saving.folder / _MODULE):
            # Not in the same folder, because there MLflow would load the pickle, which needs the class.
            settings["module_data"] = _MODULE
        saving.write_flavor(
            FLAVOR_NAME,
            settings,
            loader_module="mlflow.pytorch",
            data=_DATA,
            pyfunc={"pickle_module_name": _PICKLER, "config": {"device": None}},
        )
        modules = {kind.__module__ for part in pytorch_model.modules() for kind in type(part).__mro__}
        saving.requirements(
            pip_requirements, extra_pip_requirements, conda_env, default=["torch", "cloudpickle"], modules=modules
        )
        saving.predict = _Predictor(pytorch_model, _device_of(pytorch_model)).predict


def log_model(
    pytorch_model: Any,
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
    serialization_format: Format | None = None,
    conda_env: Mapping[str, Any] | str | None = None,
    await_registration_for: int | None = None,
) -> ModelInfo:
    """Log a PyTorch module to the active run. Without an active run, the model gets a run of its own.

    Args:
        pytorch_model: A `torch.nn.Module`, which may be TorchScript.
        artifact_path: Folder of the model below the run's artifacts. Defaults to "model".
        name: MLflow 3's name for `artifact_path`. Pass only one of them.
        registered_model_name: Registered model to which the model is added as its next version. It is created if it
            does not exist. None registers nothing.
        signature: Inputs, outputs and params of the model, for example from `nbtrack.models.infer_signature`. None
            infers the signature from `input_example`; False saves none.
        input_example: A tensor, an array, a DataFrame, or a dict of tensors for a `forward` that takes them by
            name; or a pair of one of these and a dict of further arguments of `forward`. It is stored with the
            model, the model is tested with it, and it is needed to export a graph. None stores no example.
        pip_requirements: What must be installed to load the model: a list of requirements, or the path of a
            requirements file. Defaults to the installed versions of torch and of the packages that the model
            imports.
        extra_pip_requirements: Requirements to add to `pip_requirements` or to its default, in the same forms. They
            replace requirements of the same package.
        code_paths: Files and folders with modules that the model imports. They are copied into the model, and
            `load_model` makes them importable.
        metadata: A dict of your own that is stored in the MLmodel file.
        serialization_format: "pickle" pickles the module, "pt2" exports its graph with `torch.export`. None does
            both if there is an `input_example` and torch can trace the module, and otherwise pickles it.
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
        pytorch_model=pytorch_model,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        conda_env=conda_env,
        code_paths=code_paths,
        metadata=metadata,
        serialization_format=serialization_format,
    )


def load_model(
    model_uri: str | os.PathLike[str],
    dst_path: str | None = None,
    *,
    device: str | torch.device | None = None,
    trust: bool = False,
) -> Any:
    """Load a PyTorch module in evaluation mode.

    The result is the graph of the module if only a graph was saved, or if the class of the module cannot be
    imported here.

    Args:
        model_uri: A URI such as "runs:/<run_id>/model", "models:/digits/3", "models:/digits/Production" or
            "models:/digits@champion", or the path of a model folder.
        dst_path: Folder to copy the model's files to. None reads them where they are stored.
        device: Device to move the module to, for example "cpu" or "cuda:0". None keeps the device that it was saved
            on, or uses the CPU if CUDA is not available.
        trust: Whether to load a model that no run of this store logged. Loading a pickle or a graph can run any
            code that was put into it, so set it only if you trust the source.

    Returns:
        The module.

    Raises:
        NotFound: If the model does not exist, or was not saved with this flavor.
        InvalidParameter: If no run of this store logged the model and `trust` is False, or if the file does not
            contain a module.
    """
    opened = open_model(model_uri, FLAVOR_NAME, dst_path, trust=trust)
    if "module_data" in opened.settings:
        file = file_of(opened.folder, opened.settings, "module_data") / _PICKLE
        with suppress(ImportError, AttributeError):  # raised if the class does not exist here
            return _load_pickle(opened.folder, file, opened.trusted, device)
    return _load(opened.folder, opened.settings, opened.trusted, device)


def load_pyfunc(folder: Path, settings: Mapping[str, Any], *, trusted: bool) -> Any:
    """Load the module as an object with `predict`, for `nbtrack.pyfunc`.

    The device is the one in `model_config={"device": "cpu"}` of `nbtrack.pyfunc.load_model`. By default it is CUDA
    if that is available, and otherwise the CPU.

    Args:
        folder: The model's local folder.
        settings: The entry of this flavor in the MLmodel file.
        trusted: Whether the model may run code of its own while it is loaded.

    Returns:
        An object whose `predict` takes a DataFrame, an array, a tensor or a dict of them, and returns a
            DataFrame for a DataFrame and otherwise arrays.
    """
    import torch

    device = (settings.get("config") or {}).get("device") or ("cuda" if torch.cuda.is_available() else "cpu")
    return _Predictor(_load(folder, settings, trusted, device), device)


class _Predictor:
    """A module that predicts from tables and arrays. For a DataFrame it returns one with the same index."""

    def __init__(self, model: Any, device: Any) -> None:
        self._model = model
        self._device = device

    def get_raw_model(self) -> Any:
        return self._model

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        import torch

        with torch.no_grad(), _evaluating(self._model):
            if isinstance(data, dict):
                tensors = {name: _tensor(value).to(self._device) for name, value in data.items()}
                outputs = self._model(**tensors, **(params or {}))
            else:
                outputs = self._model(_tensor(data).to(self._device), **(params or {}))
        found = _arrays(outputs)
        if hasattr(data, "iloc") and isinstance(outputs, torch.Tensor):
            import pandas

            return pandas.DataFrame(found, index=data.index)
        return found


def _tensor(data: Any) -> torch.Tensor:
    import numpy
    import torch

    if isinstance(data, torch.Tensor):
        return data
    if hasattr(data, "iloc"):
        # As in MLflow, a table of any numbers is converted to float32.
        return torch.from_numpy(data.to_numpy(dtype=numpy.float32, copy=True))
    if isinstance(data, numpy.ndarray):
        return torch.from_numpy(data if data.flags.writeable else data.copy())
    raise InvalidParameter(
        f"data must be a DataFrame, an array, a tensor, or a dict of arrays or tensors, not {type(data).__name__}."
    )


def _arrays(outputs: Any) -> Any:
    """Convert tensors to arrays, also within dicts and tuples."""
    if hasattr(outputs, "detach"):
        return outputs.detach().cpu().numpy()
    if isinstance(outputs, dict):
        return {name: _arrays(value) for name, value in outputs.items()}
    if isinstance(outputs, (list, tuple)):
        return [_arrays(value) for value in outputs]
    return outputs


def _without_tensors(example: Any) -> Any:
    """Convert an input example to what can be stored."""
    if example is None:
        return None
    data, params = split_example(example)
    if hasattr(data, "detach") or isinstance(data, dict):
        data = _arrays(data)
    return data if params is None else (data, params)


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """Put the module into evaluation mode, and restore the mode of each of its parts after the block."""
    training = [part for part in model.modules() if part.training]
    for part in training:
        part.training = False
    try:
        yield
    finally:
        for part in training:
            part.training = True


def _device_of(model: Any) -> Any:
    return next((tensor.device for tensor in model.parameters()), "cpu")


# -- files -------------------------------------------------------------------------------------------------------


def _pickle(model: Any, folder: Path) -> None:
    import cloudpickle
    import torch

    if isinstance(model, torch.jit.ScriptModule):
        torch.jit.save(model, folder / _PICKLE)
    else:
        try:
            torch.save(model, folder / _PICKLE, pickle_module=cloudpickle)
        except Exception as error:  # methods of the pickled objects can raise anything
            raise InvalidParameter(
                f"This {type(model).__name__} cannot be pickled: {sentence(error)} To save its graph instead, pass an "
                "input_example and serialization_format='pt2'."
            ) from error
    (folder / _PICKLER_FILE).write_text(_PICKLER)


def _try_pickle(model: Any, folder: Path) -> bool:
    """Save the module beside its graph, and return whether it could be pickled."""
    folder.mkdir()
    try:
        _pickle(model, folder)
    except InvalidParameter:
        shutil.rmtree(folder)
        return False
    return True


def _export(model: Any, file: Path, example: Any, signature: Any, wanted: Format | None) -> bool:
    """Export the module's graph.

    Returns:
        Whether the graph was exported. If not, the module is to be pickled, because `wanted` asks for that or because
            it cannot be exported.

    Raises:
        InvalidParameter: If a graph is wanted, and there is no example or the module cannot be exported.
    """
    import torch

    if wanted == "pickle" or (wanted is None and (example is None or isinstance(model, torch.jit.ScriptModule))):
        return False
    if example is None:
        raise InvalidParameter(
            "serialization_format='pt2' requires an input_example, because torch traces the module with it."
        )
    data, params = split_example(example)
    try:
        with _evaluating(model):
            program = _graph(model, data, params or {}, signature)
        torch.export.save(program, file)
    except Exception as error:  # torch and the module itself raise many types
        file.unlink(missing_ok=True)
        reason = f"{type(error).__name__}: {sentence(error, first_line=True)}"
        problem = f"{type(model).__name__} cannot be exported as a graph: {reason}"
        if wanted == "pt2":
            raise InvalidParameter(f"{problem} Pass serialization_format='pickle' to pickle it.") from error
        warnings.warn(f"{problem} It is pickled instead, as with serialization_format='pickle'.", stacklevel=5)
        return False
    return True


def _graph(model: Any, data: Any, params: Mapping[str, Any], signature: Any) -> Any:
    """Return the exported module. Its batch size is free unless the signature fixes it."""
    import torch

    inputs = (as_signature(signature or None) or infer_signature(data)).inputs
    free = {spec.name or "": _free(spec) for spec in inputs or () if hasattr(spec, "shape")}
    by_name = isinstance(data, dict)
    tensors, shapes = {}, {}
    for name, value in (data if by_name else {"": data}).items():
        tensor = _tensor(value)
        lengths = [index for index in free.get(name, [0]) if index < tensor.dim()]
        if 0 in lengths and len(tensor) == 1:
            # torch treats a length of 1 as a constant.
            tensor = tensor.repeat(2, *[1] * (tensor.dim() - 1))
        tensors[name] = tensor.to(_device_of(model))
        shapes[name] = dict.fromkeys(lengths, torch.export.Dim.AUTO)
    wanted = sum(map(len, shapes.values()))
    arguments = () if by_name else (tensors.pop(""),)
    if not by_name:
        shapes = {next(iter(inspect.signature(model.forward).parameters)): shapes[""]}
    program = torch.export.export(
        model, arguments, {**tensors, **params}, dynamic_shapes={**shapes, **dict.fromkeys(params)}
    )
    _check_batch(program, wanted)
    return program


def _free(spec: Any) -> list[int]:
    return [index for index, length in enumerate(spec.shape) if length == -1]


def _check_batch(program: Any, wanted: int) -> None:
    """Raise InvalidParameter if the graph only accepts the lengths of the example."""
    names = set(program.graph_signature.user_inputs)
    inputs = [node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    lengths = [length for one in inputs for length in getattr(one, "shape", ())]
    # A length that torch found to be fixed can still be a symbol whose value is a number.
    if sum(not str(length).isdigit() for length in lengths) < wanted:
        raise InvalidParameter("The graph would only accept batches of the same length as the input example.")


def _load(folder: Path, settings: Mapping[str, Any], trusted: bool, device: Any) -> Any:
    data = file_of(folder, settings, "model_data", _DATA)
    # A folder, or the file itself in models of early MLflow versions.
    file = data if data.is_file() else data / _PICKLE
    if not file.exists():
        return _load_graph(folder, file_of(data, {}, "graph", _GRAPH), trusted, device)
    return _load_pickle(folder, file, trusted, device)


def _load_pickle(folder: Path, file: Path, trusted: bool, device: Any) -> Any:
    import torch

    ask_trust(trusted, folder)
    where = device or (None if torch.cuda.is_available() else "cpu")
    if _is_script(file):
        model = torch.jit.load(file, map_location=where)
    else:
        model = torch.load(file, map_location=where, weights_only=False)
    if not isinstance(model, torch.nn.Module):
        raise InvalidParameter(
            f"The model at {str(folder)!r:.200} must contain a torch.nn.Module, not {type(model).__name__}."
        )
    model.eval()
    return model.to(device) if device else model


def _load_graph(folder: Path, file: Path, trusted: bool, device: Any) -> Any:
    import torch
    from torch.export.passes import move_to_device_pass

    ask_trust(trusted, folder, "is an archive that torch partly unpickles")
    program = torch.export.load(file)
    if device:
        program = move_to_device_pass(program, str(device))
    return program.module()


def _is_script(file: Path) -> bool:
    """Return whether a file is TorchScript, which has its own loader."""
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


# -- autologging -------------------------------------------------------------------------------------------------


def autolog(
    log_every_n_epoch: int = 1,
    log_every_n_step: int | None = None,
    log_models: bool = True,
    log_datasets: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    registered_model_name: str | None = None,
    extra_tags: Mapping[str, Any] | None = None,
    checkpoint: bool = True,
    checkpoint_monitor: str = "val_loss",
    checkpoint_mode: Literal["min", "max"] | None = None,
    checkpoint_save_best_only: bool = True,
    checkpoint_save_weights_only: bool = False,
    checkpoint_save_freq: Literal["epoch"] | int = "epoch",
    log_model_signatures: bool = True,
    log_input_examples: bool = False,
) -> None:
    """Log every `Trainer.fit` of Lightning from now on.

    A training is logged to the active run. If there is none, it gets a run of its own, which ends with the
    training. nbtrack logs the optimizer and its settings, the number of epochs, the metrics that the module logs with
    `self.log`, early stopping, checkpoints, a summary of the module, and the module itself. See `nbtrack guide
    autologging` for all names.

    Both packages, `lightning` and `pytorch_lightning`, are logged. For a training loop of your own, use `track`.

    Args:
        log_every_n_epoch: Log metrics at the end of every n-th epoch, with the epoch as their step.
        log_every_n_step: Also log metrics at every n-th training step. None logs epochs only.
        log_models: Whether to log each trained model, as the artifact "model".
        log_datasets: Has no effect for Lightning, whose data comes from loaders.
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
        checkpoint: Whether to log checkpoints below the artifact folder "checkpoints".
        checkpoint_monitor: Metric that decides which checkpoint is the best.
        checkpoint_mode: Whether the smallest ("min") or the largest ("max") value of the metric is the best. None
            stands for what `nbtrack.define_metric` has defined for the metric, or else for what its name says, which is
            "min" for `val_loss`.
        checkpoint_save_best_only: Whether to keep only the best checkpoint so far. Otherwise each is kept in a
            folder of its own.
        checkpoint_save_weights_only: Whether to leave out the state of the optimizer and of the loops.
        checkpoint_save_freq: When to save: "epoch" for the end of each epoch, or a number of training steps.
        log_model_signatures: Whether to store a signature with each model, inferred from the first batch.
        log_input_examples: Whether to store the first five rows of the first batch with each model.

    Raises:
        InvalidParameter: If `log_every_n_epoch` or `log_every_n_step` is below 1, or `checkpoint_mode` or
            `checkpoint_save_freq` is not one of the values above.

    Example:
        >>> autolog(log_models=False)
        >>> autolog(disable=True)
    """
    if log_every_n_epoch < 1:
        raise InvalidParameter(f"log_every_n_epoch must be at least 1, not {log_every_n_epoch!r:.80}.")
    if log_every_n_step is not None and log_every_n_step < 1:
        raise InvalidParameter(f"log_every_n_step must be at least 1, or None, not {log_every_n_step!r:.80}.")
    if checkpoint_mode not in ("min", "max", None):
        raise InvalidParameter(f"checkpoint_mode must be 'min', 'max' or None, not {checkpoint_mode!r:.80}.")
    if checkpoint_save_freq != "epoch" and not (isinstance(checkpoint_save_freq, int) and checkpoint_save_freq > 0):
        raise InvalidParameter(
            f"checkpoint_save_freq must be 'epoch' or a positive number of steps, not {checkpoint_save_freq!r:.80}."
        )
    autologging.switch(FLAVOR_NAME, **locals())


@autologging.autologger(FLAVOR_NAME, module="torch", supported=("2.0", "3"))
def _install(patches: autologging.Patches) -> None:
    pytorch_autolog.install(patches)
