"""The schemas of a model's data: columns or tensors, and params, with MLflow's names and its JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import InvalidParameter
from .column_types import ColumnType, DataType, Object, checked_type, listed, type_from_dict
from .values import convert_param

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, init=False)
class ColSpec:
    """A column of a schema: its type, its name, and whether it is required.

    An optional column may be missing from the data, and may contain missing values.

    Args:
        type: The type of the values: a DataType, its name (for example "double"), an Array, an Object, a Map or an
            AnyType.
        name: The name of the column. None if it is identified by its position.
        required: False if the column is optional. A column without a name is always required.

    Raises:
        InvalidParameter: If `type` is not a valid data type, or if `name` is neither a string nor a number.
    """

    type: ColumnType
    name: str | None
    required: bool

    def __init__(self, type: ColumnType | str, name: str | None = None, required: bool = True) -> None:
        object.__setattr__(self, "type", checked_type(type))
        object.__setattr__(self, "name", _checked_name(name, "column"))
        object.__setattr__(self, "required", required)

    def to_dict(self) -> dict[str, Any]:
        """Return the column as MLflow's JSON describes it.

        Returns:
            A dict with the keys "type" and "required", and "name" if the column has one.
        """
        name = {} if self.name is None else {"name": self.name}
        return {**self.type.to_dict(), **name, "required": self.required}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> ColSpec:
        """Create a column from the dict that `to_dict` returns.

        Args:
            fields: The column as MLflow's JSON describes it. A column without the key "required" is required.

        Returns:
            The column.

        Raises:
            InvalidParameter: If the fields do not describe a column.
        """
        if not isinstance(fields, Mapping):
            raise InvalidParameter(f"These fields do not describe a column: {fields!r:.200}.")
        name: Any = fields.get("name")
        # Earlier versions of nbtrack stored names of several levels, which JSON turns into lists.
        name = tuple(name) if isinstance(name, list) else name
        return cls(type_from_dict(fields), name, bool(fields.get("required", True)))

    def __repr__(self) -> str:
        required = "required" if self.required else "optional"
        return f"{self.type!r} ({required})" if self.name is None else f"{self.name!r}: {self.type!r} ({required})"


@dataclass(frozen=True, init=False)
class TensorSpec:
    """A tensor of a schema: its dtype, its shape and its name.

    Args:
        type: The NumPy dtype, or its name. The length of strings is dropped: `<U7` becomes `str`.
        shape: The length of each dimension. -1 means any length. The first dimension, the rows, usually has it.
        name: The name of the tensor. None if it is the only one.

    Raises:
        InvalidParameter: If `type` is not a valid NumPy dtype, if it is a structured one, which has no name, or if
            `shape` is not a list of integers of at least -1.
    """

    dtype: str
    shape: tuple[int, ...]
    name: str | None

    def __init__(self, type: np.dtype[Any] | str, shape: Sequence[int], name: str | None = None) -> None:
        import numpy

        try:
            # NumPy takes None for float64.
            dtype = numpy.dtype("no dtype" if type is None else type)
        except (TypeError, ValueError):
            raise InvalidParameter(f"{type!r:.80} is not a valid NumPy dtype.") from None
        if dtype.kind == "V":
            raise InvalidParameter(f"Arrays of the structured dtype {dtype!s:.80} are not supported in a signature.")
        object.__setattr__(self, "dtype", tensor_dtype(dtype).name)
        object.__setattr__(self, "shape", _checked_shape(shape))
        object.__setattr__(self, "name", _checked_name(name, "tensor"))

    @property
    def type(self) -> np.dtype[Any]:
        """The NumPy dtype."""
        import numpy

        return numpy.dtype(self.dtype)

    @property
    def required(self) -> bool:
        """Always True: a tensor cannot be optional."""
        return True

    def to_dict(self) -> dict[str, Any]:
        """Return the tensor as MLflow's JSON describes it.

        Returns:
            A dict with the keys "type" (always "tensor") and "tensor-spec", and "name" if the tensor has one.
        """
        name = {} if self.name is None else {"name": self.name}
        return {**name, "type": "tensor", "tensor-spec": {"dtype": self.dtype, "shape": list(self.shape)}}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> TensorSpec:
        """Create a tensor from the dict that `to_dict` returns.

        Args:
            fields: The tensor as MLflow's JSON describes it.

        Returns:
            The tensor.

        Raises:
            InvalidParameter: If the fields do not describe a tensor.
        """
        try:
            spec = fields["tensor-spec"]
            return cls(spec["dtype"], spec["shape"], fields.get("name"))
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidParameter(f"These fields do not describe a tensor: {fields!r:.200}.") from error

    def __repr__(self) -> str:
        tensor = f"Tensor({self.dtype!r}, {self.shape!r})"
        return tensor if self.name is None else f"{self.name!r}: {tensor}"


Input: TypeAlias = ColSpec | TensorSpec


def _checked_name(name: Any, what: str) -> Any:
    """Return the name of a column or tensor. A tuple has the parts of a name of several levels."""
    if name is not None and not isinstance(name, str | int | float | tuple):
        raise InvalidParameter(f"The name of a {what} must be a string, a number or None, not {name!r:.80}.")
    return name


def _checked_shape(shape: Any) -> tuple[int, ...]:
    import numpy

    lengths = shape.tolist() if isinstance(shape, numpy.ndarray) else shape
    whole = isinstance(lengths, list | tuple) and all(
        isinstance(length, int | numpy.integer) and length >= -1 for length in lengths
    )
    if not whole:
        raise InvalidParameter(f"The shape of a tensor must be a list of integers of at least -1, not {shape!r:.80}.")
    return tuple(int(length) for length in lengths)


def tensor_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype without the length of its strings: `<U7` becomes `str`."""
    import numpy

    return numpy.dtype({"U": "str", "S": "bytes"}.get(dtype.char, dtype))


