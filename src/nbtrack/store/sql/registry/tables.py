"""The model registry of a store: models, versions, stages, gates, history and lineage."""

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
    """All tables of the registry. Every change and its event are one transaction."""
