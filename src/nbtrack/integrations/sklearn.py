"""The scikit-learn flavor: save, log and load estimators and pipelines.

The default format is skops. A pickle from outside the store needs `trust=True` (see estimators.py).
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import autologging
from ..errors import InvalidParameter
from ..models import Model, ModelInfo
from ..models.loading import file_of, open_model
from ..models.requirements import required_by
from ..models.saving import new_model
from . import estimators, sklearn_autolog
from .common import log

FLAVOR_NAME = "sklearn"

_PACKAGES = ("scikit-learn", "numpy", "scipy")


def save_model(
    sk_model: Any,
    path: str,
    *,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Sequence[str] | str | None = None,
    extra_pip_requirements: Sequence[str] | str | None = None,
    code_paths: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    serialization_format: estimators.Format | None = None,
    pyfunc_predict_fn: str = "predict",
    mlflow_model: Model | None = None,
    conda_env: Mapping[str, Any] | str | None = None,
) -> None:
    """Save a fitted scikit-learn estimator as a folder.

    `load_model` reads the folder, and so does MLflow.

    Args:
        sk_model: A fitted estimator, pipeline or search.
        path: Folder to save to. It must be new or empty.
        signature: Inputs, outputs and params of the model, for example from `nbtrack.models.infer_signature`. None
            infers the signature from `input_example`; False saves none.
        input_example: A few rows of data for `predict`, or a pair of data and a dict of params. It is stored with
            the model, and the model is tested with it; if that fails, there is a warning and the model is saved.
            None stores no example.
        pip_requirements: What must be installed to load the model: a list of requirements, or the path of a
            requirements file. Defaults to the installed versions of scikit-learn and of the packages that the model
            imports.
        extra_pip_requirements: Requirements to add to `pip_requirements` or to its default, in the same forms. They
            replace requirements of the same package.
        code_paths: Files and folders with modules that the model imports. They are copied into the model, and
            `load_model` makes them importable.
        metadata: A dict of your own that is stored in the MLmodel file.
        serialization_format: File format of the estimator: "skops", which contains no code, "cloudpickle" or
            "pickle". The two pickle formats need `trust=True` to be loaded from outside the store. None uses skops,
            or cloudpickle with a warning if skops is not installed.
        pyfunc_predict_fn: Name of the method that `nbtrack.pyfunc` predicts with, for example "predict_proba".
        mlflow_model: The manifest to fill in. Defaults to a new one. `log_model` passes the one that belongs to the
            run.
        conda_env: A conda environment, as a dict or as the path of a YAML file, in place of `pip_requirements`: its pip
            packages are the requirements, and it becomes the model's conda.yaml.

    Raises:
        InvalidParameter: If `path` is not a new or empty folder, if `serialization_format` is unknown, or if the
            estimator cannot be written in it. skops cannot write lambdas, for example.
        NotFound: If a file in `code_paths` or the requirements file does not exist.
    """
    serialization_format = estimators.chosen_format(serialization_format)
    with new_model(
        path,
        mlflow_model,
        signature=signature,
        input_example=input_example,
        code_paths=code_paths,
        metadata=metadata,
    ) as saving:
        file = estimators.FILES[serialization_format]
        types_in_file = estimators.dump(sk_model, saving.folder / file, serialization_format)
        saving.write_flavor(
            FLAVOR_NAME,
            {
                "pickled_model": file,
                "sklearn_version": importlib.import_module("sklearn").__version__,
                "serialization_format": serialization_format,
                # MLflow trusts the types that the file lists, and needs the list. nbtrack does not read it.
                "skops_trusted_types": types_in_file,
            },
            # As in MLflow, an estimator that cannot predict, such as a scaler, is not a Python function.
            loader_module="mlflow.sklearn" if hasattr(sk_model, pyfunc_predict_fn) else None,
            pyfunc={"model_path": file, "predict_fn": pyfunc_predict_fn},
        )
        packages = [*_PACKAGES, *estimators.packages_for(serialization_format)]
        # skops lists the types in a model. For a pickle, one is created to find them.
        modules = required_by(sk_model) if types_in_file is None else {*types_in_file, type(sk_model).__module__}
        saving.requirements(pip_requirements, extra_pip_requirements, conda_env, default=packages, modules=modules)
        saving.predict = getattr(sk_model, pyfunc_predict_fn, None)


def log_model(
    sk_model: Any,
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
    pyfunc_predict_fn: str = "predict",
    conda_env: Mapping[str, Any] | str | None = None,
    await_registration_for: int | None = None,
) -> ModelInfo:
    """Log a fitted scikit-learn estimator to the active run. Without an active run, the model gets a run of its own.

    Args:
        sk_model: A fitted estimator, pipeline or search.
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
            requirements file. Defaults to the installed versions of scikit-learn and of the packages that the model
            imports.
        extra_pip_requirements: Requirements to add to `pip_requirements` or to its default, in the same forms. They
            replace requirements of the same package.
        code_paths: Files and folders with modules that the model imports. They are copied into the model, and
            `load_model` makes them importable.
        metadata: A dict of your own that is stored in the MLmodel file.
        serialization_format: File format of the estimator: "skops", which contains no code, "cloudpickle" or
            "pickle". The two pickle formats need `trust=True` to be loaded from outside the store. None uses skops,
            or cloudpickle with a warning if skops is not installed.
        pyfunc_predict_fn: Name of the method that `nbtrack.pyfunc` predicts with, for example "predict_proba".
        conda_env: A conda environment, as a dict or as the path of a YAML file, in place of `pip_requirements`: its pip
            packages are the requirements, and it becomes the model's conda.yaml.
        await_registration_for: Ignored, because a version is ready at once. MLflow has this parameter.

    Returns:
        The description of the logged model. Its `model_uri` is what `load_model` takes.

    Raises:
        InvalidParameter: If both `artifact_path` and `name` are given, or as in `save_model`.
        NotFound: If a file in `code_paths` or the requirements file does not exist.

    Example:
        ```python
        model = LogisticRegression().fit(x, y)
        with nbtrack.start_run():
            nbtrack.sklearn.log_model(model, name="model", input_example=x[:5])
        ```
    """
    return log(
        sys.modules[__name__],
        artifact_path,
        name,
        registered_model_name,
        sk_model=sk_model,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        conda_env=conda_env,
        code_paths=code_paths,
        metadata=metadata,
        serialization_format=serialization_format,
        pyfunc_predict_fn=pyfunc_predict_fn,
    )


def load_model(model_uri: str | os.PathLike[str], dst_path: str | None = None, *, trust: bool = False) -> Any:
    """Load a scikit-learn estimator.

    A skops file from outside the store may contain scikit-learn's own types. Other types, and pickles, can run code
    while they are loaded, so they need `trust=True` unless a run of this store logged them.

    Args:
        model_uri: A URI such as "runs:/<run_id>/model", "models:/digits/3", "models:/digits/Production" or
            "models:/digits@champion", or the path of a model folder.
        dst_path: Folder to copy the model's files to. None reads them where they are stored.
        trust: Whether to load a model that no run of this store logged even if it is a pickle or contains types
            from outside scikit-learn. Loading such a model can run any code that was put into it, so set it only if
            you trust the source.

    Returns:
        The fitted estimator.

    Raises:
        NotFound: If the model does not exist, or was not saved with this flavor.
        InvalidParameter: If no run of this store logged the model, it is a pickle or contains types from outside
            scikit-learn, and `trust` is False.
    """
    opened = open_model(model_uri, FLAVOR_NAME, dst_path, trust=trust)
    return _load(opened.folder, opened.settings, opened.trusted)


def load_pyfunc(folder: Path, settings: Mapping[str, Any], *, trusted: bool) -> Any:
    """Load the estimator as an object with `predict`, for `nbtrack.pyfunc`.

    Args:
        folder: The model's local folder.
        settings: The entry of this flavor in the MLmodel file.
        trusted: Whether the model may run code of its own while it is loaded.

    Returns:
        An object whose `predict` takes a table or an array, and which has the other methods of the estimator.
    """
    return _Predictor(_load(folder, settings, trusted))


class _Predictor:
    """An estimator with all of its methods that predict."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        return self._model.predict(data)

    def get_raw_model(self) -> Any:
        return self._model

    def __getattr__(self, name: str) -> Any:
        # An MLmodel file may name `predict_proba` or another method.
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._model, name)


