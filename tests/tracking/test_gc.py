"""Test gc: it removes deleted runs and nothing else, whenever a process is killed."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import nbtrack
from nbtrack.cli import main
from nbtrack.entities import Run, ViewType
from nbtrack.errors import InvalidParameter, InvalidState, NotFound, StoreNotWritable

TABLES = ("runs", "params", "param_history", "tags", "latest_metrics", "inputs", "artifacts")


def make(name: str, *, files: int = 2, parent: str | None = None) -> str:
    with nbtrack.start_run(run_name=name, parent_run_id=parent) as run:
        nbtrack.log_params({"lr": 0.1, "name": name})
        for step in range(5):
            nbtrack.log_metrics({"loss": step, "acc": step})
        nbtrack.log_input(nbtrack.data.from_file(__file__), context="training")
        for i in range(files):
            nbtrack.log_text(f"{name} {i}", f"notes/{i}.txt")
    return str(run.info.run_id)


def folder(store: Path, run_id: str) -> Path:
    (found,) = store.glob(f"artifacts/*/{run_id}")
    return found


def everything(store: Path) -> dict[str, Run]:
    """Return each run after reading all of its points and artifacts."""
    client = nbtrack.MlflowClient(str(store))
    runs = {run.info.run_id: run for run in client.search_runs(run_view_type=ViewType.ALL)}
    points = client._store.sql(
        "SELECT run_id, key, COUNT(*) AS n FROM metrics GROUP BY ALL", [], lambda rows: rows.df()
    )
    assert set(zip(points["run_id"], points["key"], strict=True)) == {
        (run_id, key) for run_id, run in runs.items() for key in run.data.metrics
    }
    assert set(points["n"]) <= {5}
    artifacts = client._store.sql("SELECT run_id, path FROM artifacts", [], lambda rows: rows.fetchall())
    for run_id, path in artifacts:
        run = runs[run_id]
        assert Path(run.info.artifact_uri, path).read_text().startswith(run.info.run_name)
    return runs


@pytest.mark.slow
def test_a_dry_run_comes_first_and_changes_nothing(own_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept, gone = make("kept"), make("gone", files=3)
    child = make("child", parent=gone)
    nbtrack.delete_run(gone)
    before = everything(own_store)
    assert main(["gc"]) == 0
    said = capsys.readouterr().out
    assert "Would be removed for good (run with --yes to remove)" in said
    assert "2 runs with 20 metric points" in said
    assert "5 artifact files, 30 bytes" in said or "5 artifact files" in said
    assert gone in said
    assert child in said
    assert kept not in said
    assert everything(own_store) == before
    assert main(["gc", "--yes"]) == 0
    assert "Removed for good" in capsys.readouterr().out
    assert everything(own_store) == {kept: before[kept]}
    assert [path.name for path in own_store.glob("artifacts/*/*")] == [kept]
    assert not list((own_store / "trash").iterdir())
    counts = {table: len(nbtrack.sql(f"SELECT DISTINCT run FROM main.{table}")) for table in TABLES}
    assert counts == dict.fromkeys(TABLES, 1) | {"param_history": 0}
    assert len(nbtrack.sql("SELECT * FROM main.metrics")) == 10
    with pytest.raises(NotFound):
        nbtrack.get_run(gone)
    assert main(["gc", "--yes"]) == 0
    assert "Nothing to remove" in capsys.readouterr().out
    # The store goes on as ever, also with the numbers that are free again.
    new = make("new")
    assert set(everything(own_store)) == {kept, new}


@pytest.mark.slow
def test_only_old_enough_or_named_runs_are_removed(own_store: Path) -> None:
    client = nbtrack.MlflowClient()
    runs = [make(f"run-{i}", files=0) for i in range(4)]
    for run_id in runs[:3]:
        nbtrack.delete_run(run_id)
    assert client.gc("1h").runs == []
    assert [run.run_id for run in client.gc("0s").runs] == runs[:3]
    with client._store.writing() as cursor:
        cursor.execute("UPDATE runs SET deleted_time = deleted_time - 7200000 WHERE run_id = $1", [runs[0]])
    assert [run.run_id for run in client.gc("1h59m", dry_run=False).runs] == [runs[0]]
    assert [run.run_id for run in client.gc(run_ids=[runs[2]], dry_run=False).runs] == [runs[2]]
    assert set(everything(own_store)) == {runs[1], runs[3]}
    with pytest.raises(InvalidState, match="not deleted"):
        client.gc(run_ids=[runs[3]], dry_run=False)
    with pytest.raises(NotFound):
        client.gc(run_ids=[runs[0]])
    with pytest.raises(InvalidState, match="not deleted"):
        client.gc(experiment_ids=["0"])
    for age in ("soon", "30", "1h nonsense", ""):
        with pytest.raises(InvalidParameter, match="must be an age"):
            client.gc(age)


@pytest.mark.slow
def test_empty_deleted_experiments_are_removed_and_their_ids_are_not_used_again(own_store: Path) -> None:
    client = nbtrack.MlflowClient()
    ids = []
    for name in ("a", "b", "c"):
        ids.append(nbtrack.create_experiment(name, tags={"x": "y"}))
        nbtrack.set_experiment(name)
        make(f"in {name}")
    restored = client.search_runs([ids[1]])[0].info.run_id
    for experiment_id in ids[1:]:
        nbtrack.delete_experiment(experiment_id)
    client.restore_run(restored)
    found = client.gc(dry_run=False)
    assert found.experiments == [(ids[2], "c")]
    assert [run.run_name for run in found.runs] == ["in c"]
    assert not (own_store / "artifacts" / ids[2]).exists()
    left = {experiment.name for experiment in client.search_experiments(ViewType.ALL)}
    assert left == {"Default", "a", "b"}
    assert client.get_run(restored).info.lifecycle_stage == "active"
    assert int(client.create_experiment("d")) == int(ids[2]) + 1
    client.delete_experiment("0")
    assert client.gc(dry_run=False).experiments == []


@pytest.mark.slow
def test_runs_that_models_came_from_are_kept_by_default(own_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    client = nbtrack.MlflowClient()
    named, in_source, other = make("named"), make("in source"), make("other")
    client.create_registered_model("m")
    client.create_model_version("m", "/elsewhere/model", named)
    client.create_model_version("m", f"runs:/{in_source}/model")
    client.create_model_version("m", f"runs:/{make('active')}/model")
    for run_id in (named, in_source, other):
        client.delete_run(run_id)
    found = client.gc(dry_run=False)
    assert [run.run_id for run in found.runs] == [other]
    assert found.registered == {named: ["m/1"], in_source: ["m/2"]}
    assert main(["gc"]) == 0
    assert f"{named}  m/1" in capsys.readouterr().out
    assert main(["gc", "--yes", "--with-versions"]) == 0
    assert [version.version for version in client.search_model_versions()] == [3]
    assert {event.kind for event in client.get_history("m")} >= {"version_deleted"}
    assert len(everything(own_store)) == 1


def test_a_run_that_a_process_is_logging_to_is_kept(own_store: Path) -> None:
    client = nbtrack.MlflowClient()
    run = nbtrack.start_run()
    client.delete_run(run.info.run_id)
    found = client.gc(dry_run=False)
    assert (found.runs, found.running) == ([], [run.info.run_id])
    client.restore_run(run.info.run_id)
    run.end()
    client.delete_run(run.info.run_id)
    assert len(client.gc(dry_run=False).runs) == 1


@pytest.mark.slow
def test_artifacts_that_do_not_belong_to_a_run_are_kept(own_store: Path, tmp_path: Path) -> None:
    """These are folders of no run, folders not named after their run, and folders outside the store."""
    client = nbtrack.MlflowClient()
    mine = client.create_experiment("mine", artifact_location=str(tmp_path / "mine"))
    nbtrack.set_experiment("mine")
    gone, moved = make("gone"), make("moved")
    client.move_runs(moved, "0")
    nbtrack.set_experiment(experiment_id="0")
    foreign = make("foreign")
    outside = tmp_path / "mlruns" / foreign / "artifacts"
    outside.mkdir(parents=True)
    (outside / "model.pkl").write_bytes(b"x")
    wide = make("wide")
    with client._store.writing() as cursor:
        cursor.execute("UPDATE runs SET artifact_uri = $1 WHERE run_id = $2", [str(outside), foreign])
        cursor.execute("UPDATE runs SET artifact_uri = $1 WHERE run_id = $2", [str(own_store / "artifacts"), wide])
    orphan = own_store / "artifacts" / "0" / ("e" * 32)
    (orphan / "artifacts").mkdir(parents=True)
    (orphan / "artifacts" / "a").write_bytes(b"12345")
    for run_id in (gone, moved, foreign, wide):
        client.delete_run(run_id)
    found = client.gc(dry_run=False)
    assert {run.run_name for run in found.runs} == {"gone", "moved", "foreign", "wide"}
    assert found.elsewhere == [str(outside), str(own_store / "artifacts")]
    orphans = {path.name: size for path, size in found.orphans}
    assert orphans[orphan.name] == 5
    assert (orphan / "artifacts" / "a").exists()
    assert (outside / "model.pkl").exists()
    assert not list((tmp_path / "mine").glob("*"))
    assert mine in {experiment.experiment_id for experiment in client.search_experiments()}


def test_a_folder_that_cannot_be_removed_is_reported_and_tried_again(
    own_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = nbtrack.MlflowClient()
    gone = make("gone")
    client.delete_run(gone)

    def refuse(path: object, *_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        # Root, who runs the tests in a container, may remove everything.
        patch.setattr(os, "rename", refuse)
        patch.setattr(shutil, "rmtree", refuse)
        with pytest.raises(StoreNotWritable, match=f"could not be removed: .*{gone}: Permission denied"):
            client.gc(dry_run=False)
    assert client.gc().unfinished == 1
    client.gc(dry_run=False)
    assert not list(own_store.glob("artifacts/*/*"))


def test_a_run_that_was_merged_in_again_keeps_its_artifacts(own_store: Path) -> None:
    """A gc was killed after its transaction, and the run has been merged in from another store since."""
    client = nbtrack.MlflowClient()
    run_id = make("back")
    with client._store.writing() as cursor:
        cursor.execute("INSERT INTO meta VALUES ('gc', $1)", [client._store.relative(str(folder(own_store, run_id)))])
    assert client.gc().unfinished == 1
    client.gc(dry_run=False)
    assert (folder(own_store, run_id) / "artifacts" / "notes" / "0.txt").read_text() == "back 0"
    assert client.gc().unfinished == 0


@pytest.mark.slow
def test_a_run_with_a_reused_number_has_no_data_of_the_previous_one(own_store: Path) -> None:
    """Lines that a process logs to the removed run later have its ID and are rejected."""
    client = nbtrack.MlflowClient()
    gone = make("gone")
    late = client._store.recorder(gone)
    with pytest.warns(UserWarning, match="the SQL view events"):
        late.param("lr", 0.2)
    client.delete_run(gone)
    assert [run.run_id for run in client.gc(dry_run=False).runs] == [gone]
    late.metric("late", 1.0)
    late.tags({"late": "yes"})
    new = client.create_run("0", run_name="new").info.run_id
    client.log_metric(new, "m", 1.0)
    with pytest.warns(RuntimeWarning, match="no such run"):
        found = client.get_run(new)
    assert nbtrack.sql("SELECT run, run_id FROM main.runs").values.tolist() == [[1, new]]
    assert (found.data.params, found.data.metrics, found.inputs.dataset_inputs) == ({}, {"m": 1.0}, [])
    assert "late" not in found.data.tags
    counts = {table: nbtrack.sql(f"SELECT COUNT(*) AS n FROM main.{table}").n[0] for table in (*TABLES, "metrics")}
    assert counts.pop("tags") == len(found.data.tags)
    assert {table for table, count in counts.items() if count} == {"runs", "latest_metrics", "metrics"}
    assert (counts["latest_metrics"], counts["metrics"]) == (1, 1)


@pytest.mark.slow
def test_a_large_database_file_shrinks(own_store: Path, measured: Callable[[str, float], None]) -> None:
    client = nbtrack.MlflowClient()
    kept = make("kept")
    rng = random.Random(1)
    with nbtrack.start_run(run_name="large") as run:
        for _ in range(400_000):
            run.log_metric("noise", rng.random())
    before = everything_but(own_store, run.info.run_id)
    client.delete_run(run.info.run_id)
    views = nbtrack.sql("SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema = 'nbtrack'")["n"][0]
    start = time.perf_counter()
    found = client.gc(dry_run=False)
    measured("gc of 400,000 points with compaction, ms", (time.perf_counter() - start) * 1e3)
    assert found.database is not None
    assert found.database[1] < 0.7 * found.database[0]
    assert own_store.joinpath("runs.duckdb").stat().st_size == found.database[1]
    assert everything(own_store) == before
    after = nbtrack.sql("SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema = 'nbtrack'")["n"][0]
    assert (views, views > 0) == (after, True)
    assert not list(own_store.glob("*compact*"))
    assert kept in before
    # Another process finds the new file, and DuckDB 1.5's format is kept.
    code = "import nbtrack; print(len(nbtrack.search_runs(search_all_experiments=True)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


WRITER = """
import nbtrack, sys, time
with nbtrack.start_run(run_name="writer") as run:
    print(run.info.run_id, flush=True)
    for i in range(3_000):
        nbtrack.log_metric("m", i)
        time.sleep(0.001)
