"""Metrics, params, tags and datasets of the active run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..client import Client
from ..data.dataset import dataset_input
from ..entities import Metric, Param, RunTag
from ..errors import InvalidParameter, NotSupported
from ..runs import stack
from .runs import ensure_run, start_run, target


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
    """Log one point of a metric; `timestamp` in epoch milliseconds. Without a step the metric's steps count themselves.

    `synchronous`, `model_id` and `dataset` are taken for MLflow's sake and change nothing. Raises InvalidParameter
    where `value` is no number.
    """
    if run_id is None:
        (stack.current() or start_run()).log_metric(key, value, step, timestamp)
    else:
        Client().log_metric(run_id, key, value, timestamp, step)


def log_metrics(
    metrics: Mapping[str, Any],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> None:
    """Log a point of several metrics, all or none. The keys of dicts in dicts are joined by `/`.

    >>> log_metrics({"train": {"loss": 0.5}, "val": {"loss": 0.6}}, step=1)  # train/loss and val/loss
    """
    if run_id is None:
        ensure_run().log_metrics(metrics, step, timestamp)
    else:
        Client().recorder(run_id).metrics(metrics, step, timestamp)


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:
    """Log a param and return its value. A changed value is kept beside the earlier one."""
    return ensure_run().log_param(key, value)


def log_params(params: Mapping[str, Any], synchronous: bool | None = None, run_id: str | None = None) -> None:
    """Log several params, all or none. The keys of dicts in dicts are joined by `/`, values become text by `str`."""
    if run_id is None:
        ensure_run().log_params(params)
    else:
        Client().recorder(run_id).params(params)


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> None:
    """Set a tag on the active run."""
    ensure_run().set_tag(key, value)


def set_tags(tags: Mapping[str, Any], synchronous: bool | None = None) -> None:
    """Set several tags on the active run."""
    ensure_run().set_tags(tags)


def delete_tag(key: str) -> None:
    """Delete a tag of the active run. Raises NotFound where it has none such."""
    ensure_run().delete_tag(key)


def log_batch(
    metrics: Sequence[Metric] = (), params: Sequence[Param] = (), tags: Sequence[RunTag] = (), run_id: str | None = None
) -> None:
    """Log many metrics, params and tags at once: where one of them is wrong, none is logged."""
    client, run_id = target(run_id)
    client.log_batch(run_id, metrics, params, tags)


def log_input(
    dataset: Any, context: str | None = None, tags: Mapping[str, Any] | None = None, model: Any = None
) -> None:
    """Log a dataset that the active run is given, for `context` (such as "training").

    It is one of `nbtrack.data`, or one of MLflow's. The same one in the same context counts once.

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
    """Log several datasets, each with its context and its tags; lists that are given have one length."""
    contexts = [None] * len(datasets) if contexts is None else contexts
    tags_list = [None] * len(datasets) if tags_list is None else tags_list
    if not len(datasets) == len(contexts) == len(tags_list):
        raise InvalidParameter(
            "datasets, contexts and tags_list must have the same length, not "
            f"{len(datasets)}, {len(contexts)} and {len(tags_list)}."
        )
    inputs = [dataset_input(*each) for each in zip(datasets, contexts, tags_list, strict=True) if each[0] is not None]
    run = ensure_run()
    run.client.log_inputs(run.info.run_id, inputs, models)


def log_series(key: str, steps: Any, values: Any, timestamps: Any = None, run_id: str | None = None) -> None:
    """Log many points of one metric at once, all or none: lists, NumPy arrays, tensors or Series of one length.

    `steps` are whole numbers in any order, or None: then they count on from the metric's highest, as log_metric's do.
    `timestamps` are epoch milliseconds, or datetimes of NumPy or pandas (UTC where they name no time zone); without
    them all points are of now. Raises InvalidParameter for what is no number, and where the lengths differ; what a
    Series lacks is NaN.

    >>> log_series("loss", range(3), [0.9, 0.5, 0.4])
    """
    if run_id is None:
        ensure_run().log_series(key, steps, values, timestamps)
    else:
        Client().log_series(run_id, key, steps, values, timestamps)
