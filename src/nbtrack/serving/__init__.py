"""Models behind HTTP, with MLflow's requests and answers, and models over files.

bodies       a request's body becomes data
served       one model and its answers
answers      predictions become JSON
openapi      the document that describes it
following    the newest version of a stage takes over
application  the addresses
server       the process or thread that serves
files        predictions for files
"""

from __future__ import annotations

from .files import predict_file
from .server import ModelServer

__all__ = ["ModelServer", "predict_file"]
