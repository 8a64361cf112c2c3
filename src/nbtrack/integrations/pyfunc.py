"""Models as functions: one `predict` for the models of every flavor, and models written in Python.

    model = nbtrack.pyfunc.load_model("models:/digits/Production")
    model.predict(frame)

Data for `predict` is first checked against the model's signature. A model is loaded by one of its flavors that is
installed here, found by its name. The module that the MLmodel file names for MLflow is never imported.
"""

from __future__ import annotations

import inspect
import operator
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..artifact_store.base import check_artifact_path
from ..errors import InvalidParameter, InvalidState, NotFound, NotSupported
from ..models import Model, ModelInfo, locate
from ..models import python_model as by_value
from ..models.enforcement import enforce, enforce_params
from ..models.example import read_input_example
from ..models.flavors import find_flavor, flavor_names
from ..models.loading import ask_trust, file_of, open_model
from ..models.python_model import FunctionModel, PythonModel, PythonModelContext, as_hinted, takes_context
from ..models.requirements import required_by
from ..models.saving import PYFUNC, call_predict, checked_dict, new_model
from ..models.signature import ModelSignature
from .common import log, sentence

__all__ = [
    "FLAVOR_NAME",
    "PyFuncModel",
    "PythonModel",
    "PythonModelContext",
    "load_model",
    "load_pyfunc",
    "log_model",
    "save_model",
]

FLAVOR_NAME = PYFUNC

_LOADER = "mlflow.pyfunc.model"
_PICKLE = "python_model.pkl"
_ARTIFACTS = "artifacts"

# The modules that are pickled by value are a setting of the whole process.
_mutex = threading.Lock()


class PyFuncModel:
    """A loaded model of any flavor, with one `predict` for all of them.

    `load_model` creates it.

    Args:
        metadata: The model's manifest, as read from its MLmodel file.
        model: The object of the flavor that predicts.
        loader: Name of the flavor that loaded the model.
        folder: Local folder with the model's files.
    """

    def __init__(self, metadata: Model, model: Any, loader: str, folder: Path) -> None:
        self.metadata = metadata
        self.loader = loader
        self.folder = folder
        self._model = model
        self._predict = _predict_function(model, metadata)

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Predict a batch of data, after checking it against the signature.

        Columns are put into the order of the signature, and values are converted if nothing is lost.

        Args:
            data: A DataFrame, an array, a dict of arrays, or whatever else the model takes.
            params: Params of the prediction by name. Those that are missing get the defaults of the signature.

        Returns:
            What the model returns.

        Raises:
            InvalidParameter: If a column, tensor or param is missing or has the wrong type. The message names it.
        """
        return self.call(*self.enforced(data, params))

    def call(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Predict a batch of data that `enforced` has already checked.

        Args:
            data: The data as `enforced` returns it.
            params: The params as `enforced` returns them.

        Returns:
            What the model returns.
        """
        return call_predict(self._predict, data, params)

    def enforced(self, data: Any, params: Mapping[str, Any] | None = None) -> tuple[Any, dict[str, Any] | None]:
        """Check data and params against the signature, and convert them as the model needs them.

        Args:
            data: A DataFrame, an array, a dict of arrays, or whatever else the model takes.
            params: Params of the prediction by name. Those that are missing get the defaults of the signature.

        Returns:
            The data and the params that the model is called with.

        Raises:
            InvalidParameter: If a column, tensor or param is missing or has the wrong type.
        """
        schema = self.metadata.get_input_schema()
        # The pickle of such a model contains a wrapper of MLflow's that checks the data by the type hint.
        if schema is not None and not self.metadata.extra.get("is_signature_from_type_hint"):
            data = enforce(data, schema)
        return data, enforce_params(params, self.metadata.get_params_schema())

    @property
    def signature(self) -> ModelSignature | None:
        """The signature of the model, None if it has none."""
        signature = self.metadata.signature
        return signature if isinstance(signature, ModelSignature) else None

    @property
    def input_example(self) -> Any:
        """The example that the model was saved with: data, a pair of data and params, or None."""
        info = self.metadata.saved_input_example_info
        if not info:
            return None
        data, params = read_input_example(self.folder, info, self.metadata.get_input_schema())
        return data if params is None else (data, params)

    def unwrap_python_model(self) -> Any:
        """Return the PythonModel inside, for example to call its own methods.

        Returns:
            The instance that was saved.

        Raises:
            InvalidState: If the model was not saved as a PythonModel.
        """
        found = getattr(self._model, "python_model", None)
        if found is None:
            raise InvalidState(
                f"This model was loaded by the flavor {self.loader!r}, so it does not contain a PythonModel."
            )
        return found

    def get_raw_model(self) -> Any:
        """Return the framework's own object, such as the scikit-learn estimator.

        Returns:
            The object, whose type depends on the flavor.

        Raises:
            NotSupported: If the flavor does not give access to it.
        """
        found = getattr(self._model, "get_raw_model", None)
        if found is None:
            raise NotSupported(f"The flavor {self.loader!r} does not give access to the framework's own model.")
        return found()

    def __repr__(self) -> str:
        where = f" of run {self.metadata.run_id}" if self.metadata.run_id else ""
        return f"<PyFuncModel {self.metadata.artifact_path or self.folder.name!r}{where}, loaded by {self.loader!r}>"


