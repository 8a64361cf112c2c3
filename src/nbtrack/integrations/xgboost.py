"""The XGBoost flavor: boosters and estimators in XGBoost's own formats, and their autologging."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

from .. import autologging
from ..autologging import Call, Patches, Training
from ..errors import InvalidParameter
from ..models import Model, ModelInfo
from ..models.loading import ask_trust, file_of, open_model
from ..models.saving import new_model
from . import boosting
from .common import log

FLAVOR_NAME = "xgboost"

Format: TypeAlias = Literal["ubj", "json", "xgb"]

_FORMATS = ("ubj", "json", "xgb")
_BOOSTER = "xgboost.core.Booster"


def save_model(
    xgb_model: Any,
    path: str,
    *,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Sequence[str] | str | None = None,
    extra_pip_requirements: Sequence[str] | str | None = None,
    code_paths: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    model_format: Format = "ubj",
    mlflow_model: Model | None = None,
    conda_env: Mapping[str, Any] | str | None = None,
) -> None:
    """Save an XGBoost model as a folder.

    `load_model` reads the folder, and so does MLflow.

    Args:
        xgb_model: A Booster, or a fitted estimator such as XGBClassifier.
        path: Folder to save to. It must be new or empty.
        signature: Inputs, outputs and params of the model, for example from `nbtrack.models.infer_signature`. None
            infers the signature from `input_example`; False saves none.
        input_example: A few rows of data for `predict`, or a pair of data and a dict of params. It is stored with
            the model, and the model is tested with it; if that fails, there is a warning and the model is saved.
            None stores no example.
        pip_requirements: What must be installed to load the model: a list of requirements, or the path of a
            requirements file. Defaults to the installed versions of XGBoost and of the packages that the model
            imports.
        extra_pip_requirements: Requirements to add to `pip_requirements` or to its default, in the same forms. They
            replace requirements of the same package.
        code_paths: Files and folders with modules that the model imports. They are copied into the model, and
            `load_model` makes them importable.
        metadata: A dict of your own that is stored in the MLmodel file.
        model_format: XGBoost's file format: "ubj" (binary JSON), "json" or "xgb".
        mlflow_model: The manifest to fill in. Defaults to a new one. `log_model` passes the one that belongs to the
            run.
        conda_env: A conda environment, as a dict or as the path of a YAML file, in place of `pip_requirements`: its pip
            packages are the requirements, and it becomes the model's conda.yaml.

    Raises:
        InvalidParameter: If `path` is not a new or empty folder, or if `model_format` is unknown.
        NotFound: If a file in `code_paths` or the requirements file does not exist.
    """
    if model_format not in _FORMATS:
        raise InvalidParameter(f"model_format must be one of {', '.join(_FORMATS)}, not {model_format!r:.80}.")
    with new_model(
        path,
        mlflow_model,
        signature=signature,
        input_example=input_example,
        code_paths=code_paths,
        metadata=metadata,
    ) as saving:
        file = f"model.{model_format}"
        xgb_model.save_model(saving.folder / file)
        saving.write_flavor(
            FLAVOR_NAME,
            {
                "data": file,
                "xgb_version": importlib.import_module("xgboost").__version__,
                "model_class": _name_of(type(xgb_model)),
                "model_format": model_format,
            },
            loader_module="mlflow.xgboost",
            data=file,
        )
        # By modules, because the distribution is called xgboost or xgboost-cpu.
        modules = {"xgboost", "numpy", "scipy", type(xgb_model).__module__}
        modules |= set() if _name_of(type(xgb_model)) == _BOOSTER else {"sklearn"}
        saving.requirements(pip_requirements, extra_pip_requirements, conda_env, modules=modules)
        saving.predict = _predictor(xgb_model).predict


def log_model(
    xgb_model: Any,
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
    model_format: Format = "ubj",
    conda_env: Mapping[str, Any] | str | None = None,
    await_registration_for: int | None = None,
) -> ModelInfo:
    """Log an XGBoost model to the active run. Without an active run, the model gets a run of its own.

    Args:
        xgb_model: A Booster, or a fitted estimator such as XGBClassifier.
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
            requirements file. Defaults to the installed versions of XGBoost and of the packages that the model
            imports.
        extra_pip_requirements: Requirements to add to `pip_requirements` or to its default, in the same forms. They
            replace requirements of the same package.
        code_paths: Files and folders with modules that the model imports. They are copied into the model, and
            `load_model` makes them importable.
        metadata: A dict of your own that is stored in the MLmodel file.
        model_format: XGBoost's file format: "ubj" (binary JSON), "json" or "xgb".
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
        xgb_model=xgb_model,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        conda_env=conda_env,
        code_paths=code_paths,
        metadata=metadata,
        model_format=model_format,
    )


