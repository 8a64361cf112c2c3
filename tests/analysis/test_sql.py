"""Test SQL queries: they read every view, and cannot change the store or open another file."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import pytest

import nbtrack
from nbtrack.errors import InvalidParameter, StoreLocked
from nbtrack.store.folder import readonly
from nbtrack.store.folder.sql_views import VIEWS

PAGE = (files("nbtrack") / "guide" / "sql.md").read_text("utf-8")


def wait_for_another_millisecond() -> None:
    """Return when events are not in the same millisecond as those before, so that their times give their order."""
    now = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 <= now:
        time.sleep(0.001)


@pytest.fixture
def store(own_store: Path) -> Path:
    """Return a store in which every view has rows."""
    client = nbtrack.MlflowClient()
    with nbtrack.start_run(run_name="first") as run:
        nbtrack.log_param("lr", 0.1)
        for value in (3.0, float("nan"), 1.0):
            nbtrack.log_metric("loss", value)
        with nbtrack.start_run(run_name="child", nested=True):
            wait_for_another_millisecond()
        with pytest.warns(UserWarning, match="Both are kept"):
            nbtrack.log_param("lr", "0.2")
    client.create_registered_model("digits", description="reads digits")
    client.create_model_version("digits", "runs:/model", run.info.run_id)
    client.set_registered_model_alias("digits", "best", 1)
    client.transition_model_version_stage("digits", 1, "Production")
    return own_store


def test_the_guide_has_every_view_and_column_and_no_others(store: Path):
    documented = {
        name: re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
        for name, section in re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    }
    assert documented == {name: list(nbtrack.sql(f"SELECT * FROM {name} LIMIT 0").columns) for name in VIEWS}


def test_the_guide_has_every_kind_of_event(store: Path):
    with_kinds = nbtrack.sql("SELECT DISTINCT kind FROM events")["kind"]
    section = PAGE.partition("### `events`")[2].partition("\n## ")[0]
    assert {kind for kind in with_kinds if f"`{kind}`" not in section} == set()


def test_the_views_show_names_and_times(store: Path):
    first, child = nbtrack.sql("SELECT * FROM runs ORDER BY start_time, run_name DESC", output_format="list")
    assert (first["run_name"], first["experiment"]) == ("first", "Default")
    assert child["parent_run_id"] == first["run_id"]
    assert 0 <= first["seconds"] < 60
    assert abs(first["start_time"].timestamp() - time.time()) < 24 * 3600
    (metric,) = nbtrack.sql("SELECT * FROM latest_metrics", output_format="list")
    names = ("key", "step", "value", "points", "first_value", "min_value", "max_value", "mean_value")
    assert tuple(metric[name] for name in names) == ("loss", 2, 1.0, 3, 3.0, 1.0, 3.0, 2.0)
    assert nbtrack.sql("SELECT count(*) AS n FROM metrics WHERE run_id = $1", [first["run_id"]])["n"].tolist() == [3]
    (param,) = nbtrack.sql("SELECT key, value, number FROM params", output_format="list")
    assert param == {"key": "lr", "value": "0.2", "number": 0.2}
    (version,) = nbtrack.sql("SELECT name, version, stage, aliases FROM model_versions", output_format="list")
    assert version == {"name": "digits", "version": 1, "stage": "Production", "aliases": ["best"]}


def test_events_are_in_order(store: Path):
    child = nbtrack.search_runs(filter_string="run_name = 'child'")["run_id"][0]
    wait_for_another_millisecond()
    nbtrack.delete_run(child)
    events = nbtrack.sql("SELECT * FROM events ORDER BY timestamp", output_format="list")
    of_runs = [(event["kind"], event["run_id"] == child, event["old"], event["new"]) for event in events]
    assert [event for event in of_runs if event[1]] == [
        ("run_started", True, None, None),
        ("run_ended", True, None, "FINISHED"),
        ("run_deleted", True, None, None),
    ]
    assert ("param_changed", False, "0.1", "0.2") in of_runs
    of_models = [(event["kind"], event["version"], event["old"], event["new"]) for event in events if event["model"]]
    assert [event[0] for event in of_models] == ["model_created", "version_created", "alias_set", "stage"]
    assert of_models[-1] == ("stage", 1, "None", "Production")


FRIENDLY = [
    "FROM runs",
    "SELECT * FROM runs;",
    "WITH a AS (SELECT 1 AS x) SELECT x FROM a",
    "VALUES (1), (2)",
    "DESCRIBE runs",
    "SHOW TABLES",
    "SUMMARIZE latest_metrics",
    "EXPLAIN SELECT * FROM runs",
    "EXPLAIN ANALYZE SELECT * FROM metrics",
    "PIVOT params ON key IN ('lr') USING first(value) GROUP BY run_id",
    "SELECT * FROM main.runs",
    "SELECT * FROM query('SELECT run_id FROM runs')",
    "-- a comment\nSELECT 'DROP TABLE runs; --'",
]


@pytest.mark.slow
@pytest.mark.parametrize("output_format", ["pandas", "polars", "arrow", "list"])
def test_reading_statements_are_allowed(store: Path, output_format: Any):
    for query in FRIENDLY:
        assert len(nbtrack.sql(query, output_format=output_format)) > 0, query
    if not duckdb.__version__.startswith("1."):
        assert len(nbtrack.sql("PIVOT params ON key USING first(value)", output_format=output_format)) > 0


HOSTILE = [
    "INSERT INTO main.runs SELECT * FROM main.runs",
    "UPDATE main.runs SET name = 'x'",
    "DELETE FROM main.params",
    "TRUNCATE main.params",
    "MERGE INTO main.params AS p USING (SELECT 1 AS a) ON FALSE WHEN NOT MATCHED THEN INSERT VALUES (1, '', '', 1, 1)",
    "DROP TABLE main.runs",
    "DROP SCHEMA nbtrack CASCADE",
    "ALTER TABLE main.runs ADD COLUMN x INTEGER",
    "COMMENT ON TABLE main.runs IS 'x'",
    "CREATE TABLE main.x (a INTEGER)",
    "CREATE TABLE memory.main.x (a INTEGER)",
    "CREATE TEMP TABLE x AS SELECT 1",
    "CREATE OR REPLACE VIEW runs AS SELECT 1",
    "CREATE TABLE store.main.x AS PIVOT main.params ON key USING first(value)",
    "WITH gone AS (DELETE FROM main.runs RETURNING *) SELECT * FROM gone",
    "EXPLAIN ANALYZE DELETE FROM main.runs",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{folder}/out.csv'",
    "COPY runs TO '{folder}/out.csv'",
    "COPY (PIVOT params ON key) TO '{folder}/out.parquet'",
    "EXPORT DATABASE '{folder}/out'",
    "IMPORT DATABASE '{folder}/out'",
    "COPY FROM DATABASE store TO memory",
    "ATTACH '{folder}/out.duckdb' AS other",
    "ATTACH '{store}' AS again",
    "DETACH store",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET search_path = 'main'",
    "RESET ALL",
    "PRAGMA enable_profiling",
    "USE memory",
    "CHECKPOINT",
    "FORCE CHECKPOINT",
    "VACUUM",
    "ANALYZE",
    "BEGIN",
    "CALL pragma_version()",
    "PREPARE p AS DELETE FROM main.runs",
    "SELECT 1; DROP TABLE main.runs",
    "SELECT 1; SELECT 2",
    "CREATE SECRET s (TYPE s3, KEY_ID 'x', SECRET 'y')",
    "SELECT * FROM '{folder}/secret.csv'",
    "SELECT * FROM read_csv('{folder}/secret.csv')",
    "SELECT * FROM read_text('{folder}/secret.csv')",
    "SELECT * FROM read_blob('{folder}/*')",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT * FROM sniff_csv('{folder}/secret.csv')",
    "SELECT * FROM read_csv('https://localhost/x.csv')",
    "SELECT * FROM query('DELETE FROM main.runs')",
    "SELECT * FROM query_table('{folder}/secret.csv')",
    "SELECT * FROM frame",
    "SELECT * FROM force_checkpoint('store')",
    "",
    "-- nothing but a comment",
]


@pytest.mark.slow
def test_statements_that_write_or_read_other_files_are_refused_and_do_nothing(store: Path, tmp_path: Path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "secret.csv").write_text("word\nxyzzy\n")
    frame = nbtrack.search_runs()
    assert len(frame) == 2, "a name that a query must not find"
    nbtrack.MlflowClient()._store.close()
    before = hashlib.sha256((store / "runs.duckdb").read_bytes()).hexdigest()
    for query in HOSTILE:
        with pytest.raises(InvalidParameter) as refused:
            pytest.fail(f"{query}: {nbtrack.sql(query.format(folder=folder, store=store / 'runs.duckdb'))}")
        assert "xyzzy" not in str(refused.value)
        assert hashlib.sha256((store / "runs.duckdb").read_bytes()).hexdigest() == before, query
        assert [path.name for path in folder.iterdir()] == ["secret.csv"], query
    assert len(nbtrack.sql("SELECT * FROM runs")) == 2


def test_a_refusal_says_what_is_allowed(store: Path):
    for query in ("UPDATE main.runs SET name = 'x'", "EXPLAIN ANALYZE DELETE FROM main.runs"):
        with pytest.raises(InvalidParameter, match="only reads: SELECT, WITH"):
            nbtrack.sql(query)
    with pytest.raises(InvalidParameter, match="not other files or the network"):
        nbtrack.sql("SELECT * FROM read_text('/etc/hostname')")
    with pytest.raises(InvalidParameter, match="one statement at a time, not 2"):
        nbtrack.sql("SELECT 1; SELECT 2")
    with pytest.raises(InvalidParameter, match="metrix"):
        nbtrack.sql("SELECT * FROM metrix")
    with pytest.raises(InvalidParameter, match="not int"):
        nbtrack.sql(1)  # type: ignore[call-overload]


@pytest.mark.slow
def test_a_query_larger_than_memory_leaves_no_file(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(readonly, "_SETTINGS", ("SET memory_limit = '100MB'", *readonly._SETTINGS))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "overflow"))
    (tmp_path / "overflow").mkdir()
    query = "SELECT a, md5(a::VARCHAR) AS m FROM range(4000000) t(a) ORDER BY m LIMIT 1 OFFSET 2000000"
    assert len(nbtrack.sql(query)) == 1
    assert list((tmp_path / "overflow").iterdir()) == []
    assert not Path(".tmp").exists()


def test_parameters_are_never_sql(store: Path):
    assert nbtrack.sql("SELECT $1 AS x", ["'; DROP TABLE main.runs; --"])["x"][0] == "'; DROP TABLE main.runs; --"
    with pytest.raises(InvalidParameter, match="parameter"):
        nbtrack.sql("SELECT $1, $2", [1])


@pytest.mark.slow
def test_recently_logged_data_is_included_and_threads_take_turns(store: Path):
    found: list[int] = []

    def read() -> None:
        found.append(len(nbtrack.sql("SELECT * FROM metrics WHERE key = 'busy'")))

    with nbtrack.start_run():
        for number in range(5):
            nbtrack.log_metric("busy", number)
            threads = [threading.Thread(target=read) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert sorted(found) == sorted([1, 2, 3, 4, 5] * 3)


@pytest.mark.slow
def test_the_program_that_holds_the_file_is_named(store: Path):
    nbtrack.search_runs()
    code = f"import duckdb, time; c = duckdb.connect({str(store / 'runs.duckdb')!r}); print(flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(StoreLocked, match=str(holder.pid)):
            nbtrack.sql("SELECT 1")
    finally:
        holder.kill()
        holder.wait()


@pytest.mark.slow
def test_an_interrupt_ends_a_long_query_and_leaves_the_store_free(store: Path):
    pytest.importorskip("polars")
    # An interrupt in the middle of Python's own imports is another matter.
    nbtrack.sql("FROM runs")
    # What a shell starts in the background is started with this signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupt = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    interrupt.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            nbtrack.sql("SELECT count(*) FROM range(10000000000) AS a(x), range(1000) AS b(y) WHERE (x * y) % 7 = 3")
        interrupt.join()
    finally:
        signal.signal(signal.SIGINT, before)
    code = "import nbtrack; print(len(nbtrack.search_runs()))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert other.stdout == "2\n"
    assert len(nbtrack.sql("FROM runs")) == 2


def test_the_file_is_readable_by_duckdb_itself_under_any_name(store: Path):
    nbtrack.search_runs()
    nbtrack.MlflowClient()._store.close()
    with duckdb.connect(str(store / "runs.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM nbtrack.runs").fetchall() == [(2,)]
        assert connection.execute("SELECT count(*) FROM nbtrack.events").fetchall()[0][0] > 4
