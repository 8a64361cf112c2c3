"""The signature of a model: what `predict` takes and gives, in MLflow's form."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidParameter
from .column_types import AnyType, Array, ColumnType, DataType, Map, Object, Property, SparkMLVector
from .inference import infer_params, infer_schema
from .schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

__all__ = [
    "AnyType",
    "Array",
    "ColSpec",
    "ColumnType",
    "DataType",
    "Map",
    "ModelSignature",
    "Object",
    "ParamSchema",
    "ParamSpec",
    "Property",
    "Schema",
    "SparkMLVector",
    "TensorSpec",
    "as_signature",
    "infer_signature",
]


@dataclass(frozen=True)
class ModelSignature:
    """The schemas of a model's inputs, outputs and params; at least one of them is known."""

    inputs: Schema | None = None
    outputs: Schema | None = None
    params: ParamSchema | None = None

    def __post_init__(self) -> None:
        for name, kind in (("inputs", Schema), ("outputs", Schema), ("params", ParamSchema)):
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise InvalidParameter(f"{name} must be a {kind.__name__}, not {type(value).__name__}.")
        if self.inputs is None and self.outputs is None and self.params is None:
            raise InvalidParameter("A signature must have at least one of inputs, outputs and params.")

    def to_dict(self) -> dict[str, Any]:
        """What MLmodel holds: each schema as a JSON text."""
        return {
            "inputs": None if self.inputs is None else self.inputs.to_json(),
            "outputs": None if self.outputs is None else self.outputs.to_json(),
            "params": self.params.to_json() if self.params else None,
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> ModelSignature:
        """A signature from what MLmodel holds, MLflow's too."""
        inputs, outputs, params = (fields.get(name) for name in ("inputs", "outputs", "params"))
        return cls(
            Schema.from_json(inputs) if inputs else None,
            Schema.from_json(outputs) if outputs else None,
            ParamSchema.from_json(params) if params else None,
        )

    def __repr__(self) -> str:
        return f"inputs: \n  {self.inputs!r}\noutputs: \n  {self.outputs!r}\nparams: \n  {self.params!r}\n"


def as_signature(value: Any) -> ModelSignature | None:
    """A signature from what a caller gave: ours, MLflow's (anything with `to_dict`), its dict, or None."""
    if value is None or isinstance(value, ModelSignature):
        return value
    fields = value.to_dict() if callable(getattr(value, "to_dict", None)) else value
    if not isinstance(fields, Mapping):
        raise InvalidParameter(
            f"signature must be a ModelSignature, as infer_signature returns it, not {type(value).__name__}."
        )
    return ModelSignature.from_dict(fields)


def infer_signature(
    model_input: Any = None, model_output: Any = None, params: Mapping[str, Any] | None = None
) -> ModelSignature:
    """The signature of a model with these inputs, outputs and params of `predict`.

    DataFrames, Series, lists, dicts and scalars become columns; arrays, sparse matrices and dicts of arrays become
    tensors whose first length is free. A column with missing values is optional. Of what nothing can be inferred
    becomes "any", with a warning, and is not looked at by `predict`.
    """
    schemas: dict[str, Any] = {"params": infer_params(params) if params else None}
    for name, data in (("inputs", model_input), ("outputs", model_output)):
        try:
            schemas[name] = None if data is None else infer_schema(data)
        except Exception as error:  # what a stranger's container raises, too
            warnings.warn(
                f"The schema of the model's {name} cannot be inferred, so it is recorded as 'any' and predict does "
                f"not check this data: {error}",
                stacklevel=2,
            )
            schemas[name] = Schema([ColSpec(AnyType())])
    return ModelSignature(**schemas)
