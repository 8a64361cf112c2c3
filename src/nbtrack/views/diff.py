"""Runs and groups of runs side by side: their params, metrics, datasets, tags and a few facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, TypeVar

from ..entities import Run
from ..errors import QueryError
from ..names import SYSTEM
from ..store.protocol import Group, GroupStatistics
from ..tags import ATTEMPT, GIT_COMMIT, GIT_DIRTY, NOTE
from .contract import MOST_ROWS, DiffGroupValue, DiffReply, DiffRequest, DiffRow
from .group_rows import statistics_of
from .runs import dataset_labels, own_metrics
from .source import Source
from .suggestions import explained
from .view import view

T = TypeVar("T")
Section: TypeAlias = Literal["param", "metric", "dataset", "tag", "info", "system"]


@view("diff")
def diff(source: Source, request: DiffRequest) -> DiffReply:
    """Return params, last metrics, datasets and the tags that people set, one row each.

    Of groups of runs, params and metrics are summarized over every run.
    """
    with source.reading.snapshot():
        runs = source.reading.get_runs(request["run_ids"])
        groups = _groups(source, request)
    metrics = [{key: repr(value) for key, value in run.data.metrics.items()} for run in runs]
    measured = [{key: _of_metric(one) for key, one in group.metrics.items()} for group in groups]
    nothing: list[Mapping[str, DiffGroupValue]] = [{} for _ in groups]
    sections: tuple[tuple[Section, Sequence[Mapping[str, str]], Sequence[Mapping[str, DiffGroupValue]]], ...] = (
        ("info", [_info(run) for run in runs], nothing),
        ("param", [run.data.params for run in runs], [_params(group) for group in groups]),
        ("metric", [own_metrics(values) for values in metrics], [own_metrics(values) for values in measured]),
        ("dataset", [dataset_labels(run) for run in runs], nothing),
        ("tag", [_own_tags(run.data.tags) for run in runs], nothing),
        ("system", [_system(one) for one in metrics], [_system(one) for one in measured]),
    )
    keys = [
        (section, key, of_runs, of_groups)
        for section, of_runs, of_groups in sections
        for key in _keys(*of_runs, *of_groups)
    ]
    start = request.get("offset", 0)
    page = keys[start : start + request.get("limit", MOST_ROWS)]
    return {
        "run_ids": [run.info.run_id for run in runs],
        "run_names": [run.info.run_name for run in runs],
        "groups": [{"key": group.key, "value": group.value, "runs": group.runs} for group in groups],
        "rows": [_row(*each) for each in page],
        "count": len(keys),
    }


def _groups(source: Source, request: DiffRequest) -> list[Group]:
    by, keys = request.get("by"), request.get("groups")
    if by is None or not keys:
        return []
    scope = request.get("experiment_ids")
    try:
        found = source.reading.groups(
            scope, request.get("filter", ""), by, [], 0, 1, metrics=None, params=None, keys=keys
        )
    except QueryError as error:
        raise explained(source, error, scope) from None
    return found.groups


def _row(
    section: Section,
    key: str,
    values: Sequence[Mapping[str, str]],
    of_groups: Sequence[Mapping[str, DiffGroupValue]],
) -> DiffRow:
    cells = [value.get(key) for value in values]
    is_metric = section in ("metric", "system")
    groups = [value.get(key, _MISSING) for value in of_groups]
    compared = list(cells)
    if is_metric or section == "param":
        compared += [_compared(group) for group in groups]
    differs = len(set(compared)) > 1 or any(group["differing"] > 0 for group in groups)
    if is_metric:
        cells = [None if cell is None else f"{float(cell):.6g}" for cell in cells]
    return {"section": section, "key": key, "values": cells, "differs": differs, "groups": groups}


_MISSING: DiffGroupValue = {"value": None, "differing": 0, "statistics": None}


def _params(group: Group) -> dict[str, DiffGroupValue]:
    same = {key: DiffGroupValue(value=value, differing=0, statistics=None) for key, value in group.params.items()}
    others = {key: DiffGroupValue(value=None, differing=n, statistics=None) for key, n in group.differing.items()}
    return {**same, **others}


def _of_metric(found: GroupStatistics) -> DiffGroupValue:
    return {"value": None, "differing": 0, "statistics": statistics_of(found)}


def _compared(group: DiffGroupValue) -> str | None:
    """Return what must be equal in all columns of a row: a param, or the mean of a metric as runs have their values."""
    if group["statistics"] is None:
        return group["value"]
    mean = group["statistics"]["mean"]
    return None if mean is None else repr(float(mean))


def _system(metrics: Mapping[str, T]) -> dict[str, T]:
    return {key: value for key, value in metrics.items() if key.startswith(SYSTEM)}


def _info(run: Run) -> dict[str, str]:
    info = run.info
    facts = {"status": info.status, "user": info.user_id}
    if info.end_time is not None:
        facts["duration"] = f"{(info.end_time - info.start_time) / 1000:.1f} s"
    return facts


def _own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    kept = (GIT_COMMIT, GIT_DIRTY, ATTEMPT, NOTE)
    return {k: v for k, v in tags.items() if k in kept or not k.startswith(("mlflow.", "nbtrack."))}


def _keys(*values: Mapping[str, object]) -> list[str]:
    return sorted({key for value in values for key in value})