def load_model(model_uri: str | os.PathLike[str], dst_path: str | None = None, *, trust: bool = False) -> Any:
    """Load an XGBoost model.

    XGBoost's own classes need no trust, because their files contain no code. A class from outside XGBoost is
    imported only if a run of this store logged the model, or with `trust=True`.

    Args:
        model_uri: A URI such as "runs:/<run_id>/model", "models:/digits/3", "models:/digits/Production" or
            "models:/digits@champion", or the path of a model folder.
        dst_path: Folder to copy the model's files to. None reads them where they are stored.
        trust: Whether to load a model that no run of this store logged even if its class is not XGBoost's own.
            Loading such a model can run any code that was put into it, so set it only if you trust the source.

    Returns:
        The Booster or the estimator that was saved.

    Raises:
        NotFound: If the model does not exist, or was not saved with this flavor.
        InvalidParameter: If no run of this store logged the model, its class is not XGBoost's own, and `trust` is
            False.
    """
    opened = open_model(model_uri, FLAVOR_NAME, dst_path, trust=trust)
    return _load(opened.folder, opened.settings, opened.trusted)


def load_pyfunc(folder: Path, settings: Mapping[str, Any], *, trusted: bool) -> Any:
    """Load the model as an object with `predict`, for `nbtrack.pyfunc`.

    Args:
        folder: The model's local folder.
        settings: The entry of this flavor in the MLmodel file.
        trusted: Whether the model may run code of its own while it is loaded.

    Returns:
        An object whose `predict` takes a table or an array, also if the model is a Booster.
    """
    return _predictor(_load(folder, settings, trusted))


def _load(folder: Path, settings: Mapping[str, Any], trusted: bool) -> Any:
    file = file_of(folder, settings, "data", "model.ubj")
    model = _class_of(folder, str(settings.get("model_class") or _BOOSTER), trusted)()
    model.load_model(file)
    return model


def _class_of(folder: Path, name: str, trusted: bool) -> Any:
    import xgboost

    for one in (xgboost.Booster, *vars(xgboost.sklearn).values()):
        if isinstance(one, type) and issubclass(one, (xgboost.Booster, xgboost.XGBModel)) and _name_of(one) == name:
            return one
    ask_trust(trusted, folder, f"uses the class {name!r:.200} from outside XGBoost")
    module, _, class_name = name.rpartition(".")
    return getattr(importlib.import_module(module), class_name)


def _name_of(model_class: type) -> str:
    return f"{model_class.__module__}.{model_class.__name__}"


def _predictor(model: Any) -> boosting.Predictor:
    import xgboost

    is_booster = isinstance(model, xgboost.Booster)

    def prepare(data: Any) -> Any:
        if not hasattr(data, "iloc"):
            return xgboost.DMatrix(data) if is_booster else data
        table = _with_categories(model if is_booster else model.get_booster(), data)
        return xgboost.DMatrix(table, enable_categorical=True) if is_booster else table

    return boosting.Predictor(model, prepare)


def _with_categories(booster: Any, data: Any) -> Any:
    """Return a table whose strings are categories in the columns that were categories in the training.

    A file or a request has only strings, and XGBoost does not accept them.
    """
    import pandas

    if not hasattr(booster, "get_categories"):
        # Earlier versions than 3.1 do not store the categories, and would confuse those of other data.
        return data
    kinds = dict(zip(booster.feature_names or (), booster.feature_types or (), strict=False))
    strings = [
        name
        for name, dtype in zip(data.columns, data.dtypes, strict=True)
        if kinds.get(name) == "c" and dtype.kind == "O" and not isinstance(dtype, pandas.CategoricalDtype)
    ]
    return data.astype(dict.fromkeys(strings, "category")) if strings else data


# -- autologging -------------------------------------------------------------------------------------------------


def autolog(
    log_input_examples: bool = False,
    log_model_signatures: bool = True,
    log_models: bool = True,
    log_datasets: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    importance_types: Sequence[str] | None = None,
    registered_model_name: str | None = None,
    model_format: Format = "ubj",
    extra_tags: Mapping[str, Any] | None = None,
) -> None:
    """Log every `xgboost.train` and every `fit` of XGBoost's estimators from now on.

    A training is logged to the active run. If there is none, it gets a run of its own, which ends with the
    training. nbtrack logs the params, the evaluation metrics of each iteration such as `validation_0-logloss`,
    `best_iteration` and `stopped_iteration` after early stopping, feature importances, the data, and the model.
    `xgboost.cv` is not logged. See `nbtrack guide autologging` for all names.

    Args:
        log_input_examples: Whether to store the first five rows of the training data with each model.
        log_model_signatures: Whether to store a signature with each model, inferred from the first rows and what
            the model predicts for them.
        log_models: Whether to log each trained model, as the artifact "model".
        log_datasets: Whether to log the training data as an input of the run: its name, digest and schema, not the
            data itself.
        disable: Whether to switch autologging off and restore the original functions of the framework.
        exclusive: Whether to log only trainings that get a run of their own. By default, a training is logged to
            the active run if there is one.
        disable_for_unsupported_versions: Whether to do nothing if the installed version of the framework was not
            tested. By default there is a warning, and trainings are logged.
        silent: Whether to suppress all warnings of autologging.
        importance_types: Kinds of feature importance to log, as in `Booster.get_score`: "weight", "gain", "cover",
            "total_gain", "total_cover". Defaults to "weight". Each is logged as `feature_importance_<kind>.json`
            and `.png`.
        registered_model_name: Registered model to which each logged model is added as its next version. None
            registers nothing.
        model_format: File format of the models: "ubj" (binary JSON), "json" or "xgb".
        extra_tags: Tags for the runs that are started for a training. A run that was already active does not get
            them.

    Example:
        >>> autolog(importance_types=["gain", "weight"])
        >>> autolog(disable=True)
    """
    autologging.switch(FLAVOR_NAME, **locals())


