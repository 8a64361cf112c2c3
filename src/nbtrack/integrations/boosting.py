"""What XGBoost and LightGBM have in common: metrics of iterations, feature importances, and the framework's own data.

Data in the framework's own format cannot be converted back to what it was created from.
"""

from __future__ import annotations

import inspect
import warnings
import weakref
from collections.abc import Callable, Collection, Iterable, Mapping
from types import ModuleType
from typing import Any

from .. import autologging
from ..autologging import Call, Patches, Training, evaluation, figures
from ..autologging.inputs import first_rows
from ..autologging.training import Logger


class Predictor:
    """A model with a `predict` for tables. `prepare` converts the table to the type that the model takes."""

    def __init__(self, model: Any, prepare: Callable[[Any], Any] | None = None) -> None:
        self._model = model
        self._prepare = prepare

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Return the predictions. Params that the model does not accept are ignored with a warning."""
        predict = self._model.predict
        taken = inspect.signature(predict).parameters if params else {}
        unknown = [name for name in params or {} if name not in taken]
        if unknown:
            warnings.warn(
                f"{type(self._model).__name__}.predict does not accept these params, so they are ignored: "
                f"{', '.join(unknown)}.",
                stacklevel=2,
            )
        chosen = {name: value for name, value in (params or {}).items() if name in taken}
        return predict(self._prepare(data) if self._prepare else data, **chosen)

    def get_raw_model(self) -> Any:
        """Return the framework's own model."""
        return self._model


# -- a training --------------------------------------------------------------------------------------------------


class Iterations:
    """The metrics of each iteration of a training, which are logged as they come."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._measured: dict[int, dict[str, float]] = {}
        self._last = -1

    def record(self, step: int, values: Iterable[tuple[str, str, float]]) -> None:
        """Log the metrics of an iteration.

        Args:
            step: Index of the iteration.
            values: For each metric the name of the data set, the name of the metric, and the value.
        """
        # As in MLflow, where "ndcg@3" is not a valid metric name.
        metrics = {f"{data}-{metric}".replace("@", "_at_"): value for data, metric, value in values}
        self._measured[step] = metrics
        self._last = step
        self._training.log_metrics(metrics, step)

    def log_early_stop(self, best_iteration: int, first: int) -> None:
        """Log where the training stopped, and log the metrics of the best iteration again, one step after the last.

        Args:
            best_iteration: The framework's number of the best iteration.
            first: The number that the framework gives to the first iteration.
        """
        if not self._measured:
            return
        stopped = {"stopped_iteration": self._last + first, "best_iteration": best_iteration}
        self._training.log_metrics(stopped, 0)
        self._training.log_metrics(self._measured.get(best_iteration - first, {}), self._last + 1)


def log_params(training: Training, call: Call, leave_out: Collection[str]) -> None:
    """Log the arguments of a `train` function, including defaults, and the entries of its `params`."""
    with training.guarded("log the params"):
        parameters = inspect.signature(call.function).parameters.values()
        arguments = {one.name: call.argument(one.name, one.default) for one in parameters}
        inner = dict(arguments.pop("params", None) or {})
        training.log_params({**inner, **{key: arguments[key] for key in arguments if key not in leave_out}})


def log_importances(training: Training, kind: str, importances: Callable[[], Mapping[str, Any]]) -> None:
    """Log the importance of each feature, as JSON and as a figure. A feature may have one for each class."""
    with training.guarded("log the feature importances"):
        found = dict(importances())
        training.log_dict(found, f"feature_importance_{kind}.json")
        sizes = [sum(map(abs, one)) if isinstance(one, list) else one for one in found.values()]
        figure = figures.bars(list(found), sizes, f"Feature importance ({kind})")
        training.log_bytes(figure, f"feature_importance_{kind}.png")


def log_estimator(training: Training, call: Call, log_model: Callable[..., Any], **arguments: Any) -> Any:
    """Log the model that an estimator's `fit` trains. The logger of the `train` that it calls logs the rest."""
    example = None
    if training.settings.log_models:
        with training.guarded("take an input example"):
            example = first_rows(call.argument("X"))
    yield
    evaluation.remember_model(call.instance, training)
    training.log_model(log_model, call.instance, example=example, predict=call.instance.predict, **arguments)


def watch_estimators(patches: Patches, module: ModuleType, base: type, logger: Logger) -> None:
    """Wrap `fit`, the prediction methods and `score` of the estimators in a module."""
    evaluation.watch_metrics(patches)
    for owner in list(vars(module).values()):
        if isinstance(owner, type) and issubclass(owner, base):
            own = vars(owner)
            autologging.log_training(patches, owner, [name for name in ("fit",) if name in own], logger)
            predicting = [name for name in ("predict", "predict_proba") if name in own]
            autologging.log_call(patches, owner, predicting, evaluation.remember_prediction)
            # A `score` that is inherited from scikit-learn is wrapped by scikit-learn's autologger.
            if "score" in own or not issubclass(_home_of(owner, "score"), base):
                autologging.log_call(patches, owner, "score", evaluation.log_score)


def _home_of(owner: type, name: str) -> type:
    """Return the class that defines an attribute, or `owner` if none does."""
    return next((one for one in owner.__mro__ if name in vars(one)), owner)


# -- the data ----------------------------------------------------------------------------------------------------

_known: weakref.WeakKeyDictionary[Any, tuple[Any, Callable[[], Any]]] = weakref.WeakKeyDictionary()
"""For data in a framework's own format: the first rows of the original data, and a weak reference to the original."""


def remember_data(patches: Patches, owner: type) -> None:
    """Remember the data from which objects of a class are created, from now on.

    The original values cannot be restored from these objects.
    """

    def wrapper(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not autologging.is_suspended():
            with autologging.guarded(patches.flavor, "read the training data"):
                data = Call(instance, args, kwargs, wrapped).argument("data")
                if hasattr(data, "shape"):
                    _known[instance] = first_rows(data), _reference(data)
        return wrapped(*args, **kwargs)

    patches.wrap(owner, "__init__", wrapper)


def rows_of(data: Any) -> Any:
    """Return the first rows of the original data, or None if they are not known."""
    return _known.get(data, (None, None))[0]


def source_of(data: Any) -> Any:
    """Return the original array or table, or None if it no longer exists or is not known."""
    return _known.get(data, (None, lambda: None))[1]()


def _reference(data: Any) -> Callable[[], Any]:
    try:
        return weakref.ref(data)
    except TypeError:
        return lambda: None
