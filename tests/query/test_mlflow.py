"""Filters and order_by clauses give the results of MLflow 3.17, recorded on a server with the same seven runs."""

from __future__ import annotations

import math

import pytest

from nbtrack.errors import QueryError
from nbtrack.query import parse
from tests.query.database import Database

RUNS = {
    # name: (run_id, start_time, metric m, param p)
    "three": ("2000", 1000, 3.0, None),
    "one": ("2a19894e0df74a7089a6b716d12dca63", 1001, 1.0, "one"),
    "nan": ("5000", 1002, math.nan, None),
    "inf": ("f000", 1003, math.inf, None),
    "ninf": ("1000", 1004, -math.inf, None),
    "two": ("8da1cf8ba2a848e6986241d0ab044e4b", 1005, 2.0, "two"),
    "none": ("9000", 1006, None, None),
}
ALL = "none two ninf inf nan one three"


@pytest.fixture(scope="module")
def database() -> Database:
    database = Database()
    for name, (run_id, start_time, metric, param) in RUNS.items():
        database.add_run(
            run_id,
            name,
            start_time,
            metrics={} if metric is None else {"m": metric},
            params={} if param is None else {"p": param},
            tags={"T": name.upper(), "mlflow.runName": name},
        )
    return database


@pytest.mark.parametrize(
    ("clause", "names"),
    [
        ("metrics.m ASC", "ninf one two three inf nan none"),
        ("metrics.m DESC", "inf three two one ninf nan none"),
        ("metrics.m", "ninf one two three inf nan none"),
        ("metrics.m asc", "ninf one two three inf nan none"),
        ("metrics.`m` DESC", "inf three two one ninf nan none"),
        ("params.p ASC", "one two none ninf inf nan three"),
        ("params.p DESC", "two one none ninf inf nan three"),
        ("tags.T DESC", "two three one none ninf nan inf"),
        ("attributes.start_time ASC", "three one nan inf ninf two none"),
        ("start_time DESC", ALL),
        ("metrics.absent ASC", ALL),
        ("run_name", "inf nan ninf none one three two"),
        ("attribute.run_id", "ninf three one nan two none inf"),
        ("end_time DESC", ALL),
        ("status", ALL),
        ("attributes.artifact_uri", "ninf three one nan two none inf"),
        ("created ASC", "three one nan inf ninf two none"),
    ],
)
def test_orders_as_mlflow_does(database: Database, clause: str, names: str) -> None:
    assert database.search("", [clause], column="r.name") == names.split()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("metrics.m > 1", "two inf three"),
        ("metrics.m >= 1", "two inf one three"),
        ("metrics.m != 3", "two ninf inf nan one"),
        ("metrics.m = 3", "three"),
        ("metrics.m < 3", "two ninf one"),
        ("metrics.m > -1", "two inf one three"),
        ("metrics.m > 1e0", "two inf three"),
        ("metrics.`m` > 1", "two inf three"),
        ('metrics."m" > 1', "two inf three"),
        ("metrics.m>1", "two inf three"),
        ("params.p = 'one'", "one"),
        ("params.p != 'one'", "two"),
        ("params.p LIKE 'o%'", "one"),
        ("params.p ILIKE 'O%'", "one"),
        ("params.p LIKE 'O%'", ""),
        ("params.p LIKE '%n_'", "one"),
        ("params.p IS NULL", "none ninf inf nan three"),
        ("params.p IS NOT NULL", "two one"),
        ("tags.T IS NULL", ""),
        ('params.p = "one"', "one"),
        ("tags.T = 'ONE'", "one"),
        ("tags.T like 'on%'", ""),
        ("tag.T ilike 'on%'", "one"),
        ("attributes.run_name = 'one'", "one"),
        ("attributes.`run name` = 'one'", "one"),
        ("attributes.\"Run name\" = 'one'", "one"),
        ("run_name != 'one'", "none two ninf inf nan three"),
        ("attributes.run_id IN ('2a19894e0df74a7089a6b716d12dca63')", "one"),
        ("run_id = '8da1cf8ba2a848e6986241d0ab044e4b'", "two"),
        ("run_id LIKE '8da1cf8b%'", "two"),
        ("attributes.status = 'RUNNING'", ALL),
        ("status != 'RUNNING'", ""),
        ("start_time >= 1003", "none two ninf inf"),
        ("created > 1", ALL),
        ("end_time > 1", ""),
        ("user_id = 'x'", ""),
        ("attributes.artifact_uri LIKE '%artifacts'", ALL),
        ("metrics.m > 1 AND params.p = 'two'", "two"),
        ("metrics.m > 1 and tags.T LIKE 'T%'", "two three"),
        ("tags.`mlflow.runName` = 'one'", "one"),
        ("tags.mlflow.runName = 'one'", "one"),
    ],
)
def test_matches_as_mlflow_does(database: Database, text: str, names: str) -> None:
    assert database.search(text, column="r.name") == names.split()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ALL),
        (" \n\t", ALL),
        ("metrics.m > 1 OR metrics.m < 0", "two ninf inf three"),
        ("metrics.m = 1 or metrics.m = 2 and params.p = 'x'", "one"),
        ("(metrics.m = 1 or metrics.m = 2) and params.p = 'two'", "two"),
        ("NOT metrics.m > 1", "ninf nan one"),
        ("NOT (metrics.m > 1)", "ninf nan one"),
        ("NOT NOT metrics.m > 1", "two inf three"),
        ("NOT (params.p = 'one')", "two"),
        ("NOT (params.p IS NULL)", "two one"),
        ("params.p = 'one' OR params.p IS NULL", "none ninf inf nan one three"),
        ("metrics.m IN (1, 2)", "two one"),
        ("metrics.m NOT IN (1, 2)", "ninf inf nan three"),
        ("metrics.m IN (1, NaN)", "nan one"),
        ("metrics.m NOT IN (1, NaN)", "two ninf inf three"),
        ("metrics.m = NaN", "nan"),
        ("metrics.m != nan", "two ninf inf one three"),
        ("metrics.m = inf", "inf"),
        ("metrics.m = -Infinity", "ninf"),
        ("metrics.m BETWEEN 1 AND 2", "two one"),
        ("metrics.m BETWEEN -inf AND inf", "two ninf inf one three"),
        ("metrics.m NOT BETWEEN 1 AND 2", "ninf inf nan three"),
        ("metrics.m between 1 and 2 and params.p='one'", "one"),
        ("params.p IN ('one')", "one"),
        ("params.p NOT IN ('one', 'three')", "two"),
        ("params.p NOT LIKE 'o%'", "two"),
        ("tags.T NOT ILIKE 'N%' AND NOT tags.T LIKE '%N%'", "two three"),
        ("run_name IN ('one', 'two')", "two one"),
        ("run_name NOT IN ('one', 'two')", "none ninf inf nan three"),
        ("status IN ('running', 'Failed')", ALL),
        ("status = 'running' AND lifecycle_stage != 'Deleted'", ALL),
        ("start_time IN (1001)", "one"),
        ("start_time BETWEEN 1000.5 AND 1e3", ""),
        ("end_time IS NULL AND duration IS NULL", ALL),
        ("params.p == 'one'", "one"),
        ("params.p <> 'one'", "two"),
        ("`Run name` = 'one' or attr.`Run Name` = 'two'", "two one"),
        ("experiment_id = '1' AND experiment_id = 1 AND experiment_id IN ('1') AND experiment_id BETWEEN 0 AND 2", ALL),
        ("experiment_id = 'x'", ""),
        ('metrics.`it\'s "a" ``key``` IS NULL', ALL),
        ('metrics."say ""m""" IS NULL', ALL),
        ("params.p = 'it''s'", ""),
        ("params.p > 0", ""),
    ],
)
def test_goes_further_than_mlflow(database: Database, text: str, names: str) -> None:
    assert database.search(text, column="r.name") == names.split()


