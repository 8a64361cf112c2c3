"""The tag that lists the models that a run logged: MLflow's `mlflow.log-model.history`, a JSON list."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..entities import HISTORY_TAG

if TYPE_CHECKING:
    from ..client import Client
    from .model import Model


def read_history(tags: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the models in a run's tags, in the order in which they were logged. A malformed tag counts as empty."""
    try:
        entries = json.loads(tags.get(HISTORY_TAG, "[]"))
    except ValueError:
        return []
    if not isinstance(entries, list):
        return []
    return [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("artifact_path"), str)]


def add_to_history(client: Client, model: Model) -> None:
    """Add a model to its run's tag, where it replaces a model that was logged to the same path before.

    This is an event of its own, which the store adds to the list. Because the list is not read first, a training that
    logs models continues while the database cannot be read, and two processes that log to one run lose no model.
    """
    assert model.run_id is not None
    assert model.artifact_path is not None
    entry = {
        "run_id": model.run_id,
        "artifact_path": model.artifact_path,
        "utc_time_created": model.utc_time_created,
        "model_uuid": model.model_uuid,
        "flavors": model.flavors,
    }
    client.recorder(model.run_id).model(model.artifact_path, entry)
