"""Metric histories in SQL, whole or as curves of bounded size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...entities import Metric
from .base import Axis, Tables

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Curve:
    """One series: `x` and `y` have the same length; `total` points lie in the range that was asked for."""

    run_id: str
    key: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    total: int


class MetricTables(Tables):
    """Points go in through the journal."""

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Every point of a metric in the order of time, then step. A point logged twice alike counts once."""
        with self.reading() as cursor:
            rows = cursor.execute(
                "SELECT DISTINCT m.timestamp, m.step, m.value FROM metrics AS m JOIN latest_metrics AS l "
                "ON l.series = m.series JOIN runs AS r ON r.run = l.run WHERE r.run_id = $1 AND l.key = $2 "
                "ORDER BY m.timestamp, m.step, m.value",
                [run_id, key],
            ).fetchall()
        return [Metric(key, value, timestamp, step, run_id) for timestamp, step, value in rows]

    def last_steps(self, run_id: str) -> dict[str, int]:
        """The highest step of each of a run's metrics."""
        with self.reading() as cursor:
            sql = "SELECT l.key, l.step FROM latest_metrics AS l JOIN runs AS r ON r.run = l.run WHERE r.run_id = $1"
            return dict(cursor.execute(sql, [run_id]).fetchall())

    def last_point(self, run_id: str, key: str) -> tuple[float, int] | None:
        """The value and step of a metric's last point; None where the run has no such metric."""
        with self.reading() as cursor:
            return cursor.execute(
                "SELECT l.value, l.step FROM latest_metrics AS l JOIN runs AS r ON r.run = l.run "
                "WHERE r.run_id = $1 AND l.key = $2",
                [run_id, key],
            ).fetchone()

    def curves(
        self,
        run_ids: Sequence[str],
        keys: Sequence[str],
        axis: Axis = "step",
        x_min: float | None = None,
        x_max: float | None = None,
        max_points: int | None = None,
    ) -> list[Curve]:
        """The series of these runs and keys that have points, in the order of `run_ids`, then `keys`.

        The range includes its ends. How a series of more than `max_points` is thinned out, `read_series` says.
        """
        import numpy as np

        if not run_ids or not keys:
            return []
        with self.reading() as cursor:
            wanted = cursor.execute(_WANTED, [list(run_ids), list(keys)]).fetchall()
            if not wanted:
                return []
            names = {series: (run_id, key, start) for series, run_id, key, start, _ in wanted}
            if max_points is not None and max(row[4] for row in wanted) <= max_points:
                max_points = None
            columns = self.read_series(cursor, list(names), axis, max_points, x_min, x_max)
        series, y, total = columns["series"], columns["value"], columns.get("total")
        x = columns["step" if axis == "step" else "timestamp"].astype(np.float64)
        order = np.lexsort((x, series))
        starts = np.flatnonzero(np.diff(series[order], prepend=-1))
        found = {}
        for part in np.split(order, starts[1:]) if len(order) else ():
            run_id, key, start = names[int(series[part[0]])]
            along = (x[part] - start) / 1000 if axis == "relative" else x[part]
            count = len(part) if total is None else int(total[part[0]])
            found[run_id, key] = Curve(run_id, key, along, y[part], count)
        return [found[run_id, key] for run_id in run_ids for key in keys if (run_id, key) in found]


JOIN_IDS = "JOIN UNNEST(CAST($1 AS VARCHAR[])) AS ids(run_id) ON ids.run_id = r.run_id"
"""Keeps of `runs AS r` those whose ids are in the first parameter."""

_WANTED = f"""
    SELECT l.series, r.run_id, l.key, r.start_time, l.points FROM runs AS r {JOIN_IDS}
    JOIN latest_metrics AS l ON l.run = r.run JOIN UNNEST(CAST($2 AS VARCHAR[])) AS wanted(key) ON wanted.key = l.key
"""