"""


@pytest.mark.slow
def test_the_file_is_compacted_while_other_processes_log_and_read(own_store: Path) -> None:
    """Every point is read exactly once, although the file is replaced again and again."""
    client = nbtrack.MlflowClient()
    make("kept")
    writers = [subprocess.Popen([sys.executable, "-c", WRITER], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    ids = [writer.stdout.readline().strip() for writer in writers if writer.stdout]
    rounds = 0
    while any(writer.poll() is None for writer in writers):
        gone = make(f"gone-{rounds}", files=0)
        client.delete_run(gone)
        client.gc(run_ids=[gone], dry_run=False)
        client.compact()
        rounds += 1
    assert [writer.wait() for writer in writers] == [0, 0]
    assert rounds >= 2
    for run_id in ids:
        assert [point.step for point in client.get_metric_history(run_id, "m")] == list(range(3_000))
        assert client.get_run(run_id).info.status == "FINISHED"
    assert len(client.search_runs(run_view_type=ViewType.ALL)) == 3


def everything_but(store: Path, run_id: str) -> dict[str, Run]:
    client = nbtrack.MlflowClient(str(store))
    return {run.info.run_id: run for run in client.search_runs() if run.info.run_id != run_id}


GC = "import nbtrack; print('ready', flush=True); nbtrack.MlflowClient().gc(dry_run=False)"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_after_a_kill_the_store_is_whole_and_the_next_gc_finishes(own_store: Path, seed: int) -> None:
    """After a SIGKILL at a random moment, each deleted run is complete or removed, and the others are unchanged."""
    rng = random.Random(seed)
    kept = [make(f"kept-{i}", files=3) for i in range(5)]
    gone = [make(f"gone-{i}", files=20) for i in range(30)]
    for run_id in gone:
        nbtrack.delete_run(run_id)
    before = everything(own_store)
    rounds = 0
    while rounds < 6:
        process = subprocess.Popen([sys.executable, "-c", GC], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0.05, 0.45))
        process.send_signal(signal.SIGKILL)
        process.wait()
        rounds += 1
        now = everything(own_store)
        assert {run_id: now[run_id] for run_id in kept} == {run_id: before[run_id] for run_id in kept}
        # Rows go in one transaction, so the bin is as it was, with all artifacts, or empty.
        left = {run_id for run_id in gone if run_id in now}
        assert left in (set(gone), set())
        for run_id in left:
            assert now[run_id] == before[run_id]
            assert len(list(folder(own_store, run_id).rglob("*.txt"))) == 20
        if not left:
            break
    found = nbtrack.MlflowClient().gc(dry_run=False)
    assert found.orphans == []
    assert set(everything(own_store)) == set(kept)
    assert sorted(path.name for path in own_store.glob("artifacts/*/*")) == sorted(kept)
    assert not list((own_store / "trash").iterdir())
    assert nbtrack.MlflowClient().gc().unfinished == 0


@pytest.mark.slow
@pytest.mark.parametrize("step", ["rows", "moved", "trash", "swap"])
def test_killed_at_each_step(own_store: Path, step: str) -> None:
    """Kill gc after the transaction, after the first move, while emptying the trash, and before the file swap."""
    kept, gone = make("kept"), [make(f"gone-{i}") for i in range(3)]
    for run_id in gone:
        nbtrack.delete_run(run_id)
    before = everything(own_store)
    die = "lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)"
    patch = {
        "rows": f"retention._take_folders = {die}",
        "moved": f"real = os.rename; os.rename = lambda *a: (real(*a), ({die})())",
        "trash": f"real = shutil.rmtree; shutil.rmtree = lambda *a: (real(*a), ({die})())",
        "swap": "retention._COMPACT_BYTES = 0; real = os.replace; "
        f"os.replace = lambda *a: ({die})() if 'compact' in str(a[0]) else real(*a)",
    }[step]
    code = f"""
import os, shutil, signal, nbtrack
from nbtrack.store.folder import retention
{patch}
nbtrack.MlflowClient().gc(dry_run=False)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert everything(own_store) == {kept: before[kept]}
    client = nbtrack.MlflowClient()
    assert client.gc().unfinished == {"rows": 3, "moved": 4, "trash": 2, "swap": 0}[step]
    client.gc(dry_run=False)
    assert [path.name for path in own_store.glob("artifacts/*/*")] == [kept]
    assert not list((own_store / "trash").iterdir())
    assert client.gc().unfinished == 0
    client.compact()
    assert not list(own_store.glob("*compact*"))
    assert everything(own_store) == {kept: before[kept]}
