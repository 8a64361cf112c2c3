"""The signature of a model: the inputs, outputs and params of `predict`, in MLflow's form."""

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
    """The schemas of a model's inputs, outputs and params. At least one of them is set.

    The class, its JSON and its names are those of MLflow's signatures.

    Attributes:
        inputs: The data that `predict` takes, or None if it is not known.
        outputs: The predictions that `predict` returns, or None if they are not known.
        params: The params that `predict` takes in addition to the data, or None if it takes none.

    Raises:
        InvalidParameter: If all three are None, or if one is not of its type.

    Example:
        >>> from nbtrack.models import ColSpec, ModelSignature, Schema
        >>> inputs = Schema([ColSpec("double", "age"), ColSpec("string", "name", required=False)])
        >>> ModelSignature(inputs).inputs
        ['age': double (required), 'name': string (optional)]
    """

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
        """Return the signature as the MLmodel file stores it.

        Returns:
            A dict with the keys "inputs", "outputs" and "params". Each value is a schema as a JSON string, or None.
        """
        return {
            "inputs": None if self.inputs is None else self.inputs.to_json(),
            "outputs": None if self.outputs is None else self.outputs.to_json(),
            "params": self.params.to_json() if self.params else None,
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> ModelSignature:
        """Create a signature from the dict that an MLmodel file stores, one that MLflow wrote included.

        Args:
            fields: A mapping with "inputs", "outputs" and "params", each a schema as a JSON string. Each of them may be
                missing or None.

        Returns:
            The signature.

        Raises:
            InvalidParameter: If the fields are not a mapping, if a JSON string does not describe a schema, or if no
                schema is given.
        """
        if not isinstance(fields, Mapping):
            raise InvalidParameter(
                f"The fields of a signature must be a dict, as to_dict returns it, not {type(fields).__name__}."
            )
        inputs, outputs, params = (fields.get(name) for name in ("inputs", "outputs", "params"))
        return cls(
            Schema.from_json(inputs) if inputs else None,
            Schema.from_json(outputs) if outputs else None,
            ParamSchema.from_json(params) if params else None,
        )

    def __repr__(self) -> str:
        return f"inputs: \n  {self.inputs!r}\noutputs: \n  {self.outputs!r}\nparams: \n  {self.params!r}\n"


def as_signature(value: Any) -> ModelSignature | None:
    """Convert a caller's signature.

    Args:
        value: A ModelSignature, MLflow's (any object with `to_dict`), the dict that `to_dict` returns, or None.

    Returns:
        The signature, or None for None.

    Raises:
        InvalidParameter: If the value is none of these.
    """
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
    """Infer the signature of a model from examples of its inputs, its outputs and its params.

    A pandas, polars or Arrow table, a Series, a list, a dict or a scalar becomes a schema of columns. An array, a
    sparse matrix or a dict of arrays becomes a schema of tensors whose first dimension, the rows, may have any length.
    A column with missing values becomes optional. A column of a type that a signature cannot describe, such as uint64,
    timedelta or period, becomes "any": `predict` passes it on without a check. If the names of the columns cannot be
    stored (names of several levels, or duplicates), the columns are described by their positions. If the whole schema
    cannot be inferred, it is "any". In each of these cases a warning gives the reason.

    Args:
        model_input: A batch of data for `predict`, ideally with the missing values that can occur.
        model_output: The predictions for such a batch.
        params: A dict with the params of `predict`. Their values become the defaults. A value is a scalar, a dict or a
            one-dimensional list. None or an empty dict means that `predict` takes no params.

    Returns:
        The signature.

    Raises:
        InvalidParameter: If `model_input`, `model_output` and `params` are all missing, or if the type of a param
            cannot be inferred.

    Example:
        >>> import pandas
        >>> from nbtrack.models import infer_signature
        >>> table = pandas.DataFrame({"age": [30.0, None], "name": ["Ada", "Bo"]})
        >>> infer_signature(table).inputs
        ['age': double (optional), 'name': string (required)]
    """
    schemas: dict[str, Any] = {"params": infer_params(params) if params else None}
    for name, data in (("inputs", model_input), ("outputs", model_output)):
        notes: list[str] = []
        try:
            schemas[name] = None if data is None else infer_schema(data, notes)
        except Exception as error:  # whatever a container of any type raises
            warnings.warn(
                f"The schema of the model's {name} is recorded as 'any', so predict() does not check this data. The "
                f"schema could not be inferred: {error}",
                stacklevel=2,
            )
            schemas[name] = Schema([ColSpec(AnyType())])
        if notes:
            warnings.warn(f"In the schema of the model's {name}, {'; '.join(notes)}.", stacklevel=2)
    return ModelSignature(**schemas)
