"""Metrics, params, tags and datasets of the active run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from ..client import Client
from ..data.dataset import dataset_input
from ..entities import Metric, Param, RunTag
from ..errors import InvalidParameter, NotSupported
from ..names import check_list
from ..runs import stack
from .runs import ensure_run, start_run, target

T = TypeVar("T")


def log_metric(
    key: str,
    value: Any,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> None:
    """Log one point of a metric.

    Args:
        key: Key of the metric, at most 500 characters. Slashes group metrics, as in "train/loss".
        value: A number, or an array or tensor with one element. NaN and infinite values are allowed.
        step: Training step, an integer of 64 bits. Defaults to the step after the metric's highest one; the first is 0.
        synchronous: Ignored. MLflow has this parameter.
        timestamp: Milliseconds since the epoch. Defaults to now.
        run_id: Run to log to. Defaults to the active run, which is started if there is none.
        model_id: Ignored. MLflow has this parameter.
        dataset: Ignored. MLflow has this parameter.

    Raises:
        InvalidParameter: If `value` is not a number, if the key is empty or too long, or if the step or the timestamp
            is not an integer.
        NotFound: If no run has this ID. A deleted run raises InvalidParameter.

    Example:
        >>> for loss in (0.9, 0.5, 0.4):
        ...     log_metric("train/loss", loss)  # steps 0, 1, 2
    """
    if run_id is None:
        (stack.current() or start_run()).log_metric(key, value, step, timestamp)
    else:
        Client().log_metric(run_id, key, value, timestamp, step)


def log_progress(iterable: Iterable[T], total: float | None = None, label: str = "") -> Iterable[T]:
    """Iterate and show how far the active run is, with the time that is left.

    The live view shows a progress bar, and so do screens of other processes. Of nested loops, the outermost one is
    shown, with the inner loop as a part of its current step. Progress bars of tqdm are noticed without this function.

    Args:
        iterable: What to iterate over.
        total: The number of steps. Defaults to the length of `iterable`. If that is not known, only the number of steps
            that are done is shown.
        label: What the loop does, such as "epochs".

    Returns:
        An iterable with the same items. Its `len()` is `total`, if that is known.

    Raises:
        InvalidParameter: If `iterable` cannot be iterated, or if `total` is not a number or is negative.

    Example:
        >>> for epoch in log_progress(range(3), label="epochs"):
        ...     for batch in log_progress([[1, 2], [3, 4]]):
        ...         log_metric("loss", 1 / sum(batch))
    """
    return (stack.current() or start_run()).progress(iterable, total, label)


def log_metrics(
    metrics: Mapping[str, Any],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> None:
    """Log one point of each of several metrics: all or none.

    Args:
        metrics: Values by key. The keys of nested dicts are joined with "/".
        step: Training step of all points, an integer of 64 bits. By default, each metric gets the step after its
            highest one.
        synchronous: Ignored. MLflow has this parameter.
        run_id: Run to log to. Defaults to the active run, which is started if there is none.
        timestamp: Milliseconds since the epoch. Defaults to now, the same for all points.
        model_id: Ignored. MLflow has this parameter.
        dataset: Ignored. MLflow has this parameter.

    Raises:
        InvalidParameter: If a value is not a number, if a key is empty, too long or given twice, or if the step or the
            timestamp is not an integer. Nothing is logged then.
        NotFound: If no run has this ID. A deleted run raises InvalidParameter.

    Example:
        >>> log_metrics({"train": {"loss": 0.5}, "val": {"loss": 0.6}}, step=1)  # train/loss and val/loss
    """
    if run_id is None:
        ensure_run().log_metrics(metrics, step, timestamp)
    else:
        Client().recorder(run_id).metrics(metrics, step, timestamp)


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:
    """Log a param of the active run, which is started if there is none.

    A param that is logged again with another value is not an error, unlike in MLflow: the run shows the new value, the
    earlier one is kept in the view `events` of `nbtrack.sql`, and a warning says so once.

    Args:
        key: Key of the param, at most 500 characters.
        value: Value of the param. It is converted to a string of any length.
        synchronous: Ignored. MLflow has this parameter.

    Returns:
        `value`, unchanged.

    Raises:
        InvalidParameter: If the key is not a string or is empty or too long.

    Example:
        >>> lr = log_param("lr", 0.1)
    """
    return ensure_run().log_param(key, value)


def log_params(params: Mapping[str, Any], synchronous: bool | None = None, run_id: str | None = None) -> None:
    """Log several params: all or none.

    Args:
        params: Values by key. They are converted to strings, and the keys of nested dicts are joined with "/". See
            `log_param` for values that change.
        synchronous: Ignored. MLflow has this parameter.
        run_id: Run to log to. Defaults to the active run, which is started if there is none.

    Raises:
        InvalidParameter: If a key is empty, too long or given twice. Nothing is logged then.
        NotFound: If no run has this ID. A deleted run raises InvalidParameter.

    Example:
        >>> log_params({"lr": 0.1, "model": {"layers": 3}})  # lr and model/layers
    """
    if run_id is None:
        ensure_run().log_params(params)
    else:
        Client().recorder(run_id).params(params)


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> None:
    """Set a tag on the active run, which is started if there is none.

    Args:
        key: Key of the tag, at most 500 characters. Setting `mlflow.runName` renames the run.
        value: Value of the tag. It is converted to a string of any length and replaces an earlier value.
        synchronous: Ignored. MLflow has this parameter.

    Raises:
        InvalidParameter: If the key is not a string or is empty or too long.
    """
    ensure_run().set_tag(key, value)


def set_tags(tags: Mapping[str, Any], synchronous: bool | None = None) -> None:
    """Set several tags on the active run, which is started if there is none: all or none.

    Args:
        tags: Values by key. They are converted to strings and replace earlier values.
        synchronous: Ignored. MLflow has this parameter.

    Raises:
        InvalidParameter: If a key is not a string or is empty or too long. No tag is set then.
    """
    ensure_run().set_tags(tags)


def delete_tag(key: str) -> None:
    """Delete a tag of the active run.

    Args:
        key: Key of the tag.

    Raises:
        NotFound: If the run does not have the tag.
    """
    ensure_run().delete_tag(key)


def log_batch(
    metrics: Sequence[Metric] = (), params: Sequence[Param] = (), tags: Sequence[RunTag] = (), run_id: str | None = None
) -> None:
    """Log many metrics, params and tags at once: all or none.

    Args:
        metrics: `nbtrack.entities.Metric` objects, each one point.
        params: `nbtrack.entities.Param` objects.
        tags: `nbtrack.entities.RunTag` objects.
        run_id: Run to log to. Defaults to the active run, which is started if there is none.

    Raises:
        InvalidParameter: If one of them is not valid. Nothing is logged then.
        NotFound: If no run has this ID. A deleted run raises InvalidParameter.

    Example:
        >>> from nbtrack.entities import Metric
        >>> log_batch([Metric("loss", 0.5, timestamp=1_700_000_000_000, step=step) for step in range(3)])
    """
    client, run_id = target(run_id)
    client.log_batch(run_id, metrics, params, tags)


def log_input(
    dataset: Any, context: str | None = None, tags: Mapping[str, Any] | None = None, model: Any = None
) -> None:
    """Log a dataset that the active run uses. A run is started if none is active.

    The run stores the dataset's name, digest, source, schema and profile, not the data itself. A dataset that is logged
    twice for the same context counts once.

    Args:
        dataset: A dataset of `nbtrack.data` or `mlflow.data`.
        context: What the dataset is used for, such as "training" or "validation".
        tags: Tags of the dataset as an input of this run. Values are converted to strings.
        model: Not supported. It must be None.

    Raises:
        InvalidParameter: If `dataset` is not a dataset.
        NotSupported: If `model` is given.

    Example:
        >>> log_input(nbtrack.data.from_file("train.csv"), context="training")  # doctest: +SKIP
    """
    if model is not None:
        raise NotSupported(
            "log_input() takes only datasets. This version of nbtrack does not support models as inputs."
        )
    ensure_run().log_input(dataset, context, tags)


def log_inputs(
    datasets: Sequence[Any] = (),
    contexts: Sequence[str | None] | None = None,
    tags_list: Sequence[Mapping[str, Any] | None] | None = None,
    models: Any = None,
) -> None:
    """Log several datasets that the active run uses. See `log_input`.

    Args:
        datasets: Datasets of `nbtrack.data` or `mlflow.data`. None in the list is skipped.
        contexts: The context of each dataset. Defaults to no contexts.
        tags_list: The tags of each dataset. Defaults to no tags.
        models: Not supported. It must be None or empty.

    Raises:
        InvalidParameter: If the lists differ in length, or if an item is not a dataset.
        NotSupported: If `models` are given.
    """
    datasets = check_list(datasets, "datasets")
    contexts = [None] * len(datasets) if contexts is None else check_list(contexts, "contexts")
    tags_list = [None] * len(datasets) if tags_list is None else check_list(tags_list, "tags_list")
    if not len(datasets) == len(contexts) == len(tags_list):
        raise InvalidParameter(
            "datasets, contexts and tags_list must have the same length, not "
            f"{len(datasets)}, {len(contexts)} and {len(tags_list)}."
        )
    inputs = [dataset_input(*each) for each in zip(datasets, contexts, tags_list, strict=True) if each[0] is not None]
    run = ensure_run()
    run.client.log_inputs(run.info.run_id, inputs, models)


def log_series(key: str, steps: Any, values: Any, timestamps: Any = None, run_id: str | None = None) -> None:
    """Log many points of one metric at once: all or none.

    Args:
        key: Key of the metric, at most 500 characters.
        steps: Integers in any order, or None: the points then get the steps after the metric's highest one.
        values: Numbers. Like `steps` and `timestamps`, a list, tuple, NumPy array, tensor or Series of shape (n,).
            Missing values in a Series are NaN.
        timestamps: Milliseconds since the epoch, or datetimes of NumPy or pandas, which are in UTC if they have no time
            zone. Defaults to now for all points.
        run_id: Run to log to. Defaults to the active run, which is started if there is none.

    Raises:
        InvalidParameter: If a value is not a number, if a step is not an integer, or if the lengths differ. Nothing is
            logged then.
        NotFound: If no run has this ID. A deleted run raises InvalidParameter.

    Example:
        >>> log_series("loss", range(3), [0.9, 0.5, 0.4])
    """
    if run_id is None:
        ensure_run().log_series(key, steps, values, timestamps)
    else:
        Client().log_series(run_id, key, steps, values, timestamps)