def load_model(
    model_uri: str | os.PathLike[str],
    suppress_warnings: bool = False,
    dst_path: str | None = None,
    model_config: Mapping[str, Any] | None = None,
    *,
    trust: bool = False,
) -> PyFuncModel:
    """Load a model of any flavor as an object with `predict`.

    The model is loaded by one of its flavors that is installed here. The module that its MLmodel file names for
    MLflow is never imported.

    Args:
        model_uri: A URI such as "runs:/<run_id>/model", "models:/digits/3", "models:/digits/Production" or
            "models:/digits@champion", or the path of a model folder.
        suppress_warnings: Whether to be silent if installed packages differ from those that the model was saved
            with.
        dst_path: Folder to copy the model's files to. None reads them where they are stored.
        model_config: Entries that replace those of the configuration that the model was saved with.
        trust: Whether to load a model that no run of this store logged even if it can run code while it is loaded,
            as a pickle can. Loading such a model can run any code that was put into it, so set it only if you trust
            the source.

    Returns:
        The model. Its `predict` checks data against the signature.

    Raises:
        NotFound: If the model does not exist, or if none of its flavors is installed.
        InvalidParameter: If no run of this store logged the model, it can run code, and `trust` is False.

    Example:
        ```python
        model = nbtrack.pyfunc.load_model("models:/digits/Production")
        model.predict(frame)
        ```
    """
    opened = open_model(model_uri, None, dst_path, trust=trust, suppress_warnings=suppress_warnings)
    model = opened.model
    name, load = _loader(model, model_uri)
    settings = model.flavors.get(name, {})
    if model_config:
        settings = {**settings, "config": {**(settings.get("config") or {}), **model_config}}
    return PyFuncModel(model, load(opened.folder, settings, trusted=opened.trusted), name, opened.folder)


def load_pyfunc(folder: Path, settings: Mapping[str, Any], *, trusted: bool) -> Any:
    """Load a model written in Python as an object with `predict`.

    Args:
        folder: The model's local folder.
        settings: The entry of this flavor in the MLmodel file.
        trusted: Whether the model may run code of its own while it is loaded.

    Returns:
        An object whose `predict` calls that of the PythonModel with its context.

    Raises:
        InvalidParameter: If the model is not trusted, because it is a pickle.
        NotSupported: If the model is a script that MLflow would run, or is compressed.
    """
    if "model_code_path" in settings:
        raise NotSupported(
            "This model is a script that creates the model, and nbtrack does not run such scripts. Load it with "
            "mlflow, and log the model that the script creates as a PythonModel."
        )
    ask_trust(trusted, folder)
    if settings.get("python_model_compression"):
        raise NotSupported(
            f"This model is compressed with {settings['python_model_compression']!r:.40}, which nbtrack does not "
            "support. Load it with mlflow."
        )
    import cloudpickle

    artifacts = {name: str(file_of(folder, info, "path")) for name, info in (settings.get(_ARTIFACTS) or {}).items()}
    context = PythonModelContext(artifacts, dict(settings.get("config") or {}))
    model = cloudpickle.loads(file_of(folder, settings, "python_model", _PICKLE).read_bytes())
    model.load_context(context)
    return _Predictor(model, context)


