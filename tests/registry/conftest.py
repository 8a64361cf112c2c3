"""A registry whose versions come from runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import nbtrack
from nbtrack import MlflowClient
from tests.conftest import made_once


@pytest.fixture
def client() -> MlflowClient:
    return MlflowClient()


@pytest.fixture(scope="session")
def trained_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "store"
    with made_once(folder):
        client = MlflowClient()
        client.create_registered_model("digits")
        for accuracy in (0.9, 0.97, 0.99):
            with nbtrack.start_run(run_name=f"run at {accuracy}") as run:
                nbtrack.log_metric("val/accuracy", accuracy)
                nbtrack.log_param("layers", 2)
            client.create_model_version("digits", f"runs:/{run.info.run_id}/model", run.info.run_id)
        client.create_model_version("digits", "s3://elsewhere/model")
    return folder


@pytest.fixture
def trained(trained_store: Path, own_store: Path) -> MlflowClient:
    """Create the model `digits`: versions 1 to 3 with accuracies of 0.9, 0.97 and 0.99, and version 4 without a run."""
    shutil.copytree(trained_store, own_store)
    return MlflowClient()
