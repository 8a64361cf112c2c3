"""Extensions of MLflow's filters, on a real store: functions, times, datasets, parents, experiments, cells."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

import nbtrack
from nbtrack.errors import QueryError
from nbtrack.journal.kinds import encode as event
from nbtrack.query import parse
from nbtrack.query.tree import Comparison, Range
from tests.conftest import made_once

DAY = 86_400_000


def found(filter_string: str = "", *order_by: str) -> str:
    """Return the names of the matching runs of all experiments."""
    runs = nbtrack.search_runs(
        search_all_experiments=True, filter_string=filter_string, order_by=list(order_by), output_format="list"
    )
    return " ".join(run.info.run_name for run in runs)


def log(name: str, points: list[float]) -> None:
    with nbtrack.start_run(run_name=name):
        for step, value in enumerate(points):
            nbtrack.log_metric("loss", value, step=step)


@pytest.fixture(scope="module")
def with_histories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("histories") / "store"
    with made_once(folder):
        log("falls", [3.0, 2.0, 0.5])
        log("dips", [3.0, 0.05, 1.0])
        log("breaks", [2.0, math.nan, math.nan])
        log("nan", [math.nan])
        log("bursts", [1.0, math.inf])
        log("none", [])
    return folder


@pytest.fixture
def histories(with_histories: Path, own_store: Path) -> None:
    shutil.copytree(with_histories, own_store)


@pytest.mark.usefixtures("histories")
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("min(metrics.loss) < 0.1", "dips"),
        ("MIN ( metrics.`loss` ) <= 0.5", "dips falls"),
        ("max(metrics.loss) = 3", "dips falls"),
        ("max(metrics.loss) = inf", "bursts"),
        ("first(metrics.loss) > 1 AND last(metrics.loss) <= 1", "dips falls"),
        ("last(metrics.loss) = NaN", "nan breaks"),
        ("min(metrics.loss) = NaN", "nan"),
        ("mean(metrics.loss) BETWEEN 1.3 AND 2", "breaks dips falls"),
        ("mean(metrics.loss) = 2", "breaks"),
        ("count(metrics.loss) >= 3", "breaks dips falls"),
        ("count(metrics.loss) = 0", "none"),
        ("NOT count(metrics.loss) IN (1, 2, 3)", "none"),
        ("min(metrics.loss) IS NULL", "none"),
        ("NOT (min(metrics.loss) < 0.1)", "bursts nan breaks falls"),
        ("min(metrics.loss) < 1 AND max(metrics.loss) > 1 AND mean(metrics.loss) > 1", "dips falls"),
    ],
)
def test_functions_of_a_metrics_points(text: str, names: str) -> None:
    assert sorted(found(text).split()) == sorted(names.split())


@pytest.mark.usefixtures("histories")
@pytest.mark.parametrize(
    ("clause", "names"),
    [
        ("min(metrics.loss)", "dips falls bursts breaks nan none"),
        ("min(metrics.loss) DESC", "breaks bursts falls dips nan none"),
        ("max(metrics.loss) DESC", "bursts dips falls breaks nan none"),
        ("mean(metrics.loss)", "dips falls breaks bursts nan none"),
        ("first(metrics.loss) DESC", "dips falls breaks bursts nan none"),
        ("count(metrics.loss) DESC", "breaks dips falls bursts nan none"),
        ("last(metrics.loss)", "falls dips bursts breaks nan none"),
    ],
)
def test_orders_by_functions(clause: str, names: str) -> None:
    assert found("", clause, "run_name") == names


@pytest.fixture
def in_kiritimati(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the local time zone to UTC+14."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Pacific/Kiritimati")
        time.tzset()
        yield
    time.tzset()


def started(name: str, at: datetime, lasting: timedelta | None = None) -> None:
    client = nbtrack.MlflowClient()
    start = round(at.timestamp() * 1000)
    run = client.create_run("0", start_time=start, run_name=name)
    if lasting is not None:
        end = start + round(lasting.total_seconds() * 1000)
        client.set_terminated(run.info.run_id, end_time=end)


@pytest.mark.usefixtures("in_kiritimati")
def test_a_date_is_the_local_day_and_a_time_an_instant() -> None:
    zone = timezone(timedelta(hours=14))
    for name, hour, day in (("eve", 23, 31), ("midnight", 0, 1), ("noon", 12, 1), ("next", 0, 2)):
        started(name, datetime(2026, 10 if day == 31 else 11, day, hour, tzinfo=zone))
    assert found("start_time > '2026-11-01'") == "next noon"
    assert found("attributes.start_time >= '2026-11-01'") == "next noon midnight"
    assert found("start_time < '2026-11-01'") == "eve"
    assert found("start_time = '2026-11-01'") == "noon midnight"
    assert found("start_time != '2026-11-01'") == "next eve"
    assert found("start_time IN ('2026-10-31', '2026-11-02')") == "next eve"
    assert found("start_time NOT IN ('2026-10-31', '2026-11-02')") == "noon midnight"
    assert found("start_time BETWEEN '2026-11-01' AND '2026-11-02'") == "next noon midnight"
    assert found("start_time > '2026-11-01 11:59:59' AND start_time <= '2026-11-01T12:00'") == "noon"
    assert found("start_time = '2026-11-01T12:00:00.000+14:00'") == "noon"
    assert found("start_time = '2026-10-31T22:00Z'") == "noon"
    assert found(f"start_time = {round(datetime(2026, 11, 1, 12, tzinfo=zone).timestamp() * 1000)}") == "noon"
    assert found("start_time IN ('2026-11-01 12:00', '2026-10-31')") == "noon eve"
    assert found("end_time = '2026-11-01'") == found("NOT end_time = '2026-11-01'") == ""


def test_now_goes_back_and_forth() -> None:
    now = datetime.now(UTC)
    for name, age in (("old", timedelta(days=8)), ("week", timedelta(days=6)), ("hour", timedelta(minutes=50))):
        started(name, now - age)
    started("later", now + timedelta(minutes=30))
    assert found("start_time > now() - 7d") == "later hour week"
    assert found("start_time > now() - 1w") == "later hour week"
    assert found("start_time BETWEEN now() - 1h AND now()") == "hour"
    assert found("start_time > NOW ( ) + 20m") == "later"
    assert found("start_time < now()-7d-12h") == "old"
    assert found("start_time < now() - 6d + 30s") == "week old"
    assert found(f"start_time >= '{date.today() - timedelta(days=7)}'") == "later hour week"


def test_now_is_the_time_of_the_search() -> None:
    tree = parse("start_time BETWEEN now() - 2h30m AND now() + 500ms")
    assert isinstance(tree, Range)
    assert abs(tree.high - 500 - time.time() * 1000) < 5_000
    assert tree.high - tree.low - 9_000_500 in range(-5_000, 5_000)


def test_durations_have_units() -> None:
    at = datetime.now(UTC) - timedelta(days=30)
    for name, lasting in (("second", 1), ("hours", 9_000), ("days", 200_000)):
        started(name, at, timedelta(seconds=lasting))
    started("open", at)
    assert found("duration >= 2h30m", "duration") == "hours days"
    assert found("duration = 1s") == found("duration = 1000") == found("duration IN (1000ms, 5m)") == "second"
    assert found("attributes.duration < 1.5d AND duration > 0.5m") == "hours"
    assert found("duration BETWEEN 1h AND 1w", "duration DESC") == "days hours"
    assert found("duration IS NULL") == "open"


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [("5ms", 5), ("1.5s", 1500), ("2m", 120_000), ("1h30m", 5_400_000), ("1d", DAY), ("2w", 14 * DAY), ("0.5ms", 0.5)],
)
def test_units(written: str, milliseconds: float) -> None:
    tree = parse(f"duration > {written}")
    assert isinstance(tree, Comparison)
    assert tree.value == milliseconds


def test_times_of_experiments_and_models() -> None:
    client = nbtrack.MlflowClient()
    client.create_experiment("new")
    client.create_registered_model("digits")
    tomorrow = date.today() + timedelta(days=1)
    assert [
        e.name for e in client.search_experiments(filter_string="creation_time > now() - 1h", order_by=["name"])
    ] == [
        "Default",
        "new",
    ]
    assert not client.search_experiments(filter_string=f"last_update_time >= '{tomorrow}'")
    assert [m.name for m in client.search_registered_models("creation_timestamp > now() - 1h")] == ["digits"]
    with pytest.raises(QueryError, match="This is not a valid time"):
        client.search_experiments(filter_string="creation_time > 'x'")


def log_inputs() -> None:
    client = nbtrack.MlflowClient()
    logged = {
        "both": [("digits", "d1", "train"), ("iris", "i1", "eval")],
        "one": [("digits", "d2", None)],
        "none": [],
    }
    for name, datasets in logged.items():
        run = client.create_run("0", run_name=name)
        for dataset, digest, context in datasets:
            details = {"source_type": "local", "source": "", "schema": None, "profile": None, "context": context}
            line = event("input", r=run.info.run_id, k=dataset, x=digest, t=0, d=details)
            client._store.append(line)


@pytest.fixture(scope="module")
def with_inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs") / "store"
    with made_once(folder):
        log_inputs()
    return folder


@pytest.fixture
def inputs(with_inputs: Path, own_store: Path) -> None:
    shutil.copytree(with_inputs, own_store)


@pytest.mark.usefixtures("inputs")
@pytest.mark.parametrize(
    ("text", "names"),
    [
        # What MLflow 3 answers for the same three runs.
        ("datasets.name = 'digits'", "both one"),
        ("datasets.name != 'digits'", "both"),
        ("dataset.name LIKE 'D%'", ""),
        ("datasets.name ILIKE 'D%'", "both one"),
        ("datasets.digest IN ('d1','i1')", "both"),
        ("datasets.name NOT IN ('digits')", "both"),
        ("datasets.context = 'train'", "both"),
        ("datasets.context != 'train'", "both"),
        ("datasets.context = 'train' AND datasets.name = 'iris'", "both"),
        ("datasets.name = 'digits' AND datasets.digest = 'i1'", "both"),
        # What it does not take.
        ("NOT datasets.name = 'digits'", ""),
        ("NOT datasets.name = 'iris'", "one"),
        ("datasets.context = 'train' OR datasets.digest = 'd2'", "both one"),
        ("datasets.context IS NULL", "none one"),
        ("datasets.name IS NULL", "none"),
        ("datasets.name IS NOT NULL AND datasets.name NOT IN ('digits')", "both"),
    ],
)
def test_a_run_matches_if_one_of_its_datasets_does(text: str, names: str) -> None:
    assert sorted(found(text).split()) == names.split()


@pytest.mark.usefixtures("inputs")
def test_runs_are_ordered_by_their_first_dataset() -> None:
    assert found("", "datasets.digest") == "both one none"
    assert found("", "datasets.digest DESC") == "one both none"


def test_parents_by_name_and_by_id() -> None:
    with nbtrack.start_run(run_name="sweep") as sweep:
        for name in ("a", "b"):
            with nbtrack.start_run(run_name=name, nested=True):
                pass
    with nbtrack.start_run(run_name="other"), nbtrack.start_run(run_name="c", nested=True):
        pass
    by_id = f"'{sweep.info.run_id}'"
    for text, names in {
        "parent = 'sweep'": "a b",
        f"attributes.parent = {by_id}": "a b",
        "parent IS NULL": "other sweep",
        "parent != 'sweep'": "c",
        f"parent != {by_id}": "c",
        "parent LIKE 'sw%' OR parent ILIKE 'OTHER'": "a b c",
        f"parent IN ('other', {by_id})": "a b c",
        f"parent NOT IN ('nobody', {by_id})": "c",
        "NOT parent = 'sweep'": "c",
        "children('sweep')": "a b",
        f"Children ({by_id}) AND run_name != 'a'": "b",
        "NOT children('sweep')": "c",
        "children('nobody')": "",
    }.items():
        assert found(text, "run_name") == names
    assert found("", "parent DESC", "run_name") == "a b c other sweep"


def test_experiments_by_name() -> None:
    for name in ("digits", "iris"):
        nbtrack.set_experiment(name)
        log(name, [])
    assert found("experiment = 'digits'") == "digits"
    assert found("attributes.experiment LIKE '%i%'", "experiment") == "digits iris"
    assert found("experiment IN ('iris', 'x')") == "iris"
    assert found("", "experiment DESC") == "iris digits"


def test_the_source_of_a_cell() -> None:
    for name, source in (("adamw", "optimizer = AdamW(lr=0.1)"), ("sgd", "optimizer = SGD()")):
        tags = {"nbtrack.cell.source": source, "nbtrack.cell.id": f"cell-{name}", "nbtrack.cell.execution_count": "7"}
        with nbtrack.start_run(run_name=name, tags=tags):
            pass
    log("script", [])
    assert found("cell.source LIKE '%AdamW%'") == "adamw"
    assert found("cell.id = 'cell-sgd' AND cell.execution_count > 6") == "sgd"
    assert found("cell.source IS NULL") == "script"
    assert found("cell.source IS NOT NULL", "cell.source") == "adamw sgd"


def test_params_by_number_are_found_through_the_store() -> None:
    for name, rate in (("low", 1e-05), ("text", "fast"), ("high", 10), ("nan", math.nan)):
        with nbtrack.start_run(run_name=name):
            nbtrack.log_param("lr", rate)
            nbtrack.set_tag("rate", rate)
    assert found("params.lr >= 0.00001", "params.lr") == "low high"
    assert found("tags.rate < 10") == "low"
    assert found("params.lr = '10' AND params.lr = 10.0 AND params.lr IN (1e1)") == "high"
    assert found("", "params.lr DESC") == "high low nan text"
