"""The XGBoost flavor: boosters and estimators, in XGBoost's own formats; and the autologger of both."""

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
) -> None:
    """Save a Booster or a fitted estimator such as XGBClassifier as a folder that `load_model` reads, MLflow's as well.

    The arguments are those of `nbtrack.sklearn.save_model`. `model_format` is XGBoost's binary JSON or plain JSON.
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
        # By modules: the distribution is xgboost or xgboost-cpu.
        modules = {"xgboost", "numpy", "scipy", type(xgb_model).__module__}
        modules |= set() if _name_of(type(xgb_model)) == _BOOSTER else {"sklearn"}
        saving.requirements(pip_requirements, extra_pip_requirements, modules=modules)
        saving.predict = _function(xgb_model).predict


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
        xgb_model=xgb_model,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        code_paths=code_paths,
        metadata=metadata,
        model_format=model_format,
    )


def load_model(model_uri: str | os.PathLike[str], dst_path: str | None = None, *, trust: bool = False) -> Any:
    """The Booster or the estimator that a URI or a folder holds, with its files copied to `dst_path` on demand.

    A class that is not XGBoost's own is imported for a model that a run of this store logged, or with `trust=True`.
    """
    opened = open_model(model_uri, FLAVOR_NAME, dst_path, trust=trust)
    return _load(opened.folder, opened.settings, opened.trusted)


def load_pyfunc(folder: Path, settings: Mapping[str, Any], *, trusted: bool) -> Any:
    """The model as an object with `predict`, which takes tables and arrays for a Booster too."""
    return _function(_load(folder, settings, trusted))


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
    ask_trust(trusted, folder, f"has a class {name!r:.200}, which is not XGBoost's own,")
    module, _, class_name = name.rpartition(".")
    return getattr(importlib.import_module(module), class_name)


def _name_of(model_class: type) -> str:
    return f"{model_class.__module__}.{model_class.__name__}"


def _function(model: Any) -> boosting.Function:
    import xgboost

    return boosting.Function(model, xgboost.DMatrix if isinstance(model, xgboost.Booster) else None)


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
    """Log what `xgboost.train` and the `fit` of XGBoost's estimators do, from now on; `disable` ends that.

    `importance_types` are the kinds of feature importance that are logged, by default "weight". `xgboost.cv` logs
    nothing. See `nbtrack guide autologging`.

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
    example, predict = boosting.rows_of(matrix), _function(booster).predict
    training.log_model(log_model, booster, example=example, predict=predict, **_format(training))


def _log_fit(training: Training, call: Call) -> Generator[None, Any, None]:
    # Not in `train`: there the data is in bins, and the values are lost.
    with training.guarded("log the dataset"):
        training.log_dataset(call.argument("X"), call.argument("y"))
        for index, (x, y) in enumerate(call.argument("eval_set") or ()):
            training.log_dataset(x, y, "eval", f"validation_{index}")
    yield from boosting.log_estimator(training, call, log_model, **_format(training))


def _format(training: Training) -> dict[str, Any]:
    return {"model_format": training.settings.own["model_format"]}


_NO_PARAMS = ("dtrain", "evals", "obj", "evals_result", "xgb_model", "callbacks")


def _log_boosting(training: Training, call: Call) -> Generator[None, Any, Any]:
    """Log what is the same for `train` and for what an estimator's `fit` calls: all but the data and the model."""
    import xgboost

    boosting.log_params(training, call, _NO_PARAMS)
    iterations = boosting.Iterations(training)
    callbacks = list(call.argument("callbacks") or ())
    stops_early = call.argument("early_stopping_rounds") or any(
        isinstance(one, xgboost.callback.EarlyStopping) for one in callbacks
    )
    # The first: XGBoost asks no other callback once one has said that the training ends.
    call.set("callbacks", [_watch(training, iterations), *callbacks])
    booster = yield
    if stops_early:
        with training.guarded("log the best iteration"):
            iterations.log_early_stop(booster.best_iteration, first=0)
    for kind in training.settings.own["importance_types"] or ("weight",):
        boosting.log_importances(training, kind, partial(booster.get_score, importance_type=kind))
    return booster


def _watch(training: Training, iterations: boosting.Iterations) -> Any:
    import xgboost

    class Watch(xgboost.callback.TrainingCallback):
        _before = 0
        """How many iterations the model had that this training goes on with."""

        def before_training(self, model: Any) -> Any:
            with training.guarded("log the iterations"):
                self._before = model.num_boosted_rounds()
            return model

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            with training.guarded("log the iterations"):
                measured = [(data, key, values[-1]) for data, own in evals_log.items() for key, values in own.items()]
                iterations.record(self._before + epoch, measured)
            return False

    return Watch()


def _table(matrix: Any) -> Any:
    """What a DMatrix was made of; else what it holds, which a QuantileDMatrix has in bins only. None where neither."""
    import xgboost

    source = boosting.source_of(matrix)
    if source is not None or type(matrix) is not xgboost.DMatrix:
        return source
    try:
        return matrix.get_data()
    except xgboost.core.XGBoostError:
        # It holds a part of the data at a time, as one that an iterator fills from files.
        return None
