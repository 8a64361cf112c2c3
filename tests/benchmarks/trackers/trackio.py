"""Trackio: one SQLite file a project."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from tests.benchmarks import workload as w

from .base import Tracker, count_rows

# It has no search of its own but SQL on its tables, where metrics and config are JSON.
_LAST = """
    SELECT m.run_id, m.run_name, CAST(m.metrics AS TEXT) AS metrics, CAST(c.config AS TEXT) AS config
    FROM (SELECT run_id, MAX(step) AS step FROM metrics GROUP BY run_id) AS l
    JOIN metrics AS m ON m.run_id = l.run_id AND m.step = l.step JOIN configs AS c ON c.run_id = m.run_id
"""
_SEARCH = f"""
    SELECT run_name, json_extract(metrics, '$."{w.SEARCHED}"') AS value FROM ({_LAST})
    WHERE json_extract(config, '$.activation') = '{w.ACTIVATION}' AND value > {w.ACCURACY}
    ORDER BY value DESC LIMIT {w.TOP}
"""


class Trackio(Tracker):
    name = label = module = "trackio"
    points = 10_000

    def open(self) -> Callable[[float, int], Any]:
        os.environ["TRACKIO_DIR"] = str(self.folder)
        import trackio

        trackio.init(project="bench", name="run", embed=False, auto_log_gpu=False, auto_log_cpu=False)
        log = trackio.log
        return lambda value, step: log({"loss": value}, step=step)

    def close(self) -> None:
        import trackio

        trackio.finish()

    def kept(self) -> int:
        return count_rows(self.folder / "bench.db", "SELECT COUNT(*) FROM metrics")

    def connect(self) -> None:
        os.environ["TRACKIO_DIR"] = str(self.folder)
        from trackio.sqlite_storage import SQLiteStorage

        self.storage = SQLiteStorage

    def add(self, run: w.TeamRun) -> None:
        """By the bulk insert that its importers use; a project is what the others call an experiment."""
        rows = [dict(zip(run.metrics, values, strict=True)) for values in zip(*run.metrics.values(), strict=True)]
        self.storage.bulk_log(run.experiment, run.name, rows, list(range(len(rows))), config=run.params | run.tags)

    def look_up(self) -> None:
        from trackio import Api

        self.names, self.long_names = (
            [run.name for run in list(Api().runs(project))[: w.LONG_RUNS]] for project in (w.TEAM, w.LONG)
        )

    def search(self) -> Any:
        return self.storage.query_project(w.TEAM, _SEARCH)["rows"]

    def found(self, answer: Any) -> list[float]:
        return [row["value"] for row in answer]

    def frame(self) -> Any:
        import orjson
        import pandas

        rows = self.storage.query_project(w.TEAM, _LAST, max_rows=1_000_000)["rows"]
        return pandas.DataFrame(
            [{"name": row["run_name"], **orjson.loads(row["metrics"]), **orjson.loads(row["config"])} for row in rows]
        )

    def curves(self, most: int | None) -> Any:
        """Thinned out by leaving out points evenly."""
        return [self.storage.get_metric_values(w.LONG, name, w.LONG_KEY, max_points=most) for name in self.long_names]

    def histories(self) -> Any:
        return [self.storage.get_metric_values(w.TEAM, name, w.SEARCHED) for name in self.names]
