"""The model registry's part of a store: models, versions, stages, gates, history, and what came from what."""

from __future__ import annotations

from .events import ModelEventTables
from .gates import ModelGateTables
from .lineage import ModelLineageTables
from .models import RegisteredModelTables
from .stages import ModelStageTables
from .survey import ModelSurveyTables
from .tags import ModelTagTables
from .versions import ModelVersionTables


class RegistryTables(
    RegisteredModelTables,
    ModelVersionTables,
    ModelTagTables,
    ModelStageTables,
    ModelGateTables,
    ModelEventTables,
    ModelLineageTables,
    ModelSurveyTables,
):
    """What `client.registry.RegistryMixin` works on. Every change is one `writing()` transaction with its event."""
