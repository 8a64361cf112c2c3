"""Where runs go, and how they end, whatever the environment variables, the working directory and the exit are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import nbtrack
import nbtrack as mlflow
from nbtrack.errors import InvalidState


@pytest.mark.parametrize("variable", ["MLFLOW_RUN_ID", "NBTRACK_RUN_ID"])
def test_a_run_with_a_parent_is_new_although_the_environment_names_a_run(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nbtrack.start_run(run_name="parent") as parent:
        pass
    monkeypatch.setenv(variable, parent.info.run_id)
    for nested in (True, False):
        with nbtrack.start_run(run_name="child", parent_run_id=parent.info.run_id, nested=nested) as child:
            assert child.info.run_id != parent.info.run_id
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert nbtrack.get_run(parent.info.run_id).info.run_name == "parent"
    with nbtrack.start_run() as resumed:
        assert resumed.info.run_id == parent.info.run_id, "the variable still names the first run without a parent"


@pytest.mark.parametrize("variable", ["MLFLOW_TRACKING_URI", "NBTRACK_TRACKING_URI"])
@pytest.mark.parametrize("uri", ["store", "./store", "{}/store"])
def test_a_store_in_the_environment_stays_the_same_after_chdir(
    variable: str, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NBTRACK_TRACKING_URI")
    monkeypatch.setenv(variable, uri.format(tmp_path))
    nbtrack.set_experiment("trees")
    with nbtrack.start_run(run_name="before"):
        pass
    (tmp_path / "outputs").mkdir()
    monkeypatch.chdir(tmp_path / "outputs")
    with nbtrack.start_run(run_name="after"):
        pass
    assert nbtrack.get_tracking_uri() == str(tmp_path / "store")
    assert set(nbtrack.search_runs()["tags.mlflow.runName"]) == {"before", "after"}
    monkeypatch.setenv(variable, "other")
    assert nbtrack.get_tracking_uri() == str(tmp_path / "outputs" / "other"), "another value is another store"


def test_a_deleted_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    os.rmdir(tmp_path / "gone")
    with nbtrack.start_run() as run:
        nbtrack.log_metric("loss", 0.5)
        nbtrack.log_text("x", "x.txt")
    assert nbtrack.get_run(run.info.run_id).info.status == "FINISHED"
    monkeypatch.delenv("NBTRACK_TRACKING_URI")
    for use in (nbtrack.get_tracking_uri, nbtrack.start_run, lambda: nbtrack.set_tracking_uri("store")):
        with pytest.raises(InvalidState, match="working directory was deleted"):
            use()


SCRIPT = """
import sys, threading
import nbtrack
nbtrack.start_run()
{}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "code", "status"),
    [
        ("sys.exit()", 0, "FINISHED"),
        ("sys.exit(0)", 0, "FINISHED"),
        ("sys.exit(3)", 3, "FAILED"),
        ("sys.exit('no data')", 1, "FAILED"),
        ("exit(3)", 3, "FAILED"),
        ("quit()", 0, "FINISHED"),
        ("try:\n    sys.exit(3)\nexcept SystemExit:\n    pass", 0, "FINISHED"),
        ("try:\n    sys.exit(3)\nexcept SystemExit:\n    sys.exit(0)", 0, "FINISHED"),
        ("try:\n    sys.exit(3)\nfinally:\n    nbtrack.log_metric('loss', 1)", 3, "FAILED"),
        ("thread = threading.Thread(target=sys.exit, args=(3,))\nthread.start()\nthread.join()", 0, "FINISHED"),
        ("nbtrack.end_run()\nsys.exit(3)", 3, "FINISHED"),
        ("raise ValueError", 1, "FAILED"),
    ],
)
def test_an_exit_with_an_error_ends_the_open_run_as_failed(end: str, code: int, status: str) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT.format(end)], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    (run,) = nbtrack.search_runs(output_format="list")
    assert run.info.status == status, done.stderr


def test_mlflows_exceptions_are_ours() -> None:
    mlflow.create_experiment("storms")
    for kind in (mlflow.exceptions.MlflowException, mlflow.MlflowException, mlflow.exceptions.RestException):
        with pytest.raises(kind) as caught:
            mlflow.create_experiment("storms")
        assert caught.value.error_code == "RESOURCE_ALREADY_EXISTS"
        assert caught.value.get_http_status_code() == 400
