"""The buckets of curves: their width, their nesting, and values that are not finite."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nbtrack
from nbtrack.entities import Metric
from nbtrack.store import open_store
from nbtrack.store.protocol import Axis, Grid
from nbtrack.store.sql.grid import width_of, window_of

AXES: list[Axis] = ["step", "time", "relative"]
STEPS = st.integers(-(2**62), 2**62)


@given(STEPS, STEPS, st.integers(1, 5000))
def test_a_width_is_the_smallest_power_of_two_that_fits(one: int, other: int, max_points: int) -> None:
    first, last = min(one, other), max(one, other)
    width = width_of(max_points + 1, first, last, max_points)

    def buckets(wide: int) -> int:
        return last // wide - first // wide + 1

    assert width & (width - 1) == 0
    most = max(max_points, 2)
    assert buckets(width) <= most
    assert width == 1 or buckets(width // 2) > most
    assert width_of(max_points, first, last, max_points) == 0


@given(st.floats(-1e12, 1e12), st.floats(0, 1e12), st.integers(1, 5000))
def test_a_window_grows_to_whole_buckets_of_any_series_in_it(low: float, span: float, max_points: int) -> None:
    start, end = window_of("step", max_points, low, low + span)
    assert start <= round(low, 6)
    assert math.floor(round(low + span, 6)) <= end
    first, last = math.ceil(start), math.floor(end)
    width = width_of(max_points + 1, first, last, max_points)
    if last - first >= max_points:
        assert first % width == 0
        assert (last + 1) % width == 0


def grid_of(values: list[float], max_points: int, **window: float) -> Grid:
    with nbtrack.start_run() as run:
        for step, value in enumerate(values):
            nbtrack.log_metric("m", value, step=step)
    return open_store().grid([run.info.run_id], ["m"], "step", max_points, **window)


def test_values_that_are_not_finite_are_counted_and_no_part_of_a_bucket() -> None:
    values = [math.nan, 1.0, math.inf, -math.inf] + [math.nan] * 4 + [1e308] * 4 + [2.0] * 4
    grid = grid_of(values, 4)
    (one,) = grid.series
    assert (one.total, one.width, one.nan, one.pos_inf, one.neg_inf) == (16, 4, 5, 1, 1)
    assert grid.x.tolist() == [1.5, 5.5, 9.5, 13.5]
    assert grid.count.tolist() == [1, 0, 4, 4]
    assert np.array_equal(grid.mean, [1.0, math.nan, 1e308, 2.0], equal_nan=True)
    assert np.array_equal(grid.high, [1.0, math.nan, 1e308, 2.0], equal_nan=True)
    whole = open_store().grid([one.run_id], ["m"], "step", 16)
    assert np.array_equal(whole.mean, values, equal_nan=True)
    assert (whole.series[0].nan, whole.series[0].pos_inf) == (5, 1)


def test_buckets_are_nested_and_depend_on_no_other_series() -> None:
    values = np.sin(np.arange(700) / 50).tolist()
    fine, coarse = grid_of(values, 200), grid_of(values, 30)
    assert (fine.series[0].width, coarse.series[0].width) == (4, 32)
    owner = fine.x // 32
    for i, x in enumerate(coarse.x):
        rows = owner == x // 32
        assert coarse.count[i] == fine.count[rows].sum()
        assert coarse.low[i] == fine.low[rows].min()
        assert coarse.high[i] == fine.high[rows].max()
        assert math.isclose(coarse.mean[i], np.average(fine.mean[rows], weights=fine.count[rows]), rel_tol=1e-12)
    ids = [fine.series[0].run_id, coarse.series[0].run_id]
    with nbtrack.start_run() as longer:
        for step in range(0, 100_000, 100):
            nbtrack.log_metric("m", 0.0, step=step)
    together = open_store().grid([longer.info.run_id, *ids], ["m"], "step", 200)
    rows = together.place == 1
    assert np.array_equal(together.x[rows], fine.x)
    assert np.array_equal(together.mean[rows], fine.mean)


def test_a_series_has_a_new_version_once_a_point_is_added_or_deleted() -> None:
    grid = grid_of([1.0, 2.0, 3.0], 10)
    store, (one,) = open_store(), grid.series
    assert store.grid([one.run_id], ["m"], known=[one.version]).unchanged == [one.version]
    nbtrack.MlflowClient().log_metric(one.run_id, "m", 3.0, step=2)
    (added,) = store.grid([one.run_id], ["m"], known=[one.version]).series
    assert added.total == 4
    nbtrack.MlflowClient().rewind_run(one.run_id, 1)
    (rewound,) = store.grid([one.run_id], ["m"], known=[one.version, added.version]).series
    assert rewound.total == 2


def test_a_curve_ends_where_its_series_ends() -> None:
    grid = grid_of([0.0] * 101, 50)
    assert (grid.x[0], grid.x[-1]) == (1.5, 100.0)
    part = grid_of([0.0] * 101, 50, x_min=29.0, x_max=90.0)
    assert (part.series[0].width, part.x[0], part.x[-1]) == (2, 28.5, 90.5)


@given(st.lists(st.tuples(st.integers(0, 40), st.floats(-100, 100) | st.just(math.nan)), min_size=1, max_size=60))
@settings(max_examples=25, deadline=None)
def test_points_are_joined_to_a_metric_by_step(points: list[tuple[int, float]]) -> None:
    with nbtrack.start_run() as run:
        for step, value in points:
            nbtrack.log_metric("loss", value, step=step)
        for step in range(0, 40, 2):
            nbtrack.log_metric("epoch", 100 - step, step=step)
    grid = open_store().grid([run.info.run_id], ["loss"], max_points=1000, x_metric="epoch")
    expected: dict[float, list[float]] = {}
    for step, value in points:
        if step % 2 == 0 and step < 40:
            expected.setdefault(100 - step, []).append(value)
    finite = {x: [value for value in values if math.isfinite(value)] for x, values in sorted(expected.items())}
    assert grid.x.tolist() == list(finite)
    assert np.allclose(grid.mean, [np.mean(each) if each else math.nan for each in finite.values()], equal_nan=True)
    assert grid.count.tolist() == [len(each) for each in finite.values()]
    assert grid.odd_x.tolist() == [x for x, values in sorted(expected.items()) if any(map(math.isnan, values))]
    assert [one.joined for one in grid.series] == [sum(map(len, expected.values()))]
    part = open_store().grid([run.info.run_id], ["loss"], max_points=1000, x_min=70, x_max=80, x_metric="epoch")
    assert part.x.tolist() == [x for x in finite if 70 <= x <= 80]


def test_long_series_are_joined_in_buckets_of_steps() -> None:
    with nbtrack.start_run() as run:
        for step in range(1000):
            nbtrack.log_metrics({"loss": step % 7, "tokens": step * 512}, step=step)
    grid = open_store().grid([run.info.run_id], ["loss"], max_points=100, x_metric="tokens")
    assert grid.series[0].width == 16
    assert grid.x.tolist() == [512 * np.arange(begin, min(begin + 16, 1000)).mean() for begin in range(0, 1000, 16)]
    assert (grid.count.sum(), grid.series[0].joined, set(grid.high.tolist())) == (1000, 1000, {6.0})
    part = open_store().grid([run.info.run_id], ["loss"], max_points=100, x_min=5120, x_max=10240, x_metric="tokens")
    assert part.x.tolist() == [512.0 * step for step in range(10, 21)], "A part of the axis has all of its points."


def plain_grid(
    points: list[tuple[int, float]], axis: Axis, max_points: int, x_min: float | None, x_max: float | None
) -> tuple[float, int, list[list[float]]]:
    """Return the width of the buckets in positions, the number of points, and the rows x, count, mean, low and high."""
    low, high = window_of(axis, max_points, x_min, x_max)
    inside = [(place, value) for place, value in points if low <= place <= high]
    places = [place for place, _ in inside]
    width = width_of(len(inside), min(places), max(places), max_points) if inside else 0
    if not width:
        low, high = window_of(axis, None, x_min, x_max)
        exact = [(place, value) for place, value in points if low <= place <= high]
        return 0, len(exact), [[place, math.isfinite(value), value, value, value] for place, value in exact]
    rows = []
    for begin in sorted({place // width * width for place in places}):
        values = [value for place, value in inside if place // width * width == begin and math.isfinite(value)]
        middle = begin + (width - 1 if axis == "step" else width) / 2
        summary = [np.mean(values), min(values), max(values)] if values else [math.nan] * 3
        rows.append([min(max(middle, min(places)), max(places)), len(values), *summary])
    return width, len(inside), rows


POSITIONS = st.integers(-50, 50) | st.sampled_from([-1000, 1000])
VALUES = st.floats(-100, 100) | st.sampled_from([math.nan, math.inf, -math.inf])
POINTS = st.lists(st.tuples(POSITIONS, POSITIONS, VALUES), min_size=20, max_size=40, unique_by=lambda point: point[:2])
SOME_POINTS = st.just([]) | POINTS | POINTS.map(lambda points: [point for point in points if math.isfinite(point[2])])
BOUNDS = st.integers(-240, 240).map(lambda quarters: quarters / 4)
WINDOWS = (
    st.just((None, None))
    | st.tuples(BOUNDS, st.none())
    | st.tuples(st.none(), BOUNDS)
    | st.tuples(BOUNDS, BOUNDS).map(lambda window: (min(window), max(window)))
)


@pytest.mark.slow
@given(st.lists(SOME_POINTS, min_size=1, max_size=3), st.sampled_from(AXES), st.integers(1, 25), WINDOWS)
@settings(max_examples=60, deadline=None)
def test_a_grid_has_the_numbers_of_its_points(
    series: list[list[tuple[int, int, float]]],
    axis: Axis,
    max_points: int,
    positions: tuple[float | None, float | None],
) -> None:
    client, start = nbtrack.MlflowClient(), 1_000_000
    run_id = client.create_run("0", start_time=start + 7).info.run_id
    for i, points in enumerate(series):
        client.log_batch(run_id, [Metric(f"m{i}", v, start + time, step) for step, time, v in points])
    # Positions are milliseconds, and a window is seconds on the relative axis and a time on the other.
    scale, origin = (1000, 0) if axis == "relative" else (1, start if axis == "time" else 0)
    window = [None if each is None else each / scale + origin for each in positions]
    keys = [f"m{i}" for i in range(len(series))]
    grid = open_store().grid([run_id], keys, axis, max_points, *window)
    by_key = {one.key: (i, one) for i, one in enumerate(grid.series)}
    for i, points in enumerate(series):
        if not points:
            assert f"m{i}" not in by_key
            continue
        places = {"step": 0, "time": start, "relative": -7}
        found = sorted(
            (step if axis == "step" else time + places[axis], time if axis == "step" else step, value)
            for step, time, value in points
        )
        width, total, expected = plain_grid([(place, value) for place, _, value in found], axis, max_points, *window)
        place, one = by_key[f"m{i}"]
        rows = grid.place == place
        assert (one.width * scale, one.total) == (width, total)
        columns = [grid.x[rows] * scale, grid.count[rows], grid.mean[rows], grid.low[rows], grid.high[rows]]
        assert np.allclose(np.transpose(columns), np.reshape(expected, (-1, 5)), rtol=1e-9, atol=1e-9, equal_nan=True)
        low, high = window_of(axis, max_points if width else None, *window)
        odd = [value for place, _, value in found if low <= place <= high and not math.isfinite(value)]
        counts = (sum(map(math.isnan, odd)), odd.count(math.inf), odd.count(-math.inf))
        assert (one.nan, one.pos_inf, one.neg_inf) == counts
        if width:
            kinds = [(p // width, 0 if math.isnan(v) else v > 0 or -1) for p, _, v in found if low <= p <= high]
            expected_odd = {
                pair
                for pair, (p, _, v) in zip(kinds, [f for f in found if low <= f[0] <= high], strict=True)
                if not math.isfinite(v)
            }
            marked = grid.odd_place == place
            x = np.round(grid.odd_x[marked] * scale) // width
            assert set(zip(x.tolist(), grid.odd_kind[marked].tolist(), strict=True)) == expected_odd