@dataclass(frozen=True, init=False)
class Schema:
    """The columns or the tensors of a model's inputs or outputs, in their order.

    Iterating over a schema gives its columns or tensors, and `len` counts them.

    Args:
        inputs: Only columns (ColSpec) or only tensors (TensorSpec). Either all have names, which must be unique, or
            none has one. Two or more tensors must have names.

    Raises:
        InvalidParameter: If there are no inputs, or if they break one of these rules.
    """

    inputs: list[Input]

    def __init__(self, inputs: Sequence[Input]) -> None:
        inputs = listed(inputs, (ColSpec, TensorSpec), "The inputs of a schema")
        object.__setattr__(self, "inputs", inputs)
        named = {each.name is not None for each in inputs}
        names = [each.name for each in inputs if each.name is not None]
        if not inputs:
            raise InvalidParameter("A schema must have at least one column or tensor.")
        if len({type(each) for each in inputs}) > 1:
            raise InvalidParameter("The inputs of a schema must be all columns (ColSpec) or all tensors (TensorSpec).")
        if len(named) > 1:
            raise InvalidParameter("Either all columns or tensors of a schema must have names, or none of them.")
        if len(set(names)) < len(names):
            raise InvalidParameter(f"The names in a schema must be unique, not {names!r:.200}.")
        if not names and self.is_tensor_spec() and len(inputs) > 1:
            raise InvalidParameter("The tensors of a schema must have names if there is more than one.")
        if not names and not all(each.required for each in inputs):
            raise InvalidParameter(
                "A column without a name must be required, because it cannot be identified when it is missing."
            )

    def is_tensor_spec(self) -> bool:
        """Return whether the schema has tensors instead of columns.

        Returns:
            True for tensors, False for columns.
        """
        return isinstance(self.inputs[0], TensorSpec)

    def has_input_names(self) -> bool:
        """Return whether the columns or tensors have names.

        Returns:
            True if all have names, False if none has one.
        """
        return self.inputs[0].name is not None

    def input_names(self) -> list[str | int]:
        """Return the names of the columns or tensors.

        Returns:
            The names in order, or the positions 0, 1, 2 and so on if there are no names.
        """
        return [position if each.name is None else each.name for position, each in enumerate(self.inputs)]

    def required_input_names(self) -> list[str | int]:
        """Return the names of the required columns or tensors.

        Returns:
            The names in order, or the positions if there are no names.
        """
        return [name for name, each in zip(self.input_names(), self.inputs, strict=True) if each.required]

    def optional_input_names(self) -> list[str | int]:
        """Return the names of the optional columns.

        Returns:
            The names in order. The list is empty for tensors and for columns without names, which are always required.
        """
        return [name for name, each in zip(self.input_names(), self.inputs, strict=True) if not each.required]

    def input_types(self) -> list[Any]:
        """Return the types of the columns or tensors.

        Returns:
            In order, the data type of each column, or the NumPy dtype of each tensor.
        """
        return [each.type for each in self.inputs]

    def input_dict(self) -> dict[str, Input]:
        """Return the columns or tensors by name.

        Returns:
            A dict from names to columns or tensors. It is empty if they have no names.
        """
        return {each.name: each for each in self.inputs if each.name is not None}

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the schema as MLflow's JSON describes it.

        Returns:
            A list with one dict per column or tensor.
        """
        return [each.to_dict() for each in self.inputs]

    def to_json(self) -> str:
        """Return the schema as the JSON string that the MLmodel file stores.

        Returns:
            A JSON list of objects.
        """
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Schema:
        """Create a schema from the JSON string that `to_json` returns.

        Args:
            text: A JSON list of columns or tensors, as MLflow writes it.

        Returns:
            The schema.

        Raises:
            InvalidParameter: If the string is not such a list.
        """
        return cls(
            [TensorSpec.from_dict(x) if x.get("type") == "tensor" else ColSpec.from_dict(x) for x in _list(text)]
        )

    def __len__(self) -> int:
        return len(self.inputs)

    def __iter__(self) -> Iterator[Input]:
        return iter(self.inputs)

    def __repr__(self) -> str:
        return repr(self.inputs)


@dataclass(frozen=True, init=False)
class ParamSpec:
    """A param of `predict`: its name, its type and its default.

    Args:
        name: The name of the param.
        dtype: The type of a value: a scalar DataType other than binary, its name, or an Object.
        default: The value if the caller passes none. It is converted to `dtype`, and may be None.
        shape: None for a single value, or (-1,) for a list of values.

    Raises:
        InvalidParameter: If the name is not a string, if the type or the shape is not allowed, or if the default
            cannot be converted to the type without loss.
    """

    name: str
    dtype: DataType | Object
    default: Any
    shape: tuple[int, ...] | None

    def __init__(
        self, name: str, dtype: DataType | Object | str, default: Any, shape: Sequence[int] | None = None
    ) -> None:
        if not isinstance(name, str):
            raise InvalidParameter(f"The name of a param must be a string, not {name!r:.80}.")
        checked = checked_type(dtype)
        if not isinstance(checked, DataType | Object) or checked is DataType.binary:
            raise InvalidParameter(
                f"Param {name!r:.80} cannot be of type {checked!r}. Its type must be an Object, or a scalar type other "
                "than binary."
            )
        if shape is not None and not (isinstance(shape, list | tuple) and tuple(shape) == (-1,)):
            raise InvalidParameter(
                f"The shape of param {name!r:.80} must be None, or (-1,) for a list, not {shape!r:.80}."
            )
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "dtype", checked)
        object.__setattr__(self, "shape", None if shape is None else tuple(shape))
        object.__setattr__(self, "default", None)
        object.__setattr__(self, "default", param_value(self, default))

    def to_dict(self) -> dict[str, Any]:
        """Return the param as MLflow's JSON describes it.

        Returns:
            A dict with the keys "name", "type", "default" and "shape". Times are ISO 8601 strings.
        """
        default = self.default
        if self.dtype is DataType.datetime and default is not None:
            default = default.isoformat() if self.shape is None else [value.isoformat() for value in default]
        shape = None if self.shape is None else list(self.shape)
        return {"name": self.name, "default": default, "shape": shape, **self.dtype.to_dict()}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> ParamSpec:
        """Create a param from the dict that `to_dict` returns.

        Args:
            fields: The param as MLflow's JSON describes it. Early versions of MLflow wrote "dtype" for "type".

        Returns:
            The param.

        Raises:
            InvalidParameter: If the fields do not describe a param.
        """
        try:
            # Early versions of MLflow wrote "dtype".
            dtype = type_from_dict({**fields, "type": fields.get("type") or fields["dtype"]})
            return cls(fields["name"], dtype, fields["default"], fields.get("shape"))  # type: ignore[arg-type]
        except (KeyError, TypeError) as error:
            raise InvalidParameter(f"These fields do not describe a param: {fields!r:.200}.") from error

    def __repr__(self) -> str:
        shape = "" if self.shape is None else f" (shape: {self.shape})"
        return f"{self.name!r}: {self.dtype!r} (default: {self.default}){shape}"


def param_value(spec: ParamSpec, value: Any) -> Any:
    """Return a param as Python's own type. Raises InvalidParameter, with its name, if it is of another type."""
    return convert_param(value, spec.name, spec.dtype, is_list=spec.shape is not None)


