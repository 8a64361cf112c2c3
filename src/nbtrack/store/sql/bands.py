"""Curves of groups of runs: the mean of a metric over every run of a group, with its spread, on one grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..protocol import Axis, Band, Bands
from .aggregates import statistics
from .base import Cursor, Tables
from .grid import common_width, window_of
from .groups import find_groups, gather

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..protocol import Columns

_SERIES = """
    SELECT l.series, matched.g, wanted.n - 1 AS metric, r.start_time, l.points AS total, l.first_step AS first,
           l.step AS last, l.points - l.numbers AS nan, l.min_value AS low, l.max_value AS high FROM latest_metrics AS l
    JOIN matched ON matched.run = l.run JOIN runs AS r ON r.run = l.run
    JOIN UNNEST(CAST($1 AS VARCHAR[])) WITH ORDINALITY AS wanted(key, n) ON wanted.key = l.key
    WHERE matched.g IN ({groups})
"""
_ALONG = {"step": "m.step", "time": "m.timestamp", "relative": "m.timestamp - wanted.start_time"}
_IS_FINITE = "m.value - m.value = 0"
_POINTS = """
    FROM metrics AS m JOIN (
        SELECT UNNEST(CAST($1 AS BIGINT[])) AS series, UNNEST(CAST($2 AS BIGINT[])) AS place,
               UNNEST(CAST($3 AS BIGINT[])) AS start_time
    ) AS wanted ON wanted.series = m.series {window}
"""
_WINDOW = "WHERE {along} >= $4 AND {along} <= $5"
_EXTENTS = f"""
    SELECT m.series, COUNT(*) AS total, COUNT(*) FILTER (WHERE {_IS_FINITE}) AS finite,
           MIN({{along}}) AS first, MAX({{along}}) AS last
    {{points}} GROUP BY m.series
"""
_ODD = f"""
    SELECT * FROM (
        SELECT wanted.place, {{bucket}} AS begin, COUNT(*) FILTER (WHERE m.value = 'NaN') AS nan,
               COUNT(*) FILTER (WHERE m.value = 'Infinity') AS pos_inf,
               COUNT(*) FILTER (WHERE m.value = '-Infinity') AS neg_inf, COUNT(*) FILTER (WHERE {_IS_FINITE}) AS finite,
               COUNT(*) AS total
        {{points}} GROUP BY wanted.place, {{bucket}}) AS counted
    WHERE finite < total
"""
_POSITIONS = "SELECT COUNT(DISTINCT {along}) AS positions {points}"
_BUCKETS = f"""
    WITH of_runs AS (
        SELECT wanted.place, m.series, {{bucket}} AS begin, {{mean}} AS value, MIN(m.value) {{finite}} AS low,
               MAX(m.value) {{finite}} AS high
        {{points}} GROUP BY wanted.place, m.series, {{bucket}})
    SELECT place, begin, {", ".join(f"{statistics('value')[name]} AS {name}" for name in ("n", "mean", "std"))},
           MIN(low) AS low, MAX(high) AS high
    FROM of_runs WHERE value IS NOT NULL GROUP BY place, begin
"""
_FINITE = f"FILTER (WHERE {_IS_FINITE})"
_MEAN = f"SUM(m.value) {_FINITE} / COUNT(*) {_FINITE}"
_MEAN_OF_FINITE = "SUM(m.value) / COUNT(*)"
# The sum of the largest numbers is infinite, but their mean is not.
_MEAN_OF_LARGE = f"""
    CASE WHEN ABS(SUM(m.value) {_FINITE}) < 'Infinity' THEN {_MEAN}
         ELSE MIN(m.value) {_FINITE} / 2 + MAX(m.value) {_FINITE} / 2 END
