"""Alerts: conditions in the query language on what a process logs, and values that are not finite."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import nbtrack
from nbtrack import views
from nbtrack.entities import Alert
from nbtrack.errors import AlertWarning, InvalidParameter, QueryError, RunStopped
from nbtrack.journal.alerts import MOST_ALERTS, read_alerts
from nbtrack.query import parse
from nbtrack.query.evaluation import operands
from nbtrack.query.tree import Key
from nbtrack.store.folder.store import FolderStore


def alerts(run_id: str) -> list[Alert]:
    """Return the alerts that are stored with a run."""
    return read_alerts(nbtrack.get_run(run_id).data.tags.get("nbtrack.alerts", ""))


VALUES = st.sampled_from([math.nan, math.inf, -2.0, 0.0, 1.5, 3.0])
POINT = st.tuples(st.sampled_from(["m", "val/acc"]), VALUES, st.integers(1, 2), st.integers(0, 2))
CALLS = st.lists(st.lists(POINT, min_size=1, max_size=4), min_size=1, max_size=4)
METRIC = st.sampled_from(["metrics.m", "metrics.`val/acc`"])
OPERAND = METRIC | st.builds("{}({})".format, st.sampled_from(["min", "max", "mean", "first", "count", "last"]), METRIC)
LEAF = st.builds("{} {}".format, OPERAND, st.sampled_from(["> 1", "<= 0", "!= 3", "BETWEEN 0 AND 2", "IS NULL"]))
LEAF |= st.builds("{} {}".format, METRIC, st.sampled_from(["= NaN", "= inf"]))
LEAF |= st.sampled_from(["params.lr < 1", "params.lr = '0.5'", "tags.kind LIKE 'c%'", "tags.kind IS NULL"])
CONDITION = st.recursive(
    LEAF,
    lambda part: (
        st.builds("({} AND {})".format, part, part)
        | st.builds("({} OR {})".format, part, part)
        | st.builds("NOT ({})".format, part)
    ),
    max_leaves=4,
).filter(lambda text: "metrics" in text)


@pytest.mark.slow
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], phases=[Phase.generate])
@given(calls=CALLS, condition=CONDITION)
def test_an_alert_is_raised_exactly_when_the_run_matches(
    calls: list[Any], condition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The condition after a log call is what the same filter finds in the database."""
    # Otherwise a NaN that is not the last value raises an alert of the same text as the condition.
    monkeypatch.setenv("NBTRACK_ALERT_ON_NAN", "false")
    client, expected = nbtrack.Client(), 0
    names = {one.name for one in operands(parse(condition)) if isinstance(one, Key) and one.table.entity == "metrics"}
    with warnings.catch_warnings(), nbtrack.start_run(tags={"kind": "cnn"}) as run:
        warnings.simplefilter("ignore")
        run.log_param("lr", 0.5)
        run.alert_if(condition)
        for points in calls:
            run_id = run.info.run_id
            client.log_batch(run_id, [nbtrack.entities.Metric(*point) for point in points])
            named = not names.isdisjoint(key for key, *_ in points)
            expected += named and bool(client.search_runs(["0"], f"({condition}) AND run_id = '{run_id}'"))
    found = [one.count for one in alerts(run.info.run_id) if one.condition == condition]
    assert sum(found) == expected


