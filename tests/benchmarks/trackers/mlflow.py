"""MLflow on SQLite, the store that it has without a server."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.benchmarks import workload as w

from .base import Tracker, count_rows


class Mlflow(Tracker):
    name = module = "mlflow"
    label = "mlflow, SQLite"
    points = 1_000

    def open(self) -> Callable[[float, int], Any]:
        self.connect()
        import mlflow

        mlflow.set_experiment("bench")
        mlflow.start_run()
        log_metric = mlflow.log_metric
        return lambda value, step: log_metric("loss", value, step=step)

    def close(self) -> None:
        import mlflow

        mlflow.end_run()

    def kept(self) -> int:
        return count_rows(self.folder / "mlflow.db", "SELECT COUNT(*) FROM metrics WHERE key = 'loss'")

    def connect(self) -> None:
        import mlflow

        mlflow.set_tracking_uri(f"sqlite:///{self.folder}/mlflow.db")
        self.client = mlflow.MlflowClient()

    experiment = ""
    """The active one, as it is set once for the runs of a script."""

    def add(self, run: w.TeamRun) -> None:
        """By `log_batch`, of 1,000 points at most: a loop's calls take thirty times as long."""
        import mlflow
        from mlflow.entities import Metric, Param

        if run.experiment != self.experiment:
            mlflow.set_experiment(run.experiment)
            self.experiment = run.experiment
        with mlflow.start_run(run_name=run.name, tags=run.tags) as active:
            run_id = active.info.run_id
            self.client.log_batch(run_id, params=[Param(*item) for item in run.params.items()])
            now = int(time.time() * 1000)
            points = [
                Metric(key, value, now + step, step)
                for key, values in run.metrics.items()
                for step, value in enumerate(values)
            ]
            for start in range(0, len(points), 1_000):
                self.client.log_batch(run_id, points[start : start + 1_000])

    def look_up(self) -> None:
        team, long = (self.client.get_experiment_by_name(name).experiment_id for name in (w.TEAM, w.LONG))
        self.team = [team]
        self.ids, self.long_ids = (
            [run.info.run_id for run in self.client.search_runs([one], max_results=w.LONG_RUNS)] for one in (team, long)
        )
        self.store = self.client._tracking_client.store

    def search(self) -> Any:
        return self.client.search_runs(self.team, w.FILTER, order_by=[w.ORDER], max_results=w.TOP)

    def found(self, answer: Any) -> list[float]:
        return [run.data.metrics[w.SEARCHED] for run in answer]

    def frame(self) -> Any:
        import mlflow

        return mlflow.search_runs(experiment_ids=self.team)

    def curves(self, most: int | None) -> Any:
        """The bulk reads inside its store, which its UI is served by."""
        if most is None:
            return self.store.get_metric_history_bulk(self.long_ids, w.LONG_KEY, w.LONG_RUNS * w.LONG_STEPS)
        return self.store.get_metric_history_bulk_interval(self.long_ids, w.LONG_KEY, most, None, None)

    def histories(self) -> Any:
        return [list(self.client.get_metric_history(run_id, w.SEARCHED)) for run_id in self.ids]

    def lengths(self, answer: Any) -> list[int]:
        if isinstance(answer[0], list):
            return [len(history) for history in answer]
        return list(Counter(point.run_id for point in answer).values())
