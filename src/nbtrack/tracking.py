"""The client under the name of MLflow's module, for code that uses `mlflow.tracking.MlflowClient`."""

from .client import Client
from .client import Client as MlflowClient
from .config import get_tracking_uri, is_tracking_uri_set, set_tracking_uri

__all__ = ["Client", "MlflowClient", "get_tracking_uri", "is_tracking_uri_set", "set_tracking_uri"]
