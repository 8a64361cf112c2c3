"""Stores written by the real MLflow are imported exactly as MLflow's own client reports them, and only once."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbtrack
from nbtrack.entities import HISTORY_TAG, IMPORTED
from nbtrack.errors import InvalidState
from nbtrack.models import locate
from nbtrack.models.history import read_history
from nbtrack.transfer import Report

pytest.importorskip("mlflow")

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
KINDS = ("sqlite", "files")
Described = dict[str, Any]


def mlflow_says(folder: Path, kind: str, *more: str) -> Described:
    command = [sys.executable, "-W", "ignore", "-m", "tests.transfer.mlflow_store", str(folder), kind, *more]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    described: Described = json.loads(done.stdout.splitlines()[-1])
    return described


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Described]]:
    """A store of one kind, created once, and its content according to MLflow. Tests that change it copy it first."""
    known: dict[str, tuple[Path, Described]] = {}

    def make(kind: str) -> tuple[Path, Described]:
        if kind not in known:
            folder = tmp_path_factory.mktemp(kind)
            known[kind] = (folder, mlflow_says(folder, kind))
        return known[kind]

    return make


def source(folder: Path, kind: str) -> Path:
    return folder / ("mlflow.db" if kind == "sqlite" else "mlruns")


def we_say() -> Described:
    """Return the content of this store in the form of mlflow_store.describe."""
    client = nbtrack.Client()
    experiments = client.search_experiments(nbtrack.ViewType.ALL)
    names = {one.experiment_id: one.name for one in experiments}
    runs = client.search_runs(None, run_view_type=nbtrack.ViewType.ALL)
    return {
        "experiments": {one.name: {"stage": one.lifecycle_stage, "tags": one.tags} for one in experiments},
        "runs": {run.info.run_id: _run(client, run, names) for run in runs},
        "models": {
            model.name: {
                "description": model.description,
                "tags": model.tags,
                "aliases": model.aliases,
                "times": [model.creation_timestamp, model.last_updated_timestamp],
                "versions": {
                    str(version.version): {
                        "stage": version.current_stage,
                        "description": version.description,
                        "run_id": version.run_id,
                        "tags": version.tags,
                        "times": [version.creation_timestamp, version.last_updated_timestamp],
                    }
                    for version in client.search_model_versions(f"name = '{model.name}'")
                },
            }
            for model in client.search_registered_models()
        },
    }


def _run(client: nbtrack.Client, run: Any, names: dict[str, str]) -> dict[str, Any]:
    info, run_id = run.info, run.info.run_id
    return {
        "experiment": names[info.experiment_id],
        "name": info.run_name,
        "status": info.status,
        "start_time": info.start_time,
        "end_time": info.end_time,
        "stage": info.lifecycle_stage,
        "params": run.data.params,
        "tags": {key: value for key, value in run.data.tags.items() if key not in (IMPORTED, HISTORY_TAG)},
        "latest": {key: repr(value) for key, value in run.data.metrics.items()},
        "history": {
            key: sorted(
                [point.step, point.timestamp, repr(point.value)] for point in client.get_metric_history(run_id, key)
            )
            for key in run.data.metrics
        },
        "artifacts": sorted(_artifacts(client, run_id)) if info.lifecycle_stage == "active" else [],
        "inputs": [
            [
                *(one.dataset.name, one.dataset.digest, one.dataset.source_type, one.dataset.source),
                *(one.dataset.profile, {tag.key: tag.value for tag in one.tags}),
            ]
            for one in run.inputs.dataset_inputs
        ],
    }


def _artifacts(client: nbtrack.Client, run_id: str, path: str | None = None) -> list[list[Any]]:
    found: list[list[Any]] = []
    for info in client.list_artifacts(run_id, path):
        found += _artifacts(client, run_id, info.path) if info.is_dir else [[info.path, info.file_size]]
    return found


def assert_same(described: Described) -> None:
    ours = we_say()
    for what in described:
        assert ours[what].keys() == described[what].keys(), what
        for name, fields in described[what].items():
            assert ours[what][name] == fields, (what, name)


def nothing_new(report: Report) -> bool:
    return not any(report.brought.values())


def run_named(name: str) -> Any:
    (run,) = nbtrack.Client().search_runs(None, f"attributes.run_name = '{name}'", nbtrack.ViewType.ALL)
    return run


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_imported_once_and_then_only_new_data(
    kind: str, made: Callable[[str], tuple[Path, Described]], tmp_path: Path
) -> None:
    original, described = made(kind)
    report = nbtrack.import_runs(source(original, kind))
    assert_same(described)
    assert report.is_complete, str(report)
    assert report.found["runs"] == report.brought["runs"] == len(described["runs"])
    points = sum(len(history) for run in described["runs"].values() for history in run["history"].values())
    assert report.brought["metric points"] == points
    again = nbtrack.import_runs(source(original, kind))
    assert nothing_new(again), str(again)
    assert_same(described)

    # The files of each version resolve here, MLflow 3's logged models among them, and are nobody's to trust.
    for uri, file in (
        ("models:/digits/1", "MLmodel"),
        ("models:/digits@champion", "hello.txt"),
        ("models:/digits/3", "hello.txt"),
    ):
        location = locate(uri)
        assert (location.folder() / file).is_file()
        assert not location.in_store
    assert nbtrack.Client().get_model_version("digits", 1).source.startswith("runs:/")
    (entry,) = read_history(run_named("parent").data.tags)
    assert (entry["artifact_path"], list(entry["flavors"])) == ("model", ["python_function"])
    assert [event.kind for event in nbtrack.Client().get_history("digits")].count("version_created") == 3
    # Deleted in MLflow after its creation: its number is not given again.
    assert nbtrack.Client().create_model_version("digits", "runs:/x/y").version == 5
    nbtrack.Client().delete_model_version("digits", 5)

    # The runs that went into the bin with their experiment come back with it; the run deleted alone does not.
    nbtrack.restore_experiment(nbtrack.get_experiment_by_name("gone").experiment_id)
    assert run_named("went along").info.lifecycle_stage == "active"
    assert run_named("deleted child").info.lifecycle_stage == "deleted"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_only_new_data_of_a_source_is_imported(
    kind: str, made: Callable[[str], tuple[Path, Described]], tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(made(kind)[0], folder)
    nbtrack.import_runs(source(folder, kind))
    mine = run_named("child").info.run_id
    nbtrack.Client().set_tag(mine, "here", "only")

    described = mlflow_says(folder, kind, "more")
    report = nbtrack.import_runs(source(folder, kind))
    described["runs"][mine]["tags"]["here"] = "only"
    assert_same(described)
    assert (report.brought["runs"], report.brought["metric points"], report.brought["model versions"]) == (1, 4, 1)
    assert nothing_new(nbtrack.import_runs(source(folder, kind)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_that_was_moved_still_has_its_files(
    kind: str, made: Callable[[str], tuple[Path, Described]], tmp_path: Path
) -> None:
    original, described = made(kind)
    moved = tmp_path / "moved here"
    original.rename(moved)
    try:
        report = nbtrack.import_runs(source(moved, kind))
    finally:
        moved.rename(original)
    assert report.is_complete, str(report)
    assert_same(described)


def test_inaccessible_artifacts_are_reported_and_no_other_folder_is_copied(
    made: Callable[[str], tuple[Path, Described]], tmp_path: Path
) -> None:
    original, described = made("sqlite")
    database = tmp_path / "mlflow.db"
    shutil.copyfile(source(original, "sqlite"), database)
    secret = tmp_path / "home"
    secret.mkdir()
    (secret / "id_rsa").write_text("secret")
    with sqlite3.connect(database) as connection:
        connection.execute(
            "UPDATE runs SET artifact_uri = 's3://bucket/1/' || run_uuid || '/artifacts' WHERE name = 'parent'"
        )
        connection.execute("UPDATE runs SET artifact_uri = ? WHERE name = 'child'", [str(secret)])
        connection.execute("UPDATE logged_models SET artifact_location = 's3://bucket/models/' || model_id")
        connection.execute(
            "INSERT INTO tags SELECT 'n' || char(0) || 'ul', 'v', run_uuid FROM runs WHERE name = 'child'"
        )
    report = nbtrack.import_runs(f"sqlite:///{database}")
    reasons = {problem.reason.partition(" (")[0]: problem.examples for problem in report.missing}
    parent, child = run_named("parent"), run_named("child")
    assert reasons["artifacts of runs at s3: URIs, which cannot be read"] == [parent.info.run_id]
    assert reasons["artifacts of runs whose URI does not contain their ID"] == [child.info.run_id]
    assert reasons["artifacts of logged models at s3: URIs, which cannot be read"]
    assert "s3: URIs" in str(report)
    assert not list(nbtrack.Client().list_artifacts(child.info.run_id))
    assert child.data.tags["n\\0ul"] == "v"
    assert run_named("parent").data.params == described["runs"][parent.info.run_id]["params"]
    # A copy of the bucket beside it is found when it is named.
    copy = tmp_path / "bucket" / parent.info.run_id / "artifacts"
    copy.mkdir(parents=True)
    (copy / "late.txt").write_text("late")
    (copy / "out").symlink_to(secret / "id_rsa")
    report = nbtrack.import_runs(database, artifacts=tmp_path / "bucket")
    assert report.brought["artifact files"] == 1
    assert [info.path for info in nbtrack.Client().list_artifacts(parent.info.run_id)] == ["late.txt"]
    assert any("links that lead out" in problem.reason for problem in report.missing)


def test_a_database_of_an_older_mlflow(made: Callable[[str], tuple[Path, Described]], tmp_path: Path) -> None:
    """MLflow 1 has no workspaces, datasets, logged models, aliases, deletion times, and no index by run."""
    original, described = made("sqlite")
    database = tmp_path / "old.db"
    shutil.copyfile(source(original, "sqlite"), database)
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        parts = ("params", "metrics", "tags")
        newer = ("datasets", "inputs", "input_tags", *(f"logged_model_{part}" for part in parts), "logged_models")
        for table in (*newer, "registered_model_aliases"):
            connection.execute(f"DROP TABLE {table}")
        for (index,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall():
            connection.execute(f"DROP INDEX {index}")
        for column in ("deleted_time", "name"):
            connection.execute(f"ALTER TABLE runs DROP COLUMN {column}")
        connection.execute("ALTER TABLE model_versions DROP COLUMN storage_location")
    report = nbtrack.import_runs(database)
    ours = we_say()["runs"]
    for run_id, run in described["runs"].items():
        assert ours[run_id]["history"] == run["history"]
        assert ours[run_id]["name"] == run["name"]
    assert [problem.reason for problem in report.missing] == [
        "files of model versions whose logged model no longer exists"
    ]
    assert nothing_new(nbtrack.import_runs(database))


@pytest.mark.slow
def test_an_import_that_was_killed_is_completed_by_the_next(
    made: Callable[[str], tuple[Path, Described]], tmp_path: Path
) -> None:
    """After SIGKILL at several moments, the last import leaves the content of a single import."""
    original, _ = made("sqlite")
    database = tmp_path / "big.db"
    shutil.copyfile(source(original, "sqlite"), database)
    runs, steps = 60, 2_000
    with sqlite3.connect(database) as connection:
        for number in range(runs):
            run_id = f"{number:032x}"
            connection.execute(
                "INSERT INTO runs (run_uuid, name, user_id, status, start_time, end_time, lifecycle_stage, "
                "artifact_uri, experiment_id) VALUES (?, ?, 'u', 'FINISHED', ?, ?, 'active', '', 0)",
                [run_id, f"run {number}", number, number + 1],
            )
            connection.executemany(
                "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, ?, 0)",
                [(key, step / 3, step, run_id, step) for key in ("a", "b") for step in range(steps)],
            )
            connection.execute("INSERT INTO params VALUES ('n', ?, ?)", [str(number), run_id])
    command = [sys.executable, "-c", "from nbtrack.cli import main; main()", "import", str(database)]
    killed = 0
    # Longer each time, so that some die at the start and some in the middle of the points.
    for patience in (0.3, 0.6, 0.9, 1.2):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(patience)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
    report = nbtrack.import_runs(database)
    assert killed
    assert report.found["metric points"] > runs * steps * 2
    counts = nbtrack.sql(
        "SELECT run_id, key, COUNT(*), COUNT(DISTINCT step), SUM(value) FROM metrics JOIN runs USING (run_id) "
        "WHERE run_name LIKE 'run %' GROUP BY ALL"
    )
    assert len(counts) == runs * 2
    expected = sum(step / 3 for step in range(steps))
    assert {tuple(row[2:4]) for row in counts.values.tolist()} == {(steps, steps)}
    assert all(abs(row[4] - expected) < 1e-6 for row in counts.values.tolist())
    statuses = nbtrack.sql("SELECT DISTINCT status FROM runs WHERE run_name LIKE 'run %'")
    assert statuses["status"].tolist() == ["FINISHED"]
    assert len(nbtrack.sql("SELECT * FROM params WHERE key = 'n'")) == runs
    assert nothing_new(nbtrack.import_runs(database))


@pytest.mark.parametrize("kind", KINDS)
def test_what_nbtrack_does_not_have_is_reported(tmp_path: Path, kind: str) -> None:
    mlflow_says(tmp_path, kind, "newer")
    report = nbtrack.import_runs(source(tmp_path, kind))
    only_sqlite = {"evaluation datasets, which nbtrack does not have": 1} if kind == "sqlite" else {}
    assert {problem.reason: problem.count for problem in report.missing} == {
        "traces, which nbtrack does not have": 1,
        "params of logged models that their run does not have": 2,
        "tags of logged models": 1,
        "links of runs to models that other runs have logged": 1,
        "files of logged models without a run": 1,
        **only_sqlite,
    }
    assert [(problem.reason, problem.examples) for problem in report.notes] == [
        ("versions of prompts, which are versions of registered models here", ["greet 1"])
    ]
    trains = next(run for run in nbtrack.Client().search_runs(None) if run.info.run_name == "trains")
    assert (trains.data.params, trains.data.metrics) == ({"lr": "0.1"}, {"loss": 0.5})
    (version,) = nbtrack.Client().search_model_versions("name = 'greet'")
    assert version.tags["mlflow.prompt.text"] == "Hello {{name}}"


def _cut(file: Path, data: st.DataObject, whole: bytes) -> None:
    file.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1), "length")])


def _flip(file: Path, data: st.DataObject, whole: bytes) -> None:
    changed = bytearray(whole)
    for bit in data.draw(st.lists(st.integers(0, 8 * len(whole) - 1), min_size=1, max_size=50), "bits"):
        changed[bit // 8] ^= 1 << bit % 8
    file.write_bytes(changed)


def _zero(file: Path, data: st.DataObject, whole: bytes) -> None:
    at = 4096 * data.draw(st.integers(0, len(whole) // 4096 - 1), "page")
    file.write_bytes(whole[:at] + bytes(4096) + whole[at + 4096 :])


def _drop(file: Path, data: st.DataObject, whole: bytes) -> None:
    file.write_bytes(whole)
    table = data.draw(
        st.sampled_from(["experiments", "metrics", "params", "tags", "registered_models", "inputs"]), "table"
    )
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        column = data.draw(
            st.sampled_from(["", *(row[1] for row in connection.execute(f"PRAGMA table_info({table})"))])
        )
        with suppress(sqlite3.OperationalError):  # A column of a primary key stays.
            connection.execute(f"ALTER TABLE {table} RENAME {column} TO x" if column else f"DROP TABLE {table}")
        connection.commit()


@pytest.fixture(scope="module")
def whole_database(
    made: Callable[[str], tuple[Path, Described]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, int]]:
    """The folder of a database and what an import finds in it."""
    folder, _ = made("sqlite")
    nbtrack.set_tracking_uri(str(tmp_path_factory.mktemp("whole") / "store"))
    try:
        return folder, nbtrack.import_runs(source(folder, "sqlite"), artifacts=folder).found
    finally:
        nbtrack.set_tracking_uri("")


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.data())
def test_a_damaged_database_is_reported_and_the_rest_is_imported(
    whole_database: tuple[Path, dict[str, int]], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder, found = whole_database
    place = tmp_path_factory.mktemp("damaged")
    damage = data.draw(st.sampled_from([_cut, _flip, _zero, _drop]), "damage")
    damage(place / "mlflow.db", data, source(folder, "sqlite").read_bytes())
    nbtrack.set_tracking_uri(str(place / "store"))
    try:
        report = nbtrack.import_runs(place / "mlflow.db", artifacts=folder)
    except nbtrack.NbtrackError:
        return
    finally:
        nbtrack.set_tracking_uri("")
    # A flipped bit can be a value of its own.
    assert damage is _flip or report.found == found or not report.is_complete, str(report)


def test_a_locked_database(
    made: Callable[[str], tuple[Path, Described]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbtrack.transfer.mlflow_sql._PATIENCE", 0.1)
    file = shutil.copy(source(made("sqlite")[0], "sqlite"), tmp_path / "mlflow.db")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InvalidState, match="locked by another program"):
            nbtrack.import_runs(file)
        connection.rollback()
    assert nbtrack.import_runs(file, artifacts=made("sqlite")[0]).is_complete
