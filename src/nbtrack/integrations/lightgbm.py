"""The LightGBM flavor: boosters in LightGBM's text format, estimators as skops or pickles, and their autologging."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from .. import autologging
from ..autologging import Call, Patches, Training
from ..models import Model, ModelInfo
from ..models.loading import file_of, open_model
from ..models.requirements import required_by
from ..models.saving import new_model
from . import boosting, estimators
from .common import log

FLAVOR_NAME = "lightgbm"

_BOOSTER = "lightgbm.basic.Booster"
_FILE = "model.lgb"

_OWN_TYPES = frozenset(
    {"collections.OrderedDict", _BOOSTER}
    | {f"lightgbm.sklearn.LGBM{kind}" for kind in ("Model", "Classifier", "Regressor", "Ranker")}
)
"""The types in a fitted estimator of LightGBM."""


def save_model(
    lgb_model: Any,
    path: str,
    *,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Sequence[str] | str | None = None,
    extra_pip_requirements: Sequence[str] | str | None = None,
    code_paths: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    serialization_format: estimators.Format | None = None,
    mlflow_model: Model | None = None,
    conda_env: Mapping[str, Any] | str | None = None,
) -> None:
    """Save a LightGBM model as a folder.

    `load_model` reads the folder, and so does MLflow.

    Args:
        lgb_model: A Booster, or a fitted estimator such as LGBMClassifier.
        path: Folder to save to. It must be new or empty.
        signature: Inputs, outputs and params of the model, for example from `nbtrack.models.infer_signature`. None
            infers the signature from `input_example`; False saves none.
        input_example: A few rows of data for `predict`, or a pair of data and a dict of params. It is stored with
            the model, and the model is tested with it; if that fails, there is a warning and the model is saved.
            None stores no example.
        pip_requirements: What must be installed to load the model: a list of requirements, or the path of a
            requirements file. Defaults to the installed versions of LightGBM and of the packages that the model
            imports.
        extra_pip_requirements: Requirements to add to `pip_requirements` or to its default, in the same forms. They
            replace requirements of the same package.
        code_paths: Files and folders with modules that the model imports. They are copied into the model, and
            `load_model` makes them importable.
        metadata: A dict of your own that is stored in the MLmodel file.
        serialization_format: File format of an estimator: "skops", which contains no code, "cloudpickle" or
            "pickle". None uses skops, or cloudpickle with a warning if skops is not installed. A Booster is always
            saved in LightGBM's text format.
        mlflow_model: The manifest to fill in. Defaults to a new one. `log_model` passes the one that belongs to the
            run.
        conda_env: A conda environment, as a dict or as the path of a YAML file, in place of `pip_requirements`: its pip
            packages are the requirements, and it becomes the model's conda.yaml.

    Raises:
        InvalidParameter: If `path` is not a new or empty folder, if `serialization_format` is unknown, or if the
            estimator cannot be written in it.
        NotFound: If a file in `code_paths` or the requirements file does not exist.
    """
    lightgbm = importlib.import_module("lightgbm")
    is_booster = isinstance(lgb_model, lightgbm.Booster)
    # A Booster needs none of the formats, so it does not matter what is installed.
    chosen = estimators.chosen_format(serialization_format or ("skops" if is_booster else None))
    with new_model(
        path,
        mlflow_model,
        signature=signature,
        input_example=input_example,
        code_paths=code_paths,
        metadata=metadata,
    ) as saving:
        packages = ["lightgbm", "numpy", "scipy"]
        modules = {type(lgb_model).__module__}
        types_in_file = None
        if is_booster:
            file = _FILE
            lgb_model.save_model(saving.folder / file)
        else:
            file = estimators.FILES[chosen]
            types_in_file = estimators.dump(lgb_model, saving.folder / file, chosen)
            packages += ["scikit-learn", *estimators.packages_for(chosen)]
            modules |= required_by(lgb_model) if types_in_file is None else set(types_in_file)
        saving.write_flavor(
            FLAVOR_NAME,
            {
                "data": file,
                "lgb_version": lightgbm.__version__,
                "model_class": f"{type(lgb_model).__module__}.{type(lgb_model).__name__}",
                "serialization_format": chosen,
                # MLflow trusts the types that the file lists, and needs the list. nbtrack does not read it.
                "skops_trusted_types": types_in_file,
            },
            loader_module="mlflow.lightgbm",
            data=file,
        )
        saving.requirements(pip_requirements, extra_pip_requirements, conda_env, default=packages, modules=modules)
        saving.predict = _predictor(lgb_model).predict


def log_model(
    lgb_model: Any,
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
    serialization_format: estimators.Format | None = None,
    conda_env: Mapping[str, Any] | str | None = None,
    await_registration_for: int | None = None,
) -> ModelInfo:
    """Log a LightGBM model to the active run. Without an active run, the model gets a run of its own.

    Args:
        lgb_model: A Booster, or a fitted estimator such as LGBMClassifier.
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
            requirements file. Defaults to the installed versions of LightGBM and of the packages that the model
            imports.
        extra_pip_requirements: Requirements to add to `pip_requirements` or to its default, in the same forms. They
            replace requirements of the same package.
        code_paths: Files and folders with modules that the model imports. They are copied into the model, and
            `load_model` makes them importable.
        metadata: A dict of your own that is stored in the MLmodel file.
        serialization_format: File format of an estimator: "skops", which contains no code, "cloudpickle" or
            "pickle". None uses skops, or cloudpickle with a warning if skops is not installed. A Booster is always
            saved in LightGBM's text format.
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
        lgb_model=lgb_model,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        conda_env=conda_env,
        code_paths=code_paths,
        metadata=metadata,
        serialization_format=serialization_format,
    )


