"""Log a scikit-learn training: params, metrics, figures with their data, the model, and the runs of a search."""

from __future__ import annotations

import copy
import io
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from functools import partial
from numbers import Number
from typing import TYPE_CHECKING, Any

from .. import autologging, capture
from ..autologging import Call, Patches, Training, evaluation, figures
from ..autologging.inputs import first_rows, to_dense
from ..models.flavors import flavor
from ..runs.active_run import ActiveRun
from ..tags import AUTOLOGGING, PARENT
from . import estimators
from . import sklearn_metrics as metrics

if TYPE_CHECKING:
    from ..models import ModelInfo

FLAVOR = "sklearn"

PREFIX = "training_"

_TRAIN = ("fit", "fit_transform", "fit_predict")
_PREDICT = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform")

_PREPARING = (
    "sklearn.compose._column_transformer",
    "sklearn.feature_extraction",
    "sklearn.feature_selection",
    "sklearn.impute",
    "sklearn.preprocessing",
)
"""Modules whose estimators prepare data. They are logged only as parts of a pipeline."""
_BASES = ("sklearn.base", "sklearn.utils")
"""Modules that contain only base classes of estimators."""

_CROSS_VALIDATIONS = (
    "cross_val_predict",
    "cross_val_score",
    "cross_validate",
    "learning_curve",
    "permutation_test_score",
    "validation_curve",
)

_MAX_POINTS = 1000


# -- what is wrapped ---------------------------------------------------------------------------------------------


def install(patches: Patches) -> None:
    """Wrap the estimators that are imported now or later, the metrics and the cross-validations."""
    from sklearn.base import BaseEstimator

    for estimator_class in _subclasses(BaseEstimator):
        _wrap_class(patches, estimator_class)
    patches.replace(BaseEstimator, "__init_subclass__", classmethod(_wrapping_subclasses(patches, BaseEstimator)))
    evaluation.watch_metrics(patches)
    patches.when_imported(
        "sklearn.model_selection", lambda module: autologging.not_logged(patches, module, _CROSS_VALIDATIONS)
    )
    # Work that scikit-learn hands to worker threads is part of a training, but the threads do not know that.
    patches.when_imported(
        "sklearn.utils.parallel", lambda module: autologging.not_logged(patches, module._FuncWrapper, "__call__")
    )


def _subclasses(cls: type) -> Iterator[type]:
    one: type
    for one in cls.__subclasses__():
        yield one
        yield from _subclasses(one)


def _wrapping_subclasses(patches: Patches, base: type) -> Any:
    own = vars(base).get("__init_subclass__")

    def init_subclass(cls: type, **kwargs: Any) -> None:
        if own is None:
            super(base, cls).__init_subclass__(**kwargs)  # type: ignore[arg-type]
        else:
            own.__get__(None, cls)(**kwargs)
        with autologging.guarded(patches.flavor, "patch an estimator class"):
            _wrap_class(patches, cls)

    return init_subclass


def _wrap_class(patches: Patches, estimator_class: type) -> None:
    if not estimator_class.__module__.startswith("sklearn."):
        return
    for one in estimator_class.__mro__:
        if one.__module__.startswith("sklearn."):
            own = vars(one)
            autologging.log_training(patches, one, [name for name in _TRAIN if name in own], _log_fit, _is_logged)
            autologging.log_call(
                patches, one, [name for name in _PREDICT if name in own], evaluation.remember_prediction
            )
            autologging.log_call(patches, one, [name for name in ("score",) if name in own], evaluation.log_score)


def _is_logged(estimator: Any) -> bool | None:
    """Return whether a training of this estimator is logged.

    Return False for estimators that only prepare data. Return None if scikit-learn does not define how the estimator is
    fitted: then its `fit` is not logged, but the trainings in it are, because they are the user's.
    """
    of_sklearn = [one for one in type(estimator).__mro__ if one.__module__.startswith("sklearn.")]
    home = of_sklearn[0].__module__ if of_sklearn else ""
    if home.startswith(_PREPARING):
        # A user's own selector may derive only its interface from there.
        return False if any("fit" in vars(one) for one in of_sklearn) else None
    return None if not home or home.startswith(_BASES) else True


# -- a training --------------------------------------------------------------------------------------------------


