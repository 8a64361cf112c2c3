"""The model registry's part of a store: models, versions, stages, gates, history, and what came from what."""

from __future__ import annotations

from .model_events import ModelEventTables
from .model_gates import ModelGateTables
from .model_lineage import ModelLineageTables
from .model_stages import ModelStageTables
from .model_versions import ModelVersionTables
from .registered_models import RegisteredModelTables


class RegistryTables(
    RegisteredModelTables,
    ModelVersionTables,
    ModelStageTables,
    ModelGateTables,
    ModelEventTables,
    ModelLineageTables,
):
    """What `client.registry.RegistryMixin` works on. Every change is one `writing()` transaction with its event."""
