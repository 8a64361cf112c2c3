"""The LightGBM flavor: boosters in LightGBM's own text, estimators as skops or pickles; and the autologger of both."""

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
"""What a fitted estimator of LightGBM's is made of."""


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
    serialization_format: estimators.Format = "skops",
    mlflow_model: Model | None = None,
) -> None:
    """Save a Booster or a fitted estimator such as LGBMClassifier as a folder that `load_model` reads, MLflow's as
    well.

    The arguments are those of `nbtrack.sklearn.save_model`. `serialization_format` is that of an estimator; a Booster
    is always saved as LightGBM's text.
    """
    estimators.check_format(serialization_format)
    with new_model(
        path,
        mlflow_model,
        signature=signature,
        input_example=input_example,
        code_paths=code_paths,
        metadata=metadata,
    ) as saving:
        lightgbm = importlib.import_module("lightgbm")
        packages = ["lightgbm", "numpy", "scipy"]
        modules = {type(lgb_model).__module__}
        types_in_file = None
        if isinstance(lgb_model, lightgbm.Booster):
            file = _FILE
            lgb_model.save_model(saving.folder / file)
        else:
            file = estimators.FILES[serialization_format]
            types_in_file = estimators.dump(lgb_model, saving.folder / file, serialization_format)
            packages += ["scikit-learn", *estimators.packages_for(serialization_format)]
            modules |= required_by(lgb_model) if types_in_file is None else set(types_in_file)
        saving.write_flavor(
            FLAVOR_NAME,
            {
                "data": file,
                "lgb_version": lightgbm.__version__,
                "model_class": f"{type(lgb_model).__module__}.{type(lgb_model).__name__}",
                "serialization_format": serialization_format,
                # MLflow takes the file's own word for what to trust, and loads nothing without it. We do not read it.
                "skops_trusted_types": types_in_file,
            },
            loader_module="mlflow.lightgbm",
            data=file,
        )
        saving.requirements(pip_requirements, extra_pip_requirements, default=packages, modules=modules)
        saving.predict = boosting.Function(lgb_model).predict


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
    serialization_format: estimators.Format = "skops",
) -> ModelInfo:
    """Keep a model as an artifact of the active run, which is started where there is none.

    `name` is MLflow 3's word for `artifact_path`; without either it is "model". With `registered_model_name` the
    model becomes that model's next version. For the other arguments see `save_model`.
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
        code_paths=code_paths,
        metadata=metadata,
        serialization_format=serialization_format,
    )


def load_model(model_uri: str | os.PathLike[str], dst_path: str | None = None, *, trust: bool = False) -> Any:
    """The Booster or the estimator that a URI or a folder holds, with its files copied to `dst_path` on demand.

    What a run of this store logged is loaded as it is. From elsewhere, an estimator in a skops file may hold LightGBM's
    and scikit-learn's own types; other types and pickles, which can run code while they are loaded, take `trust=True`.
    """
    opened = open_model(model_uri, FLAVOR_NAME, dst_path, trust=trust)
    return _load(opened.folder, opened.settings, opened.trusted)


def load_pyfunc(folder: Path, settings: Mapping[str, Any], *, trusted: bool) -> Any:
    """The model as an object with `predict`."""
    return boosting.Function(_load(folder, settings, trusted))


def _load(folder: Path, settings: Mapping[str, Any], trusted: bool) -> Any:
    file = file_of(folder, settings, "data", _FILE)
    if (settings.get("model_class") or _BOOSTER) == _BOOSTER:
        return importlib.import_module("lightgbm").Booster(model_file=file)
    return estimators.load(file, settings.get("serialization_format") or "cloudpickle", trusted, _OWN_TYPES)


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
    """Log what `lightgbm.train` and the `fit` of LightGBM's estimators do, from now on; `disable` ends that.

    `lightgbm.cv` logs nothing. See `nbtrack guide autologging`.

    >>> autolog(log_models=False)
    >>> autolog(disable=True)
    """
    autologging.switch(FLAVOR_NAME, **locals())


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


_NO_PARAMS = ("train_set", "valid_sets", "valid_names", "feval", "init_model", "callbacks")


def _log_boosting(training: Training, call: Call) -> Generator[None, Any, Any]:
    """Log what is the same for `train` and for what an estimator's `fit` calls: all but the model."""
    boosting.log_params(training, call, _NO_PARAMS)
    if training.settings.log_datasets:
        with training.guarded("log the dataset"):
            _log_datasets(training, call)
    iterations = boosting.Iterations(training)
    # The first of the list, so that the order of the others, which is counted from its end, stays what it was.
    call.set("callbacks", [_Watch(training, iterations), *(call.argument("callbacks") or ())])
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


class _Watch:
    """LightGBM's callback after an iteration."""

    before_iteration = False

    def __init__(self, training: Training, iterations: boosting.Iterations) -> None:
        # Before all others: one of them may end the training.
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
    """What a Dataset was made of, as long as it is there: LightGBM frees it once it is in bins."""
    source = boosting.source_of(dataset)
    return dataset.data if source is None else source