def _log_fit(training: Training, call: Call) -> Generator[None, Any, None]:
    estimator = call.instance
    x, y, weights = _data(call)
    is_search = False
    with training.guarded("find out whether the estimator is a search"):
        is_search = _is_search(estimator)
    params: Mapping[str, Any] = {}
    with training.guarded("log the params"):
        # For a search, the params of the estimator that it starts from are not informative.
        params = estimator.get_params(deep=not is_search)
        training.log_params(params)
    training.run.set_tags(_tags(estimator))
    dataset = training.log_dataset(x, y)
    example = None
    if training.settings.log_models:
        with training.guarded("take an input example"):
            example = first_rows(x)
    overwrites = False
    with training.guarded("find out whether the training changes its data"):
        overwrites = _overwrites(estimator.get_params(deep=True) if is_search else params)
    if overwrites:
        x, y = copy.deepcopy((x, y))
    yield
    if training.settings.own.get("log_post_training_metrics", True):
        evaluation.remember_model(estimator, training)
    if y is not None:
        with training.guarded("log the training metrics"):
            # What changes its data in `fit` may do so again in each prediction.
            _log_metrics(training, estimator, partial(copy.deepcopy, x) if overwrites else lambda: x, y, weights)
    with training.guarded("log the estimator's diagram"):
        _log_diagram(training, estimator)
    with training.guarded("log the feature importance"):
        _log_importance(training, estimator)
    with training.guarded("log the learning curve"):
        _log_learning_curve(training, estimator)
    _log_model(training, estimator, example)
    if is_search:
        _log_search(training, estimator, dataset, example)


def _data(call: Call) -> tuple[Any, Any, Any]:
    """Return the arguments that stand for X and y, whatever their names are, and the sample weights."""
    import inspect

    names = list(inspect.signature(call.function).parameters)
    x = call.argument(names[0]) if names else None
    y = call.argument(names[1]) if len(names) > 1 and names[1] in ("y", "Y", "y_true", "labels_true") else None
    return x, y, call.argument("sample_weight")


def _tags(estimator: Any) -> dict[str, str]:
    cls = type(estimator)
    return {"estimator_name": cls.__name__, "estimator_class": f"{cls.__module__}.{cls.__name__}"}


def _overwrites(params: Mapping[str, Any]) -> bool:
    """Return whether the training may change its data in place.

    It may if a param such as `copy=False` or `copy_X=False` says so, or if a step runs code that is not scikit-learn's.
    """
    return any(
        (value is False and key.rpartition("__")[2].startswith("copy")) or _runs_other_code(value)
        for key, value in params.items()
    )


def _runs_other_code(step: Any) -> bool:
    if isinstance(step, type) or not hasattr(step, "fit"):
        return False
    return not type(step).__module__.startswith("sklearn.") or type(step).__name__ == "FunctionTransformer"


def _is_search(estimator: Any) -> bool:
    from sklearn.model_selection._search import BaseSearchCV

    return isinstance(estimator, BaseSearchCV)


def _log_model(training: Training, estimator: Any, example: Any, name: str = "model") -> None:
    def outputs(rows: Any) -> Any:
        make = getattr(estimator, "predict", None) or estimator.transform
        return to_dense(make(copy.deepcopy(rows)))

    can_predict = hasattr(estimator, "predict") or hasattr(estimator, "transform")
    training.log_model(
        _log_model_function(training.settings.own.get("serialization_format")),
        estimator,
        example=example if can_predict else None,
        predict=outputs,
        name=name,
        register=name == "model",
    )


def _log_model_function(serialization_format: Any) -> Callable[..., ModelInfo]:
    log_model = flavor(FLAVOR).log_model
    if serialization_format is None:
        return estimators.as_skops_or_pickle(log_model)
    return partial(log_model, serialization_format=serialization_format)


# -- metrics -----------------------------------------------------------------------------------------------------