def _load(folder: Path, settings: Mapping[str, Any], trusted: bool) -> Any:
    file = file_of(folder, settings, "pickled_model", "model.pkl")
    return estimators.load(file, settings.get("serialization_format") or "pickle", trusted)


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
    max_tuning_runs: int | None = 5,
    log_post_training_metrics: bool = True,
    serialization_format: estimators.Format | None = None,
    registered_model_name: str | None = None,
    pos_label: Any = None,
    extra_tags: Mapping[str, Any] | None = None,
) -> None:
    """Log every `fit` of scikit-learn's estimators, pipelines and searches from now on.

    A training is logged to the active run. If there is none, it gets a run of its own, which ends with the
    training. The run contains the params of `get_params(deep=True)`, metrics on the training data such as
    `training_accuracy_score` and `training_r2_score`, a confusion matrix, ROC and precision-recall curves, feature
    importances, the data, and the model. See `nbtrack guide autologging` for all names.

    An estimator inside a pipeline or a search is logged as a part of it. Cross-validations such as `cross_val_score`,
    and estimators that only prepare data, such as scalers, are not logged.

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
        max_tuning_runs: How many of the best candidates of a search, such as GridSearchCV, get a nested run. 0 for
            none, None for all.
        log_post_training_metrics: Whether to log metrics that are computed later from predictions of the model or
            by its `score`, for example as `accuracy_score_X_test`.
        serialization_format: File format of the models: "skops", "cloudpickle" or "pickle". None uses skops, and
            cloudpickle for estimators that skops cannot write, or if skops is not installed. A warning says so at
            once, not at the end of a training.
        registered_model_name: Registered model to which each logged model is added as its next version. None
            registers nothing.
        pos_label: The class for which precision, recall and F1 are logged. None logs their averages over the
            classes, weighted by the number of samples.
        extra_tags: Tags for the runs that are started for a training. A run that was already active does not get
            them.

    Raises:
        InvalidParameter: If `max_tuning_runs` is negative or `serialization_format` is unknown.

    Example:
        >>> autolog(log_models=False)
        >>> autolog(disable=True)
    """
    if max_tuning_runs is not None and not (isinstance(max_tuning_runs, int) and max_tuning_runs >= 0):
        raise InvalidParameter(
            f"max_tuning_runs must be an integer of at least 0, or None for all, not {max_tuning_runs!r:.80}."
        )
    if serialization_format is not None:
        estimators.check_format(serialization_format)
    autologging.switch(FLAVOR_NAME, **locals())
    estimators.announce_format(log_models and not (disable or silent), serialization_format)


@autologging.autologger(FLAVOR_NAME, module="sklearn", supported=("1.5", "1.10"))
def _install(patches: autologging.Patches) -> None:
    sklearn_autolog.install(patches)