@autologging.autologger(FLAVOR_NAME, module="xgboost", supported=("2.0", "4"))
def _install(patches: Patches) -> None:
    import xgboost

    for matrix in (xgboost.DMatrix, xgboost.QuantileDMatrix):
        boosting.remember_data(patches, matrix)
    autologging.log_training(patches, xgboost, "train", _log_train)
    boosting.watch_estimators(patches, xgboost.sklearn, xgboost.XGBModel, _log_fit)
    autologging.log_part(patches, xgboost.sklearn, "train", _log_boosting)


def _log_train(training: Training, call: Call) -> Generator[None, Any, None]:
    matrix = call.argument("dtrain")
    if training.settings.log_datasets:
        with training.guarded("log the dataset"):
            training.log_dataset(_table(matrix))
            for evaluated, name in call.argument("evals") or ():
                training.log_dataset(_table(evaluated), context="eval", name=name)
    booster = yield from _log_boosting(training, call)
    example, predict = boosting.rows_of(matrix), _predictor(booster).predict
    training.log_model(log_model, booster, example=example, predict=predict, **_format(training))


def _log_fit(training: Training, call: Call) -> Generator[None, Any, None]:
    # Not in `train`, where the data is already in bins and the values are lost.
    with training.guarded("log the dataset"):
        training.log_dataset(call.argument("X"), call.argument("y"))
        for index, (x, y) in enumerate(call.argument("eval_set") or ()):
            training.log_dataset(x, y, "eval", f"validation_{index}")
    yield from boosting.log_estimator(training, call, log_model, **_format(training))


def _format(training: Training) -> dict[str, Any]:
    return {"model_format": training.settings.own["model_format"]}


_NOT_PARAMS = ("dtrain", "evals", "obj", "evals_result", "xgb_model", "callbacks")


def _log_boosting(training: Training, call: Call) -> Generator[None, Any, Any]:
    """Log everything except the data and the model. It is the same for `train` and for the `fit` of an estimator."""
    import xgboost

    boosting.log_params(training, call, _NOT_PARAMS)
    iterations = boosting.Iterations(training)
    callbacks = list(call.argument("callbacks") or ())
    stops_early = call.argument("early_stopping_rounds") or any(
        isinstance(one, xgboost.callback.EarlyStopping) for one in callbacks
    )
    # First in the list, because XGBoost calls no further callback after one that stops the training.
    call.set("callbacks", [_callback(training, iterations), *callbacks])
    booster = yield
    if stops_early:
        with training.guarded("log the best iteration"):
            iterations.log_early_stop(booster.best_iteration, first=0)
    for kind in training.settings.own["importance_types"] or ("weight",):
        boosting.log_importances(training, kind, partial(booster.get_score, importance_type=kind))
    return booster


def _callback(training: Training, iterations: boosting.Iterations) -> Any:
    import xgboost

    class IterationCallback(xgboost.callback.TrainingCallback):
        _before = 0
        """Number of iterations of the model that this training continues."""

        def before_training(self, model: Any) -> Any:
            with training.guarded("log the iterations"):
                self._before = model.num_boosted_rounds()
            return model

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            with training.guarded("log the iterations"):
                measured = [(data, key, values[-1]) for data, own in evals_log.items() for key, values in own.items()]
                iterations.record(self._before + epoch, measured)
            return False

    return IterationCallback()


def _table(matrix: Any) -> Any:
    """Return the data from which a DMatrix was created, or else its content, or None.

    A QuantileDMatrix holds its content only in bins.
    """
    import xgboost

    source = boosting.source_of(matrix)
    if source is not None or type(matrix) is not xgboost.DMatrix:
        return source
    try:
        return matrix.get_data()
    except xgboost.core.XGBoostError:
        # It holds only a part of the data at a time, for example if an iterator reads it from files.
        return None
