"""Backups made while runs are being written, and their restoration."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb
import pytest

import nbtrack
from nbtrack.cli import main
from nbtrack.errors import AlreadyExists, InvalidParameter, NotFound, StoreDamaged, StoreNotWritable
from nbtrack.store.folder.database import Database

from .children import finish, start

pytestmark = pytest.mark.slow


def _steps(run_id: str) -> list[int]:
    return sorted(point.step for point in nbtrack.MlflowClient().get_metric_history(run_id, "m"))


def test_a_copy_that_is_whole_while_others_write(own_store: Path, tmp_path: Path) -> None:
    """Each copy has the points of each run up to some moment: none twice, and none missing before a later one."""
    writers = [
        start(
            """
            with nbtrack.start_run() as run:
                print("started", flush=True)
                step = 0
                end = time.monotonic() + 4
                while time.monotonic() < end:
                    nbtrack.log_metric("m", step, step=step)
                    step += 1
                    if step % 500 == 0: nbtrack.search_runs(output_format="list")
            """
        )
        for _ in range(3)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "started\n"
    sizes = []
    for number in range(6):
        copy = nbtrack.backup(tmp_path / f"{number}.duckdb")
        with duckdb.connect(str(copy), read_only=True) as connection:
            rows = connection.execute(
                "SELECT count(*), count(DISTINCT step), max(step) + 1 FROM metrics GROUP BY series"
            ).fetchall()
            latest = connection.execute("SELECT points FROM latest_metrics ORDER BY points").fetchall()
        assert all(count == steps == last for count, steps, last in rows)
        assert sorted(count for count, _, _ in rows) == [points for (points,) in latest]
        sizes.append(sum(count for count, _, _ in rows))
    assert sizes == sorted(sizes)
    assert sizes[-1] > sizes[0]
    for writer in writers:
        finish(writer)
    assert not list(tmp_path.glob(".*partial"))


def test_it_overwrites_only_when_told_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nbtrack.search_runs()
    target = tmp_path / "copies" / "store.duckdb"
    assert main(["backup", str(target)]) == 0
    assert capsys.readouterr().out == f"{target}\n"
    with pytest.raises(AlreadyExists, match="--force"):
        nbtrack.backup(target)
    assert main(["backup", str(target)]) == 1
    with nbtrack.start_run():
        nbtrack.log_metric("m", 1)
    assert nbtrack.MlflowClient().backup(target, force=True) == target
    with duckdb.connect(str(target), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM nbtrack.runs").fetchall() == [(1,)]


def test_with_artifacts_it_is_a_store(tmp_path: Path) -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_text("hello", "notes/note.txt")
    copy = nbtrack.backup(tmp_path / "copy", artifacts=True)
    client = nbtrack.MlflowClient(str(copy))
    assert client.get_run(run.info.run_id).info.artifact_uri.startswith(str(copy))
    assert Path(client.download_artifacts(run.info.run_id, "notes/note.txt")).read_text() == "hello"


def test_it_never_overwrites_the_store_nor_what_is_no_backup(own_store: Path, tmp_path: Path) -> None:
    """`nbtrack backup . --artifacts --force` must not take the project, which contains the store, for an old backup."""
    with nbtrack.start_run():
        nbtrack.log_text("hello", "note.txt")
    nbtrack.search_runs()
    database = own_store / "runs.duckdb"
    inode = database.stat().st_ino
    for target, artifacts in ((own_store.parent, True), (own_store, True), (database, False)):
        with pytest.raises(InvalidParameter, match="outside the store"):
            nbtrack.backup(target, artifacts=artifacts, force=True)
    work = tmp_path / "work"
    work.mkdir()
    (work / "thesis.tex").write_text("a year")
    with pytest.raises(InvalidParameter, match="not a backup"):
        nbtrack.backup(work, artifacts=True, force=True)
    assert (work / "thesis.tex").read_text() == "a year"
    assert database.stat().st_ino == inode

    copy = nbtrack.backup(tmp_path / "copy", artifacts=True)
    (copy / "artifacts" / "other.txt").write_text("in the copy")
    nbtrack.backup(copy, artifacts=True, force=True)
    assert [path.name for path in (copy / "artifacts").rglob("*.txt")] == ["note.txt"]
    assert not list(tmp_path.glob(".copy*"))


def test_a_damaged_store_gives_no_copy(own_store: Path, tmp_path: Path) -> None:
    with nbtrack.start_run():
        for step in range(1000):
            nbtrack.log_metric("m", step)
    nbtrack.search_runs()
    database = own_store / "runs.duckdb"
    with database.open("r+b") as file:
        file.seek(database.stat().st_size - 100_000)
        file.write(b"\xff" * 1000)
    with pytest.raises(StoreDamaged):
        nbtrack.backup(tmp_path / "copy.duckdb")
    assert not list(tmp_path.glob("*copy*"))


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    nbtrack.search_runs()
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreNotWritable, match="cannot be written"):
        nbtrack.backup(tmp_path / "file" / "copy.duckdb")


def test_a_restored_backup_takes_newer_journals_exactly_once(own_store: Path, tmp_path: Path) -> None:
    """The events in the journal of a running process are applied again, once, even those that were applied before."""
    with nbtrack.start_run(run_name="goes on") as run:
        for step in range(100):
            nbtrack.log_metric("m", step, step=step)
        copy = nbtrack.backup(tmp_path / "copy.duckdb")
        for step in range(100, 200):
            nbtrack.log_metric("m", step, step=step)
        # Another process's journal begins after the backup, ends, and is removed.
        script = "import nbtrack\nwith nbtrack.start_run(run_name='gone'): nbtrack.log_metric('m', 1)"
        subprocess.run([sys.executable, "-c", script], check=True, stderr=subprocess.DEVNULL)
        assert len(nbtrack.search_runs()) == 2
        assert _steps(run.info.run_id) == list(range(200))

        kept = nbtrack.restore_backup(copy)
        assert kept is not None
        with duckdb.connect(str(kept), read_only=True) as connection:
            assert connection.execute("SELECT count(*) FROM runs").fetchall() == [(2,)]
        assert _steps(run.info.run_id) == list(range(200)), "what the live journal holds is applied again"
        assert [found.info.run_name for found in nbtrack.search_runs(output_format="list")] == ["goes on"]
        for step in range(200, 300):
            nbtrack.log_metric("m", step, step=step)
    assert _steps(run.info.run_id) == list(range(300))
    assert nbtrack.doctor().is_healthy


def test_who_waits_in_line_while_a_backup_is_restored_reads_the_restored_one(
    own_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a process knew about the file when it began to wait is not true for the restored file."""
    with nbtrack.start_run() as run:
        copy = nbtrack.backup(tmp_path / "copy.duckdb")
        for step in range(100):
            nbtrack.log_metric("m", step, step=step)
        assert _steps(run.info.run_id) == list(range(100))
        locked = Database.locked

        def restored_meanwhile(self: Database, timeout: float) -> AbstractContextManager[None]:
            monkeypatch.setattr(Database, "locked", locked)
            script = "import sys; from nbtrack.cli import main; sys.exit(main(sys.argv[1:]))"
            command = [sys.executable, "-c", script, "restore", str(copy), "--store", str(own_store)]
            subprocess.run(command, check=True, capture_output=True)
            return locked(self, timeout)

        monkeypatch.setattr(Database, "locked", restored_meanwhile)
        assert _steps(run.info.run_id) == list(range(100))
        assert list(own_store.glob("runs.replaced-*"))