def save_model(
    path: str,
    *,
    python_model: Any,
    artifacts: Mapping[str, str] | None = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Sequence[str] | str | None = None,
    extra_pip_requirements: Sequence[str] | str | None = None,
    code_paths: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    model_config: Mapping[str, Any] | None = None,
    mlflow_model: Model | None = None,
    conda_env: Mapping[str, Any] | str | None = None,
) -> None:
    """Save a model written in Python as a folder.

    `load_model` reads the folder, and so does MLflow. The model is pickled by cloudpickle. Pass modules of your own
    that it imports in `code_paths`.

    Args:
        path: Folder to save to. It must be new or empty.
        python_model: An instance of `PythonModel`, or a function that takes the data and, if it needs them,
            `params`.
        artifacts: Files and folders to copy into the model: paths or URIs by name. The model finds their local
            paths in `context.artifacts` under the same names.
        signature: Inputs, outputs and params of the model, for example from `nbtrack.models.infer_signature`. None
            infers the signature from `input_example`; False saves none.
        input_example: A few rows of data for `predict`, or a pair of data and a dict of params. It is stored with
            the model, and the model is tested with it; if that fails, there is a warning and the model is saved.
            None stores no example.
        pip_requirements: What must be installed to load the model: a list of requirements, or the path of a
            requirements file. Defaults to the installed versions of cloudpickle and of the packages that the model
            imports.
        extra_pip_requirements: Requirements to add to `pip_requirements` or to its default, in the same forms. They
            replace requirements of the same package.
        code_paths: Files and folders with modules that the model imports. They are copied into the model, and
            `load_model` makes them importable.
        metadata: A dict of your own that is stored in the MLmodel file.
        model_config: Configuration of the model, which it finds in `context.model_config`. `load_model` can replace
            entries.
        mlflow_model: The manifest to fill in. Defaults to a new one. `log_model` passes the one that belongs to the
            run.
        conda_env: A conda environment, as a dict or as the path of a YAML file, in place of `pip_requirements`: its pip
            packages are the requirements, and it becomes the model's conda.yaml.

    Raises:
        InvalidParameter: If `path` is not a new or empty folder, or if `python_model` is neither an instance nor a
            function, or cannot be pickled.
        NotFound: If an artifact, a file in `code_paths` or the requirements file does not exist.
    """
    if not (isinstance(python_model, PythonModel) or callable(python_model) or _is_python_model(python_model)):
        raise InvalidParameter(
            "python_model must be an instance of nbtrack.pyfunc.PythonModel or a function, not "
            f"{type(python_model).__name__}."
        )
    if isinstance(python_model, type):
        raise InvalidParameter(
            f"python_model must be an instance, not the class {python_model.__name__}. Pass {python_model.__name__}()."
        )
    model = python_model if _is_python_model(python_model) else FunctionModel(python_model)
    with new_model(
        path,
        mlflow_model,
        signature=signature,
        input_example=input_example,
        code_paths=code_paths,
        metadata=metadata,
    ) as saving:
        import cloudpickle

        kept = _copy_artifacts(saving.folder, {} if artifacts is None else artifacts)
        (saving.folder / _PICKLE).write_bytes(_pickled(model))
        settings: dict[str, Any] = {"python_model": _PICKLE, "cloudpickle_version": cloudpickle.__version__}
        if kept:
            settings[_ARTIFACTS] = kept
        if config := checked_dict(model_config, "model_config"):
            settings["config"] = config
        saving.write_pyfunc({"loader_module": _LOADER, "streamable": False, **settings})
        saving.requirements(
            pip_requirements, extra_pip_requirements, conda_env, default=["cloudpickle"], modules=required_by(model)
        )
        if input_example is not None:
            # Use a copy loaded from the file: `load_context` must find what it will find later, and must not change
            # the caller's model.
            saving.predict = load_pyfunc(saving.folder, settings, trusted=True).predict


