"""Models as functions: every flavor's model with the same `predict`, and models that are written in plain Python.

    model = nbtrack.pyfunc.load_model("models:/digits/Production")
    model.predict(frame)

What `predict` is given is held against the model's signature first. A model is loaded by one of the flavors that its
manifest lists and that are installed here, found by its name; the module that the manifest names for the real mlflow
is never imported.
"""

from __future__ import annotations

import inspect
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
from ..models.saving import PYFUNC, call_predict, new_model
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

# Which modules are pickled by value is one setting of the whole process.
_mutex = threading.Lock()


class PyFuncModel:
    """A loaded model. `metadata` is its manifest, `loader` the name of the flavor that loaded it."""

    def __init__(self, metadata: Model, model: Any, loader: str, folder: Path) -> None:
        self.metadata = metadata
        self.loader = loader
        self.folder = folder
        self._model = model
        self._predict = _predict_function(model, metadata)

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """The model's answer for a batch of data, which is held against the signature before the model sees it.

        Raises InvalidParameter, with the name of the column, tensor or param that is missing or wrong.
        """
        return self.call(*self.enforced(data, params))

    def call(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """The model's answer for data and params that are `enforced` already."""
        return call_predict(self._predict, data, params)

    def enforced(self, data: Any, params: Mapping[str, Any] | None = None) -> tuple[Any, dict[str, Any] | None]:
        """The data and the params as the model will see them."""
        schema = self.metadata.get_input_schema()
        # MLflow's own wrapper, which is in the pickle of such a model, checks the data by the type hint.
        if schema is not None and not self.metadata.extra.get("is_signature_from_type_hint"):
            data = enforce(data, schema)
        return data, enforce_params(params, self.metadata.get_params_schema())

    @property
    def signature(self) -> ModelSignature | None:
        """What `predict` takes and gives, where that is known."""
        signature = self.metadata.signature
        return signature if isinstance(signature, ModelSignature) else None

    @property
    def input_example(self) -> Any:
        """The example that the model was saved with, as its data, or a pair of data and params; None without one."""
        info = self.metadata.saved_input_example_info
        if not info:
            return None
        data, params = read_input_example(self.folder, info, self.metadata.get_input_schema())
        return data if params is None else (data, params)

    def unwrap_python_model(self) -> Any:
        """The PythonModel inside, with methods of its own."""
        found = getattr(self._model, "python_model", None)
        if found is None:
            raise InvalidState(
                f"This model was loaded by the flavor {self.loader!r}, so it does not contain a PythonModel."
            )
        return found

    def get_raw_model(self) -> Any:
        """The framework's own object inside."""
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
    """The model at a URI or in a folder, of whatever flavor, as a function.

    A model that can run code of its own while it is loaded, such as a pickle, must have been logged by a run of this
    store; from elsewhere it takes `trust=True`. `model_config` replaces entries of the configuration that a PythonModel
    was saved with.
    """
    opened = open_model(model_uri, None, dst_path, trust=trust, suppress_warnings=suppress_warnings)
    model = opened.model
    name, load = _loader(model, model_uri)
    settings = model.flavors.get(name, {})
    if model_config:
        settings = {**settings, "config": {**(settings.get("config") or {}), **model_config}}
    return PyFuncModel(model, load(opened.folder, settings, trusted=opened.trusted), name, opened.folder)


def load_pyfunc(folder: Path, settings: Mapping[str, Any], *, trusted: bool) -> Any:
    """A model that is written in Python."""
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
    return _Function(model, context)


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
) -> None:
    """Save a model that is written in Python: a `PythonModel`, or a function of the data.

    `artifacts` are files or folders, by paths or URIs, that are copied into the model; its `load_context` finds them
    under the same names. Without `pip_requirements`, the packages that the model imports are written down. For modules
    of your own that it imports, give `code_paths`.
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

        kept = _copy_artifacts(saving.folder, artifacts or {})
        (saving.folder / _PICKLE).write_bytes(_pickled(model))
        settings: dict[str, Any] = {"python_model": _PICKLE, "cloudpickle_version": cloudpickle.__version__}
        if kept:
            settings[_ARTIFACTS] = kept
        if model_config:
            settings["config"] = dict(model_config)
        saving.write_pyfunc({"loader_module": _LOADER, "streamable": False, **settings})
        saving.requirements(
            pip_requirements, extra_pip_requirements, default=["cloudpickle"], modules=required_by(model)
        )
        if input_example is not None:
            # A copy out of the file: load_context must find what it will find later, and not change the caller's.
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
) -> ModelInfo:
    """Keep a model that is written in Python as an artifact of the active run, which is started where there is none.

    `name` is MLflow 3's word for `artifact_path`; without either it is "model". With `registered_model_name` the
    model becomes that model's next version. For the other arguments see `save_model`.
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
        code_paths=code_paths,
        metadata=metadata,
        model_config=model_config,
    )


class _Function:
    """A PythonModel with its context, as an object with `predict`."""

    def __init__(self, model: Any, context: PythonModelContext) -> None:
        self.python_model = model
        self.context = context

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        data = as_hinted(data, getattr(self.python_model, "predict_type_hints", None))
        predict = self.python_model.predict
        arguments = (self.context, data) if takes_context(predict) else (data,)
        if "params" in inspect.signature(predict).parameters:
            return predict(*arguments, params=params)
        return predict(*arguments)


def _loader(model: Model, model_uri: str | os.PathLike[str]) -> tuple[str, Callable[..., Any]]:
    """The first flavor of a model that is installed here and makes functions; the one that mlflow would take first."""
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
    # A name out of the manifest: only a public method will do.
    found = None if name.startswith("_") else getattr(model, name, None)
    if not callable(found):
        raise NotFound(
            f"The model does not have the method {name!r:.80}, which its MLmodel file names for predictions."
        )
    return found  # type: ignore[no-any-return]


def _is_python_model(value: Any) -> bool:
    """Ours, or MLflow's, which has the same methods."""
    return callable(getattr(value, "load_context", None)) and callable(getattr(value, "predict", None))


def _pickled(model: Any) -> bytes:
    import cloudpickle

    with _mutex:
        cloudpickle.register_pickle_by_value(by_value)
        try:
            return bytes(cloudpickle.dumps(model))
        except Exception as error:  # what an object's own methods raise
            raise InvalidParameter(
                f"This {type(model).__name__} cannot be pickled: {sentence(error)} Open files, connections and the "
                "like in load_context, not in __init__."
            ) from error
        finally:
            cloudpickle.unregister_pickle_by_value(by_value)


def _copy_artifacts(folder: Path, artifacts: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Copy files and folders into the model, each under its own name, or below the artifact's where two are alike."""
    import shutil

    kept = {}
    for name, uri in artifacts.items():
        source = locate(str(uri)).folder()
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
