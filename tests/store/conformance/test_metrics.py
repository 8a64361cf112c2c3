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