def test_an_alert_is_shown_once_counted_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Alert] = []
    with nbtrack.start_run(run_name="training") as run:
        nbtrack.alert_if("metrics.`train/loss` > 10  AND params.lr > 0.1", callback=seen.append)
        nbtrack.log_metric("train/loss", 99.0)
        nbtrack.log_param("lr", 0.5)
        with pytest.warns(AlertWarning, match="Run 'training': metrics.`train/loss` > 10 AND .* at step 7") as shown:
            nbtrack.log_metric("train/loss", 12.5, step=7, timestamp=70)
        assert Path(shown[0].filename) == Path(__file__)
        # It is stored at once, so it survives the death of the process.
        (first,) = alerts(run.info.run_id)
        assert seen == [first]
        assert (first.step, first.value, first.time, first.count) == (7, 12.5, 70, 1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            run.log_metrics({"train": {"loss": 11}, "other": 1}, step=8, timestamp=80)
            run.log_series("train/loss", [9, 10], [3.0, 20.0], [90, 100])
            nbtrack.log_metric("train/loss", 0.1, step=11)
        reply, _ = views.handle(nbtrack.Client(), "live", {"run_id": run.info.run_id, "max_points": 10})
        shown_by_view = {"condition": first.condition, "key": "train/loss", "step": 7, "value": 12.5, "time": 70}
        assert [{**one, "count": 0} for one in reply["alerts"]] == [{**shown_by_view, "count": 0}]
    (last,) = alerts(run.info.run_id)
    assert (last.step, last.count, last.last_step, last.last_value, last.last_time) == (7, 3, 10, 20.0, 100)


def test_values_that_are_not_finite_raise_alerts_without_being_asked(
    monkeypatch: pytest.MonkeyPatch, own_store: Path
) -> None:
    with nbtrack.start_run() as run:
        with pytest.warns(AlertWarning, match="metrics.`val/loss` = NaN at step 0. The value of 'val/loss' is nan."):
            nbtrack.log_metric("val/loss", math.nan)
        with pytest.warns(AlertWarning, match="metrics.up = -Infinity at step 1"):
            nbtrack.log_series("up", None, [1.0, -math.inf, -math.inf, 2.0])
        for _ in range(500):
            nbtrack.log_metric("val/loss", math.nan)
        nbtrack.log_metric("val/loss", 1.0)
        lines = [line for path in own_store.rglob("*.jsonl") for line in path.read_text().splitlines()]
        assert 0 < sum("nbtrack.alerts" in line for line in lines) < 20
    counts = {one.condition: one.count for one in alerts(run.info.run_id)}
    assert counts == {"metrics.`val/loss` = NaN": 501, "metrics.up = -Infinity": 1}

    monkeypatch.setenv("NBTRACK_ALERT_ON_NAN", "false")
    with warnings.catch_warnings(), nbtrack.start_run() as run:
        warnings.simplefilter("error")
        nbtrack.log_metrics({"loss": math.nan})
        run.alert_if("metrics.loss = NaN AND count(metrics.loss) > 1")
    assert alerts(run.info.run_id) == []


def test_an_alert_stops_the_run_and_its_children() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with nbtrack.start_run() as run, nbtrack.start_run(nested=True) as child:
            run.alert_if("max(metrics.loss) >= 5", stop=True)
            run.log_metric("loss", 4.0)
            child.log_metric("loss", 6.0)
            with pytest.raises(RunStopped, match="Alert: max"):
                run.log_metric("loss", 5.0)
            with pytest.raises(RunStopped, match="Alert: max"):
                child.log_metric("loss", 7.0)
    for each in (run, child):
        found = nbtrack.get_run(each.info.run_id)
        assert found.info.status == "KILLED"
        assert found.data.tags["nbtrack.stop_reason"] == "Alert: max(metrics.loss) >= 5"
    assert nbtrack.get_run(run.info.run_id).data.metrics == {"loss": 5.0}


def test_each_condition_is_raised_once_also_if_its_alert_was_shown_before() -> None:
    seen: list[str] = []
    with warnings.catch_warnings(record=True) as shown, nbtrack.start_run() as run:
        warnings.simplefilter("always")
        run.log_metric("loss", math.nan)
        run.alert_if("metrics.loss = NaN", callback=lambda alert: seen.append(f"first {alert.count}"))
        run.log_metric("loss", math.nan)
        run.alert_if("metrics.loss = NaN", callback=lambda alert: seen.append(f"second {alert.count}"))
        run.log_metric("loss", math.nan)
        run.log_metrics({f"m{number}": math.nan for number in range(2 * MOST_ALERTS)})
        run.alert_if("metrics.loss < 1", stop=True)
        with pytest.raises(RunStopped):
            run.log_metric("loss", 0.0)
    assert seen == ["first 2", "second 3"]
    assert sum("metrics.loss = NaN" in str(each.message) for each in shown) == 1


def test_an_alert_stops_the_run_without_reading_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    with nbtrack.start_run() as run:
        run.alert_if("metrics.loss > 1", stop=True)
        with monkeypatch.context() as locked:
            locked.setattr(FolderStore, "get_runs", lambda *_, **__: pytest.fail("The database was read."))
            with pytest.warns(AlertWarning), pytest.raises(RunStopped):
                run.log_metric("loss", 2.0)
    assert nbtrack.get_run(run.info.run_id).info.status == "KILLED"


def test_an_alert_cannot_end_the_training(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings(), nbtrack.start_run() as run:
        warnings.simplefilter("error")
        nbtrack.log_metric("loss", math.inf)
        nbtrack.log_metrics({f"m{number}": math.nan for number in range(2 * MOST_ALERTS)})
    assert "metrics.loss = Infinity at step 0" in capsys.readouterr().err
    assert len(alerts(run.info.run_id)) == MOST_ALERTS


def test_a_resumed_run_goes_on_counting() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with nbtrack.start_run() as run:
            run.log_metrics({"loss": math.nan, "score": 9.0})
        with nbtrack.start_run(run_id=run.info.run_id) as run:
            # What was logged before counts.
            run.alert_if("max(metrics.score) > 8 AND tags.mlflow.runName IS NOT NULL")
            run.log_metrics({"loss": math.nan, "score": 1.0})
    assert [one.count for one in alerts(run.info.run_id)] == [2, 1]


@pytest.mark.parametrize(
    ("condition", "error", "message"),
    [
        ("metrics.loss >", QueryError, "number"),
        ("params.lr > 1", InvalidParameter, "must name a metric"),
        ("", InvalidParameter, "must name a metric"),
        (
            "metrics.loss > 1 AND status = 'RUNNING'",
            InvalidParameter,
            "params and tags of the run, but not status",
        ),
        ("metrics.loss > 1 AND datasets.name = 'x'", InvalidParameter, "but not datasets.name"),
        (3, InvalidParameter, "must be a string"),
    ],
)
def test_other_conditions_are_refused(condition: Any, error: type[Exception], message: str) -> None:
    with nbtrack.start_run() as run:
        with pytest.raises(error, match=message):
            run.alert_if(condition)
        with pytest.raises(InvalidParameter, match="callback must be a function"):
            run.alert_if("metrics.loss > 1", callback=3)  # type: ignore[arg-type]
        run.log_metric("loss", 2.0)
    assert alerts(run.info.run_id) == []


def test_a_tag_that_anybody_set_is_not_trusted() -> None:
    good = {"condition": "metrics.loss > 1", "key": "loss", "step": 1, "value": 2, "time": 3, "count": 4}
    good |= {"last_step": 5, "last_value": "NaN", "last_time": 6}
    wrong = [{**good, "step": "1"}, {**good, "value": 10**400}, {**good, "count": 2**64}, {**good, "x": 1}, [], None, 1]
    assert [one.count for one in read_alerts(json.dumps([*wrong, good]))] == [4]
    for text in ("{", "{}", "1", "[" * 100_000, "null", '"[]"'):
        assert read_alerts(text) == []
    with nbtrack.start_run(tags={"nbtrack.alerts": "<script>"}) as run:
        reply, _ = views.handle(nbtrack.Client(), "live", {"run_id": run.info.run_id, "max_points": 10})
    assert reply["alerts"] == []