def _log_metrics(training: Training, estimator: Any, x: Callable[[], Any], y: Any, weights: Any) -> None:
    """Log the metrics on the training data. `x` returns the features as they were before the training."""
    import numpy as np
    from sklearn.base import is_classifier, is_regressor

    y = np.asarray(to_dense(y))
    weights = None if weights is None else np.asarray(weights, float)
    found: dict[str, float] = {}
    with training.guarded("compute the training metrics"):
        if y.ndim == 2 and y.shape[1] == 1:
            y = y.ravel()
        if is_classifier(estimator):
            found = _classifier_metrics(training, estimator, x, y, weights)
        elif is_regressor(estimator):
            found = metrics.regression(y, estimator.predict(x()), weights)
    with training.guarded("compute the training score"):
        if (score := _score(estimator, x, y, weights, found)) is not None:
            found["score"] = score
    training.log_metrics({PREFIX + name: value for name, value in found.items()})


def _score(estimator: Any, x: Callable[[], Any], y: Any, weights: Any, found: Mapping[str, float]) -> Any:
    score = getattr(estimator, "score", None)
    if score is None:
        return None
    # Reuse what was computed: the score takes half of the time of a small training.
    known = {"ClassifierMixin.score": "accuracy_score", "RegressorMixin.score": "r2_score"}
    of_last = score
    while of_last.__qualname__ == "Pipeline.score":
        # A pipeline returns the score of its last step on the transformed data.
        of_last = of_last.__self__.steps[-1][1].score
    name = known.get(of_last.__qualname__, "")
    if name in found:
        return found[name]
    import inspect

    takes_weights = weights is not None and "sample_weight" in inspect.signature(score).parameters
    return score(x(), y, sample_weight=weights) if takes_weights else score(x(), y)


def _classifier_metrics(
    training: Training, estimator: Any, x: Callable[[], Any], y: Any, weights: Any
) -> dict[str, float]:
    import numpy as np

    predicted, scores = _predictions(estimator, x)
    if y.ndim != 1 or predicted.ndim != 1:
        return _multilabel_metrics(estimator, x, y, predicted, weights)
    confusion = metrics.Confusion.of(y, predicted, weights)
    found = confusion.metrics(training.settings.own.get("pos_label"))
    with training.guarded("log the confusion matrix"):
        labels, counts = confusion.labels.tolist(), confusion.counts.tolist()
        training.log_dict({"labels": labels, "counts": counts}, f"{PREFIX}confusion_matrix.json")
        picture = figures.confusion_matrix(labels, counts, "Normalized confusion matrix")
        training.log_bytes(picture, f"{PREFIX}confusion_matrix.png")
    classes = getattr(estimator, "classes_", None)
    # A label without a class, such as -1 for unlabeled samples, has no probability.
    if classes is None or len(classes) < 2 or not np.isin(y, classes).all():
        return found
    if hasattr(estimator, "predict_proba"):
        scores = np.asarray(estimator.predict_proba(x()) if scores is None else scores)
        codes = np.searchsorted(classes, y)
        found["log_loss"] = metrics.log_loss(codes, scores, weights)
        if len(classes) == 2:
            scores = scores[:, 1]
        elif weights is None:
            found["roc_auc"] = metrics.roc_auc_one_vs_one(codes, scores)
    elif len(classes) == 2 and hasattr(estimator, "decision_function"):
        scores = np.asarray(estimator.decision_function(x()))
    if len(classes) == 2 and scores is not None:
        ranking = metrics.Ranking.of(y == classes[1], scores, weights)
        if hasattr(estimator, "predict_proba"):
            found["roc_auc"] = ranking.roc_auc()
        _log_curves(training, ranking)
    return found


def _predictions(estimator: Any, x: Callable[[], Any]) -> tuple[Any, Any]:
    """Return the predicted labels, and the probabilities if the labels are computed from them."""
    import numpy as np

    if estimator.predict.__qualname__ == "ForestClassifier.predict" and estimator.n_outputs_ == 1:
        # The forest computes labels in the same way. This avoids predicting with all trees twice.
        probabilities = np.asarray(estimator.predict_proba(x()))
        return estimator.classes_[probabilities.argmax(axis=1)], probabilities
    return np.asarray(to_dense(estimator.predict(x()))), None


