"""Test log_series: valid points are logged completely, and invalid ones not at all."""

from __future__ import annotations

import decimal
import math
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pandas
import polars
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbtrack
from nbtrack.entities import Metric
from nbtrack.errors import InvalidParameter, NotFound

from ..depth import examples


def logged(key: str = "m") -> pandas.DataFrame:
    return nbtrack.curves("", key)


HOLDERS: dict[str, Callable[[list[float]], Any]] = {
    "list": list,
    "tuple": tuple,
    "generator": lambda values: (value for value in values),
    "float64": np.array,
    "float32": lambda values: np.array(values, dtype=np.float32),
    "objects": lambda values: np.array(values, dtype=object),
    "fractions": lambda values: [Fraction(value) for value in values],
    "decimals": lambda values: [decimal.Decimal(value) for value in values],
    "numpy scalars": lambda values: [np.float32(value) for value in values],
    "pandas": pandas.Series,
    "pandas nullable": lambda values: pandas.Series(values, dtype="Float64"),
    "pandas column": lambda values: pandas.DataFrame({"v": values}, index=list("cab"))["v"],
    "polars": polars.Series,
}


@pytest.mark.slow
@pytest.mark.parametrize("holder", HOLDERS)
def test_lists_arrays_and_series_of_numbers(holder: str):
    with nbtrack.start_run():
        nbtrack.log_series("m", [0, 10, 20], HOLDERS[holder]([0.5, -1.0, 2.25]))
    assert logged()["step"].tolist() == [0, 10, 20]
    assert logged()["value"].tolist() == [0.5, -1.0, 2.25]


@pytest.mark.slow
def test_tensors_of_any_kind():
    torch = pytest.importorskip("torch")
    with nbtrack.start_run():
        nbtrack.log_series("half", torch.arange(2), torch.tensor([0.5, 1.5], dtype=torch.bfloat16))
        nbtrack.log_series("grad", torch.arange(2), torch.tensor([0.5, 1.5], requires_grad=True))
        nbtrack.log_series("list", None, [torch.tensor(0.5), torch.tensor([1.5])])
        nbtrack.log_series("whole", torch.arange(2), torch.tensor([3, 4]))
    for key in ("half", "grad", "list"):
        assert logged(key)["value"].tolist() == [0.5, 1.5]
    assert logged("whole")["value"].tolist() == [3.0, 4.0]


def test_nan_infinity_and_extremes_are_returned_unchanged():
    values = [math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, -0.0]
    with nbtrack.start_run():
        nbtrack.log_series("m", np.arange(7), values)
    assert repr(logged()["value"].tolist()) == repr(values)


def test_missing_values_of_a_pandas_or_polars_series_are_nan():
    with nbtrack.start_run():
        nbtrack.log_series("m", None, pandas.Series([1, None], dtype="Int64"))
        nbtrack.log_series("m", None, polars.Series([1, None]))
    assert repr(logged()["value"].tolist()) == "[1.0, nan, 1.0, nan]"


def test_steps_continue_the_count_and_later_ones_continue_after_them():
    with nbtrack.start_run() as run:
        nbtrack.log_metric("m", 0)
        run.log_series("m", None, [1, 2])
        nbtrack.log_metric("m", 3)
        run.log_series("m", [100, 7], [100, 7])
        nbtrack.log_metric("m", 101)
        run.log_series("m", [], [])
        nbtrack.log_series("m", None, [102])
    assert logged()["step"].tolist() == logged()["value"].tolist() == [0, 1, 2, 3, 7, 100, 101, 102]
    (found,) = nbtrack.search_runs(output_format="list")
    assert found.data.metrics == {"m": 102}
    # In another process, and on a run that has ended.
    nbtrack.Client()._store.close()
    nbtrack.Client()._store._reset()
    nbtrack.log_series("m", None, [103], run_id=found.info.run_id)
    nbtrack.Client().log_series(found.info.run_id, "m", None, [104])
    assert logged()["step"].tolist()[-2:] == [103, 104]


def test_timestamps_are_milliseconds_or_datetimes():
    times = pandas.date_range("2026-01-01", periods=2, freq="h")
    milliseconds = [1_767_225_600_000, 1_767_229_200_000]
    with nbtrack.start_run():
        nbtrack.log_series("m", None, [1, 2], milliseconds)
        nbtrack.log_series("m", None, [1, 2], np.array(milliseconds, dtype=float))
        nbtrack.log_series("m", None, [1, 2], times)
        nbtrack.log_series("m", None, [1, 2], times.to_numpy())
        nbtrack.log_series("m", None, [1, 2], pandas.Series(times.tz_localize("UTC").tz_convert("Asia/Tokyo")))
        before = pandas.Timestamp.now("UTC").floor("ms")
        nbtrack.log_series("m", None, [1, 2])
        after = pandas.Timestamp.now("UTC")
    assert logged()["timestamp"].tolist()[:10] == [*times.tz_localize("UTC")] * 5
    assert logged()["timestamp"].tolist()[10:] == pytest.approx([before] * 2, abs=after - before)


