"""SQL for the history of metrics and their last points."""

from __future__ import annotations

from ...entities import Metric
from ...names import check_string
from .base import Tables
from .runs import check_runs


class MetricTables(Tables):
    """Reading metrics. Points are written through the journal."""

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Return every point of a metric, sorted by time, then step."""
        check_string(run_id, "run_id")
        check_string(key, "Metric key")
        with self.reading() as cursor:
            rows = cursor.execute(
                "SELECT DISTINCT m.timestamp, m.step, m.value FROM metrics AS m JOIN latest_metrics AS l "
                "ON l.series = m.series JOIN runs AS r ON r.run = l.run WHERE r.run_id = $1 AND l.key = $2 "
                "ORDER BY m.timestamp, m.step, m.value",
                [run_id, key],
            ).fetchall()
            if not rows:
                check_runs(cursor, [run_id])
        return [Metric(key, value, timestamp, step, run_id) for timestamp, step, value in rows]

    def last_points(self, run_id: str) -> dict[str, tuple[float, int]]:
        """Return the value and the step of the last point of each metric of a run."""
        with self.reading() as cursor:
            rows = cursor.execute(
                "SELECT l.key, l.value, l.step FROM latest_metrics AS l JOIN runs AS r ON r.run = l.run "
                "WHERE r.run_id = $1",
                [run_id],
            ).fetchall()
        return {key: (value, step) for key, value, step in rows}
