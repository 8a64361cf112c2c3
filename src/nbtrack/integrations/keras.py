"""The Keras 3 flavor, for any backend: save, log and load models, and log what `Model.fit` trains.

A `.keras` file contains the configuration and the weights of a model, and no pickle. Lambda layers, wrapped PyTorch
modules and a pickle of custom objects can run code. They need `trust=True` unless a run of this store logged the model.
Custom objects that the caller passes, or has registered with Keras, are the caller's own code.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
import inspect
import json
import os
import re
import sys
import types
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from .. import autologging
from ..autologging import inputs
from ..data import from_numpy
from ..errors import InvalidParameter
from ..models import Model, ModelInfo, ModelSignature
from ..models.loading import ask_trust, file_of, open_model
from ..models.saving import new_model
from ..models.schema import Schema, TensorSpec
from .common import log

FLAVOR_NAME = "keras"

_DATA = "data"
_MODEL = "model.keras"
_OBJECTS = "custom_objects.cloudpickle"
_BACKENDS = ("torch", "tensorflow", "jax", "openvino")
"""The backends of Keras. The package of each has the same name."""


def save_model(
    model: Any,
    path: str,
    *,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Sequence[str] | str | None = None,
    extra_pip_requirements: Sequence[str] | str | None = None,
    code_paths: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    save_model_kwargs: Mapping[str, Any] | None = None,
    mlflow_model: Model | None = None,
    conda_env: Mapping[str, Any] | str | None = None,
) -> None:
    """Save a Keras model as a folder.

    `load_model` reads the folder, and so does MLflow.

    Args:
        model: A Keras 3 model, on any backend.
        path: Folder to save to. It must be new or empty.
        signature: Inputs, outputs and params of the model, for example from `nbtrack.models.infer_signature`. None
            infers the signature from `input_example`; False saves none.
        input_example: A few rows of data for `predict`, or a pair of data and a dict of params. It is stored with
            the model, and the model is tested with it; if that fails, there is a warning and the model is saved.
            None stores no example.
        pip_requirements: What must be installed to load the model: a list of requirements, or the path of a
            requirements file. Defaults to the installed versions of Keras, its backend and of the packages that the
            model imports.
        extra_pip_requirements: Requirements to add to `pip_requirements` or to its default, in the same forms. They
            replace requirements of the same package.
        code_paths: Files and folders with modules that the model imports. They are copied into the model, and
            `load_model` makes them importable.
        metadata: A dict of your own that is stored in the MLmodel file.
        custom_objects: Classes and functions of your own that the model uses, by their names in the model. They are
            saved in a pickle, so that the model also loads where they are not registered with Keras.
        save_model_kwargs: Keyword arguments for Keras's `Model.save`.
        mlflow_model: The manifest to fill in. Defaults to a new one. `log_model` passes the one that belongs to the
            run.
        conda_env: A conda environment, as a dict or as the path of a YAML file, in place of `pip_requirements`: its pip
            packages are the requirements, and it becomes the model's conda.yaml.

    Raises:
        InvalidParameter: If `path` is not a new or empty folder.
        NotFound: If a file in `code_paths` or the requirements file does not exist.
    """
    keras = _keras()
    with new_model(
        path,
        mlflow_model,
        signature=signature,
        input_example=input_example,
        code_paths=code_paths,
        metadata=metadata,
    ) as saving:
        data = saving.folder / _DATA
        data.mkdir()
        model.save(str(data / _MODEL), **(save_model_kwargs or {}))
        (data / "keras_module.txt").write_text(keras.__name__)
        if custom_objects:
            data.joinpath(_OBJECTS).write_bytes(importlib.import_module("cloudpickle").dumps(dict(custom_objects)))
        saving.write_flavor(
            FLAVOR_NAME,
            {
                "data": _DATA,
                "keras_backend": keras.backend.backend(),
                "keras_version": keras.__version__,
                "save_exported_model": False,
                **({"custom_objects": f"{_DATA}/{_OBJECTS}"} if custom_objects else {}),
            },
            loader_module="mlflow.keras",
        )
        parts = [model, *getattr(model, "layers", ()), *(custom_objects or {}).values()]
        saving.requirements(
            pip_requirements,
            extra_pip_requirements,
            conda_env,
            default=["keras", "numpy", keras.backend.backend(), *(["cloudpickle"] if custom_objects else [])],
            modules={str(getattr(each, "__module__", "")) for each in parts},
        )
        saving.predict = _Predictor(model).predict


def log_model(
    model: Any,
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
    custom_objects: Mapping[str, Any] | None = None,
    save_model_kwargs: Mapping[str, Any] | None = None,
    conda_env: Mapping[str, Any] | str | None = None,
    await_registration_for: int | None = None,
) -> ModelInfo:
    """Log a Keras model to the active run. Without an active run, the model gets a run of its own.

    Args:
        model: A Keras 3 model, on any backend.
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
            requirements file. Defaults to the installed versions of Keras, its backend and of the packages that the
            model imports.
        extra_pip_requirements: Requirements to add to `pip_requirements` or to its default, in the same forms. They
            replace requirements of the same package.
        code_paths: Files and folders with modules that the model imports. They are copied into the model, and
            `load_model` makes them importable.
        metadata: A dict of your own that is stored in the MLmodel file.
        custom_objects: Classes and functions of your own that the model uses, by their names in the model. They are
            saved in a pickle, so that the model also loads where they are not registered with Keras.
        save_model_kwargs: Keyword arguments for Keras's `Model.save`.
        conda_env: A conda environment, as a dict or as the path of a YAML file, in place of `pip_requirements`: its pip
            packages are the requirements, and it becomes the model's conda.yaml.
        await_registration_for: Ignored, because a version is ready at once. MLflow has this parameter.

    Returns:
        The description of the logged model. Its `model_uri` is what `load_model` takes.

    Raises:
        InvalidParameter: If both `artifact_path` and `name` are given.
        NotFound: If a file in `code_paths` or the requirements file does not exist.
    """
    return log(
        sys.modules[__name__],
        artifact_path,
        name,
        registered_model_name,
        model=model,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        conda_env=conda_env,
        code_paths=code_paths,
        metadata=metadata,
        custom_objects=custom_objects,
        save_model_kwargs=save_model_kwargs,
    )


def load_model(
    model_uri: str | os.PathLike[str],
    dst_path: str | None = None,
    *,
    custom_objects: Mapping[str, Any] | None = None,
    load_model_kwargs: Mapping[str, Any] | None = None,
    trust: bool = False,
) -> Any:
    """Load a Keras model.

    Keras itself chooses its backend, by KERAS_BACKEND or by its settings file. If neither names a backend that is
    installed, and Keras was not imported before, the model is loaded with the backend that it was saved with.

    Args:
        model_uri: A URI such as "runs:/<run_id>/model", "models:/digits/3", "models:/digits/Production" or
            "models:/digits@champion", or the path of a model folder.
        dst_path: Folder to copy the model's files to. None reads them where they are stored.
        custom_objects: Classes and functions by their names in the model. They replace those that were saved with
            the model, which are then not read.
        load_model_kwargs: Keyword arguments for Keras's `load_model`.
        trust: Whether to load a model that no run of this store logged even if it contains Lambda layers, wrapped
            PyTorch modules or pickled custom objects. Loading such a model can run any code that was put into it,
            so set it only if you trust the source.

    Returns:
        The Keras model.

    Raises:
        NotFound: If the model does not exist, or was not saved with this flavor.
        InvalidParameter: If the model uses a class that is not known here, if it was exported as a TensorFlow
            graph, or if it can run code, no run of this store logged it, and `trust` is False.
    """
    opened = open_model(model_uri, FLAVOR_NAME, dst_path, trust=trust)
    return _load(opened.folder, opened.settings, opened.trusted, custom_objects, load_model_kwargs)


def load_pyfunc(folder: Path, settings: Mapping[str, Any], *, trusted: bool) -> Any:
    """Load the model as an object with `predict`, for `nbtrack.pyfunc`.

    Args:
        folder: The model's local folder.
        settings: The entry of this flavor in the MLmodel file.
        trusted: Whether the model may run code of its own while it is loaded.

    Returns:
        An object whose `predict` returns a DataFrame for a DataFrame, an array for arrays, and a dict of arrays
            if the model has several outputs.
    """
    return _Predictor(_load(folder, settings, trusted))


class _Predictor:
    """A model that returns a DataFrame for a DataFrame, and a dict of arrays if it has several outputs."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def predict(self, data: Any) -> Any:
        if hasattr(data, "iloc"):
            import pandas as pd

            return pd.DataFrame(self._model.predict(data.to_numpy(), verbose=0), index=data.index)
        predictions = self._model.predict(data, verbose=0)
        if isinstance(predictions, list | tuple):
            return dict(zip(self._model.output_names, predictions, strict=True))
        return predictions

    def get_raw_model(self) -> Any:
        return self._model