def test_a_restored_backup_without_journals_is_as_of_then(own_store: Path, tmp_path: Path) -> None:
    script = "import nbtrack\nwith nbtrack.start_run(): nbtrack.log_metric('m', 1)"
    subprocess.run([sys.executable, "-c", script], check=True, stderr=subprocess.DEVNULL)
    assert main(["backup", str(tmp_path / "copy.duckdb")]) == 0
    subprocess.run([sys.executable, "-c", script], check=True, stderr=subprocess.DEVNULL)
    assert len(nbtrack.search_runs()) == 2
    shutil.rmtree(own_store / "journal")
    (own_store / "journal").mkdir()
    assert main(["restore", str(tmp_path / "copy.duckdb")]) == 0
    assert len(nbtrack.search_runs()) == 1
    assert nbtrack.doctor().is_healthy


def test_what_is_no_backup_is_refused(own_store: Path, tmp_path: Path) -> None:
    with nbtrack.start_run():
        pass
    with pytest.raises(NotFound):
        nbtrack.restore_backup(tmp_path / "nowhere.duckdb")
    (tmp_path / "text").write_text("no database")
    with pytest.raises(StoreDamaged, match="Nothing was changed"):
        nbtrack.restore_backup(tmp_path / "text")
    with duckdb.connect(str(tmp_path / "other.duckdb")) as connection:
        connection.execute("CREATE TABLE t (a INTEGER)")
    with pytest.raises(InvalidParameter, match="not a backup of nbtrack"):
        nbtrack.restore_backup(tmp_path / "other.duckdb")
    assert len(nbtrack.search_runs()) == 1
