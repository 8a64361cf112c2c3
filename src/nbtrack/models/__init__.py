"""Models: the MLmodel folder format, signatures, model URIs, flavors, and registering."""

from __future__ import annotations

from ..client.model_uris import ModelVersionUri, RunUri, parse_uri
from .info import ModelInfo
from .model import MLMODEL, Model
from .registering import register_model
from .signature import ModelSignature, infer_signature
from .where import Location, get_model_info, locate

__all__ = [
    "MLMODEL",
    "Location",
    "Model",
    "ModelInfo",
    "ModelSignature",
    "ModelVersionUri",
    "RunUri",
    "get_model_info",
    "infer_signature",
    "locate",
    "parse_uri",
    "register_model",
]