def _multilabel_metrics(estimator: Any, x: Callable[[], Any], y: Any, predicted: Any, weights: Any) -> dict[str, float]:
    """Return metrics for several labels per sample. For several outputs, scikit-learn has no such metrics."""
    import sklearn.metrics
    from sklearn.utils.multiclass import type_of_target

    if type_of_target(y) != "multilabel-indicator":
        return {}
    precision, recall, f1, _ = sklearn.metrics.precision_recall_fscore_support(
        y, predicted, average="weighted", sample_weight=weights, zero_division=0
    )
    accuracy = sklearn.metrics.accuracy_score(y, predicted, sample_weight=weights)
    found = {"precision_score": precision, "recall_score": recall, "f1_score": f1, "accuracy_score": accuracy}
    scores = estimator.predict_proba(x()) if hasattr(estimator, "predict_proba") else None
    if getattr(scores, "shape", None) == y.shape:
        # They are undefined if no sample or every sample has one of the labels.
        with suppress(ValueError):
            found["log_loss"] = sklearn.metrics.log_loss(y, scores, sample_weight=weights)
            found["roc_auc"] = sklearn.metrics.roc_auc_score(y, scores, average="weighted", sample_weight=weights)
    return found


def _log_curves(training: Training, ranking: metrics.Ranking) -> None:
    with training.guarded("log the ROC curve"):
        false_rate, true_rate, thresholds = ranking.roc_curve()
        _log_curve(
            training,
            f"{PREFIX}roc_curve",
            "ROC curve",
            {"false_positive_rate": false_rate, "true_positive_rate": true_rate, "threshold": thresholds},
            diagonal=True,
        )
    with training.guarded("log the precision-recall curve"):
        precision, recall, thresholds = ranking.precision_recall_curve()
        _log_curve(
            training,
            f"{PREFIX}precision_recall_curve",
            "Precision recall curve",
            {"recall": recall, "precision": precision, "threshold": thresholds},
        )


def _log_curve(training: Training, name: str, title: str, columns: dict[str, Any], diagonal: bool = False) -> None:
    """Log the first column as x and the second as y. Of many points, a thousand are kept, including both ends."""
    import numpy as np

    length = len(next(iter(columns.values())))
    at = np.unique(np.linspace(0, length - 1, _MAX_POINTS).astype(int)) if length > _MAX_POINTS else slice(None)
    lists = {
        key: np.ascontiguousarray(values)[at if len(values) == length else slice(None)]
        for key, values in columns.items()
    }
    if length > _MAX_POINTS:
        lists = {key: values for key, values in lists.items() if len(values) <= _MAX_POINTS}
    training.log_dict(lists, f"{name}.json")
    (x_name, x), (y_name, y), *_ = lists.items()
    picture = figures.curve(x, y, title, x_name.replace("_", " "), y_name.replace("_", " "), diagonal)
    training.log_bytes(picture, f"{name}.png")


# -- the fitted estimator ----------------------------------------------------------------------------------------


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="UTF-8"/><title>{title}</title>
<style>body{{font:14px system-ui,sans-serif}} details{{border:1px solid #8cb4d8;border-radius:4px;margin:6px;
padding:6px 10px}} summary{{font-weight:600;cursor:pointer}} td{{padding:1px 12px 1px 0;vertical-align:top}}</style>
</head>
<body>{body}</body>
</html>
"""


def _log_diagram(training: Training, estimator: Any) -> None:
    # scikit-learn's own diagram looks up the documentation of every param, which takes longer than a small training.
    training.log_text(_PAGE.format(title=type(estimator).__name__, body=_diagram("", estimator)), "estimator.html")


def _diagram(name: str, estimator: Any) -> str:
    """Return an estimator as an HTML box with its params, which contains the boxes of its inner estimators."""
    from html import escape

    rows, boxes = [], []
    for key, value in estimator.get_params(deep=False).items() if hasattr(estimator, "get_params") else ():
        if hasattr(value, "get_params") and not isinstance(value, type):
            boxes.append(_diagram(key, value))
        elif (
            isinstance(value, (list, tuple)) and value and all(isinstance(one, tuple) and len(one) > 1 for one in value)
        ):
            boxes += [_diagram(str(one[0]), one[1]) for one in value]
        else:
            rows.append(f"<tr><td>{escape(key)}</td><td>{escape(_shortened(value))}</td></tr>")
    title = escape(f"{name}: " if name else "") + escape(
        type(estimator).__name__ if hasattr(estimator, "get_params") else _shortened(estimator)
    )
    table = f"<table>{''.join(rows)}</table>" if rows else ""
    return f"<details open><summary>{title}</summary>{table}{''.join(boxes)}</details>"


def _shortened(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else text[:199] + "…"


def _final_estimator(estimator: Any) -> tuple[Any, Any]:
    """Return the estimator that was trained in a search or pipeline, and the names of its features if known."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    names = getattr(estimator, "feature_names_in_", None)
    if hasattr(estimator, "steps"):
        before, estimator = estimator[:-1], estimator.steps[-1][1]
        if len(before.steps):
            try:
                names = before.get_feature_names_out()
            except Exception:  # transformers without feature names raise many types
                names = None
    return estimator, names