def log_model(
    artifact_path: str | None = None,
    *,
    python_model: Any,
    name: str | None = None,
    registered_model_name: str | None = None,
    artifacts: Mapping[str, str] | None = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Sequence[str] | str | None = None,
    extra_pip_requirements: Sequence[str] | str | None = None,
    code_paths: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    model_config: Mapping[str, Any] | None = None,
    conda_env: Mapping[str, Any] | str | None = None,
    await_registration_for: int | None = None,
) -> ModelInfo:
    """Log a model written in Python to the active run. Without an active run, the model gets a run of its own.

    Args:
        artifact_path: Folder of the model below the run's artifacts. Defaults to "model".
        python_model: An instance of `PythonModel`, or a function that takes the data and, if it needs them,
            `params`.
        name: MLflow 3's name for `artifact_path`. Pass only one of them.
        registered_model_name: Registered model to which the model is added as its next version. It is created if it
            does not exist. None registers nothing.
        artifacts: Files and folders to copy into the model: paths or URIs by name. The model finds their local
            paths in `context.artifacts` under the same names.
        signature: Inputs, outputs and params of the model, for example from `nbtrack.models.infer_signature`. None
            infers the signature from `input_example`; False saves none.
        input_example: A few rows of data for `predict`, or a pair of data and a dict of params. It is stored with
            the model, and the model is tested with it; if that fails, there is a warning and the model is saved.
            None stores no example.
        pip_requirements: What must be installed to load the model: a list of requirements, or the path of a
            requirements file. Defaults to the installed versions of cloudpickle and of the packages that the model
            imports.
        extra_pip_requirements: Requirements to add to `pip_requirements` or to its default, in the same forms. They
            replace requirements of the same package.
        code_paths: Files and folders with modules that the model imports. They are copied into the model, and
            `load_model` makes them importable.
        metadata: A dict of your own that is stored in the MLmodel file.
        model_config: Configuration of the model, which it finds in `context.model_config`. `load_model` can replace
            entries.
        conda_env: A conda environment, as a dict or as the path of a YAML file, in place of `pip_requirements`: its pip
            packages are the requirements, and it becomes the model's conda.yaml.
        await_registration_for: Ignored, because a version is ready at once. MLflow has this parameter.

    Returns:
        The description of the logged model. Its `model_uri` is what `load_model` takes.

    Raises:
        InvalidParameter: If both `artifact_path` and `name` are given, or as in `save_model`.
        NotFound: If an artifact, a file in `code_paths` or the requirements file does not exist.

    Example:
        ```python
        class Doubled(nbtrack.pyfunc.PythonModel):
            def predict(self, context, model_input, params=None):
                return model_input * 2

        with nbtrack.start_run():
            nbtrack.pyfunc.log_model(name="model", python_model=Doubled(), input_example=frame.head())
        ```
    """
    return log(
        sys.modules[__name__],
        artifact_path,
        name,
        registered_model_name,
        python_model=python_model,
        artifacts=artifacts,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        conda_env=conda_env,
        code_paths=code_paths,
        metadata=metadata,
        model_config=model_config,
    )


class _Predictor:
    """A PythonModel with its context, as an object with `predict`."""

    def __init__(self, model: Any, context: PythonModelContext) -> None:
        self.python_model = model
        self.context = context
        self._inspected: tuple[Any, Any] | None = None
        self._hints: Any = None
        self._takes_context = self._takes_params = False

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        predict = self.python_model.predict
        self._inspect(predict)
        data = as_hinted(data, self._hints)
        arguments = (self.context, data) if self._takes_context else (data,)
        if self._takes_params:
            return predict(*arguments, params=params)
        return predict(*arguments)

    def _inspect(self, predict: Callable[..., Any]) -> None:
        """Read the signature of the model's function, once unless it is replaced: it takes as long as many a model."""
        functions = (getattr(predict, "__func__", predict), getattr(self.python_model, "func", None))
        if self._inspected and all(map(operator.is_, functions, self._inspected)):
            return
        self._hints = getattr(self.python_model, "predict_type_hints", None)
        self._takes_context = takes_context(predict)
        self._takes_params = "params" in inspect.signature(predict).parameters
        self._inspected = functions


