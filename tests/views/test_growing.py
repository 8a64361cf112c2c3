"""The curves of an active run that are read on from where the last read ended, beside those of all points."""

from __future__ import annotations

import math
import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nbtrack
from nbtrack.entities import Metric
from nbtrack.views import growing
from nbtrack.views.curves import curves_of
from nbtrack.views.growing import GrowingCurves, thinned

MOST = 20
KEYS = ["a", "b", "loss"]


class Source:
    """The points of a store, and how many rows of them were read."""

    def __init__(self, client: nbtrack.Client) -> None:
        self._points = client.reading.points
        self.reading: Any = SimpleNamespace(points=self.points)
        self.rows: list[int] = []

    def points(self, *request: Any) -> Any:
        found = self._points(*request)
        self.rows.append(len(found.value))
        return found


@pytest.fixture
def client() -> nbtrack.Client:
    return nbtrack.Client()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    time = [1_800_000_000_000]
    monkeypatch.setattr(growing, "now", lambda: time[0])
    return time


def check(client: nbtrack.Client, run_id: str, found: list[Any]) -> None:
    """Check curves against all points of the run."""
    everything = {curve.key: curve for curve in curves_of(client.reading.points([run_id], KEYS, "step"))}
    assert [curve.key for curve in found] == [key for key in KEYS if key in everything]
    for curve in found:
        every = everything[curve.key]
        assert curve.total == every.total
        if every.total <= MOST:
            np.testing.assert_array_equal(curve.x, every.x)
            np.testing.assert_array_equal(curve.y, every.y)
            continue
        assert len(curve.x) <= 1.5 * MOST
        shown, true = (list(zip(each.x, map(repr, each.y.tolist()), strict=True)) for each in (curve, every))
        assert set(shown) <= set(true)
        assert curve.x[-1] == every.x[-1]
        assert (np.diff(curve.x) >= 0).all()
        for extreme in (np.nanmin, np.nanmax):
            np.testing.assert_equal(extreme(curve.y), extreme(every.y))
        assert np.isnan(curve.y).any() == np.isnan(every.y).any()


def logged_points(metrics: list[Metric], key: str) -> Any:
    steps, times, values = zip(*((m.step, m.timestamp, m.value) for m in metrics if m.key == key), strict=True)
    return SimpleNamespace(steps=steps, times=times, values=values)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_curves_agree_with_all_points_whatever_is_logged(
    client: nbtrack.Client, clock: list[int], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(growing, "MOST_RECENT", 40)
    rng = random.Random(seed)
    source = Source(client)
    run_id = client.create_run("0").info.run_id
    curves = GrowingCurves(run_id, MOST)
    step = 0
    for turn in range(16):
        metrics = []
        for key in rng.sample(KEYS, rng.randint(0, 3)):
            for _ in range(rng.choice([1, 3, 60])):
                step += rng.choice([0, 1, 1, 5])
                value = rng.choice([rng.gauss(0, 1)] * 8 + [math.nan, math.inf])
                late = rng.choice([0] * 30 + [rng.randint(0, 10_000)])
                metrics.append(Metric(key, value, clock[0] - late, step - late // 10))
        client.log_batch(run_id, metrics=metrics)
        if turn > 0 and rng.random() < 0.5:
            # As they are in the journal. Points that do not continue the curves are for the next read.
            logged = {key: logged_points(metrics, key) for key in KEYS if any(m.key == key for m in metrics)}
            added = curves.add(logged)
            if added is not None:
                check(client, run_id, sorted(added, key=lambda curve: curve.key))
        if turn == 9:
            client.recording.rewind_run(run_id, step // 2)
        check(client, run_id, curves.read(source, KEYS))  # type: ignore[arg-type]
        clock[0] += rng.choice([0, 100, 1_000, 5_000])


def test_a_read_gets_only_what_is_new(client: nbtrack.Client, clock: list[int]) -> None:
    source = Source(client)
    run_id = client.create_run("0").info.run_id
    curves = GrowingCurves(run_id, MOST)

    def log(first: int, count: int) -> None:
        client.log_batch(
            run_id, metrics=[Metric("loss", 1 / (step + 1), clock[0], step) for step in range(first, first + count)]
        )

    log(0, 1_000)
    # Points of the last two seconds are read twice.
    curves.read(source, KEYS)  # type: ignore[arg-type]
    for turn in range(20):
        clock[0] += 3_000
        log(1_000 + 10 * turn, 10)
        source.rows.clear()
        (curve,) = curves.read(source, KEYS)  # type: ignore[arg-type]
        assert (curve.total, curve.x[-1], source.rows) == (
            1_010 + 10 * turn,
            1_009 + 10 * turn,
            [20 if turn else 1_010],
        )
    source.rows.clear()
    (same,) = curves.read(source, KEYS)  # type: ignore[arg-type]
    assert same is curve, "Without a new point the curve is not computed again."


def test_points_are_thinned_out_as_the_store_does(client: nbtrack.Client) -> None:
    rng = random.Random(1)
    run_id = client.create_run("0").info.run_id
    steps = [rng.randint(-50, 400) for _ in range(500)]
    values = [rng.choice([float(rng.randint(0, 9)), math.nan, math.inf]) for _ in steps]
    client.log_batch(
        run_id, metrics=[Metric("loss", v, 10 + i, s) for i, (s, v) in enumerate(zip(steps, values, strict=True))]
    )
    stored = client.reading.points([run_id], ["loss"], "step", MOST)
    every = client.reading.points([run_id], ["loss"], "time")
    step, time, value = thinned(every.step, every.timestamp, every.value, MOST)
    np.testing.assert_array_equal(step, stored.step)
    np.testing.assert_array_equal(time, stored.timestamp)
    np.testing.assert_array_equal(value, stored.value)