@pytest.mark.parametrize(
    "text",
    [
        "metrics.m > 'a'",
        "params.p > 'a'",
        "params.p = one",
        "attributes.start_time = '1003'",
        "m > 1",
        "metrics.m > 1;",
        "metrics.m",
    ],
)
def test_rejects_what_mlflow_rejects(text: str) -> None:
    with pytest.raises(QueryError):
        parse(text)


def test_duration_is_milliseconds_from_start_to_end() -> None:
    database = Database()
    for name, end_time in (("short", 10), ("long", 2000), ("running", None)):
        database.add_run(name, name, 5, end_time=end_time)
    assert database.search("duration > 5") == ["long"]
    assert database.search("duration <= 5") == ["short"]
    assert database.search("", ["duration DESC"]) == ["long", "short", "running"]


def test_params_that_are_numbers_are_compared_as_numbers() -> None:
    database = Database()
    values = ["10", "9", "1e-3", ".5", "+7.", "inf", "-Infinity", "nan", "relu", "1_0", "0x10", " 8", "", "1e400", "٣"]
    for position, value in enumerate(values):
        database.add_run(value, value, position, params={"p": value})
    assert set(database.search("params.p > 0")) == {"10", "9", "1e-3", ".5", "+7.", "inf"}
    assert database.search("params.p = 0.001") == ["1e-3"]
    assert database.search("params.p < 0") == ["-Infinity"]
    assert set(database.search("params.p != 9")) == {"10", "1e-3", ".5", "+7.", "inf", "-Infinity"}
    assert set(database.search("NOT (params.p > 0)")) == {"-Infinity"}
    numbers = ["-Infinity", "1e-3", ".5", "+7.", "9", "10", "inf"]
    texts = ["", " 8", "0x10", "1_0", "1e400", "nan", "relu", "٣"]
    assert database.search("", ["params.p"]) == [*numbers, *texts]
    assert database.search("", ["params.p DESC"]) == [*reversed(numbers), *reversed(texts)]