def load_model(model_uri: str | os.PathLike[str], dst_path: str | None = None, *, trust: bool = False) -> Any:
    """Load a LightGBM model.

    A skops file from outside the store may contain the types of LightGBM and scikit-learn. Other types, and
    pickles, can run code while they are loaded, so they need `trust=True` unless a run of this store logged them.

    Args:
        model_uri: A URI such as "runs:/<run_id>/model", "models:/digits/3", "models:/digits/Production" or
            "models:/digits@champion", or the path of a model folder.
        dst_path: Folder to copy the model's files to. None reads them where they are stored.
        trust: Whether to load a model that no run of this store logged even if it is a pickle or contains types
            from outside LightGBM and scikit-learn. Loading such a model can run any code that was put into it, so
            set it only if you trust the source.

    Returns:
        The Booster or the estimator that was saved.

    Raises:
        NotFound: If the model does not exist, or was not saved with this flavor.
        InvalidParameter: If no run of this store logged the model, it is a pickle or contains such types, and
            `trust` is False.
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
        An object whose `predict` takes a table or an array.
    """
    return _predictor(_load(folder, settings, trusted))


def _load(folder: Path, settings: Mapping[str, Any], trusted: bool) -> Any:
    file = file_of(folder, settings, "data", _FILE)
    if (settings.get("model_class") or _BOOSTER) == _BOOSTER:
        return importlib.import_module("lightgbm").Booster(model_file=file)
    return estimators.load(file, settings.get("serialization_format") or "cloudpickle", trusted, _OWN_TYPES)


def _predictor(model: Any) -> boosting.Predictor:
    return boosting.Predictor(model, partial(_with_categories, getattr(model, "booster_", model)))


def _with_categories(booster: Any, data: Any) -> Any:
    """Return a table whose strings are the categories that the model was trained on.

    A file or a request has only strings, and LightGBM does not accept them.
    """
    known = getattr(booster, "pandas_categorical", None)
    if not known or not hasattr(data, "iloc"):
        return data
    import pandas

    columns = [name for name, dtype in zip(data.columns, data.dtypes, strict=True) if dtype.kind == "O"]
    plain = [name for name in columns if not isinstance(data[name].dtype, pandas.CategoricalDtype)]
    if not plain or len(columns) != len(known):
        return data
    categories = dict(zip(columns, known, strict=True))
    return data.assign(**{name: pandas.Categorical(data[name], categories[name]) for name in plain})


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
    registered_model_name: str | None = None,
    extra_tags: Mapping[str, Any] | None = None,
) -> None:
    """Log every `lightgbm.train` and every `fit` of LightGBM's estimators from now on.

    A training is logged to the active run. If there is none, it gets a run of its own, which ends with the
    training. nbtrack logs the params, the evaluation metrics of each iteration such as `valid_0-l2`, `best_iteration`
    and `stopped_iteration` after early stopping, feature importances by "split" and "gain", the data, and the
    model. `lightgbm.cv` is not logged. See `nbtrack guide autologging` for all names.

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
        registered_model_name: Registered model to which each logged model is added as its next version. None
            registers nothing.
        extra_tags: Tags for the runs that are started for a training. A run that was already active does not get
            them.

    Example:
        >>> autolog(log_models=False)
        >>> autolog(disable=True)
    """
    autologging.switch(FLAVOR_NAME, **locals())
    estimators.announce_format(log_models and not (disable or silent), None)


