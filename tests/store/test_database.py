"""The database file: held by another program, written by a newer version, read-only, or moved."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import nbtrack
from nbtrack.errors import InvalidParameter, NotSupported, StoreLocked, StoreNotWritable, StoreTooNew
from nbtrack.store import close_stores
from nbtrack.store.folder import background


@pytest.mark.slow
def test_another_program_holds_the_database(own_store: Path) -> None:
    with nbtrack.start_run(run_name="before"):
        nbtrack.log_metric("m", 1)
    nbtrack.search_runs()
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", script, own_store / "runs.duckdb"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with nbtrack.start_run(run_name="meanwhile"):
        nbtrack.log_metric("m", 2)
    with pytest.raises(StoreLocked, match=rf"PID {holder.pid}.*nothing is lost"):
        nbtrack.search_runs()
    holder.communicate(b"")
    runs = nbtrack.search_runs(output_format="list")
    assert [run.info.run_name for run in runs] == ["meanwhile", "before"]
    assert runs[0].data.metrics == {"m": 2}


def test_a_connection_of_this_process_holds_the_database(own_store: Path) -> None:
    nbtrack.search_runs()
    held = duckdb.connect(str(own_store / "runs.duckdb"))
    with pytest.raises(StoreLocked, match="another connection of this process"):
        nbtrack.search_runs()
    held.close()
    assert len(nbtrack.search_runs()) == 0


def test_the_users_own_tools_can_open_the_file(own_store: Path) -> None:
    with nbtrack.start_run():
        nbtrack.log_param("lr", 0.1)
    nbtrack.search_runs()
    with duckdb.connect(str(own_store / "runs.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT key, value FROM params").fetchall() == [("lr", "0.1")]


@pytest.mark.slow
def test_a_store_of_a_newer_nbtrack_is_refused_and_left_alone(own_store: Path) -> None:
    nbtrack.search_runs()
    database = own_store / "runs.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("UPDATE meta SET value = '999' WHERE key = 'schema_version'")
    before = database.read_bytes()
    script = "import nbtrack; nbtrack.search_runs()"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert StoreTooNew.__name__ in result.stderr
    assert "pip install -U nbtrack" in result.stderr
    assert database.read_bytes() == before


@pytest.fixture
def open_store(own_store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A store that every user can read. pytest removes that permission from its own folders when a session starts."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        store = Path(folder) / ".nbtrack"
        monkeypatch.setenv("NBTRACK_TRACKING_URI", str(store))
        yield store
        close_stores()


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_read_only_store_can_be_read_and_says_why_not_written(open_store: Path) -> None:
    with nbtrack.start_run():
        nbtrack.log_metric("m", 1)
    nbtrack.search_runs()
    script = f"""
import os, nbtrack
nbtrack.search_runs()  # imports what the other user may have no right to read
os.setgid(65534); os.setuid(65534)
print(len(nbtrack.search_runs()))
try: nbtrack.create_experiment("x")
except nbtrack.errors.{StoreNotWritable.__name__} as error: print(error)
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    lines = result.stdout.splitlines()
    assert lines[0] == "1"
    assert len(lines) == 2
    assert "set_tracking_uri" in lines[1]


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_readers_without_write_permission_wait_for_writers(open_store: Path) -> None:
    """Neither side ever finds the file held by the other, and the reader sees what the writer has applied."""
    nbtrack.search_runs()
    script = """
import os, sys, time, nbtrack
nbtrack.search_runs(output_format="list")  # imports what the other user may have no right to read
nbtrack.sql("SELECT 1")
os.setgid(65534); os.setuid(65534)
seen = [len(nbtrack.search_runs(output_format="list"))]
print("ready", flush=True)
end = time.monotonic() + 3
while time.monotonic() < end:
    seen.append(len(nbtrack.search_runs(output_format="list")))
    nbtrack.sql("SELECT 1")
assert seen == sorted(seen), seen
print(seen[0], seen[-1])
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
        logged = 0
        while reader.poll() is None:
            with nbtrack.start_run():
                logged += 1
            nbtrack.search_runs(output_format="list")
        first, last = map(int, reader.stdout.readline().split())
    assert reader.returncode == 0
    assert first == 0
    assert 5 < last <= logged


def test_a_moved_store_keeps_its_artifacts(own_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The background thread would notice the deletion first on a slow machine, and the warning would come from it.
    monkeypatch.setattr(background, "INTERVAL", 600.0)
    monkeypatch.setattr(background, "AFTER_A_RUN", 600.0)
    with nbtrack.start_run() as run:
        nbtrack.log_text("hello", "note.txt")
    nbtrack.search_runs()
    moved = tmp_path / "elsewhere"
    shutil.copytree(own_store, moved)
    shutil.rmtree(own_store)
    with pytest.warns(RuntimeWarning, match="was deleted"):
        assert len(nbtrack.search_runs()) == 0
    client = nbtrack.MlflowClient(str(moved))
    assert Path(client.download_artifacts(run.info.run_id, "note.txt")).read_text() == "hello"
    assert client.get_run(run.info.run_id).info.artifact_uri.startswith(str(moved))


def test_sql_reads_and_refuses_to_write() -> None:
    with nbtrack.start_run():
        nbtrack.log_metric("m", 0.5)
    frame = nbtrack.sql("SELECT key, value FROM metrics WHERE value < $1", [1.0])
    assert frame.to_dict("records") == [{"key": "m", "value": 0.5}]
    for statement in ("DELETE FROM runs", "INSERT INTO meta VALUES ('a', 'b')", "DROP TABLE runs"):
        with pytest.raises(InvalidParameter, match="only reads"):
            nbtrack.sql(statement)
    with pytest.raises(InvalidParameter, match="metrix"):
        nbtrack.sql("SELECT * FROM metrix")
    assert len(nbtrack.search_runs()) == 1


def test_where_a_store_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NBTRACK_TRACKING_URI")
    deep = tmp_path / "project" / "notebooks" / "deep"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert nbtrack.get_tracking_uri() == str(deep / ".nbtrack")
    (tmp_path / "project" / ".git").mkdir()
    assert nbtrack.get_tracking_uri() == str(tmp_path / "project" / ".nbtrack")
    (tmp_path / "project" / "notebooks" / ".nbtrack").mkdir()
    assert nbtrack.get_tracking_uri() == str(tmp_path / "project" / "notebooks" / ".nbtrack")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(tmp_path / "from-mlflow"))
    assert nbtrack.get_tracking_uri() == str(tmp_path / "from-mlflow")
    monkeypatch.setenv("NBTRACK_TRACKING_URI", (tmp_path / "with space").as_uri())
    assert nbtrack.get_tracking_uri() == str(tmp_path / "with space")
    with pytest.raises(NotSupported, match="keeps runs in a folder"):
        nbtrack.set_tracking_uri("postgresql://host/db")


def test_duckdb_shows_no_progress_bar(own_store: Path) -> None:
    """The bar would appear on stdout after two seconds, between a training's lines or in the input of a pipe."""
    question = "SELECT current_setting('enable_progress_bar')"
    assert nbtrack.sql(question, output_format="list") == [{"current_setting('enable_progress_bar')": False}]
    with nbtrack.Client()._store.reading() as cursor:
        assert cursor.execute(question).fetchall() == [(False,)]