def _load(
    folder: Path,
    settings: Mapping[str, Any],
    trusted: bool,
    custom_objects: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Any:
    if settings.get("save_exported_model"):
        raise InvalidParameter(
            f"The model at {str(folder)!r:.200} was exported as a TensorFlow graph and is no longer a Keras model. "
            "Load it with tf.saved_model.load, or save it again without save_exported_model."
        )
    file = file_of(folder, {"data": f"{settings.get('data') or _DATA}/{_MODEL}"}, "data")
    if custom_objects is None and settings.get("custom_objects"):
        ask_trust(trusted, folder, "contains its custom objects in a pickle")
        pickled = file_of(folder, settings, "custom_objects").read_bytes()
        custom_objects = importlib.import_module("cloudpickle").loads(pickled)
    load = _keras(settings.get("keras_backend")).saving.load_model
    try:
        return load(str(file), **{"custom_objects": custom_objects, "safe_mode": not trusted, **(options or {})})
    except (ValueError, TypeError) as error:
        if "safe_mode=False" in str(error):
            ask_trust(trusted, folder, "contains a layer with code in it")
        if unknown := re.search(r"Could not locate (\w+ '[^']*')", str(error)):
            raise InvalidParameter(
                f"The model at {str(folder)!r:.200} uses the {unknown[1]:.200}, which is not registered with Keras. "
                "Import the module that registers it, or pass custom_objects={…} to load_model. A model that is "
                "saved with custom_objects contains them."
            ) from error
        raise


def _keras(backend: object = None) -> Any:
    """Import Keras.

    Args:
        backend: The backend to use if Keras was not imported before and the backend that it is set to is not installed.

    Returns:
        The module.
    """
    if "keras" in sys.modules or "KERAS_BACKEND" in os.environ or backend not in _BACKENDS or _is_backend_installed():
        return importlib.import_module("keras")
    os.environ["KERAS_BACKEND"] = str(backend)
    try:
        return importlib.import_module("keras")
    finally:
        del os.environ["KERAS_BACKEND"]


def _is_backend_installed() -> bool:
    """Return whether the backend that Keras is set to is installed."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        chosen = str(json.loads((home / "keras.json").read_text())["backend"])
    except (OSError, ValueError, KeyError, TypeError):
        chosen = "tensorflow"
    return importlib.util.find_spec(chosen.partition(".")[0]) is not None


# ------------------------------------------------------------------------------------------------ autologging


def autolog(
    log_input_examples: bool = False,
    log_model_signatures: bool = True,
    log_models: bool = True,
    log_datasets: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    log_every_epoch: bool = True,
    log_every_n_steps: int | None = None,
    registered_model_name: str | None = None,
    save_model_kwargs: Mapping[str, Any] | None = None,
    extra_tags: Mapping[str, Any] | None = None,
) -> None:
    """Log every `Model.fit` of Keras from now on, on any backend.

    A training is logged to the active run. If there is none, it gets a run of its own, which ends with the
    training. nbtrack logs the arguments of `fit`, the optimizer's configuration as `optimizer_<name>`, the metrics of
    each epoch, early stopping, a summary of the model, arrays and DataFrames as inputs, and the model. See `nbtrack
    guide autologging` for all names.

    Args:
        log_input_examples: Whether to store the first five rows of the training data with each model.
        log_model_signatures: Whether to store a signature with each model. It follows from the shapes of the model,
            or from the first rows if the model has none.
        log_models: Whether to log each trained model, as the artifact "model".
        log_datasets: Whether to log the training data as an input of the run: its name, digest and schema, not the
            data itself.
        disable: Whether to switch autologging off and restore the original functions of the framework.
        exclusive: Whether to log only trainings that get a run of their own. By default, a training is logged to
            the active run if there is one.
        disable_for_unsupported_versions: Whether to do nothing if the installed version of the framework was not
            tested. By default there is a warning, and trainings are logged.
        silent: Whether to suppress all warnings of autologging.
        log_every_epoch: Whether to log metrics at the end of each epoch. Pass False together with
            `log_every_n_steps`.
        log_every_n_steps: Log the training's metrics every so many steps instead of every epoch. None logs epochs.
        registered_model_name: Registered model to which each logged model is added as its next version. None
            registers nothing.
        save_model_kwargs: Keyword arguments for Keras's `Model.save`.
        extra_tags: Tags for the runs that are started for a training. A run that was already active does not get
            them.

    Raises:
        InvalidParameter: If metrics would be logged both every epoch and every n steps, or neither.

    Example:
        >>> autolog(log_every_epoch=False, log_every_n_steps=100)
        >>> autolog(disable=True)
    """
    if log_every_epoch is (log_every_n_steps is not None):
        raise InvalidParameter(
            "Metrics are logged either every epoch or every n steps. Use the defaults to log every epoch, or pass "
            "log_every_epoch=False and a number of steps, for example log_every_n_steps=100."
        )
    autologging.switch(FLAVOR_NAME, **locals())


@autologging.autologger(FLAVOR_NAME, module="keras", supported=("3.9", "4"))
def _install(patches: autologging.Patches) -> None:
    autologging.log_training(patches, _keras().Model, "fit", _log_fit)


def _log_fit(training: autologging.Training, call: autologging.Call) -> Generator[None, Any, None]:
    model, features = call.instance, call.argument("x")
    stopping = None
    with training.guarded("log the params"):
        training.log_params(_params(call))
        stopping = _early_stopping(call.argument("callbacks"))
        if stopping is not None:
            names = ("monitor", "min_delta", "patience", "baseline", "restore_best_weights")
            training.log_params({name: getattr(stopping, name) for name in names})
    _log_dataset(training, features, call.argument("y"), "train")
    if isinstance(held_out := call.argument("validation_data"), tuple | list) and len(held_out) > 1:
        _log_dataset(training, held_out[0], held_out[1], "eval")
    if isinstance(features, types.GeneratorType):
        call.set("x", _log_batch_size(features, training))
    call.set("callbacks", _add_callback(call.argument("callbacks"), _callback(training, model)))
    history = yield
    if stopping is not None:
        with training.guarded("log the early stopping"):
            _log_stopping(training, stopping, history)
    with _torch_random_kept():
        _log_trained_model(training, model, features)


def _params(call: autologging.Call) -> dict[str, Any]:
    """Return the arguments of `fit`, including defaults, that are not data."""
    bound = inspect.signature(call.function).bind(*call.args, **call.kwargs)
    bound.apply_defaults()
    others = ("x", "y", "callbacks", "validation_data", "verbose")
    params = {name: value for name, value in bound.arguments.items() if name not in others}
    if params.get("batch_size") is None:
        features = bound.arguments["x"]
        if isinstance(features, types.GeneratorType):
            # Only the first batch shows it: see `_log_batch_size`.
            del params["batch_size"]
        else:
            params["batch_size"] = getattr(features, "batch_size", None)
    return params


def _log_batch_size(batches: Iterator[Any], training: autologging.Training) -> Iterator[Any]:
    """Yield the same batches, and log the size of the first one.

    Nothing is taken from the user's generator before Keras asks for it.
    """

    @autologging.guarded(FLAVOR_NAME, "log the batch size")
    def note(batch: Any) -> None:
        while isinstance(batch, tuple | list | dict):
            batch = next(iter(batch.values())) if isinstance(batch, dict) else batch[0]
        training.log_params({"batch_size": len(batch)})

    is_first = True
    for batch in batches:
        if is_first:
            note(batch)
            is_first = False
        yield batch


def _log_dataset(training: autologging.Training, features: Any, targets: Any, context: str) -> None:
    """Log arrays. Loaders and generators are not logged, because reading them could change what they return next."""
    with training.guarded("log the dataset"):
        if isinstance(features, tuple | list) and all(hasattr(each, "shape") for each in features):
            features = {f"input_{number}": each for number, each in enumerate(features)}
        if isinstance(features, dict):
            if training.settings.log_datasets:
                arrays = {str(name): inputs.as_array(each) for name, each in features.items()}
                labels = None if targets is None else inputs.as_array(targets)
                training.run.log_input(from_numpy(arrays, targets=labels), context)
        elif hasattr(features, "shape"):
            training.log_dataset(features, targets, context)


def _callback(training: autologging.Training, model: Any) -> Any:
    """Return the callback that Keras calls during the training."""
    steps = training.settings.own["log_every_n_steps"]
    epoch = 0

    @autologging.guarded(FLAVOR_NAME, "log the start of the training")
    def begin(logs: Any = None) -> None:
        # The shapes of the model may not be known before.
        with training.guarded("log the optimizer"):
            config = model.optimizer.get_config()
            training.log_params({f"optimizer_{name}": value for name, value in config.items()})
        training.log_text(_summary(model), "model_summary.txt")

    @autologging.guarded(FLAVOR_NAME, "count the epochs")
    def begin_epoch(number: int, logs: Any = None) -> None:
        nonlocal epoch
        epoch = number

    @autologging.guarded(FLAVOR_NAME, "log an epoch")
    def end_epoch(number: int, logs: Any = None) -> None:
        training.log_metrics(logs or {}, number)

    @autologging.guarded(FLAVOR_NAME, "log a step")
    def end_batch(number: int, logs: Any = None) -> None:
        step = int(model.optimizer.iterations)
        if step % steps == 0:
            training.log_metrics(logs or {}, step)

    @autologging.guarded(FLAVOR_NAME, "log a validation")
    def end_test(logs: Any = None) -> None:
        training.log_metrics({f"validation_{name}": value for name, value in (logs or {}).items()}, epoch)

    return _keras().callbacks.LambdaCallback(
        on_train_begin=begin,
        on_epoch_begin=begin_epoch,
        on_epoch_end=end_epoch if steps is None else None,
        on_train_batch_end=end_batch if steps is not None else None,
        on_test_end=end_test,
    )


def _add_callback(callbacks: Any, callback: Any) -> Any:
    """Return the callbacks with one more, in a new list, so that the user's list stays the same."""
    if not hasattr(callbacks, "callbacks"):
        return [*_as_list(callbacks), callback]
    # A CallbackList has already passed the model and the params to its own callbacks.
    container = copy.copy(callbacks)
    container.callbacks = [*callbacks.callbacks, callback]
    callback.set_model(callbacks.model)
    callback.set_params(callbacks.params)
    return container


def _as_list(callbacks: Any) -> list[Any]:
    found = getattr(callbacks, "callbacks", callbacks)
    return [] if not found else list(found) if isinstance(found, list | tuple) else [found]


def _early_stopping(callbacks: Any) -> Any:
    kind = _keras().callbacks.EarlyStopping
    return next((each for each in _as_list(callbacks) if isinstance(each, kind)), None)


def _log_stopping(training: autologging.Training, stopping: Any, history: Any) -> None:
    """Log where the training stopped, and log the metrics of a restored epoch again, one step after the last."""
    if not stopping.stopped_epoch:
        return
    training.log_metrics({"stopped_epoch": stopping.stopped_epoch})
    if stopping.restore_best_weights and stopping.best_weights is not None and stopping.best_epoch in history.epoch:
        training.log_metrics({"restored_epoch": stopping.best_epoch})
        place = history.epoch.index(stopping.best_epoch)
        # If validation_freq is above 1, some metrics have fewer values than there are epochs.
        known = {name: values for name, values in history.history.items() if len(values) == len(history.epoch)}
        training.log_metrics({name: values[place] for name, values in known.items()}, stopping.stopped_epoch + 1)


def _log_trained_model(training: autologging.Training, model: Any, features: Any) -> None:
    options = training.settings
    # For `save_model`, False means no signature, and None means one that is inferred from the example.
    known: ModelSignature | bool | None = False
    if options.log_model_signatures:
        known = None
        with training.guarded("read the model's signature"):
            # Of a DataFrame, the columns are inferred, so that `predict` accepts such data.
            known = None if hasattr(features, "iloc") else _signature_of(model)
    example = None
    if options.log_models and (options.log_input_examples or known is None):
        with training.guarded("take an input example"):
            example = _example(features, known)

    def log_it(model: Any, name: str, *, signature: Any, **arguments: Any) -> ModelInfo:
        kwargs = options.own["save_model_kwargs"]
        return log_model(
            model, name, signature=signature if known is None else known, save_model_kwargs=kwargs, **arguments
        )

    training.log_model(log_it, model, example=example, predict=_Predictor(model).predict if known is None else None)


def _signature_of(model: Any) -> ModelSignature | None:
    """Return the signature from the shapes of the model, or None if it has none before its first call."""
    try:
        given, made = (_tensors(model, name) for name in ("input", "output"))
    except (AttributeError, ValueError):
        return None
    if given is None or made is None:
        return None
    names = getattr(model, "output_names", None)
    return ModelSignature(_schema(given, None), _schema(made, names))


def _tensors(model: Any, name: str) -> Any:
    """Return the symbolic inputs or outputs of a model: one, a list or a dict. None if they are not known."""
    # A Sequential model has only the list.
    return getattr(model, name, None) if hasattr(model, name) else getattr(model, f"{name}s", None) or None


def _schema(tensors: Any, names: Sequence[str] | None) -> Schema:
    if isinstance(tensors, list | tuple) and len(tensors) == 1:
        (tensors,) = tensors
    if isinstance(tensors, list | tuple):
        tensors = dict(zip(names or [each.name for each in tensors], tensors, strict=True))
    named = tensors.items() if isinstance(tensors, dict) else [(None, tensors)]
    return Schema(
        [
            # A model that was built by its first batch has the size of that batch as its first dimension.
            TensorSpec(each.dtype, [-1, *(-1 if length is None else length for length in each.shape[1:])], name)
            for name, each in named
        ]
    )


def _example(features: Any, signature: ModelSignature | bool | None) -> Any:
    """Return the first rows of the input, with the types of the signature, or None if the input is not an array."""
    if isinstance(features, tuple | list) and isinstance(signature, ModelSignature) and signature.inputs is not None:
        features = dict(zip(signature.inputs.input_names(), features, strict=False))
    if isinstance(features, dict):
        return {name: _example(each, None) for name, each in features.items()}
    if not hasattr(features, "shape"):
        return None
    rows = inputs.first_rows(features)
    specs = list(signature.inputs) if isinstance(signature, ModelSignature) and signature.inputs else []
    if len(specs) == 1 and isinstance(specs[0], TensorSpec) and not hasattr(rows, "iloc"):
        rows = rows.astype(specs[0].type)
    return rows


def _summary(model: Any) -> str:
    """Return the text of `Model.summary()`.

    In a notebook it would create an empty output, even though its text goes elsewhere, so outputs are captured.
    """
    lines: list[str] = []
    with ExitStack() as stack:
        if "IPython" in sys.modules:
            from IPython.utils.capture import capture_output

            stack.enter_context(capture_output(stdout=False, stderr=False))
        model.summary(print_fn=lambda line, *_, **__: lines.append(line))
    return "\n".join(lines)


@contextmanager
def _torch_random_kept() -> Iterator[None]:
    """Restore the state of PyTorch's global random generator after the block.

    Keras draws from it for every loader, even for the rows of a prediction.
    """
    torch = sys.modules.get("torch")
    before = torch.get_rng_state() if torch else None
    try:
        yield
    finally:
        if torch:
            torch.set_rng_state(before)