@autologging.autologger(FLAVOR_NAME, module="lightgbm", supported=("4.0", "5"))
def _install(patches: Patches) -> None:
    import lightgbm

    boosting.remember_data(patches, lightgbm.Dataset)
    autologging.log_training(patches, lightgbm, "train", _log_train)
    boosting.watch_estimators(patches, lightgbm.sklearn, lightgbm.LGBMModel, _log_fit)
    autologging.log_part(patches, lightgbm.sklearn, "train", _log_boosting)


def _log_train(training: Training, call: Call) -> Generator[None, Any, None]:
    dataset = call.argument("train_set")
    booster = yield from _log_boosting(training, call)
    training.log_model(log_model, booster, example=boosting.rows_of(dataset), predict=booster.predict)


def _log_fit(training: Training, call: Call) -> Generator[None, Any, None]:
    yield from boosting.log_estimator(training, call, estimators.as_skops_or_pickle(log_model))


_NOT_PARAMS = ("train_set", "valid_sets", "valid_names", "feval", "init_model", "callbacks")


def _log_boosting(training: Training, call: Call) -> Generator[None, Any, Any]:
    """Log everything except the model. It is the same for `train` and for the `fit` of an estimator."""
    boosting.log_params(training, call, _NOT_PARAMS)
    if training.settings.log_datasets:
        with training.guarded("log the dataset"):
            _log_datasets(training, call)
    iterations = boosting.Iterations(training)
    # First in the list, because LightGBM orders the others by their position from its end.
    call.set("callbacks", [_IterationCallback(training, iterations), *(call.argument("callbacks") or ())])
    booster = yield
    if booster.best_iteration > 0:
        with training.guarded("log the best iteration"):
            iterations.log_early_stop(booster.best_iteration, first=1)
    for kind in ("split", "gain"):
        boosting.log_importances(training, kind, partial(_importances, booster, kind))
    return booster


def _log_datasets(training: Training, call: Call) -> None:
    dataset = call.argument("train_set")
    training.log_dataset(_table(dataset), dataset.label)
    evaluated, names = call.argument("valid_sets") or (), call.argument("valid_names") or ()
    evaluated = evaluated if isinstance(evaluated, (list, tuple)) else [evaluated]
    names = [names] if isinstance(names, str) else names
    for index, one in enumerate(evaluated):
        training.log_dataset(_table(one), one.label, "eval", names[index] if index < len(names) else None)


class _IterationCallback:
    """A callback that LightGBM calls after each iteration."""

    before_iteration = False

    def __init__(self, training: Training, iterations: boosting.Iterations) -> None:
        # Before all others, because one of them may stop the training.
        self.order = float("-inf")
        self._training = training
        self._iterations = iterations

    def __call__(self, env: Any) -> None:
        with self._training.guarded("log the iterations"):
            self._iterations.record(
                env.iteration, [(data, key, value) for data, key, value, *_ in env.evaluation_result_list]
            )


def _importances(booster: Any, kind: str) -> dict[str, float]:
    values = booster.feature_importance(importance_type=kind).tolist()
    return dict(zip(booster.feature_name(), values, strict=True))


def _table(dataset: Any) -> Any:
    """Return the data from which a Dataset was created, if it still exists. LightGBM frees it once it is in bins."""
    source = boosting.source_of(dataset)
    return dataset.data if source is None else source
