"""Log a scikit-learn model, load it again, and check data against a signature: nbtrack beside mlflow.

    python -m tests.benchmarks.models

A figure is the median of several, after one that is not counted. Each tracker logs and loads in a process of its own,
with the same model and the same arguments, and keeps its runs in a file of an embedded database. For the check of
data, both load the same folder in one process and call `predict` by turns, so that a busy machine slows both.
"""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks import beside_mlflow
from tests.benchmarks.beside_mlflow import TRACKERS
from tests.benchmarks.table import markdown, rounded

MODULE = "tests.benchmarks.models"
REPEAT = 7
CHECKS, ROWS = 100, 1_000


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


def measure_checks() -> dict[str, dict[str, float]]:
    """Return the microseconds of `predict` of a model that does nothing, for each kind of data and each tracker.

    What remains is the check of the data against the signature.
    """
    warnings.simplefilter("ignore")
    import nbtrack
    from nbtrack.models import infer_signature

    pyfuncs = {tracker: importlib.import_module(f"{tracker}.pyfunc") for tracker in TRACKERS}
    found = {}
    for place, (name, (fitted, data)) in enumerate(frames().items()):
        folder = str(Path.cwd() / f"model-{place}")
        signature = infer_signature(fitted)
        nbtrack.pyfunc.save_model(folder, python_model=len, signature=signature, pip_requirements=[])
        models = {"nbtrack": pyfuncs["nbtrack"].load_model(folder, trust=True)}
        models["mlflow"] = pyfuncs["mlflow"].load_model(folder)
        took: dict[str, list[float]] = {tracker: [] for tracker in TRACKERS}
        for _ in range(1 + CHECKS):
            for tracker, model in models.items():
                rows, milliseconds = _timed(lambda model=model, data=data: model.predict(data))
                assert rows == ROWS
                took[tracker].append(milliseconds * 1e3)
        found[name] = {tracker: statistics.median(times[1:]) for tracker, times in took.items()}
    return found


def frames() -> dict[str, tuple[Any, Any]]:
    """Return data that a signature is inferred from and data for `predict`, by a name that describes them."""
    import numpy
    import pandas

    random = numpy.random.default_rng(0)
    dates = pandas.date_range("2026", periods=ROWS, freq="h")
    mixed = {
        "double": random.random(ROWS),
        "long": numpy.arange(ROWS),
        "integer": numpy.arange(ROWS, dtype="int32"),
        "boolean": [True] * ROWS,
        "string": ["a"] * ROWS,
        "datetime": dates,
        "float": random.random(ROWS).astype("float32"),
        "optional": [None, "a"] * (ROWS // 2),
    }

    def columns(values: Any, count: int = 10) -> pandas.DataFrame:
        return pandas.DataFrame({f"column {number}": values for number in range(count)})

    doubles, longs = columns(mixed["double"], 20), columns(mixed["long"])
    same = {
        "20 columns of doubles": doubles,
        "8 columns of different types": pandas.DataFrame(mixed),
        "10 columns of strings": columns(mixed["string"]),
        "10 columns of dates": columns(dates),
        "10 columns of Int64": longs.astype("Int64"),
        "one column of lists of doubles": pandas.DataFrame({"list": [[0.5, 1.5]] * ROWS}),
        "a tensor": random.random((ROWS, 20)),
    }
    return {name: (data, data) for name, data in same.items()} | {
        "20 columns of float32 for doubles": (doubles, doubles.astype("float32")),
        "10 columns of int32 for longs": (longs, longs.astype("int32")),
    }


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    answer = call()
    return answer, (time.perf_counter() - start) * 1e3


def in_own_process(tracker: str) -> dict[str, dict[str, float]]:
    """`measure` in a process of its own."""
    return beside_mlflow.in_own_process(MODULE, tracker)


def checks_in_own_process() -> dict[str, dict[str, float]]:
    """Return what `measure_checks` returns in a process of its own."""
    return beside_mlflow.in_own_process(MODULE, "checks")


def render_checks(report: dict[str, dict[str, float]]) -> str:
    """Return the figures of `measure_checks` as a Markdown table."""
    lines = [
        [
            name,
            f"{rounded(row['nbtrack'])} µs",
            f"{rounded(row['mlflow'])} µs ({rounded(row['mlflow'] / row['nbtrack'])}×)",
        ]
        for name, row in report.items()
    ]
    return "\n".join(markdown([f"predict, {ROWS:,} rows", "nbtrack", "mlflow"], lines))


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
        print(json.dumps(measure_checks() if sys.argv[2] == "checks" else measure(sys.argv[2])))
    else:
        print(render({tracker: in_own_process(tracker) for tracker in TRACKERS}))
        print(f"\n{render_checks(checks_in_own_process())}")