WRONG: list[tuple[Any, Any, Any, str]] = [
    ([0, 1], [1.0], None, "1 values and 2 steps"),
    ([0], [1.0], [1, 2], "1 values and 2 timestamps"),
    (None, [1.0, "2"], None, "must be a number, not str"),
    (None, [1.0, None], None, "must be a number, not NoneType"),
    (None, np.array(["1", "2"]), None, "must be a number, not str"),
    (None, [1.0, 1j], None, "must be a number, not complex"),
    (None, [[1.0], [2.0]], None, "must be a number, not list"),
    (None, [[1.0], [2.0, 3.0]], None, "must be a number, not list"),
    (None, [np.zeros(2), np.zeros(2)], None, "Log one number per call"),
    (None, np.zeros((2, 2)), None, "must be a list of numbers or an array of the shape"),
    (None, np.float64(1), None, "must be a list of numbers or an array of the shape"),
    (None, "123", None, "must be a list or an array, not str"),
    (None, 5, None, "must be a list or an array, not int"),
    (None, {"a": 1}, None, "must be a number, not str"),
    ([0, 0.5], [1, 2], None, "must be 64-bit integers, but the one at position 1 is 0.5"),
    ([0, math.nan], [1, 2], None, "position 1 is nan"),
    ([0, None], [1, 2], None, "position 1 is None"),
    (["0", "1"], [1, 2], None, "position 0 is '0'"),
    ([0, 2**63], [1, 2], None, "position 1 is 9"),
    (np.array([0, 2**63], dtype=np.uint64), [1, 2], None, "position 1 is 9223372036854775808"),
    (None, [1, 2], [0, -1], "must not be negative"),
    (None, [1, 2], [0, 0.5], "position 1 is 0.5"),
    (
        None,
        [1, 2],
        np.array(["2026-01-01", "NaT"], dtype="datetime64[s]"),
        "must not contain NaT, but it is at position 1",
    ),
    (None, [1, 2], [pandas.Timestamp("2026-01-01"), pandas.NaT], "must not contain NaT, but it is at position 1"),
]


def test_invalid_series_log_nothing():
    with nbtrack.start_run():
        nbtrack.log_metric("m", 0)
        for steps, values, timestamps, message in WRONG:
            with pytest.raises(InvalidParameter, match=message):
                pytest.fail(f"{steps} {values} {nbtrack.log_series('m', steps, values, timestamps)}")
        with pytest.raises(InvalidParameter, match="key"):
            nbtrack.log_series("", None, [1])
        nbtrack.log_metric("m", 1)
    assert logged()["step"].tolist() == logged()["value"].tolist() == [0, 1]
    with pytest.raises(NotFound):
        nbtrack.log_series("m", None, [1], run_id="0" * 32)


@pytest.mark.slow
@settings(max_examples=examples(10, 200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    points=st.lists(
        st.tuples(st.integers(-(2**63) + 1, 2**63 - 1), st.floats(), st.integers(0, 2**53)), min_size=1, max_size=50
    )
)
def test_a_series_equals_its_points_logged_one_by_one(points: list[tuple[int, float, int]]):
    steps, values, timestamps = (list(column) for column in zip(*points, strict=True))
    client = nbtrack.Client()
    at_once, one_by_one, batched = (client.create_run("0").info.run_id for _ in range(3))
    client.log_series(at_once, "m", steps, values, timestamps)
    for step, value, timestamp in points:
        client.log_metric(one_by_one, "m", value, timestamp, step)
    client.log_batch(batched, [Metric("m", value, timestamp, step) for step, value, timestamp in points])
    query = "SELECT * EXCLUDE run_id FROM {} WHERE run_id = $1 ORDER BY ALL"
    for view in ("metrics", "latest_metrics"):
        expected = nbtrack.sql(query.format(view), [one_by_one])
        # A mean is a sum, and the order of its terms is not said.
        mean = {"check_exact": view == "metrics", "rtol": 1e-9}
        for run_id in (at_once, batched):
            pandas.testing.assert_frame_equal(nbtrack.sql(query.format(view), [run_id]), expected, **mean)


@pytest.mark.slow
def test_a_million_points(measured: Callable[[str, float], None]):
    count = 1_000_000
    values = np.random.default_rng(0).normal(size=count)
    with nbtrack.start_run() as run:
        start = time.perf_counter()
        run.log_series("m", np.arange(count), values)
        measured("log_series of 1,000,000 points, ms", (time.perf_counter() - start) * 1e3)
        start = time.perf_counter()
        last = nbtrack.search_runs(max_results=1)
        measured("applying them, ms", (time.perf_counter() - start) * 1e3)
    assert last["metrics.m"].tolist() == [values[-1]]
    np.testing.assert_array_equal(logged()["value"].to_numpy(), values)


@pytest.mark.slow
def test_a_batch_has_no_limit(measured: Callable[[str, float], None]):
    count = 200_000
    metrics = [Metric(f"m{number % 3}", number * 0.5, 1_000 + number, number) for number in range(count)]
    with nbtrack.start_run():
        start = time.perf_counter()
        nbtrack.log_batch(metrics)
        measured("log_batch of 200,000 points, ms", (time.perf_counter() - start) * 1e3)
    assert len(logged("m0")) + len(logged("m1")) + len(logged("m2")) == count
    assert logged("m1")["value"].tolist() == [number * 0.5 for number in range(1, count, 3)]
