"""Aim: one RocksDB a run, and an index of all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.benchmarks import workload as w

from .base import Tracker

_TEAM = f"run.experiment == '{w.TEAM}'"
_SEARCH = (
    f"{_TEAM} and run.hparams.activation == '{w.ACTIVATION}' "
    f"and metric.name == '{w.SEARCHED}' and metric.last > {w.ACCURACY}"
)


class Aim(Tracker):
    name = label = module = "aim"
    points = 5_000

    def _run(self, run_hash: str | None = None, experiment: str | None = None) -> Any:
        from aim import Run

        quiet = {"system_tracking_interval": None, "log_system_params": False, "capture_terminal_logs": False}
        return Run(run_hash, repo=self.repo, experiment=experiment, **quiet)

    def open(self) -> Callable[[float, int], Any]:
        self.connect()
        self.run = self._run()
        track = self.run.track
        return lambda value, step: track(value, name="loss", step=step)

    def close(self) -> None:
        self.run.close()

    def kept(self) -> int:
        self.connect()
        hashes = [chunk.name for chunk in (self.folder / ".aim" / "meta" / "chunks").iterdir()]
        metrics = [metric for run_hash in hashes for metric in self._run(run_hash).metrics()]
        return sum(len(metric.values.sparse_numpy()[1]) for metric in metrics if metric.name == "loss")

    def connect(self) -> None:
        from aim import Repo

        self.repo = Repo.from_path(str(self.folder), init=True)

    def add(self, run: w.TeamRun) -> None:
        active = self._run(experiment=run.experiment)
        active.name = run.name
        active["hparams"], active["tags"] = run.params, run.tags
        for key, values in run.metrics.items():
            for step, value in enumerate(values):
                active.track(value, name=key, step=step)
        active.close()

    def finish(self) -> None:
        """What `aim storage reindex` does, and the server that its UI runs on: a search reads the index only."""
        self.repo._recreate_index()

    def look_up(self) -> None:
        from aim.sdk.types import QueryReportMode
        from aim.storage.context import Context

        self.silent, self.no_context = QueryReportMode.DISABLED, Context({})

    def _metrics(self, query: str) -> Any:
        return self.repo.query_metrics(query, report_mode=self.silent)

    def search(self) -> Any:
        """It sorts nothing itself."""
        found = [(self._last(metric.run)[w.SEARCHED], metric.run) for metric in self._metrics(_SEARCH)]
        return sorted(found, key=lambda pair: pair[0], reverse=True)[: w.TOP]

    def found(self, answer: Any) -> list[float]:
        return [value for value, _ in answer]

    def _last(self, run: Any) -> dict[str, float]:
        # Not `metric.values.last_value()`: in its newer format points lie in the order of their steps' hashes.
        return {metric["name"]: metric["values"]["last"] for metric in run.collect_sequence_info("metric")["metric"]}

    def frame(self) -> Any:
        import pandas

        rows = []
        for one in self.repo.query_runs(_TEAM, report_mode=self.silent).iter_runs():
            run = one.run
            rows.append({"hash": run.hash, **self._last(run), **run["hparams"], **run["tags"]})
        return pandas.DataFrame(rows)

    def curves(self, most: int | None) -> Any:
        """Thinned out by leaving out points at random, as its UI does."""
        query = f"run.experiment == '{w.LONG}' and metric.name == '{w.LONG_KEY}'"
        series = [metric.data for metric in self._metrics(query)]
        return [self._points(data if most is None else data.sample(most)) for data in series]

    def histories(self) -> Any:
        runs = list(self.repo.query_runs(_TEAM, report_mode=self.silent).iter_runs())[: w.LONG_RUNS]
        return [self._points(one.run.get_metric(w.SEARCHED, self.no_context).data) for one in runs]

    def _points(self, data: Any) -> Any:
        _, (values, *_) = data.numpy()
        return values
