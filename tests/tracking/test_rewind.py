"""Test resuming a run and rewinding it to a step."""

from __future__ import annotations

import errno
import math
import os
import subprocess
import sys
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nbtrack
from nbtrack.errors import InvalidParameter, InvalidState, NotFound, StoreError


def steps(run_id: str, key: str) -> list[int]:
    return [point.step for point in nbtrack.MlflowClient().get_metric_history(run_id, key)]


def test_a_resumed_run_rewinds_to_its_checkpoint_and_continues() -> None:
    with nbtrack.start_run() as first:
        for step in range(10):
            nbtrack.log_metrics({"loss": 1.0 / (step + 1), "acc": step / 10})
        nbtrack.log_metric("late", 1, step=8)
        nbtrack.log_metric("system/cpu_utilization_percentage", 50, step=8)
        nbtrack.log_param("lr", 0.1)
    run_id = first.info.run_id
    with nbtrack.start_run(run_id=run_id) as run:
        assert nbtrack.get_run(run_id).info.status == "RUNNING"
        dropped = nbtrack.rewind(6)
        assert (dropped.points, dropped.metrics) == (7, {"acc": 3, "loss": 3, "late": 1})
        data = run.data
        assert data.metrics == {
            "loss": pytest.approx(1 / 7),
            "acc": 0.6,
            "system/cpu_utilization_percentage": 50,
        }
        assert data.params == {"lr": "0.1"}
        nbtrack.log_metric("loss", 0.05)
        run.log_metric("late", 2)
        assert run.rewind(100).points == 0
    assert steps(run_id, "loss") == [*range(7), 7]
    assert steps(run_id, "late") == [0]
    assert nbtrack.get_run(run_id).info.status == "FINISHED"


def test_the_summary_of_a_rewound_series_is_computed_again() -> None:
    with nbtrack.start_run() as run:
        for step, value in enumerate([3.0, math.nan, 1.0, -math.inf, 9.0]):
            nbtrack.log_metric("m", value, step=step)
        nbtrack.log_metric("n", math.nan, step=0)
        nbtrack.log_metric("n", 5, step=4)
    client = nbtrack.MlflowClient()
    assert client.rewind_run(run.info.run_id, 2).metrics == {"m": 2, "n": 1}
    row = nbtrack.sql("SELECT * FROM nbtrack.latest_metrics ORDER BY key").to_dict("records")
    found = [
        (r["key"], r["value"], r["points"], r["first_value"], r["min_value"], r["max_value"], r["mean_value"])
        for r in row
    ]
    assert found[0] == ("m", 1.0, 3, 3.0, 1.0, 3.0, 2.0)
    assert (found[1][0], found[1][2]) == ("n", 1)
    assert math.isnan(found[1][1])
    assert math.isnan(found[1][6])
    client.rewind_run(run.info.run_id, -1)
    assert client.get_run(run.info.run_id).data.metrics == {}


def test_points_that_waited_for_disk_space_are_rewound_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data that was logged while the disk was full must not be applied after the rewind."""
    write = os.write
    with nbtrack.start_run() as run:
        journal = nbtrack.MlflowClient()._store.journal

        def full(fd: int, data: bytes) -> int:
            if fd == journal._fd:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(fd, data)

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.warns(RuntimeWarning, match="Logging continues"):
                nbtrack.log_metric("m", 0, step=0)
            for step in range(1, 10):
                nbtrack.log_metric("m", step, step=step)
        assert journal.unwritten
        assert run.rewind(5).points == 4
        nbtrack.log_metric("m", 6)
    assert steps(run.info.run_id, "m") == list(range(7))


def test_a_run_is_not_rewound_while_points_wait_that_cannot_be_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    from nbtrack.store.folder.loading import Journals

    with nbtrack.start_run() as run:
        nbtrack.log_metric("m", 1, step=1)
        nbtrack.search_runs(output_format="list")
        nbtrack.log_metric("m", 2, step=2)

        def fail(*args: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(Journals, "apply", fail)
            patch.setattr(warnings, "warn", lambda *args, **kwargs: None)
            with pytest.raises(StoreError, match="cannot be applied now"):
                run.rewind(0)
        assert run.rewind(0).points == 2


def test_runs_that_cannot_be_rewound() -> None:
    client = nbtrack.MlflowClient()
    with pytest.raises(InvalidState, match="No run is active"):
        nbtrack.rewind(3)
    with pytest.raises(NotFound):
        client.rewind_run("0" * 32, 3)
    with nbtrack.start_run() as run, pytest.raises(InvalidParameter, match="step must be an integer"):
        run.rewind("late")  # type: ignore[arg-type]
    client.delete_run(run.info.run_id)
    with pytest.raises(InvalidParameter, match="deleted"):
        client.rewind_run(run.info.run_id, 3)


@pytest.mark.slow
def test_points_of_another_process_are_deleted_too() -> None:
    code = "import nbtrack, sys; c = nbtrack.MlflowClient(); [c.log_metric(sys.argv[1], 'm', i) for i in range(5)]"
    with nbtrack.start_run() as run:
        nbtrack.log_metric("m", 0.5, step=0)
        subprocess.run([sys.executable, "-c", code, run.info.run_id], check=True)
        assert run.rewind(2).points == 3
        nbtrack.log_metric("m", 9)
    assert sorted(steps(run.info.run_id, "m")) == [0, 1, 2, 3]


POINTS = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.integers(-3, 6), st.sampled_from([0.0, 1.5, -2.0, math.nan, math.inf])),
    max_size=12,
)


@pytest.mark.slow
@settings(max_examples=25)
@given(points=POINTS, more=POINTS, at=st.integers(-4, 7))
def test_a_rewound_run_equals_one_without_the_later_points(points: list[Any], more: list[Any], at: int) -> None:
    """Compare with a second run that never had the later points."""

    def log(run: nbtrack.ActiveRun, kept: list[Any]) -> None:
        for time, (key, step, value) in kept:
            run.log_metric(key, value, step, 1_000 + time)

    def answers(run: nbtrack.ActiveRun) -> list[Any]:
        rows = nbtrack.sql(
            "SELECT key, step, timestamp, value, points, first_value, min_value, max_value, mean_value "
            "FROM nbtrack.latest_metrics WHERE run_id = $1 ORDER BY key",
            [run.info.run_id],
        )
        return [repr(tuple(row)) for row in rows.itertuples(index=False)]

    before = list(enumerate(points))
    after = [(time + len(before), point) for time, point in enumerate(more)]
    with nbtrack.start_run() as run:
        log(run, before)
        assert run.rewind(at).points == sum(point[1] > at for point in points)
        log(run, after)
        run.log_metric("a", 1.0, timestamp=5_000)
    with nbtrack.start_run() as other:
        log(other, [entry for entry in before if entry[1][1] <= at])
        log(other, after)
        other.log_metric("a", 1.0, timestamp=5_000)
    assert answers(run) == answers(other)