def _loader(model: Model, model_uri: str | os.PathLike[str]) -> tuple[str, Callable[..., Any]]:
    """Find the flavor that loads a model as a function.

    Returns:
        The name and the loader of the flavor that MLflow would use, or else of another one that is installed here.

    Raises:
        NotFound: If the model cannot predict, or if no flavor that can load the model is installed.
    """
    # The flavor of another package needs no such entry. That of scikit-learn lacks it if the estimator cannot predict.
    if PYFUNC not in model.flavors and "sklearn" in model.flavors:
        raise NotFound(
            f"The model at {os.fspath(model_uri)!r:.200} has no flavor {PYFUNC}, so it cannot predict. Load it with "
            f"its own flavor: {', '.join(sorted(model.flavors))}."
        )
    main = str(model.flavors.get(PYFUNC, {}).get("loader_module", ""))
    named = main.removeprefix("mlflow.").partition(".")[0]
    others = [name for name in model.flavors if name != PYFUNC]
    for name in sorted(others, key=lambda name: name != named):
        load = getattr(find_flavor(name), "load_pyfunc", None)
        if load is not None:
            return name, load
    if main == _LOADER:
        return PYFUNC, load_pyfunc
    raise NotFound(
        f"No installed flavor can load the model at {os.fspath(model_uri)!r:.200} as a function. The model has the "
        f"flavors {', '.join(sorted(model.flavors))}{f' (loader module {main!r:.80})' if main else ''}. Installed "
        f"flavors are {', '.join(flavor_names())}. nbtrack never imports a module because a model names it."
    )


def _predict_function(model: Any, metadata: Model) -> Callable[..., Any]:
    name = str(metadata.flavors.get(PYFUNC, {}).get("predict_fn") or "predict")
    # The name comes from the MLmodel file, so only a public method is accepted.
    found = None if name.startswith("_") else getattr(model, name, None)
    if not callable(found):
        raise NotFound(
            f"The model does not have the method {name!r:.80}, which its MLmodel file names for predictions."
        )
    return found  # type: ignore[no-any-return]


def _is_python_model(value: Any) -> bool:
    """Return whether a value has the methods of a PythonModel, of nbtrack's or of MLflow's."""
    return callable(getattr(value, "load_context", None)) and callable(getattr(value, "predict", None))


def _pickled(model: Any) -> bytes:
    import cloudpickle

    with _mutex:
        cloudpickle.register_pickle_by_value(by_value)
        try:
            return bytes(cloudpickle.dumps(model))
        except Exception as error:  # methods of the pickled objects can raise anything
            raise InvalidParameter(
                f"This {type(model).__name__} cannot be pickled: {sentence(error)} Open files, connections and the "
                "like in load_context, not in __init__."
            ) from error
        finally:
            cloudpickle.unregister_pickle_by_value(by_value)


def _copy_artifacts(folder: Path, artifacts: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Copy files and folders into the model.

    Each keeps its own name, below a folder named after the artifact if two names are the same.

    Returns:
        The settings that describe them, by name.

    Raises:
        InvalidParameter: If `artifacts` is not a dict of paths and URIs.
        NotFound: If one of them does not exist.
    """
    import shutil

    kept = {}
    places = artifacts.values() if isinstance(artifacts, Mapping) else [None]
    if not all(isinstance(uri, str | os.PathLike) for uri in places):
        raise InvalidParameter(f"artifacts must be a dict with a path or a URI for each name, not {artifacts!r:.80}.")
    for name, uri in artifacts.items():
        source = locate(str(uri)).folder()
        if not source.exists():
            raise NotFound(f"Artifact {str(name)!r:.80} of the model does not exist: {str(uri)!r:.200}.")
        path = f"{_ARTIFACTS}/{source.name}"
        if (folder / path).exists():
            path = f"{_ARTIFACTS}/{check_artifact_path(str(name))}/{source.name}"
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
        kept[str(name)] = {"path": path, "uri": str(uri)}
    return kept
