"""Logging a scikit-learn model and loading it again: nbtrack's and mlflow's, each in a process of its own.

    python -m tests.benchmarks.models

A figure is the median of several, after one that is not counted. Both keep their runs in a file of an embedded
database, and are given the same model with the same arguments.
"""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

from tests.benchmarks import beside_mlflow
from tests.benchmarks.beside_mlflow import TRACKERS
from tests.benchmarks.table import markdown, rounded

MODULE = "tests.benchmarks.models"
REPEAT = 7


def measure(tracker_name: str) -> dict[str, dict[str, float]]:
    """Milliseconds of log_model and of load_model, by what is logged along with the model."""
    warnings.simplefilter("ignore")
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows, species = load_iris(return_X_y=True, as_frame=True)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, species)
    tracker: Any = importlib.import_module(tracker_name)
    sklearn = importlib.import_module(f"{tracker_name}.sklearn")
    cases: dict[str, dict[str, Any]] = {
        "the model alone": {},
        "with an input example": {"input_example": rows.head(3)},
        "with an example and given requirements": {"input_example": rows.head(3), "pip_requirements": ["scikit-learn"]},
    }
    found = {}
    for name, options in cases.items():
        logs, loads = [], []
        for _ in range(1 + REPEAT):
            with tracker.start_run():
                info, took = _timed(lambda options=options: sklearn.log_model(model, name="model", **options))
            logs.append(took)
            loaded, took = _timed(lambda uri=info.model_uri: sklearn.load_model(uri))
            loads.append(took)
            assert (loaded.predict(rows) == model.predict(rows)).all()
        found[name] = {"log": statistics.median(logs[1:]), "load": statistics.median(loads[1:])}
    return found


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    answer = call()
    return answer, (time.perf_counter() - start) * 1e3


def in_own_process(tracker: str) -> dict[str, dict[str, float]]:
    """`measure` in a process of its own."""
    return beside_mlflow.in_own_process(MODULE, tracker)


def render(report: dict[str, dict[str, dict[str, float]]]) -> str:
    """The figures as a Markdown table; `report` has them by tracker."""
    ours, theirs = (report[name] for name in TRACKERS)
    lines = []
    for name, one in ours.items():
        cells = []
        for calls in (("log",), ("load",), ("log", "load")):
            own, their = (sum(row[call] for call in calls) for row in (one, theirs[name]))
            cells += [f"{rounded(own)} ms", f"{rounded(their)} ms ({rounded(their / own)}×)"]
        lines.append([name, *cells])
    head = ["a scikit-learn pipeline", "log_model", "mlflow's", "load_model", "mlflow's", "both", "mlflow's"]
    return "\n".join(markdown(head, lines))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(sys.argv[2])))
    else:
        print(render({tracker: in_own_process(tracker) for tracker in TRACKERS}))
