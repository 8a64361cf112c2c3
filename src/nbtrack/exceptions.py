"""The exceptions under MLflow's names, for code that catches `mlflow.exceptions.MlflowException`.

`nbtrack.errors` has the classes that nbtrack raises, each with MLflow's `error_code`.
"""

from .errors import ExecutionException
from .errors import NbtrackError as MlflowException
from .errors import NbtrackError as RestException

__all__ = ["ExecutionException", "InvalidUrlException", "MissingConfigException", "MlflowException", "RestException"]


class MissingConfigException(MlflowException):
    """MLflow raises it for missing configuration files. nbtrack never raises it.

    Args:
        message: The message.
    """


class InvalidUrlException(MlflowException):
    """MLflow raises it for invalid URLs of a server. nbtrack never raises it.

    Args:
        message: The message.
    """
