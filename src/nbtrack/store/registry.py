"""The model registry's part of a store: models, versions, history."""

from __future__ import annotations

from .model_events import ModelEventTables
from .model_versions import ModelVersionTables
from .registered_models import RegisteredModelTables


class RegistryTables(RegisteredModelTables, ModelVersionTables, ModelEventTables):
    """What `client.registry.RegistryMixin` works on. Every change is one `writing()` transaction with its event."""
