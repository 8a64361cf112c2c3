"""Metric histories in SQL, and where each metric has come to."""

from __future__ import annotations

from ...entities import Metric
from .base import Tables
from .runs import check_runs


class MetricTables(Tables):
    """Points go in through the journal."""

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Every point of a metric in the order of time, then step. A point logged twice alike counts once.

        Raises NotFound for an unknown run.
        """
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
        """The value and the step of the last point of each of a run's metrics."""
        with self.reading() as cursor:
            rows = cursor.execute(
                "SELECT l.key, l.value, l.step FROM latest_metrics AS l JOIN runs AS r ON r.run = l.run "
                "WHERE r.run_id = $1",
                [run_id],
            ).fetchall()
        return {key: (value, step) for key, value, step in rows}
