"""A page of the run table, and runs side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from ..client import Client
from ..entities import Run
from ..errors import NotFound
from ..models.history import read_history
from ..names import SYSTEM
from ..store.protocol import Nesting
from ..tags import ATTEMPT, GIT_COMMIT, GIT_DIRTY, NOTE, PARENT
from .contract import DiffReply, DiffRequest, DiffRow, Number, RunRow, RunsReply, RunsRequest, TableRow

T = TypeVar("T")

_LOWER_IS_BETTER = ("loss", "error", "err", "mse", "rmse", "mae", "mape", "perplexity", "divergence", "time", "latency")


def page(client: Client, request: RunsRequest, scope: Sequence[str] | None) -> RunsReply:
    """The runs from `offset` on, at most `limit`, and what is worth a column among all that match."""
    experiment_ids = scope if request["experiment_ids"] is None else request["experiment_ids"]
    found = client.reading.survey(
        experiment_ids,
        request["filter"],
        request["order_by"],
        request["offset"],
        request["limit"],
        request["grouped"],
        request["unfolded"],
    )
    lower = {key for key in found.metrics if _is_minimized(key, found.directions.get(key))}
    rows = zip(run_rows(client, found.runs), found.runs, found.nesting, strict=True)
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


def diff(client: Client, request: DiffRequest) -> DiffReply:
    """Params, last metrics, datasets and the tags that people set, side by side."""
    runs = client.reading.get_runs(request["run_ids"])
    metrics = [{key: repr(value) for key, value in run.data.metrics.items()} for run in runs]
    rows: list[DiffRow] = []
    for section, values in (
        ("info", [_info(run) for run in runs]),
        ("param", [run.data.params for run in runs]),
        ("metric", [own_metrics(values) for values in metrics]),
        ("dataset", [dataset_texts(run) for run in runs]),
        ("tag", [_own_tags(run.data.tags) for run in runs]),
        ("system", [{key: text for key, text in values.items() if key.startswith(SYSTEM)} for values in metrics]),
    ):
        for key in _keys(values):
            cells = [value.get(key) for value in values]
            differs = len(set(cells)) > 1
            if section in ("metric", "system"):
                cells = [None if cell is None else f"{float(cell):.6g}" for cell in cells]
            rows.append({"section": section, "key": key, "values": cells, "differs": differs})  # type: ignore[typeddict-item]
    return {
        "run_ids": [run.info.run_id for run in runs],
        "run_names": [run.info.run_name for run in runs],
        "rows": rows,
    }


def run_rows(client: Client, runs: Sequence[Run]) -> list[RunRow]:
    """The runs as screens know them."""
    names: dict[str, str] = {}
    with client.reading.snapshot():
        for experiment_id in {run.info.experiment_id for run in runs}:
            with suppress(NotFound):
                names[experiment_id] = client.get_experiment(experiment_id).name
    return [_row(run, names.get(run.info.experiment_id, "")) for run in runs]


def number(value: float) -> Number:
    """A float as JSON can carry it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def lower_is_better(key: str) -> bool:
    """Whether a metric of this name is the better the lower it is: losses, errors, durations."""
    words = key.lower().replace("-", "_").replace("/", "_").replace(".", "_").split("_")
    return any(word in _LOWER_IS_BETTER or word.removesuffix("s") in _LOWER_IS_BETTER for word in words)


def own_metrics(metrics: Mapping[str, T]) -> dict[str, T]:
    """What was logged by people, without the machine's own."""
    return {key: value for key, value in metrics.items() if not key.startswith(SYSTEM)}


def dataset_texts(run: Run) -> dict[str, str]:
    """The run's datasets by what they were for, each with its name and its digest."""
    texts: dict[str, list[str]] = {}
    for one in run.inputs.dataset_inputs:
        texts.setdefault(one.context or "dataset", []).append(f"{one.dataset.name} ({one.dataset.digest})")
    return {context: ", ".join(sorted(names)) for context, names in texts.items()}


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
    """Whether the lowest value of a metric of nested runs is the best: a study says which way it goes."""
    is_optimized = f"best_{key.removeprefix('intermediate_')}" in parent.data.metrics
    return _is_minimized(key, parent.data.tags.get("direction") if is_optimized else None)


def _is_minimized(key: str, direction: str | None) -> bool:
    """Whether the lowest value of a metric is the best: as a study says, else as its name suggests."""
    return direction == "MINIMIZE" if direction in ("MINIMIZE", "MAXIMIZE") else lower_is_better(key)


def logged_models(tags: Mapping[str, str]) -> list[str]:
    """Artifact paths of the models that a run logged, each once, the first first."""
    return list(dict.fromkeys(entry["artifact_path"] for entry in read_history(tags)))


def _info(run: Run) -> dict[str, str]:
    info = run.info
    facts = {"status": info.status, "user": info.user_id}
    if info.end_time is not None:
        facts["duration"] = f"{(info.end_time - info.start_time) / 1000:.1f} s"
    return facts


def _own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    kept = (GIT_COMMIT, GIT_DIRTY, ATTEMPT, NOTE)
    return {k: v for k, v in tags.items() if k in kept or not k.startswith(("mlflow.", "nbtrack."))}


def _keys(values: Iterable[Mapping[str, str]]) -> list[str]:
    return sorted({key for value in values for key in value})
