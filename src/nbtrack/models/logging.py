"""Log a model: save it with its flavor, store it among a run's artifacts, and register it on demand."""

from __future__ import annotations

import os
import tempfile
from typing import Any, Protocol

from ..artifact_store.base import check_artifact_path
from ..client import Client
from ..errors import InvalidParameter
from ..model_registry.uris import RUNS
from .history import add_to_history
from .info import ModelInfo
from .model import Model
from .registering import register_model


class Flavor(Protocol):
    """The functions that `log_model` needs from a flavor's module."""

    def save_model(self, *, path: str, mlflow_model: Model, **arguments: Any) -> None:
        """Save a model to a folder."""


def log_model(
    artifact_path: str,
    flavor: Flavor,
    *,
    run_id: str,
    registered_model_name: str | None = None,
    client: Client | None = None,
    **arguments: Any,
) -> ModelInfo:
    """Save a model with its flavor and log it as an artifact of a run.

    Args:
        artifact_path: The model's folder below the run's artifacts, for example "model".
        flavor: The module whose `save_model` writes the folder.
        run_id: The ID of the run to log to.
        registered_model_name: The registered model that gets the model as its next version. None registers nothing.
        client: The client of the run's store. Defaults to one for the current tracking URI.
        **arguments: The arguments of the flavor's `save_model`: the model itself, its signature and so on.

    Returns:
        The information about the logged model.

    Raises:
        InvalidParameter: If `artifact_path` is not a folder below the run's artifacts.
    """
    client = client or Client()
    path = str(check_artifact_path(artifact_path))
    if path == ".":
        raise InvalidParameter(
            f"artifact_path must be a folder below the run's artifacts, for example 'model', not {artifact_path!r:.80}."
        )
    model = Model(artifact_path=path, run_id=run_id)
    with tempfile.TemporaryDirectory(prefix="nbtrack-model-") as folder:
        local = os.path.join(folder, "model")
        flavor.save_model(path=local, mlflow_model=model, **arguments)
        client.log_artifacts(run_id, local, path)
    add_to_history(client, model)
    uri = f"{RUNS}{run_id}/{path}"
    if registered_model_name is None:
        return model.get_model_info(uri)
    return model.get_model_info(uri, register_model(uri, registered_model_name, client=client).version)
