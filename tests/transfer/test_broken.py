"""Broken sources: one bad item is reported with its path and the reason, the rest arrives, and nothing is silent."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbtrack
from nbtrack.tags import IMPORTED

RUN = "start_time: 1700000000000\nend_time: 1700000060000\nstatus: 3\n"
CONFLICT = "<<<<<<< HEAD\nname: old\n=======\nname: new\n>>>>>>> branch\n"
Damage = Callable[[Path], None]


def write(folder: Path, files: dict[str, str]) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)


def make_mlruns(folder: Path) -> None:
    """Write an MLflow folder with two experiments, three runs, a dataset and a registered model."""
    for experiment, digits in (("0", "ab"), ("7", "c")):
        write(folder, {f"{experiment}/meta.yaml": f"experiment_id: '{experiment}'\nname: experiment of {digits}\n"})
        for digit in digits:
            run = f"{experiment}/{digit * 32}"
            write(
                folder,
                {
                    f"{run}/meta.yaml": f"run_name: run {digit}\nuser_id: ann\n{RUN}",
                    f"{run}/params/lr": "0.1",
                    f"{run}/params/deep/er": "x",
                    f"{run}/metrics/loss": "1700000000000 0.5 0\n1700000001000 0.25 1\n",
                    f"{run}/tags/mlflow.note.content": "a note",
                    f"{run}/artifacts/notes.txt": "It learns.",
                },
            )
    write(
        folder,
        {
            f"0/{'a' * 32}/inputs/i/meta.yaml": "source_type: DATASET\nsource_id: d\ntags: {x: y}\n",
            "0/datasets/d/meta.yaml": "name: digits\ndigest: '1234'\nsource: s.csv\nsource_type: local\n",
            "models/net/meta.yaml": "name: net\ncreation_timestamp: 1700000000000\n",
            "models/net/aliases/best": "1",
            "models/net/version-1/meta.yaml": f"run_id: {'a' * 32}\nsource: runs:/{'a' * 32}/m\n",
            "models/net/version-2/meta.yaml": f"run_id: {'b' * 32}\nsource: runs:/{'b' * 32}/m\n",
        },
    )


def content(store: Path) -> dict[str, Any]:
    """Return what a store has: everything of each run by its ID, and the versions of the models."""
    client = nbtrack.Client(str(store))
    found: dict[str, Any] = {}
    for experiment in client.search_experiments():
        for run in client.search_runs([experiment.experiment_id]):
            run_id = run.info.run_id
            points = client.get_metric_history(run_id, "loss")
            found[run_id] = {
                "experiment": experiment.name,
                "fields": (run.info.run_name, run.info.status, run.info.user_id, run.info.start_time),
                "points": [(point.step, point.timestamp, point.value) for point in points],
                "params": run.data.params,
                "tags": {key: value for key, value in run.data.tags.items() if key != IMPORTED},
                "files": [info.path for info in client.list_artifacts(run_id)],
                "inputs": [one.dataset.name for one in run.inputs.dataset_inputs],
            }
    for model in client.search_registered_models():
        versions = client.search_model_versions(f"name = '{model.name}'")
        found[model.name] = {version.version: version.source for version in versions}
    return found


def _replace(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


DAMAGES: dict[str, Damage] = {
    "missing": Path.unlink,
    "empty": lambda path: _replace(path, Path.touch),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-3]) and None,
    "merged": lambda path: path.write_text(CONFLICT) and None,
    "binary": lambda path: path.write_bytes(b"\x93NUMPY\x00\xff\xfe{") and None,
    "a list": lambda path: path.write_text("- 1\n- 2\n") and None,
    "a folder": lambda path: _replace(path, Path.mkdir),
    "a lost link": lambda path: _replace(path, lambda link: link.symlink_to("/not/pulled/from/the/cache")),
}


@pytest.fixture(scope="module")
def mlruns(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], list[str]]:
    """An MLflow folder, what arrives when it is not damaged, and the paths of its files."""
    folder = tmp_path_factory.mktemp("whole")
    make_mlruns(folder / "mlruns")
    nbtrack.set_tracking_uri(str(folder / ".nbtrack"))
    report = nbtrack.import_runs(folder / "mlruns")
    nbtrack.set_tracking_uri("")
    assert report.is_complete, str(report)
    files = [str(path.relative_to(folder / "mlruns")) for path in (folder / "mlruns").rglob("*") if path.is_file()]
    return folder / "mlruns", content(folder / ".nbtrack"), sorted(files)


@pytest.mark.slow
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.data())
def test_one_damaged_file_is_reported_and_the_rest_arrives(
    mlruns: tuple[Path, dict[str, Any], list[str]], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    source, whole, files = mlruns
    damaged = data.draw(st.sampled_from(files), label="file")
    how = data.draw(st.sampled_from(sorted(DAMAGES)), label="damage")
    folder = tmp_path_factory.mktemp("damaged")
    shutil.copytree(source, folder / "mlruns")
    DAMAGES[how](folder / "mlruns" / damaged)
    nbtrack.set_tracking_uri(str(folder / ".nbtrack"))
    try:
        report = nbtrack.import_runs(folder / "mlruns")
        again = nbtrack.import_runs(folder / "mlruns")
    finally:
        nbtrack.set_tracking_uri("")
    found = content(folder / ".nbtrack")
    assert not any(again.brought.values()), str(again)
    # A cut or missing value and a cut file look like any other.
    is_visible = damaged.endswith("meta.yaml") or how == "a lost link" or ("/metrics/" in damaged and how != "a folder")
    for key, expected in whole.items():
        one = found.get(key, {})
        if key not in damaged and not damaged.startswith(("models", "0/meta", "7/meta", "0/datasets")):
            assert one == expected, f"{key} is not what it is without the damage to {damaged}"
        elif one != expected and is_visible and how not in ("missing", "cut"):
            named = [text for problem in report.missing for text in problem.examples]
            assert not report.is_complete, str(report)
            assert any(damaged.rpartition("/")[0] in text for text in named), f"{damaged} is not named:\n{report}"
        if damaged.startswith(("0/meta", "7/meta", "models")) and len(key) == 32:
            assert {**one, "experiment": ""} == {**expected, "experiment": ""}, "an experiment's file costs a run"


def test_what_is_wrong_is_named_with_its_path(tmp_path: Path) -> None:
    make_mlruns(tmp_path / "mlruns")
    (tmp_path / "mlruns" / "7" / "meta.yaml").write_text(CONFLICT)
    (tmp_path / "mlruns" / "0" / ("b" * 32) / "meta.yaml").unlink()
    write(
        tmp_path / "mlruns" / "0" / ("a" * 32),
        {
            "meta.yaml": f"run_name: 20260131\nuser_id: 1001\nlifecycle_stage: gone\n{RUN.replace('3', 'DONE')}",
            "metrics/loss": "1700000000000 0.5 0\nnothing\n1700000001000 0.25 1",
            "metrics/accuracy": "",
        },
    )
    shutil.copytree(tmp_path / "mlruns" / "0" / ("a" * 32), tmp_path / "mlruns" / "7" / ("a" * 32))
    write(tmp_path / "mlruns" / "0" / "traces" / "tr-1", {"trace_info.yaml": "trace_id: tr-1\n"})
    report = nbtrack.import_runs(tmp_path / "mlruns")
    broken = 'mapping values are not allowed in this context in "<unicode string>", line 2, column 5'
    run_a = f"0/{'a' * 32}"
    assert not report.is_complete
    assert {problem.reason: problem.examples for problem in report.missing} == {
        "traces, which nbtrack does not have": ["0/traces/tr-1"],
        "runs without meta.yaml": [f"0/{'b' * 32}"],
        "runs that are in a second folder too": [f"7/{'a' * 32}"],
        "folders whose meta.yaml cannot be read": [f"7/meta.yaml: ScannerError: {broken}"],
        "incomplete last lines of metric files": [f"{run_a}/metrics/loss"],
        "lines of metric files that are not points": [f"{run_a}/metrics/loss"],
        "metric files without points": [f"{run_a}/metrics/accuracy"],
        "files of model versions whose run no longer exists": ["net 2"],
    }
    assert {problem.reason: problem.examples for problem in report.notes} == {
        "runs whose lifecycle stage is not valid (they are active here)": ["20260131: 'gone'"],
        "runs whose status is not valid (they are FINISHED here)": ["20260131: 'DONE'"],
    }
    client = nbtrack.Client()
    run = client.get_run("a" * 32)
    assert (run.info.run_name, run.info.user_id, run.data.metrics) == ("20260131", "1001", {"loss": 0.5})
    assert client.get_experiment(client.get_run("c" * 32).info.experiment_id).name == "experiment 7"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """An MLflow database with two runs of 100 points."""
    with sqlite3.connect(tmp_path / "mlflow.db") as connection:
        connection.executescript("""
            CREATE TABLE experiments (experiment_id INTEGER, name, lifecycle_stage, creation_time, last_update_time);
            CREATE TABLE runs (run_uuid, experiment_id, name, user_id, status, start_time, end_time, lifecycle_stage,
                artifact_uri);
            CREATE TABLE metrics (run_uuid, key, step, timestamp, value, is_nan);
            CREATE TABLE params (run_uuid, key, value);
            CREATE TABLE tags (run_uuid, key, value);
            INSERT INTO experiments VALUES (1, 'old', 'active', 1700000000000, NULL);
        """)
        for run_id in ("a" * 32, "b" * 32):
            connection.execute(
                "INSERT INTO runs VALUES (?, 1, 'x', 'ann', 'FINISHED', 1700000000000, 1700000000001, 'active', NULL)",
                [run_id],
            )
            connection.executemany(
                "INSERT INTO metrics VALUES (?, 'loss', ?, 1700000000000, 0.5, 0)", [(run_id, n) for n in range(100)]
            )
    connection.close()
    return tmp_path / "mlflow.db"


def test_values_of_other_types_in_a_database(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.executescript("""
            INSERT INTO metrics SELECT run_uuid, 'loss', 100, 1700000000000, 'none', 0 FROM runs;
            INSERT INTO metrics SELECT run_uuid, 'loss', NULL, 1700000000000, 0.5, 0 FROM runs;
            INSERT INTO params SELECT run_uuid, 'layers', 3 FROM runs;
            INSERT INTO params SELECT run_uuid, CAST(X'FF61' AS TEXT), X'0102FF' FROM runs;
            INSERT INTO tags SELECT run_uuid, 'owner', 1001 FROM runs;
            UPDATE runs SET name = 20260131, user_id = 7, status = 3, start_time = '1700000000000', experiment_id = 5;
            INSERT INTO runs (name) VALUES ('nobody');
            CREATE TABLE trace_info (request_id);
            INSERT INTO trace_info VALUES ('tr-1'), ('tr-2');
        """)
    connection.close()
    report = nbtrack.import_runs(database)
    assert {problem.reason: problem.count for problem in report.missing} == {
        "runs without an ID": 1,
        "traces, which nbtrack does not have": 2,
        "experiments that are missing (their runs are in an experiment that is named after their ID)": 1,
        "points whose timestamp or step is out of range, or whose value is not a number": 4,
    }
    for run_id in ("a" * 32, "b" * 32):
        run = nbtrack.get_run(run_id)
        assert (run.info.run_name, run.info.user_id, run.info.start_time) == ("20260131", "7", 1700000000000)
        assert run.data.params == {"layers": "3", "\ufffda": "\x01\x02\ufffd"}
        assert run.data.tags["owner"] == "1001"
        assert len(nbtrack.Client().get_metric_history(run_id, "loss")) == 100


def test_a_database_that_is_cut(database: Path) -> None:
    whole = database.read_bytes()
    for part in (0.5, 0.8, 0.95):
        database.write_bytes(whole[: int(len(whole) * part)])
        try:
            report = nbtrack.import_runs(database)
        except nbtrack.NbtrackError:
            continue
        assert not report.is_complete, part
    database.write_bytes(whole)
    assert nbtrack.import_runs(database).is_complete
    for run_id in ("a" * 32, "b" * 32):
        assert len(nbtrack.Client().get_metric_history(run_id, "loss")) == 100
