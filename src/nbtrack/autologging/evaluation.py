"""Metrics that are computed after a training: the run that they belong to, and MLflow's names for them.

A trained model is mapped to its run, and a prediction to its model. The maps do not keep either of them alive.
"""

from __future__ import annotations

import inspect
import sys
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from numbers import Number
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any

from ..data.dataset import dataset_input
from .inputs import as_dataset
from .patches import Patches
from .training import Call, Training, log_call

if TYPE_CHECKING:
    from ..client import Client

UNKNOWN = "unknown_dataset"
INFO_FILE = "metric_info.json"

_MAX_STRING = 32


@dataclass
class _EvaluatedRun:
    """A run whose model is being evaluated."""

    client: Client
    run_id: str
    log_datasets: bool
    calls: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """For each metric, the keys under which it was logged, and the calls that computed it."""
    datasets: dict[str, list[int]] = field(default_factory=dict)
    """For each variable name, the `id()` of each object that it stood for."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def key_of(self, metric: str, dataset: str, command: str) -> str:
        calls = self.calls.setdefault(metric, [])
        key = f"{_with_number(metric, len(calls))}_{dataset}"
        calls.append((key, command))
        return key

    def name_of(self, data: Any) -> str:
        name = _variable_name(data) or UNKNOWN
        ids = self.datasets.setdefault(name, [])
        if id(data) not in ids:
            ids.append(id(data))
        return _with_number(name, ids.index(id(data)))


@dataclass
class _Prediction:
    evaluated: _EvaluatedRun
    dataset: str
    data: Callable[[], Any]


class _IdentityMap:
    """Values by the identity of their key objects, for as long as the keys are alive."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[Any, Any]] = {}

    def put(self, key: Any, value: Any) -> None:
        number = id(key)
        try:
            reference = weakref.ref(key, lambda _: self._found.pop(number, None))
        except TypeError:
            # For example a list: without a weak reference, its `id()` may later belong to another object.
            return
        self._found[number] = (reference, value)

    def get(self, key: Any) -> Any:
        reference, value = self._found.get(id(key), (None, None))
        return value if reference is not None and reference() is key else None


_models = _IdentityMap()
_predictions = _IdentityMap()


def remember_model(model: Any, training: Training) -> None:
    """Log metrics that are later computed from this model's predictions to the training's run."""
    _models.put(model, _EvaluatedRun(training.client, training.run_id, training.settings.log_datasets))


def remember_prediction(call: Call, result: Any) -> None:
    """Map a prediction to the run of the model that made it."""
    evaluated = _models.get(call.instance)
    if evaluated is None:
        return
    data = _first_argument(call)
    prediction = _Prediction(evaluated, evaluated.name_of(data), _reference(data))
    _predictions.put(result, prediction)
    # The prediction of a tree is itself a view, and the base of a part of a view is the array below both. So that array
    # is mapped too, unless something else refers to it, such as the user whose data was passed through: the two
    # references counted here are those of the result and of this call.
    if getattr(result, "base", None) is not None and sys.getrefcount(result.base) == 2:
        _predictions.put(result.base, prediction)


def log_score(call: Call, result: Any) -> None:
    """Log the result of a model's `score` method."""
    evaluated = _models.get(call.instance)
    if evaluated is None or not _is_number(result):
        return
    data = _first_argument(call)
    name = type(call.instance).__name__
    _log(evaluated, f"{name}_score", evaluated.name_of(data), _format_call(f"{name}.score", call), result, data)


def log_metric_call(call: Call, result: Any) -> None:
    """Log the result of a metric function if one of its arguments is a prediction, or a part of one."""
    if not _is_number(result):
        return
    for argument in (*call.args, *call.kwargs.values()):
        found = _predictions.get(argument)
        if found is None and (base := getattr(argument, "base", None)) is not None:
            # A view: `model.predict_proba(X)[:, 1]`.
            found = _predictions.get(base)
        if found is not None:
            name = call.function.__name__
            _log(found.evaluated, name, found.dataset, _format_call(name, call), result, found.data())
            return