@dataclass(frozen=True, init=False)
class ParamSchema:
    """The params that `predict` takes.

    Iterating over the schema gives its params, and `len` counts them.

    Args:
        params: The params. Their names must be unique.

    Raises:
        InvalidParameter: If one is not a ParamSpec, or if two params have the same name.
    """

    params: list[ParamSpec]

    def __init__(self, params: Sequence[ParamSpec]) -> None:
        params = listed(params, ParamSpec, "The params of a schema")
        names = [param.name for param in params]
        if len(set(names)) < len(names):
            raise InvalidParameter(f"The names of params must be unique, not {names!r:.200}.")
        object.__setattr__(self, "params", params)

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the params as MLflow's JSON describes them.

        Returns:
            A list with one dict per param.
        """
        return [param.to_dict() for param in self.params]

    def to_json(self) -> str:
        """Return the schema as the JSON string that the MLmodel file stores.

        Returns:
            A JSON list of objects.
        """
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> ParamSchema:
        """Create a schema from the JSON string that `to_json` returns.

        Args:
            text: A JSON list of params, as MLflow writes it.

        Returns:
            The schema.

        Raises:
            InvalidParameter: If the string is not such a list.
        """
        return cls([ParamSpec.from_dict(fields) for fields in _list(text)])

    def __len__(self) -> int:
        return len(self.params)

    def __iter__(self) -> Iterator[ParamSpec]:
        return iter(self.params)

    def __repr__(self) -> str:
        return repr(self.params)


def _list(text: str) -> list[dict[str, Any]]:
    try:
        fields = json.loads(text)
    except (TypeError, ValueError) as error:
        raise InvalidParameter(f"A schema must be a JSON list of objects: {error}.") from error
    if not isinstance(fields, list) or not all(isinstance(each, dict) for each in fields):
        raise InvalidParameter(f"A schema must be a JSON list of objects, not {text!r:.200}.")
    return fields
