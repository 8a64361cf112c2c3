"""Test curves as tidy data: every point, or a limited number that keeps every spike."""

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
from nbtrack.errors import InvalidParameter, NotFound, QueryError

from ..depth import IS_DEEP, examples

COLUMNS = ["run_id", "run_name", "key", "step", "timestamp", "value"]


@pytest.mark.slow
def test_every_point_of_runs_given_by_ids_runs_tables_or_filters():
    runs = []
    for number in range(3):
        with nbtrack.start_run(run_name=f"run-{number}") as run:
            nbtrack.log_param("number", number)
            nbtrack.log_series("loss", [0, 1, 2], [number, number + 0.5, math.nan], [1000, 2000, 3000])
            nbtrack.log_metric("train/acc", 0.5)
        runs.append(run)
    ids = [run.info.run_id for run in runs]
    frame = nbtrack.curves(ids, "loss")
    assert list(frame.columns) == COLUMNS
    assert frame["run_id"].tolist() == np.repeat(ids, 3).tolist(), "in the order that was asked for"
    assert frame["run_name"].unique().tolist() == ["run-0", "run-1", "run-2"]
    assert frame["step"].tolist() == [0, 1, 2] * 3
    assert frame["value"].tolist()[3:5] == [1.0, 1.5]
    assert math.isnan(frame["value"][8])
    assert frame["timestamp"][2] == pandas.Timestamp(3, unit="s", tz="UTC")

    listed = nbtrack.search_runs(order_by=["run_name"], output_format="list")
    for given_as in (runs, tuple(ids), listed, nbtrack.search_runs(order_by=["run_name"])):
        pandas.testing.assert_frame_equal(nbtrack.curves(given_as, ["loss"]), frame)
    for output_format in ("polars", "arrow"):
        table = nbtrack.search_runs(order_by=["run_name"], output_format=output_format)
        pandas.testing.assert_frame_equal(nbtrack.curves(table, ["loss"]), frame)
        other = nbtrack.curves(ids, "loss", output_format=output_format)
        assert repr(other["value"].to_list() if output_format == "polars" else other["value"].to_pylist()) == repr(
            frame["value"].tolist()
        )
    one = nbtrack.curves("params.number = 1", ["train/acc", "loss", "nowhere"])
    assert one["run_id"].unique().tolist() == [ids[1]]
    assert one["key"].tolist() == ["train/acc", "loss", "loss", "loss"], "the keys in the order that was asked for"
    assert nbtrack.curves(runs[1])["key"].tolist() == ["loss", "loss", "loss", "train/acc"]
    assert nbtrack.curves(ids[1])["key"].tolist() == ["loss", "loss", "loss", "train/acc"]
    assert len(nbtrack.curves("params.number > 7", "loss")) == 0
    assert len(nbtrack.curves("", "loss")) == 9


def test_the_axis_determines_the_order_and_relative_adds_seconds():
    client = nbtrack.Client()
    run_id = client.create_run("0", start_time=1_000_000).info.run_id
    client.log_series(run_id, "m", [5, 3, 4], [1.0, 2.0, 3.0], [1_000_500, 1_002_000, 1_001_000])
    assert nbtrack.curves(run_id, "m")["step"].tolist() == [3, 4, 5]
    assert nbtrack.curves(run_id, "m", x="time")["step"].tolist() == [5, 4, 3]
    relative = nbtrack.curves(run_id, "m", x="relative")
    assert list(relative.columns) == [*COLUMNS, "seconds"]
    assert relative["seconds"].tolist() == [0.5, 1.0, 2.0]


def test_invalid_arguments_are_refused():
    with nbtrack.start_run() as run:
        nbtrack.log_metric("m", 1)
    with pytest.raises(NotFound, match="0" * 32):
        nbtrack.curves([run.info.run_id, "0" * 32], "m")
    with pytest.raises(QueryError):
        nbtrack.curves("metrics.m >", "m")
    with pytest.raises(InvalidParameter, match="'step', 'time', 'relative'"):
        nbtrack.curves(run, "m", x="epoch")  # type: ignore[arg-type]
    for most in (2, 2.5, "many"):
        with pytest.raises(InvalidParameter, match="max_points"):
            nbtrack.curves(run, "m", max_points=most)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match="must have a column run_id"):
        nbtrack.curves(pandas.DataFrame({"a": [1]}), "m")
    with pytest.raises(InvalidParameter, match="not 3"):
        nbtrack.curves([3], "m")
    with pytest.raises(InvalidParameter, match="output_format"):
        nbtrack.curves(run, "m", output_format="list")  # type: ignore[arg-type]


def test_integers_stay_exact_when_thinned():
    with nbtrack.start_run() as run:
        steps = [2**62 + 2 * number for number in range(100)]
        nbtrack.log_series("m", steps, [0.0] * 100)
    thinned = nbtrack.curves(run, "m", max_points=10)
    assert set(thinned["step"]) <= set(steps)
    assert len(thinned) <= 10


VALUES = st.lists(st.floats(allow_nan=True, width=32) | st.just(0.0), min_size=1, max_size=200)


@pytest.mark.slow
@settings(max_examples=examples(10, 200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=VALUES, max_points=st.integers(3, 40), gaps=st.lists(st.integers(1, 50), min_size=200, max_size=200))
def test_thinning_keeps_every_extreme_and_adds_no_point(values: list[float], max_points: int, gaps: list[int]):
    steps = np.cumsum(gaps[: len(values)])
    with nbtrack.start_run() as run:
        nbtrack.log_series("m", steps, values, steps * 7)
    whole = nbtrack.curves(run, "m")
    for x in ("step", "time"):
        thinned = nbtrack.curves(run, "m", max_points=max_points, x=x)
        if len(values) <= max_points:
            pandas.testing.assert_frame_equal(thinned, whole)
            continue
        stretches = max(max_points // 2 - 1, 1)
        assert len(thinned) <= 3 * stretches + 1
        kept = thinned.merge(whole, how="left", on=["step", "timestamp"], suffixes=("", "_then"))
        np.testing.assert_array_equal(kept["value"], kept["value_then"])
        # Once more in plain Python: of each stretch its lowest, its highest point, and one NaN; and the last point.
        width = float(steps[-1] - steps[0])
        expected = {int(steps[-1])}
        for stretch in range(stretches):
            inside = [
                (value, int(step))
                for value, step in zip(values, steps, strict=True)
                if int((step - steps[0]) / width * stretches) == stretch
            ]
            numbers = [point for point in inside if not math.isnan(point[0])]
            expected |= {min(numbers)[1], max(numbers)[1]} if numbers else set()
            expected |= set([step for value, step in inside if math.isnan(value)][:1])
        assert set(thinned["step"]) == expected


@pytest.mark.slow
def test_fifty_curves_out_of_many_points(measured: Callable[[str, float], None]):
    from .synthetic import fill

    runs = 500 if IS_DEEP else 100
    fill(runs=runs, metrics=4, points=10_000)
    shown = nbtrack.search_runs(max_results=50)
    for most in (1000, None):
        spent = []
        for _ in range(3):
            start = time.perf_counter()
            frame: Any = nbtrack.curves(shown, "m1", max_points=most)
            spent.append((time.perf_counter() - start) * 1e3)
        measured(f"curves of 50 runs x 10,000 points of {runs * 40_000:,}, max_points={most}, ms", min(spent))
        assert frame["run_id"].nunique() == 50
        assert len(frame) == (50 * 10_000 if most is None else 50 * 999)
