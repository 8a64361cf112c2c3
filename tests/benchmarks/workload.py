"""A team's store: 500 runs x 5 metrics x 100 steps with params, and what is asked of it. The same calls on both."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

RUNS, STEPS = 500, 100
KEYS = ("train/loss", "val/loss", "train/accuracy", "val/accuracy", "learning_rate")
FILTER = "metrics.`val/accuracy` > 0.9 and params.activation = 'relu'"
ORDER = ["metrics.`val/accuracy` DESC"]


def _points(seed: int) -> tuple[dict[str, str], list[dict[str, float]]]:
    rng = random.Random(seed)
    rate, ceiling = rng.uniform(0.02, 0.2), rng.uniform(0.85, 0.99)
    params = {
        "activation": rng.choice(["relu", "tanh"]),
        "learning_rate": f"{rate:.4f}",
        "width": str(rng.choice([16, 32, 64])),
        "seed": str(seed),
    }
    steps = []
    for step in range(STEPS):
        done = 1 - math.exp(-rate * step)
        accuracy, noise = ceiling * done, rng.gauss(0, 0.01)
        steps.append(
            dict(zip(KEYS, (2.3 - 2 * done, 2.4 - 2 * done + noise, accuracy, accuracy + noise, rate), strict=True))
        )
    return params, steps


def fill_nbtrack(folder: Path) -> None:
    """One `log_metrics` of five values a step, as a training loop does."""
    import nbtrack

    nbtrack.set_tracking_uri(str(folder / ".nbtrack"))
    nbtrack.set_experiment("bench")
    for seed in range(RUNS):
        params, steps = _points(seed)
        with nbtrack.start_run(run_name=f"run-{seed}"):
            nbtrack.log_params(params)
            for step, values in enumerate(steps):
                nbtrack.log_metrics(values, step=step)
    nbtrack.search_runs(experiment_names=["bench"], max_results=1)  # All is applied to the database when this returns.


def fill_mlflow(folder: Path) -> None:
    """One `log_batch` of all 500 points a run, the fastest that mlflow has: a loop's calls take 30 times this."""
    import mlflow
    from mlflow.entities import Metric, Param

    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.set_experiment("bench")
    client = mlflow.MlflowClient()
    for seed in range(RUNS):
        params, steps = _points(seed)
        with mlflow.start_run(run_name=f"run-{seed}") as run:
            now = int(time.time() * 1000)
            metrics = [Metric(key, value, now, step) for step, row in enumerate(steps) for key, value in row.items()]
            client.log_batch(run.info.run_id, metrics, [Param(key, value) for key, value in params.items()])


FILL: dict[str, Callable[[Path], None]] = {"nbtrack": fill_nbtrack, "mlflow": fill_mlflow}


def reads(tracker: ModuleType) -> dict[str, Callable[[], Any]]:
    """What is timed on the filled store, by name. Each answer is checked before it is timed."""
    client = tracker.MlflowClient()
    experiment = client.get_experiment_by_name("bench").experiment_id
    ids = [run.info.run_id for run in client.search_runs([experiment], max_results=50)]

    def top20() -> Any:
        return client.search_runs([experiment], FILTER, order_by=ORDER, max_results=20)

    def frame() -> Any:
        return tracker.search_runs(experiment_ids=[experiment], max_results=RUNS)

    def histories() -> Any:
        return [client.get_metric_history(run_id, "val/loss") for run_id in ids]

    def curves() -> Any:
        if tracker.__name__ == "nbtrack":
            from nbtrack import views

            asked = {"run_ids": ids, "keys": ["val/loss"], "x_axis": "step", "x_min": None, "x_max": None}
            return views.handle(client, "curves", {**asked, "max_points": 2000})[1]
        return client._tracking_client.store.get_metric_history_bulk(ids, "val/loss", 50 * STEPS)

    assert len(top20()) == 20
    assert len(frame()) == RUNS
    assert [len(history) for history in histories()] == [STEPS] * 50
    assert len(curves()) == (100 if tracker.__name__ == "nbtrack" else 50 * STEPS)
    return {"top-20": top20, "DataFrame": frame, "histories": histories, "curves": curves}
