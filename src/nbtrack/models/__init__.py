"""Work with models: the MLmodel format, signatures, model URIs, flavors, and registration."""

from __future__ import annotations

from ..model_registry.uris import ModelVersionUri, RunUri, parse_uri
from .changing import set_signature
from .info import ModelInfo
from .model import MLMODEL, Model
from .registering import register_model
from .signature import (
    AnyType,
    Array,
    ColSpec,
    DataType,
    Map,
    ModelSignature,
    Object,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    TensorSpec,
    infer_signature,
)
from .where import Location, get_model_info, locate

__all__ = [
    "MLMODEL",
    "AnyType",
    "Array",
    "ColSpec",
    "DataType",
    "Location",
    "Map",
    "Model",
    "ModelInfo",
    "ModelSignature",
    "ModelVersionUri",
    "Object",
    "ParamSchema",
    "ParamSpec",
    "Property",
    "RunUri",
    "Schema",
    "TensorSpec",
    "get_model_info",
    "infer_signature",
    "locate",
    "parse_uri",
    "register_model",
    "set_signature",
]
