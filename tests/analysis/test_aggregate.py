"""Test statistics of metrics over groups of runs, compared with pandas."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbtrack
from nbtrack.errors import InvalidParameter, QueryError

from ..depth import examples


def log(params: dict[str, Any], **metrics: float) -> str:
    with nbtrack.start_run() as run:
        nbtrack.log_params(params)
        nbtrack.log_metrics(metrics)
    return run.info.run_id


def test_over_seeds():
    for lr in ("0.1", "1e-1", "0.01"):
        for seed in (1, 2):
            log({"lr": lr, "seed": seed}, loss=float(lr) * seed, acc=0.5)
    log({"seed": 3}, loss=7.0)
    log({"lr": 0.01}, loss=math.nan)
    table = nbtrack.aggregate(by=["params.lr"], metrics=["metrics.loss"])
    names = ["n", "mean", "std", "min", "max"]
    assert list(table.columns) == ["params.lr", "runs", *(f"metrics.loss.{name}" for name in names)]
    assert table["params.lr"].tolist()[:2] == [0.01, 0.1], "as numbers, however they were written, and in their order"
    assert math.isnan(table["params.lr"][2]), "a run without lr is a group of its own"
    assert table["runs"].tolist() == [3, 4, 1]
    assert table["metrics.loss.n"].tolist() == [2, 4, 1], "NaN does not count"
    assert table["metrics.loss.mean"].tolist() == pytest.approx([0.015, 0.15, 7])
    assert table["metrics.loss.std"].tolist() == pytest.approx([0.005 * 2**0.5, 0.1 / 3**0.5, math.nan], nan_ok=True)
    assert table["metrics.loss.max"].tolist() == pytest.approx([0.02, 0.2, 7])
    assert nbtrack.aggregate("params.lr = 0.1", by="params.seed")["runs"].tolist() == [2, 2]
    log({"seed": 4}, **{"system/cpu_utilization_percentage": 50.0})
    assert [name for name in nbtrack.aggregate().columns if name.endswith(".n")] == ["metrics.acc.n", "metrics.loss.n"]
    assert nbtrack.aggregate(metrics="metrics.`system/cpu_utilization_percentage`").iloc[0, 1] == 1
    assert nbtrack.aggregate()["runs"].tolist() == [9]


def test_any_name_of_the_filter_language():
    client = nbtrack.Client()
    for number, status in enumerate(("FINISHED", "FINISHED", "FAILED")):
        run_id = client.create_run("0", run_name=f"run-{number}", start_time=1000).info.run_id
        client.log_series(run_id, "train/loss", None, [3.0, 1.0 + number, 2.0])
        client.log_param(run_id, "width", "wide" if number else 32)
        client.set_tag(run_id, "team", "blue")
        client.set_terminated(run_id, status, end_time=1000 + 500 * number)
    table = nbtrack.aggregate(
        by=["status", "tags.team", "params.width"],
        metrics=["min(metrics.`train/loss`)", "metrics.`train/loss`", "duration", "params.width"],
    )
    assert table["status"].tolist() == ["FAILED", "FINISHED", "FINISHED"]
    assert table["params.width"].tolist() == ["wide", "32", "wide"], (
        "numbers come first; texts where not all are numbers"
    )
    assert table["min(metrics.train/loss).mean"].tolist() == [2.0, 1.0, 2.0]
    assert table["metrics.train/loss.mean"].tolist() == [2.0] * 3
    assert table["duration.max"].tolist() == [1000, 0, 500]
    assert table["params.width.n"].tolist() == [0, 1, 0], "what is no number does not count"
    assert nbtrack.aggregate(by="experiment_id")["experiment_id"].tolist() == ["0"]
    assert nbtrack.aggregate(by="run_name")["run_name"].tolist() == ["run-0", "run-1", "run-2"]


def test_scope_formats_and_none():
    other = nbtrack.create_experiment("other")
    log({}, m=1.0)
    nbtrack.Client().create_run(other)
    assert nbtrack.aggregate(search_all_experiments=True)["runs"].tolist() == [2]
    assert nbtrack.aggregate(experiment_names=["other"])["runs"].tolist() == [1]
    nothing = nbtrack.aggregate("params.lr = 1", by="params.lr", metrics="metrics.m")
    assert (len(nothing), nothing.shape[1]) == (0, 7)
    assert len(nbtrack.aggregate("params.lr = 1")) == 0
    table = nbtrack.aggregate(by="params.lr", metrics="metrics.m", output_format="arrow")
    assert table.to_pylist()[0]["params.lr"] is None
    assert table["metrics.m.std"].to_pylist() == [None]
    assert nbtrack.aggregate(by="params.lr", metrics="metrics.m", output_format="polars").rows() == [
        (None, 1, 1, 1.0, None, 1.0, 1.0)
    ]


def test_invalid_arguments_are_refused():
    for by in ("params.lr DESC", "params.lr = 1", "", "colour", "params.lr, params.seed"):
        with pytest.raises(QueryError):
            nbtrack.aggregate(by=by)
    with pytest.raises(QueryError):
        nbtrack.aggregate("metrics.m >", by="params.lr")
    with pytest.raises(InvalidParameter, match="at most 100"):
        nbtrack.aggregate(metrics=[f"metrics.m{number}" for number in range(101)])
    with pytest.raises(InvalidParameter, match="name must be a string"):
        nbtrack.aggregate(by=[1])  # type: ignore[list-item]


def test_infinite_and_huge_numbers_are_no_error():
    for number in (1.0, math.inf, -math.inf, 1.7e308, -1e200):
        log({"a": 1}, m=number)
    table = nbtrack.aggregate(by="params.a")
    assert table["metrics.m.max"].tolist() == [math.inf]
    assert table["metrics.m.n"].tolist() == [5]
    assert math.isnan(table["metrics.m.std"][0])


LR = st.none() | st.sampled_from(["0.1", "1e-1", "10", "9", "-3", "inf", "relu", "nan", "Tanh", "", "ü"])
LOSS = st.none() | st.just(math.nan) | st.floats(-1e6, 1e6)
RUNS = st.lists(st.tuples(LR, LR, LOSS, LOSS), max_size=10)


@pytest.mark.slow
@settings(max_examples=examples(10, 200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=RUNS)
def test_the_result_equals_that_of_pandas(runs: list[tuple[str | None, str | None, float | None, float | None]]):
    experiment = nbtrack.create_experiment(f"e{time.time_ns()}")
    rows = []
    for a, b, x, y in runs:
        run_id = nbtrack.Client().create_run(experiment).info.run_id
        for key, text in (("a", a), ("b", b)):
            if text is not None:
                nbtrack.Client().log_param(run_id, key, text)
        for key, value in (("x", x), ("y", y)):
            if value is not None:
                nbtrack.Client().log_metric(run_id, key, value)
        rows.append((*group(a), *group(b), x, y))
    frame = pandas.DataFrame(rows, columns=["ra", "na", "ta", "rb", "nb", "tb", "x", "y"]).astype(
        {"x": float, "y": float}
    )
    keys = ["ra", "na", "ta", "rb", "nb", "tb"]
    expected = frame.groupby(keys, sort=True, dropna=False).agg(["count", "mean", "std", "min", "max"])
    table = nbtrack.aggregate(
        by=["params.a", "params.b"], metrics=["metrics.x", "metrics.y"], experiment_ids=[experiment]
    )
    assert len(table) == len(expected)
    assert table["runs"].tolist() == frame.groupby(keys, sort=True, dropna=False).size().tolist()
    for metric in ("x", "y"):
        for ours, theirs in (("n", "count"), ("mean", "mean"), ("std", "std"), ("min", "min"), ("max", "max")):
            np.testing.assert_allclose(
                table[f"metrics.{metric}.{ours}"].to_numpy(float),
                expected[metric][theirs].to_numpy(float) if len(expected) else [],
                rtol=1e-6,
                atol=1e-6,
            )
    levels = expected.index.get_level_values
    for name in "ab":
        wanted = zip(levels(f"r{name}"), levels(f"n{name}"), levels(f"t{name}"), strict=True)
        for value, (rank, number, text) in zip(table[f"params.{name}"].tolist(), wanted, strict=True):
            if rank == 2:
                assert value is None or value != value
            else:
                assert value == text if rank else float(value) == number


def group(text: str | None) -> tuple[int, float, str]:
    """Return the sort key of a param's value among the groups: rank, number, string. Unused parts are 0 or empty."""
    if text is None:
        return 2, 0.0, ""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    return (1, 0.0, text) if math.isnan(number) else (0, number, "")


@pytest.mark.slow
def test_a_hundred_thousand_runs(measured: Callable[[str, float], None]):
    from .synthetic import fill

    fill(runs=100_000, params=20, metrics=10)
    for _ in range(2):
        start = time.perf_counter()
        table = nbtrack.aggregate(by=["params.p1"], metrics=["metrics.m1", "max(metrics.m2)"])
        spent = (time.perf_counter() - start) * 1e3
    measured("aggregate of 100,000 runs by a param, two metrics, ms", spent)
    assert table["runs"].sum() == 100_000