def _log_importance(training: Training, estimator: Any) -> None:
    import numpy as np

    learner, names = _final_estimator(estimator)
    values = getattr(learner, "feature_importances_", None)
    if values is None:
        values = getattr(learner, "coef_", None)
        if values is None:
            return
        values = np.asarray(to_dense(values), float)
        values = values if values.ndim == 1 else np.abs(values).mean(axis=0) if len(values) > 1 else values[0]
    values = np.asarray(values, float)
    if values.ndim != 1 or not len(values):
        return
    if names is None or len(names) != len(values):
        names = [f"x{index}" for index in range(len(values))]
    labels = [str(name) for name in names]
    training.log_dict(dict(zip(labels, values.tolist(), strict=True)), "feature_importance.json")
    training.log_bytes(figures.bars(labels, values.tolist(), "Feature importance"), "feature_importance.png")


def _log_learning_curve(training: Training, estimator: Any) -> None:
    import numpy as np

    learner, _ = _final_estimator(estimator)
    losses = getattr(learner, "loss_curve_", None)
    if losses is None:
        losses = getattr(learner, "train_score_", None)
    if losses is not None and np.ndim(losses) == 1 and len(losses) > 1:
        columns = {"iteration": np.arange(1, len(losses) + 1), "training_loss": np.asarray(losses, float)}
        _log_curve(training, "learning_curve", "Learning curve", columns)


# -- a search ----------------------------------------------------------------------------------------------------


def _log_search(training: Training, search: Any, dataset: Any, example: Any) -> None:
    if hasattr(search, "best_estimator_"):
        _log_model(training, search.best_estimator_, example, "best_estimator")
    with training.guarded("log the best params"):
        if hasattr(search, "best_score_"):
            training.log_metrics({"best_cv_score": search.best_score_})
        if hasattr(search, "best_params_"):
            training.log_params({f"best_{name}": value for name, value in search.best_params_.items()})
    results = getattr(search, "cv_results_", None)
    if results is None:
        return
    with training.guarded("log the results of the search"):
        import pandas

        table = io.StringIO()
        pandas.DataFrame(results).to_csv(table, index=False)
        training.log_text(table.getvalue(), "cv_results.csv")
    with training.guarded("log the runs of the search"):
        _log_candidates(training, search, results, dataset)


def _log_candidates(training: Training, search: Any, results: Mapping[str, Any], dataset: Any) -> None:
    """Create a run for each of the best candidates, up to `max_tuning_runs`."""
    seed = search.estimator
    fixed = seed.get_params(deep=not _is_search(seed))
    most = training.settings.own.get("max_tuning_runs", 5)
    ranks: Any = next(
        (results[key] for key in ("rank_test_score", *results) if key in results and "rank_test_" in key), []
    )
    order = sorted(range(len(results["params"])), key=lambda index: ranks[index] if len(ranks) else index)
    client, run = training.client, training.run
    tags = {**capture.run_tags(), **(training.settings.extra_tags or {}), **_tags(seed)}
    for index in order[:most]:
        child = client.create_run(
            run.info.experiment_id,
            start_time=run.info.start_time,
            tags={**tags, AUTOLOGGING: training.flavor, PARENT: training.run_id},
        )
        logged = Training(training.flavor, ActiveRun(client, child), training.settings, is_own=True)
        logged.log_params({**fixed, **results["params"][index]})
        logged.log_metrics(
            {
                key: values[index]
                for key, values in results.items()
                if not key.startswith(("param", "split")) and isinstance(values[index], Number)
            }
        )
        if dataset is not None:
            logged.run.log_input(dataset, "train")
        client.set_terminated(child.info.run_id, end_time=int(time.time() * 1000))
