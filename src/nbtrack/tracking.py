"""MLflow's module of this name, so that `nbtrack.tracking.MlflowClient` is found where users look for it."""

from .client import Client
from .client import Client as MlflowClient
from .config import get_tracking_uri, is_tracking_uri_set, set_tracking_uri

__all__ = ["Client", "MlflowClient", "get_tracking_uri", "is_tracking_uri_set", "set_tracking_uri"]
