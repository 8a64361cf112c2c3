"""Points on both backends: histories, curves whole and thinned, and statistics over runs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nbtrack.entities import Metric
from nbtrack.errors import QueryError

from .conftest import Both
from .data import POINTS, START


def test_histories(both: Both) -> None:
    run_id = both.ids["ätna"]
    history = both.same(lambda store: store.get_metric_history(run_id, "loss"))
    assert history[0] == Metric("loss", 2.0, START + 2000, 0, run_id)
    assert [math.isnan(point.value) for point in history] == [False, True, True]
    assert both.same(lambda store: store.get_metric_history(run_id, "absent")) == []
    assert both.same(lambda store: store.last_steps(both.ids["alpha"])) == {"loss": 2, "Val/acc": 1}
    assert both.same(lambda store: store.last_point(both.ids["alpha"], "loss")) == (0.5, 2)
    assert both.same(lambda store: store.last_point(both.ids["alpha"], "absent")) is None


@pytest.mark.parametrize("axis", ["step", "time", "relative"])
def test_curves(both: Both, axis: str) -> None:
    ids = [both.ids[name] for name in ("Beta", "alpha", "long", "none")]
    keys = ["loss", "curve", "Val/acc"]
    curves = both.same(lambda store: store.curves(ids, keys, axis))
    assert [(curve.run_id, curve.key) for curve in curves] == [
        *((ids[0], "loss"), (ids[0], "Val/acc"), (ids[1], "loss"), (ids[1], "Val/acc"), (ids[2], "curve"))
    ]
    start = START + 1000
    x = {"step": [0, 1, 2], "time": [start, start + 10, start + 20], "relative": [0, 0.01, 0.02]}[axis]
    assert curves[0].x.tolist() == x
    assert curves[0].y.tolist() == [3.0, 0.05, 1.0]
    part = both.same(lambda store: store.curves(ids, keys, axis, x_min=x[1], x_max=x[2]))
    assert part[0].x.tolist() == x[1:]
    assert both.same(lambda store: store.curves([], keys)) == []


@pytest.mark.parametrize("axis", ["step", "time", "relative"])
def test_thinned_curves_keep_spikes_gaps_and_ends(both: Both, axis: str) -> None:
    ids = [both.ids["long"], both.ids["alpha"]]
    long, short = both.same(lambda store: store.curves(ids, ["curve", "loss"], axis, max_points=20))
    assert (long.total, short.total, len(short.x)) == (POINTS, 3, 3)
    assert len(long.x) <= 20 + 1
    assert np.nanmax(long.y) == 50.0
    assert np.isnan(long.y).sum() == 1
    assert long.y[-1] == math.sin((POINTS - 1) / 20)
    assert both.same(lambda store: store.curves(ids, ["curve"], axis, max_points=POINTS))[0].total == POINTS


def test_points_as_columns(both: Both) -> None:
    runs = both.same(lambda store: store.find_runs(["0"], "metrics.loss < 10 AND metrics.`Val/acc` > 0"))
    assert len(runs) == 2
    points = both.same(lambda store: store.points(runs, None, axis="relative"))
    assert points["run_name"].tolist() == ["Beta"] * 4 + ["alpha"] * 5
    assert points["key"].tolist() == ["Val/acc", "loss", "loss", "loss", "Val/acc", "Val/acc", "loss", "loss", "loss"]
    assert points["seconds"].tolist()[:4] == [0, 0, 0.01, 0.02]
    ordered = both.same(lambda store: store.points(runs, ["loss", "Val/acc"]))
    assert ordered["key"].tolist()[:4] == ["loss"] * 3 + ["Val/acc"]
    (long,) = both.same(lambda store: store.runs_numbered([both.ids["long"]]))
    thinned = both.same(lambda store: store.points([long], ["curve"], max_points=10))
    assert 5 <= len(thinned["step"]) <= 11
    assert both.same(lambda store: store.points([], None))["key"].tolist() == []


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
    assert several["tags.direction"].tolist() == ["MINIMIZE", None, None]
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
