"""A page of the run table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, TypedDict, TypeVar, cast

from ..directions import Directions
from ..entities import Run
from ..errors import NotFound, QueryError
from ..models.history import read_history
from ..names import SYSTEM
from ..store.protocol import Nesting, Survey
from ..tags import NOTE, PARENT
from .contract import (
    MOST_COLUMNS,
    MOST_NAMES,
    BaselineRow,
    ColumnsReply,
    ColumnsRequest,
    GroupRow,
    RunRow,
    RunsReply,
    RunsRequest,
    Statistics,
    TableRow,
)
from .group_rows import group_row
from .numbers import number
from .source import Source
from .suggestions import ENTITIES, explained, hints
from .view import view

T = TypeVar("T")

_KEY = re.compile(r"\b((?i:metric|param(?:eter)?))s?\.(?:`([^`]+)`|\"([^\"]+)\"|([\w./]+))")
_RUN_ID = re.compile(r"\w+")
"""The IDs that can stand in a filter."""
_HELD_OUT = re.compile(r"(val|valid|validation|test|eval)\b|(val|test|eval)_")


@view("runs")
def page(source: Source, request: RunsRequest) -> RunsReply:
    """Return a page of the runs that match, with a page of the columns and the best runs of all of them."""
    try:
        return _page(source, request)
    except QueryError as error:
        raise explained(source, error, request["experiment_ids"]) from None


def _page(source: Source, request: RunsRequest) -> RunsReply:
    search = (
        request["experiment_ids"],
        request["filter"],
        request["order_by"],
        request["offset"],
        request["limit"],
        request["grouped"],
        request["unfolded"],
    )
    group = request.get("group")
    counts: _Counts = {}
    columns: _Columns | None = None
    with source.reading.snapshot():
        directions = source.directions
        system: list[str] = []
        if "params" in request or "metrics" in request:
            names, metrics = request.get("params", []), request.get("metrics", [])
        else:
            # The columns are chosen first, so that only their values are read.
            start, limit = request.get("column_offset", 0), request.get("column_limit", MOST_COLUMNS)
            columns = _columns(source, request, limit)
            part = slice(start, start + limit)
            names, metrics = [key for key, _ in columns.params[part]], columns.metrics[part]
            system = columns.system[part]
            counts = {
                "param_count": len(columns.params),
                "differing_count": sum(differs for _, differs in columns.params),
                "metric_count": len(columns.metrics),
                "system_count": len(columns.system),
            }
        # A study's best value tells that the study optimizes a metric.
        of_studies = [f"best_{key.removeprefix('intermediate_')}" for key in metrics]
        found = source.reading.survey(
            *search,
            names,
            list(dict.fromkeys([*metrics, *system, *of_studies])),
            request.get("statistics", []),
            None if group is None else (group["by"], group["key"]),
            request.get("summary", True) and (columns is None or group is not None),
        )
        baseline = baseline_row(source, request.get("baseline"), names, metrics, request.get("statistics", []))
        baseline_group = _baseline_group(source, request, names, metrics)
    # All runs that match have been summarized with their columns.
    about = found if columns is None or group is not None else columns.survey
    params = found.params
    if columns is not None:
        by_key = dict(columns.params)
        params = [(key, by_key[key]) for key in names]
    shown = {*metrics, *system} if request.get("summary", True) else set()
    lower = {key for key in shown if directions.lower_is_better(key, about.directions.get(key))}
    pages = zip(run_rows(source, found.runs), found.runs, found.nesting, found.statistics, strict=True)
    reply: RunsReply = {
        "rows": [_table_row(*each, set(names), set(metrics), directions) for each in pages],
        "count": found.rows,
        "total": found.total,
        "nested": found.nested,
        "params": [{"key": key, "differs": differs} for key, differs in params],
        "metrics": metrics,
        "system": system,
        "best": {
            key: about.lowest[key] if key in lower else run_id for key, run_id in about.highest.items() if key in shown
        },
        "lower_is_better": sorted(lower),
        "best_values": {
            key: number(low if key in lower else high)
            for key, (low, high) in about.bounds.items()
            if key in shown and low < high
        },
    }
    if counts:
        reply = cast(RunsReply, {**reply, **counts})
    if found.total == 0 and request["filter"]:
        names_of = {entity: keys_in([request["filter"]], entity) for entity in ENTITIES}
        reply["hints"] = [
            hint for entity, keys in names_of.items() for hint in hints(source, entity, keys, request["experiment_ids"])
        ]
    if baseline:
        reply["baseline"] = baseline
    if request.get("baseline_group"):
        reply["baseline_group"] = baseline_group
    return reply


class _Counts(TypedDict, total=False):
    param_count: int
    differing_count: int
    metric_count: int
    system_count: int


@dataclass(frozen=True, slots=True)
class _Columns:
    """All columns of the runs that match, in the order of the pages."""

    params: list[tuple[str, bool]]
    metrics: list[str]
    system: list[str]
    survey: Survey


def _columns(source: Source, request: RunsRequest | ColumnsRequest, limit: int = 0) -> _Columns:
    found = source.reading.survey(request["experiment_ids"], request["filter"], [], 0, 1, False, [])
    query = [*request["order_by"], request["filter"]]
    own = [key for key in found.metrics if not key.startswith(SYSTEM)]
    return _Columns(
        in_order(found.params, limit, keys_in(query, "params"), lambda param: param[0], _differs),
        in_order(own, limit, keys_in(query, "metrics"), str, is_held_out),
        [key for key in found.metrics if key.startswith(SYSTEM)],
        found,
    )


def baseline_row(
    source: Source, run_id: str | None, params: Sequence[str], metrics: Sequence[str], statistics: Sequence[str]
) -> BaselineRow | None:
    """Return the run that the others are compared with, with these values. None if it does not exist."""
    runs = source.reading.get_runs([run_id]) if run_id else []
    if not runs:
        return None
    row = cast(BaselineRow, _with_keys(run_rows(source, runs)[0], set(params), set(metrics)))
    if statistics and _RUN_ID.fullmatch(row["run_id"]):
        condition = f"attributes.run_id = '{row['run_id']}'"
        found = source.reading.survey(None, condition, (), 0, 1, False, (), [], [], statistics, None, False)
        row["statistics"] = {key: value for each in found.statistics for key, value in _statistics(each).items()}
    return row


def _baseline_group(
    source: Source, request: RunsRequest, params: Sequence[str], metrics: Sequence[str]
) -> GroupRow | None:
    group = request.get("baseline_group")
    if group is None:
        return None
    of_runs = request["experiment_ids"], request["filter"]
    found = source.reading.groups(
        *of_runs, group["by"], [], 0, 1, metrics=metrics, params=params, baseline=group["key"]
    )
    return None if found.baseline is None else group_row(found.baseline)


@view("columns")
def columns_page(source: Source, request: ColumnsRequest) -> ColumnsReply:
    """Return the names of the params and metrics of the runs that match, which can be very many."""
    try:
        with source.reading.snapshot():
            found = _columns(source, request)
            directions = source.directions
    except QueryError as error:
        raise explained(source, error, request["experiment_ids"]) from None
    start = request.get("offset", 0)
    part = slice(start, start + request.get("limit", MOST_NAMES))
    metrics = found.metrics[part]
    about = found.survey.directions
    known = {key for key in metrics if directions.defined_mode(key) or key in about}
    return {
        "params": [{"key": key, "differs": differs} for key, differs in found.params[part]],
        "metrics": metrics,
        "param_count": len(found.params),
        "metric_count": len(found.metrics),
        "lower_is_better": [key for key in metrics if directions.lower_is_better(key, about.get(key))],
        "guessed": [key for key in metrics if key not in known],
    }


def in_order(
    columns: Sequence[T], limit: int, named: Sequence[str], key_of: Callable[[T], str], matters: Callable[[T], bool]
) -> list[T]:
    """Return columns in the order of their pages of `limit` columns.

    If not all fit on one page, those that the query names come first, then those that matter. The column by which rows
    are sorted is the first that the query names, so it is always on the first page.
    """
    if len(columns) <= limit:
        return list(columns)
    places = {key: place for place, key in reversed(list(enumerate(named)))}
    return sorted(columns, key=lambda column: (places.get(key_of(column), len(named)), not matters(column)))


def keys_in(query: Sequence[str], entity: Literal["params", "metrics"]) -> list[str]:
    """Return the keys of params or metrics that a filter or order clauses name, in this order."""
    return [
        next(filter(None, quoted))
        for clause in query
        for prefix, *quoted in _KEY.findall(clause)
        if prefix[0].lower() == entity[0]
    ]


def is_held_out(metric: str) -> bool:
    """Return whether a metric is measured on held-out data, by its name."""
    return _HELD_OUT.match(metric) is not None


def _differs(param: tuple[str, bool]) -> bool:
    return param[1]


def run_rows(source: Source, runs: Sequence[Run]) -> list[RunRow]:
    """Return the runs in the form that screens know."""
    names: dict[str, str] = {}
    with source.reading.snapshot():
        for experiment_id in {run.info.experiment_id for run in runs}:
            with suppress(NotFound):
                names[experiment_id] = source.get_experiment(experiment_id).name
    return [_row(run, names.get(run.info.experiment_id, "")) for run in runs]


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


def _table_row(
    row: RunRow,
    run: Run,
    nesting: Nesting,
    statistics: Mapping[str, tuple[float, float, float, float, float]],
    params: Set[str],
    metrics: Set[str],
    directions: Directions,
) -> TableRow:
    """Return a row with the params and metrics of a page of columns."""
    best = {
        key: number(low if directions.lower_is_better(key, _study_direction(key, run)) else high)
        for key, (low, high) in nesting.ranges.items()
        if key in metrics
    }
    return {
        **_with_keys(row, params, metrics),
        "depth": nesting.depth,
        "children": nesting.children,
        "nested_best": best,
        "statistics": _statistics(statistics),
    }


def _statistics(found: Mapping[str, tuple[float, float, float, float, float]]) -> dict[str, Statistics]:
    names = ("first", "low", "high", "mean", "tail")
    return {
        key: cast(Statistics, {name: number(value) for name, value in zip(names, values, strict=True)})
        for key, values in found.items()
    }


def _with_keys(row: RunRow, params: Set[str], metrics: Set[str]) -> RunRow:
    """Return a row without the other params and metrics."""
    shown: RunRow = {
        **row,
        "params": {key: value for key, value in row["params"].items() if key in params},
        "metrics": {key: value for key, value in row["metrics"].items() if key in metrics},
    }
    return shown


def _study_direction(key: str, parent: Run) -> str | None:
    """Return the direction of the study whose trials are nested in a run, if it optimizes a metric."""
    is_optimized = f"best_{key.removeprefix('intermediate_')}" in parent.data.metrics
    return parent.data.tags.get("direction") if is_optimized else None


def logged_models(tags: Mapping[str, str]) -> list[str]:
    """Return the artifact paths of the models that a run logged, each once, in the order of logging."""
    return list(dict.fromkeys(entry["artifact_path"] for entry in read_history(tags)))
