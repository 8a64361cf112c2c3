"""This project: logged and read through its public API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.benchmarks import workload as w

from .base import Tracker


class Nbtrack(Tracker):
    name = label = module = "nbtrack"
    points = 20_000

    def open(self) -> Callable[[float, int], Any]:
        self.connect()
        import nbtrack

        nbtrack.set_experiment("bench")
        nbtrack.start_run()
        log_metric = nbtrack.log_metric
        return lambda value, step: log_metric("loss", value, step=step)

    def close(self) -> None:
        import nbtrack

        nbtrack.end_run()

    def kept(self) -> int:
        self.connect()
        import nbtrack

        runs = nbtrack.search_runs(experiment_names=["bench"], output_format="list")
        client = nbtrack.MlflowClient()
        return sum(len(client.get_metric_history(run.info.run_id, "loss")) for run in runs)

    def connect(self) -> None:
        import nbtrack

        nbtrack.set_tracking_uri(str(self.folder / ".nbtrack"))

    experiment = ""
    """The active one, as it is set once for the runs of a script."""

    def add(self, run: w.TeamRun) -> None:
        """A call a step, as a training loop does: the others are given their batches."""
        import nbtrack

        if run.experiment != self.experiment:
            nbtrack.set_experiment(run.experiment)
            self.experiment = run.experiment
        with nbtrack.start_run(run_name=run.name, tags=run.tags):
            nbtrack.log_params(run.params)
            for step, values in enumerate(zip(*run.metrics.values(), strict=True)):
                nbtrack.log_metrics(dict(zip(run.metrics, values, strict=True)), step=step)

    def finish(self) -> None:
        import nbtrack

        nbtrack.search_runs(experiment_names=[w.TEAM], max_results=1)

    def look_up(self) -> None:
        import nbtrack

        self.client = nbtrack.MlflowClient()
        team, long = (nbtrack.get_experiment_by_name(name).experiment_id for name in (w.TEAM, w.LONG))
        self.team = [team]
        self.ids, self.long_ids = (
            [run.info.run_id for run in self.client.search_runs([one], max_results=w.LONG_RUNS)] for one in (team, long)
        )

    def search(self) -> Any:
        return self.client.search_runs(self.team, w.FILTER, order_by=[w.ORDER], max_results=w.TOP)

    def found(self, answer: Any) -> list[float]:
        return [run.data.metrics[w.SEARCHED] for run in answer]

    def frame(self) -> Any:
        import nbtrack

        return nbtrack.search_runs(experiment_ids=self.team)

    def curves(self, most: int | None) -> Any:
        """Summarized in buckets with mean, lowest and highest value, as the widget asks for it."""
        import nbtrack
        from nbtrack import views

        if most is None:
            return nbtrack.curves(self.long_ids, w.LONG_KEY)
        asked = {"run_ids": self.long_ids, "keys": [w.LONG_KEY], "x_axis": "step", "x_min": None, "x_max": None}
        return views.handle(self.client, "curves", {**asked, "max_points": most})

    def histories(self) -> Any:
        return [self.client.get_metric_history(run_id, w.SEARCHED) for run_id in self.ids]

    def lengths(self, answer: Any) -> list[int]:
        if isinstance(answer, list):
            return [len(history) for history in answer]
        if isinstance(answer, tuple):
            return [series["points"] for series in answer[0]["series"]]
        return answer.groupby("run_id").size().tolist()
