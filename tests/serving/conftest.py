"""A registered model with two versions that answer differently, and the servers of nbtrack and of the real mlflow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from starlette.testclient import TestClient

import nbtrack
from nbtrack.serving.application import application
from nbtrack.serving.following import CurrentModel
from nbtrack.serving.served import open_first

EXAMPLE = pd.DataFrame({"x": [1.0, 2.0], "n": [1, 2]})


def plus(amount: int) -> Callable[[pd.DataFrame], Any]:
    def predict(rows: pd.DataFrame) -> Any:
        return rows["x"].to_numpy() + rows["n"].to_numpy() + amount

    return predict


def log(model: Any, name: str | None = None, **arguments: Any) -> str:
    """Log a model in a new run, and return its URI."""
    with nbtrack.start_run():
        return nbtrack.pyfunc.log_model("model", python_model=model, registered_model_name=name, **arguments).model_uri


@pytest.fixture
def sums(own_store: Path) -> str:
    """Register a model whose version 1 adds 100 to x + n, and version 2 adds 200. Version 1 is in Production."""
    for amount in (100, 200):
        log(plus(amount), "sums", input_example=EXAMPLE)
    nbtrack.MlflowClient().transition_model_version_stage("sums", 1, "Production")
    return "models:/sums/Production"


@pytest.fixture
def ours() -> Callable[..., TestClient]:
    """Return a client of our application with the model at a URI."""
    return lambda uri, **settings: TestClient(application(CurrentModel(open_first(uri)), **settings))


@pytest.fixture
def theirs() -> Callable[[str], TestClient]:
    """Return a client of mlflow's application with the same model."""

    def client(uri: str) -> TestClient:
        from mlflow.pyfunc import load_model
        from mlflow.pyfunc.scoring_server import init

        return TestClient(init(load_model(str(nbtrack.models.locate(uri).folder()))), raise_server_exceptions=False)

    return client
