"""No store of one file reaches the tests of another, even if a fixture leaves it behind."""

from __future__ import annotations

from pathlib import Path

import pytest

import nbtrack


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Use a store and never go back, so that it is in the environment before the first test is set up."""
    nbtrack.set_tracking_uri(str(tmp_path_factory.mktemp("left") / ".nbtrack"))
    nbtrack.set_experiment("left behind")


@pytest.mark.parametrize("attempt", range(2))
def test_each_test_has_its_own_store(left_behind: None, own_store: Path, attempt: int) -> None:
    assert nbtrack.get_tracking_uri() == str(own_store)
    with nbtrack.start_run() as run:
        # As a fixture that restores what it finds would.
        nbtrack.set_tracking_uri(nbtrack.get_tracking_uri())
    assert [found.info.run_id for found in nbtrack.search_runs(output_format="list")] == [run.info.run_id]
    assert run.info.experiment_id == "0"


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(2))
def test_no_run_of_the_real_mlflow_reaches_the_next_test(tmp_path: Path, attempt: int) -> None:
    mlflow = pytest.importorskip("mlflow")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    assert mlflow.active_run() is None
    mlflow.create_experiment("another")
    assert mlflow.start_run().info.experiment_id == "0"
    mlflow.end_run()
    mlflow.set_experiment("another")
    mlflow.start_run()