# -- scikit-learn's metrics, which are also used with estimators of other frameworks ------------------------------

_NO_METRICS = ("check_scoring", "get_scorer", "get_scorer_names", "make_scorer")

_metrics = Patches("sklearn")
_flavors: list[str] = []
"""The flavors that log metrics. The functions are wrapped for the first one only, so that each call is logged once."""
_flavors_lock = threading.RLock()


def watch_metrics(patches: Patches) -> None:
    """Wrap scikit-learn's metrics once they are imported.

    They stay wrapped until the patches of every flavor that asked for it are undone.
    """
    with _flavors_lock:
        _flavors.append(patches.flavor)
        patches.when_undone(partial(_stop_watching, patches.flavor))
        if len(_flavors) == 1:
            _metrics.flavor = patches.flavor
            _metrics.when_imported("sklearn.metrics", _wrap_metrics)


def _stop_watching(flavor: str) -> None:
    with _flavors_lock:
        _flavors.remove(flavor)
        if _flavors:
            _metrics.flavor = _flavors[0]
        else:
            _metrics.undo()


def _wrap_metrics(module: ModuleType) -> None:
    names = [
        name
        for name in module.__all__
        if name not in _NO_METRICS and callable(found := getattr(module, name, None)) and not isinstance(found, type)
    ]
    log_call(_metrics, module, names, log_metric_call)


def _log(evaluated: _EvaluatedRun, metric: str, dataset: str, command: str, value: Any, data: Any) -> None:
    with evaluated.lock:
        key = evaluated.key_of(metric, dataset, command)
        evaluated.client.log_metric(evaluated.run_id, key, value)
        commands = sorted(pair for calls in evaluated.calls.values() for pair in calls)
        evaluated.client.log_dict(evaluated.run_id, dict(commands), INFO_FILE)
        if evaluated.log_datasets and data is not None and (logged := as_dataset(data)) is not None:
            evaluated.client.log_inputs(evaluated.run_id, [dataset_input(logged, "eval", None)])


def _with_number(name: str, index: int) -> str:
    return name if index == 0 else f"{name}-{index + 1}"


def _is_number(value: Any) -> bool:
    return isinstance(value, Number) and not isinstance(value, (bool, complex))


def _reference(data: Any) -> Callable[[], Any]:
    try:
        return weakref.ref(data)
    except TypeError:
        return lambda: None


def _first_argument(call: Call) -> Any:
    return call.args[0] if call.args else next(iter(call.kwargs.values()), None)


def _format_call(name: str, call: Call) -> str:
    """Return the call as source code, such as `accuracy_score(y_true=y_test, y_pred=predicted)`."""
    try:
        names = list(inspect.signature(call.function).parameters)
    except (TypeError, ValueError):
        names = []
    named = [*zip(names, call.args, strict=False), *call.kwargs.items()]
    return f"{name}({', '.join(f'{key}={_format_argument(value)}' for key, value in named)})"


def _format_argument(value: Any) -> str:
    if isinstance(value, str):
        return repr(value if len(value) <= _MAX_STRING else value[:_MAX_STRING] + "...")
    if value is None or isinstance(value, (Number, bytes)):
        return repr(value)
    return _variable_name(value) or f"<{type(value).__name__}>"


def _variable_name(value: Any) -> str | None:
    """Return the name of the variable that holds `value`, in the nearest frame that did not get it as an argument.

    Frames of nbtrack are skipped. Return None if no variable holds it.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith("nbtrack."):
        frame = frame.f_back
    while frame is not None:
        names = frame.f_locals
        code = frame.f_code
        count = code.co_argcount + code.co_kwonlyargcount
        passed = [names.get(name) for name in code.co_varnames[:count]]
        # *args and **kwargs come after the others.
        if code.co_flags & inspect.CO_VARARGS:
            passed += names.get(code.co_varnames[count], ())
            count += 1
        if code.co_flags & inspect.CO_VARKEYWORDS:
            passed += names.get(code.co_varnames[count], {}).values()
        if not any(one is value for one in passed):
            return next((name for name, one in names.items() if one is value), None)
        frame = frame.f_back
    return None
