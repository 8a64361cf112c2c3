"""The tag that says which models a run logged: MLflow's `mlflow.log-model.history`, a JSON list."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..client import Client
    from .model import Model

HISTORY_TAG = "mlflow.log-model.history"

_mutex = threading.Lock()


def read_history(tags: Mapping[str, str]) -> list[dict[str, Any]]:
    """The models in a run's tags, first logged first; what is no list of models counts as none."""
    try:
        entries = json.loads(tags.get(HISTORY_TAG, "[]"))
    except ValueError:
        return []
    if not isinstance(entries, list):
        return []
    return [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("artifact_path"), str)]


def add_to_history(client: Client, model: Model) -> None:
    """Add a model to its run's tag, in the place of one that was logged to the same path before."""
    assert model.run_id is not None
    # Two threads that log to one run would each write the list without the other's model.
    with _mutex:
        logged = read_history(client.get_run(model.run_id).data.tags)
        others = [entry for entry in logged if entry["artifact_path"] != model.artifact_path]
        entry = {
            "run_id": model.run_id,
            "artifact_path": model.artifact_path,
            "utc_time_created": model.utc_time_created,
            "model_uuid": model.model_uuid,
            "flavors": model.flavors,
        }
        client.set_tag(model.run_id, HISTORY_TAG, json.dumps([*others, entry]))
