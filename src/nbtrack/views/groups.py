"""Groups of runs as rows of the table, their curves as means with bands, and the columns to group by."""

from __future__ import annotations

import itertools

from ..errors import QueryError
from ..names import filter_name
from ..store.protocol import GroupColumn as Column
from .contract import (
    MOST_COLUMNS,
    GroupColumn,
    GroupColumnsReply,
    GroupColumnsRequest,
    GroupCurvesReply,
    GroupCurvesRequest,
    GroupSeries,
    GroupsReply,
    GroupsRequest,
)
from .curves import as_bytes
from .group_rows import group_row
from .runs import baseline_row
from .source import Source
from .suggestions import explained
from .view import view

FEW = 20
"""The largest number of groups that people look at one by one."""
_NAMES = {
    ("datasets", "name"): "dataset",
    ("datasets", "digest"): "dataset and digest",
    ("attributes", "parent"): "parent run",
    ("attributes", "experiment"): "experiment",
    ("attributes", "status"): "status",
    ("attributes", "user_id"): "user",
    ("attributes", "run_name"): "run name",
}
"""What people call the datasets and attributes. Others are not offered, because they say the same as one of these."""


@view("groups")
def groups(source: Source, request: GroupsRequest) -> GroupsReply:
    """Return a page of the groups of the runs that match, with statistics over every run of each group."""
    metrics, params, columns = request["metrics"], request["params"], request.get("columns", [])
    try:
        with source.reading.snapshot():
            directions = source.directions
            found = source.reading.groups(
                request["experiment_ids"],
                request["filter"],
                request["by"],
                request["order_by"],
                request["offset"],
                request["limit"],
                statistic=request["statistic"],
                metrics=metrics,
                columns=columns,
                params=params,
                baseline=request.get("baseline_group"),
                keys=request.get("keys"),
            )
            baseline = baseline_row(source, request.get("baseline"), params, metrics, request.get("statistics", []))
    except QueryError as error:
        raise explained(source, error, request["experiment_ids"]) from None
    lower = {key for key in found.measured if directions.lower_is_better(key, found.directions.get(key))}
    reply: GroupsReply = {
        "groups": [group_row(group) for group in found.groups],
        "count": found.count,
        "total": found.runs,
        "best": {key: found.lowest[key] if key in lower else group for key, group in found.highest.items()},
        "lower_is_better": sorted(lower),
    }
    if request.get("baseline") is not None:
        reply["baseline"] = baseline
    if request.get("baseline_group") is not None:
        reply["baseline_group"] = None if found.baseline is None else group_row(found.baseline)
    return reply


@view("group_curves")
def group_curves(source: Source, request: GroupCurvesRequest) -> tuple[GroupCurvesReply, list[bytes]]:
    """Return the curves of metrics over every run of some groups.

    The mean of a group in a bucket is the mean over its runs of each run's mean there, so each run has equal weight.
    """
    import numpy as np

    try:
        found = source.reading.bands(
            request["experiment_ids"],
            request["filter"],
            request["by"],
            request["groups"],
            request["metrics"],
            request["x_axis"],
            request["max_points"],
            request["x_min"],
            request["x_max"],
        )
    except QueryError as error:
        raise explained(source, error, request["experiment_ids"]) from None
    places = np.arange(len(found.bands) + 1)
    bounds, odd_bounds = (np.searchsorted(each, places).tolist() for each in (found.place, found.odd_place))
    series: list[GroupSeries] = []
    buffers: list[bytes] = []
    marks: list[bytes] = []
    for band, (start, end), (first, last) in zip(
        found.bands, itertools.pairwise(bounds), itertools.pairwise(odd_bounds), strict=True
    ):
        series.append(
            {
                "group": band.group,
                "metric": band.key,
                "runs": band.runs,
                "points": end - start,
                "total": band.total,
                "width": band.width,
                "nan": band.nan,
                "pos_inf": band.pos_inf,
                "neg_inf": band.neg_inf,
            }
        )
        columns = (found.x, found.mean, found.std, found.n, found.low, found.high)
        buffers += [as_bytes(column[start:end]) for column in columns]
        if first < last:
            series[-1]["odd"] = 6 * len(found.bands) + len(marks)
            marks += [as_bytes(column[first:last]) for column in (found.odd_x, found.odd_kind)]
    reply: GroupCurvesReply = {
        "series": series,
        "x_axis": request["x_axis"],
        "x_min": request["x_min"],
        "x_max": request["x_max"],
        "max_points": request["max_points"],
    }
    return reply, buffers + marks


@view("group_columns")
def group_columns(source: Source, request: GroupColumnsRequest) -> GroupColumnsReply:
    """Return the columns by which the runs that match can be grouped, the most useful first."""
    try:
        found = source.reading.group_columns(request["experiment_ids"], request["filter"])
    except QueryError as error:
        raise explained(source, error, request["experiment_ids"]) from None
    search = request.get("search", "").casefold()
    known = [_column(each) for each in found if each.entity in _KINDS or (each.entity, each.name) in _NAMES]
    shown = sorted((each for each in known if search in each["name"].casefold()), key=_usefulness)
    start = request.get("offset", 0)
    return {"columns": shown[start : start + request.get("limit", MOST_COLUMNS)], "count": len(shown)}


_KINDS: dict[str, str] = {"params": "param", "tags": "tag"}


def _column(column: Column) -> GroupColumn:
    kind = _KINDS.get(column.entity, "dataset" if column.entity == "datasets" else "attribute")
    return {
        "column": filter_name(column.entity, column.name),
        "kind": kind,  # type: ignore[typeddict-item]
        "name": _NAMES.get((column.entity, column.name), column.name),
        "groups": column.groups,
        "runs": column.runs,
    }


def _usefulness(column: GroupColumn) -> tuple[bool, bool, int, int, str]:
    """Return the place of a column among all."""
    alone = column["groups"] >= column["runs"] > 1
    kinds = ("param", "dataset", "attribute", "tag")
    # A column with the same value in every run separates nothing.
    return column["groups"] < 2, alone, column["groups"] > FEW, kinds.index(column["kind"]), column["name"].casefold()
