"""Serve models over HTTP with MLflow's requests and answers, and predict files.

bodies       convert the body of a request to data
served       one model and its answers
answers      convert predictions to JSON
openapi      the document that describes a model
following    switch to the newest version of a stage
application  the endpoints
server       the process or thread that serves
files        predictions for files
"""

from __future__ import annotations

from .files import predict_file
from .server import ModelServer

__all__ = ["ModelServer", "predict_file"]