"""
_KINDS = {"nan": 0.0, "pos_inf": 1.0, "neg_inf": -1.0}
_SHARED = 1.2
"""Positions are shared by the runs if there are at most this many times as many as the longest series has points."""


class BandTables(Tables):
    """The curves of groups."""

    def bands(
        self,
        experiment_ids: Sequence[str] | None,
        filter_string: str,
        by: str,
        groups: Sequence[str],
        keys: Sequence[str],
        axis: Axis = "step",
        max_points: int = 1000,
        x_min: float | None = None,
        x_max: float | None = None,
    ) -> Bands:
        """Return the curves of metrics over every run of some groups."""
        import numpy as np

        wanted, names = list(dict.fromkeys(groups)), list(dict.fromkeys(keys))
        with self.reading() as cursor:
            gather(self, cursor, experiment_ids, filter_string, by)
            numbers = find_groups(cursor, wanted)
            series: Columns = {"metric": np.zeros(0, dtype=np.int64)}
            if numbers and names:
                sql = _SERIES.format(groups=", ".join(map(str, numbers.values())))
                series = cursor.execute(sql, [names]).fetchnumpy()
            cursor.execute("DROP TABLE matched")
            places = {number: wanted.index(group) for group, number in numbers.items()}
            found = []
            for i, key in enumerate(names):
                rows = series["metric"] == i
                if rows.any():
                    place = np.array([places[g] for g in series["g"][rows].tolist()], dtype=np.int64)
                    of_key = {name: column[rows] for name, column in series.items()} | {"place": place}
                    found.append(_of_metric(cursor, wanted, key, of_key, axis, max_points, x_min, x_max))
        return _sorted(found, {group: i for i, group in enumerate(wanted)}, names)


def _of_metric(
    cursor: Cursor,
    groups: Sequence[str],
    key: str,
    wanted: Columns,
    axis: Axis,
    max_points: int,
    x_min: float | None,
    x_max: float | None,
) -> Bands:
    """Return the bands of one metric.

    `wanted` has the numbers of its series, the places of their groups in `groups`, the starts of their runs, and a
    summary of all points of each.
    """
    import numpy as np

    parameters = [wanted[name].tolist() for name in ("series", "place", "start_time")]
    along = _ALONG[axis]

    def read(sql: str, low: float, high: float, **parts: str) -> Columns:
        # Comparing each point with a window takes a third of the time.
        is_all = x_min is None and x_max is None
        points = _POINTS.format(window="" if is_all else _WINDOW.format(along=along))
        text = sql.format(along=along, points=points, **parts)
        return cursor.execute(text, parameters if is_all else [*parameters, low, high]).fetchnumpy()

    low, high = window_of(axis, None, x_min, x_max)
    if axis == "step" and x_min is None and x_max is None and _is_finite(wanted):
        # The summary says all, so that no point has to be read for it.
        extents = wanted | {"finite": wanted["total"]}
    else:
        extents = read(_EXTENTS, low, high)
    total, first, last = extents["total"], extents["first"], extents["last"]
    if not len(total):
        return no_bands()
    width = common_width(axis, total, first, last, max_points)
    if width > 1 and axis == "step" and total.max() <= max_points:
        # Runs that log every 100 steps share their steps, and need no buckets.
        positions = int(read(_POSITIONS, low, high)["positions"][0])
        width = 1 if positions <= min(max_points, _SHARED * total.max()) else width
    if width > 1:
        # A bucket at an edge of the window has all of its points.
        low = low if x_min is None else low // width * width
        high = high if x_max is None else high // width * width + width - 1
        if x_min is not None or x_max is not None:
            extents = read(_EXTENTS, low, high)
    bucket = along if width == 1 else f"CAST(FLOOR(CAST({along} AS DOUBLE PRECISION) / {width}) AS BIGINT) * {width}"
    all_finite = bool((extents["finite"] == extents["total"]).all())
    finite, mean = ("", _MEAN_OF_FINITE) if all_finite else (_FINITE, _MEAN)
    buckets = read(_BUCKETS, low, high, bucket=bucket, mean=mean, finite=finite)
    if not np.isfinite(buckets["mean"]).all():
        buckets = read(_BUCKETS, low, high, bucket=bucket, mean=_MEAN_OF_LARGE, finite=_FINITE)

    order = np.argsort(wanted["series"])
    of_series = wanted["place"][order][np.searchsorted(wanted["series"], extents["series"], sorter=order)]

    def summed(places: NDArray[Any], values: NDArray[Any]) -> list[int]:
        return [int(each) for each in np.bincount(places, weights=values, minlength=len(groups)).tolist()]

    scale = 1000 if axis == "relative" else 1
    lasts = extents["first"].min(), extents["last"].max()

    def middle(begin: NDArray[Any]) -> NDArray[np.float64]:
        # The middle of the steps begin, …, begin + width - 1, or of that time, but not beyond the first or last point.
        half = (width - 1 if axis == "step" else width) / 2 if width > 1 else 0
        return np.clip(begin.astype(np.float64) + half, *lasts) / scale

    odd: Columns = {name: np.zeros(0, dtype=np.int64) for name in ("place", "begin", *_KINDS)}
    if not all_finite:
        odd = read(_ODD, low, high, bucket=bucket)
    counts = [summed(of_series, extents["finite"] > 0), summed(of_series, extents["total"])]
    counts += [summed(odd["place"], odd[name]) for name in _KINDS]
    bands = [Band(group, key, width / scale, *each) for group, *each in zip(groups, *counts, strict=True) if each[1]]
    here = {band.group: i for i, band in enumerate(bands)}

    def placed(places: NDArray[Any]) -> NDArray[np.int64]:
        return np.array([here[groups[each]] for each in places.tolist()], dtype=np.int64)

    columns = {n: np.ma.filled(buckets[n].astype(np.float64), np.nan) for n in ("n", "mean", "std", "low", "high")}
    # The sum of the largest numbers is infinite, but their mean is not.
    columns["mean"] = np.where(np.isfinite(columns["mean"]), columns["mean"], columns["low"] / 2 + columns["high"] / 2)
    marked = {kind: odd[name] > 0 for name, kind in _KINDS.items()}
    return Bands(
        bands,
        placed(buckets["place"]),
        middle(buckets["begin"]),
        **columns,
        odd_place=placed(np.concatenate([odd["place"][rows] for rows in marked.values()])),
        odd_x=middle(np.concatenate([odd["begin"][rows] for rows in marked.values()])),
        odd_kind=np.concatenate([np.full(int(rows.sum()), kind) for kind, rows in marked.items()]),
    )


def _is_finite(series: Columns) -> bool:
    """Return whether no point of some series is NaN or infinite."""
    import numpy as np

    # PostgreSQL cannot subtract the lowest double from the highest one.
    return not series["nan"].any() and all(np.isfinite(series[name]).all() for name in ("low", "high"))


def _sorted(found: Sequence[Bands], groups: dict[str, int], keys: Sequence[str]) -> Bands:
    """Return all bands sorted by group, then by metric, and their buckets along the axis."""
    import numpy as np

    if not found:
        return no_bands()
    bands = [band for each in found for band in each.bands]
    order = sorted(range(len(bands)), key=lambda i: (groups[bands[i].group], keys.index(bands[i].key)))
    rank = np.empty(len(bands), dtype=np.int64)
    rank[order] = np.arange(len(bands))
    starts = np.cumsum([0, *(len(each.bands) for each in found[:-1])])

    def arranged(place: str, x: str, *others: str) -> dict[str, NDArray[Any]]:
        """Return places in all bands, what is there on the axis, and other columns, sorted by both."""
        places = rank[np.concatenate([getattr(each, place) + start for each, start in zip(found, starts, strict=True)])]
        columns = {name: np.concatenate([getattr(each, name) for each in found]) for name in (x, *others)}
        rows = np.lexsort((columns[x], places))
        return {place: places[rows]} | {name: column[rows] for name, column in columns.items()}

    return Bands(
        [bands[i] for i in order],
        **arranged("place", "x", "n", "mean", "std", "low", "high"),
        **arranged("odd_place", "odd_x", "odd_kind"),
    )


def no_bands() -> Bands:
    """Return bands of nothing."""
    import numpy as np

    none, nowhere = np.zeros(0), np.zeros(0, dtype=np.int64)
    return Bands([], nowhere, none, none, none, none, none, none, nowhere, none, none)
