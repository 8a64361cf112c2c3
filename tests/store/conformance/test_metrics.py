"""Points on both backends: histories, curves with all points or thinned out, and statistics over runs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nbtrack.entities import Metric
from nbtrack.errors import QueryError
from nbtrack.store.protocol import Axis

from .conftest import Both
from .data import POINTS, START


def test_histories(both: Both) -> None:
    run_id = both.ids["ätna"]
    history = both.same(lambda store: store.get_metric_history(run_id, "loss"))
    assert history[0] == Metric("loss", 2.0, START + 2000, 0, run_id)
    assert [math.isnan(point.value) for point in history] == [False, True, True]
    assert both.same(lambda store: store.get_metric_history(run_id, "absent")) == []
    assert both.same(lambda store: store.last_points(both.ids["alpha"])) == {"loss": (0.5, 2), "Val/acc": (0.9, 1)}


@pytest.mark.parametrize("axis", ["step", "time", "relative"])
def test_curves(both: Both, axis: Axis) -> None:
    ids = [both.ids[name] for name in ("Beta", "alpha", "long", "none")]
    keys = ["loss", "curve", "Val/acc"]
    points = both.same(lambda store: store.points(ids, keys, axis))
    assert [(one.run_name, one.key, one.total) for one in points.series] == [
        *(("Beta", "loss", 3), ("Beta", "Val/acc", 1), ("alpha", "loss", 3), ("alpha", "Val/acc", 2)),
        ("long", "curve", POINTS),
    ]
    first = points.place == 0
    assert points.step[first].tolist() == [0, 1, 2]
    assert points.timestamp[first].tolist() == [START + 1000, START + 1010, START + 1020]
    assert points.value[first].tolist() == [3.0, 0.05, 1.0]
    low, high = {"step": (1, 2), "time": (START + 1010, START + 1020), "relative": (0.01, 0.02)}[axis]
    part = both.same(lambda store: store.points(ids[:1], keys, axis, None, low, high))
    assert part.value.tolist() == [0.05, 1.0]
    every = both.same(lambda store: store.points(ids, None, axis))
    assert [one.key for one in every.series] == ["Val/acc", "loss", "Val/acc", "loss", "curve"]
    assert both.same(lambda store: store.points([], keys)).series == []


@pytest.mark.parametrize("axis", ["step", "time", "relative"])
def test_thinned_curves_keep_spikes_gaps_and_ends(both: Both, axis: Axis) -> None:
    ids = [both.ids["long"], both.ids["alpha"]]
    points = both.same(lambda store: store.points(ids, ["curve", "loss"], axis, 20))
    assert [one.total for one in points.series] == [POINTS, 3]
    assert (points.place == 1).sum() == 3
    values = points.value[points.place == 0]
    assert 10 < len(values) <= 20 + 1
    assert np.nanmax(values) == 50.0
    assert np.isnan(values).sum() == 1
    assert values[-1] == math.sin((POINTS - 1) / 20)
    whole = both.same(lambda store: store.points(ids, ["curve"], axis, POINTS))
    assert len(whole.step) == POINTS
    part = both.same(lambda store: store.points(ids, ["curve"], axis, 10, 0 if axis == "relative" else None, None))
    assert len(part.step) <= 11


@pytest.mark.parametrize("axis", ["step", "time", "relative"])
def test_a_grid_has_short_series_as_they_are_and_long_ones_in_buckets(both: Both, axis: Axis) -> None:
    ids = [both.ids[name] for name in ("long", "alpha", "ätna", "none")]
    grid = both.same(lambda store: store.grid(ids, ["curve", "loss"], axis, 20))
    assert [(one.run_name, one.key, one.total) for one in grid.series] == [
        *(("long", "curve", POINTS), ("alpha", "loss", 3), ("ätna", "loss", 3)),
    ]
    long, alpha, odd = grid.series
    assert [one.width > 0 for one in grid.series] == [True, False, False]
    assert (long.nan, odd.nan) == (1, 2)
    rows = grid.place == 0
    assert 10 <= rows.sum() <= 20
    assert grid.count[rows].sum() == POINTS - 1
    assert grid.high[rows].max() == 50.0
    assert (grid.low[rows] <= grid.mean[rows]).all()
    assert (grid.mean[rows] <= grid.high[rows]).all()
    short = both.same(lambda store: store.points([both.ids["alpha"]], ["loss"], axis))
    assert grid.mean[grid.place == 1].tolist() == short.value.tolist()
    known = [long.version, "other"]
    rest = both.same(lambda store: store.grid(ids, ["curve", "loss"], axis, 20, known=known))
    assert rest.unchanged == [long.version]
    assert rest.series == [alpha, odd]
    assert both.same(lambda store: store.grid([], ["curve"])).series == []


@pytest.mark.parametrize("axis", ["step", "time", "relative"])
def test_a_bucket_is_the_same_in_every_window(both: Both, axis: Axis) -> None:
    run_id = both.ids["long"]
    points = both.duckdb.points([run_id], ["curve"], axis)
    places = points.step if axis == "step" else points.timestamp
    places = (places - points.series[0].start_time) / 1000 if axis == "relative" else places
    low, high = float(places[40]), float(places[250])
    part = both.same(lambda store: store.grid([run_id], ["curve"], axis, 20, low, high))
    assert part.x[0] - part.series[0].width <= low
    wholes = [both.duckdb.grid([run_id], ["curve"], axis, most) for most in (20, 40)]
    whole = next(each for each in wholes if each.series[0].width == part.series[0].width)
    rows = list(zip(whole.x, whole.count, whole.mean, whole.low, whole.high, strict=True))
    assert set(zip(part.x, part.count, part.mean, part.low, part.high, strict=True)) <= set(rows)
    near = both.same(lambda store: store.grid([run_id], ["curve"], axis, 20, low, float(places[50])))
    assert near.series[0].width == 0
    assert near.x.tolist() == pytest.approx(places[40:51].tolist())


def test_where_a_long_series_is_not_finite(both: Both) -> None:
    grid = both.same(lambda store: store.grid([both.ids["long"]], ["curve"], "step", 20))
    (nan,) = grid.odd_x.tolist()
    points = both.duckdb.points([both.ids["long"]], ["curve"], "step")
    assert np.isnan(points.value[points.step == nan]).all()
    assert (grid.odd_place.tolist(), grid.odd_kind.tolist()) == ([0], [0.0])


@pytest.mark.parametrize("most", [20, 1000])
@pytest.mark.parametrize("window", [(None, None), (-0.5, 0.5)])
def test_a_metric_as_the_x_axis(both: Both, most: int, window: tuple[float | None, float | None]) -> None:
    ids = [both.ids[name] for name in ("long", "alpha", "none")]
    grid = both.same(lambda store: store.grid(ids, ["curve", "loss"], "step", most, *window, x_metric="curve"))
    assert [(one.run_name, one.key) for one in grid.series] == [("long", "curve")]
    assert np.allclose(grid.x, grid.mean, equal_nan=True), "A metric over itself is a straight line."
    assert (np.diff(grid.x) >= 0).all()
    (one,) = grid.series
    assert one.joined is not None
    assert one.joined <= one.total


def test_statistics_over_groups(both: Both) -> None:
    table = both.same(lambda store: store.aggregate(None, "", ["params.act"], ["metrics.loss", "metrics.`Val/acc`"]))
    assert table["params.act"].tolist() == ["Relu", "gelu", "tanh", None]
    assert table["metrics.loss.n"].tolist() == [1, 1, 0, 5]
    assert table["runs"].sum() == len(both.ids) - 1
    by_number = both.same(lambda store: store.aggregate(None, "", ["params.lr"], ["metrics.loss"]))
    assert by_number["params.lr"].tolist() == ["0", "0.001", "0.1", "1", "2", "7", "inf", "auto", None]
    assert by_number["runs"].tolist()[:3] == [1, 1, 2]
    numbers = both.same(lambda store: store.aggregate(None, "params.lr < 100", ["params.lr"], ["metrics.loss"]))
    assert numbers["params.lr"].dtype == np.float64
    several = both.same(lambda store: store.aggregate(["0"], "", ["status", "tags.direction", "experiment"], None))
    assert several["tags.direction"].tolist() == [None, "MINIMIZE", None]
    assert "metrics.value.mean" in several
    assert "metrics.system/cpu.mean" not in several


def test_statistics_of_everything_and_of_nothing(both: Both) -> None:
    whole = both.same(lambda store: store.aggregate(None, "", [], ["metrics.loss", "metrics.huge", "duration"]))
    assert whole["runs"].tolist() == [len(both.ids) - 1]
    assert (whole["metrics.loss.min"][0], whole["metrics.loss.max"][0]) == (-math.inf, math.inf)
    assert math.isnan(whole["metrics.loss.mean"][0])
    assert whole["metrics.huge.mean"].tolist() == [1.5e300]
    assert whole["metrics.huge.std"].tolist() == [None]
    assert whole["duration.std"].tolist() == [0.0]
    nothing = both.same(lambda store: store.aggregate(None, "user_id = 'x'", [], ["metrics.loss"]))
    assert len(nothing["runs"]) == 0
    for store in (both.duckdb, both.postgres):
        with pytest.raises(QueryError):
            store.aggregate(None, "", ["metrics."], None)
