"""A page of the run table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from ..entities import Run
from ..errors import NotFound
from ..models.history import read_history
from ..names import SYSTEM
from ..store.protocol import Nesting
from ..tags import NOTE, PARENT
from .contract import Number, RunRow, RunsReply, RunsRequest, TableRow
from .source import Source
from .view import view

T = TypeVar("T")

_LOWER_IS_BETTER = ("loss", "error", "err", "mse", "rmse", "mae", "mape", "perplexity", "divergence", "time", "latency")


@view("runs")
def page(source: Source, request: RunsRequest) -> RunsReply:
    """Return a page of the runs that match, with the columns and the best runs of all of them."""
    found = source.reading.survey(
        request["experiment_ids"],
        request["filter"],
        request["order_by"],
        request["offset"],
        request["limit"],
        request["grouped"],
        request["unfolded"],
    )
    lower = {key for key in found.metrics if _is_minimized(key, found.directions.get(key))}
    rows = zip(run_rows(source, found.runs), found.runs, found.nesting, strict=True)
    return {
        "rows": [_table_row(*each) for each in rows],
        "count": found.rows,
        "total": found.total,
        "nested": found.nested,
        "params": [{"key": key, "differs": differs} for key, differs in found.params],
        "metrics": [key for key in found.metrics if not key.startswith(SYSTEM)],
        "system": [key for key in found.metrics if key.startswith(SYSTEM)],
        "best": {key: found.lowest[key] if key in lower else run_id for key, run_id in found.highest.items()},
        "lower_is_better": sorted(lower),
    }


def run_rows(source: Source, runs: Sequence[Run]) -> list[RunRow]:
    """Return the runs in the form that screens know."""
    names: dict[str, str] = {}
    with source.reading.snapshot():
        for experiment_id in {run.info.experiment_id for run in runs}:
            with suppress(NotFound):
                names[experiment_id] = source.get_experiment(experiment_id).name
    return [_row(run, names.get(run.info.experiment_id, "")) for run in runs]


def number(value: float) -> Number:
    """Return a float in a form that JSON can carry."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def lower_is_better(key: str) -> bool:
    """Return whether lower is better for a metric of this name: a loss, an error or a duration."""
    words = key.lower().replace("-", "_").replace("/", "_").replace(".", "_").split("_")
    return any(word in _LOWER_IS_BETTER or word.removesuffix("s") in _LOWER_IS_BETTER for word in words)


def own_metrics(metrics: Mapping[str, T]) -> dict[str, T]:
    """Return the metrics without the system metrics."""
    return {key: value for key, value in metrics.items() if not key.startswith(SYSTEM)}


def dataset_labels(run: Run) -> dict[str, str]:
    """Return the names and digests of the run's datasets, by the context in which they were used."""
    labels: dict[str, list[str]] = {}
    for one in run.inputs.dataset_inputs:
        labels.setdefault(one.context or "dataset", []).append(f"{one.dataset.name} ({one.dataset.digest})")
    return {context: ", ".join(sorted(names)) for context, names in labels.items()}


def _row(run: Run, experiment_name: str) -> RunRow:
    info, data = run.info, run.data
    return {
        "run_id": info.run_id,
        "run_name": info.run_name,
        "experiment_id": info.experiment_id,
        "experiment_name": experiment_name,
        "status": info.status,  # type: ignore[typeddict-item]
        "start_time": info.start_time,
        "end_time": info.end_time,
        "user_id": info.user_id,
        "parent_run_id": data.tags.get(PARENT),
        "note": data.tags.get(NOTE, ""),
        "params": data.params,
        "metrics": {key: number(value) for key, value in data.metrics.items()},
        "models": logged_models(data.tags),
    }


def _table_row(row: RunRow, run: Run, nesting: Nesting) -> TableRow:
    ranges = own_metrics(nesting.ranges).items()
    best = {key: number(low if _low_wins(key, run) else high) for key, (low, high) in ranges}
    metrics = own_metrics(row["metrics"])
    return {**row, "metrics": metrics, "depth": nesting.depth, "children": nesting.children, "nested_best": best}


def _low_wins(key: str, parent: Run) -> bool:
    """Return whether the lowest value of a metric of nested runs is the best. A study's direction decides."""
    is_optimized = f"best_{key.removeprefix('intermediate_')}" in parent.data.metrics
    return _is_minimized(key, parent.data.tags.get("direction") if is_optimized else None)


def _is_minimized(key: str, direction: str | None) -> bool:
    """Return whether the lowest value of a metric is the best, by a study's direction or else by its name."""
    return direction == "MINIMIZE" if direction in ("MINIMIZE", "MAXIMIZE") else lower_is_better(key)


def logged_models(tags: Mapping[str, str]) -> list[str]:
    """Return the artifact paths of the models that a run logged, each once, in the order of logging."""
    return list(dict.fromkeys(entry["artifact_path"] for entry in read_history(tags)))
