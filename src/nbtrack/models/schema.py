"""What a model takes and gives: columns or tensors, and parameters, with MLflow's names and its JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import InvalidParameter
from .column_types import ColumnType, DataType, Object, checked_type, type_from_dict
from .values import convert_param

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, init=False)
class ColSpec:
    """A column: its type, and its name where it has one. An optional one may be missing, or have missing values."""

    type: ColumnType
    name: str | None
    required: bool

    def __init__(self, type: ColumnType | str, name: str | None = None, required: bool = True) -> None:
        object.__setattr__(self, "type", checked_type(type))
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "required", required)

    def to_dict(self) -> dict[str, Any]:
        name = {} if self.name is None else {"name": self.name}
        return {**self.type.to_dict(), **name, "required": self.required}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> ColSpec:
        return cls(type_from_dict(fields), fields.get("name"), bool(fields.get("required", True)))

    def __repr__(self) -> str:
        required = "required" if self.required else "optional"
        return f"{self.type!r} ({required})" if self.name is None else f"{self.name!r}: {self.type!r} ({required})"


@dataclass(frozen=True, init=False)
class TensorSpec:
    """A tensor: its dtype, and its shape with -1 where any length will do."""

    dtype: str
    shape: tuple[int, ...]
    name: str | None

    def __init__(self, type: np.dtype[Any] | str, shape: Sequence[int], name: str | None = None) -> None:
        import numpy

        try:
            dtype = numpy.dtype(type)
        except TypeError:
            raise InvalidParameter(f"{type!r:.80} is not a valid NumPy dtype.") from None
        object.__setattr__(self, "dtype", tensor_dtype(dtype).name)
        object.__setattr__(self, "shape", tuple(int(length) for length in shape))
        object.__setattr__(self, "name", name)

    @property
    def type(self) -> np.dtype[Any]:
        """The dtype as NumPy's."""
        import numpy

        return numpy.dtype(self.dtype)

    @property
    def required(self) -> bool:
        return True

    def to_dict(self) -> dict[str, Any]:
        name = {} if self.name is None else {"name": self.name}
        return {**name, "type": "tensor", "tensor-spec": {"dtype": self.dtype, "shape": list(self.shape)}}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> TensorSpec:
        try:
            spec = fields["tensor-spec"]
            return cls(spec["dtype"], spec["shape"], fields.get("name"))
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidParameter(f"These fields do not describe a tensor: {fields!r:.200}.") from error

    def __repr__(self) -> str:
        tensor = f"Tensor({self.dtype!r}, {self.shape!r})"
        return tensor if self.name is None else f"{self.name!r}: {tensor}"


Input: TypeAlias = ColSpec | TensorSpec


def tensor_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype without the length of its texts: `<U7` is `str`."""
    import numpy

    return numpy.dtype({"U": "str", "S": "bytes"}.get(dtype.char, dtype))


@dataclass(frozen=True, init=False)
class Schema:
    """Columns or tensors, in their order: all with names or none, and no mixture of the two."""

    inputs: list[Input]

    def __init__(self, inputs: Sequence[Input]) -> None:
        object.__setattr__(self, "inputs", list(inputs))
        named = {each.name is not None for each in inputs}
        names = [each.name for each in inputs if each.name is not None]
        if not inputs:
            raise InvalidParameter("A schema must have at least one column or tensor.")
        if len({type(each) for each in inputs}) > 1 or not isinstance(self.inputs[0], ColSpec | TensorSpec):
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
        """Whether it has tensors, not columns."""
        return isinstance(self.inputs[0], TensorSpec)

    def has_input_names(self) -> bool:
        """Whether its columns or tensors have names."""
        return self.inputs[0].name is not None

    def input_names(self) -> list[str | int]:
        """The names; the positions, where there are none."""
        return [position if each.name is None else each.name for position, each in enumerate(self.inputs)]

    def required_input_names(self) -> list[str | int]:
        return [name for name, each in zip(self.input_names(), self.inputs, strict=True) if each.required]

    def optional_input_names(self) -> list[str | int]:
        return [name for name, each in zip(self.input_names(), self.inputs, strict=True) if not each.required]

    def input_types(self) -> list[Any]:
        return [each.type for each in self.inputs]

    def input_dict(self) -> dict[str, Input]:
        """The columns or tensors by name; {} where they have none."""
        return {each.name: each for each in self.inputs if each.name is not None}

    def to_dict(self) -> list[dict[str, Any]]:
        return [each.to_dict() for each in self.inputs]

    def to_json(self) -> str:
        """The text in MLmodel."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Schema:
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
    """A parameter of `predict`: a value of one type, or a list of such (`shape` is (-1,) then), and its default."""

    name: str
    dtype: DataType | Object
    default: Any
    shape: tuple[int, ...] | None

    def __init__(
        self, name: str, dtype: DataType | Object | str, default: Any, shape: Sequence[int] | None = None
    ) -> None:
        checked = checked_type(dtype)
        if not isinstance(checked, DataType | Object) or checked is DataType.binary:
            raise InvalidParameter(
                f"Param {name!r:.80} cannot be of type {checked!r}. Its type must be an Object, or a scalar type other "
                "than binary."
            )
        if shape is not None and tuple(shape) != (-1,):
            raise InvalidParameter(
                f"The shape of param {name!r:.80} must be None, or (-1,) for a list, not {shape!r:.80}."
            )
        object.__setattr__(self, "name", str(name))
        object.__setattr__(self, "dtype", checked)
        object.__setattr__(self, "shape", None if shape is None else tuple(shape))
        object.__setattr__(self, "default", None)
        object.__setattr__(self, "default", param_value(self, default))

    def to_dict(self) -> dict[str, Any]:
        default = self.default
        if self.dtype is DataType.datetime and default is not None:
            default = default.isoformat() if self.shape is None else [value.isoformat() for value in default]
        shape = None if self.shape is None else list(self.shape)
        return {"name": self.name, "default": default, "shape": shape, **self.dtype.to_dict()}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> ParamSpec:
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
    """One param as Python's own type; InvalidParameter, with its name, where it is of a wrong type."""
    return convert_param(value, spec.name, spec.dtype, is_list=spec.shape is not None)


@dataclass(frozen=True, init=False)
class ParamSchema:
    """The parameters that `predict` takes."""

    params: list[ParamSpec]

    def __init__(self, params: Sequence[ParamSpec]) -> None:
        names = [param.name for param in params]
        if len(set(names)) < len(names):
            raise InvalidParameter(f"The names of params must be unique, not {names!r:.200}.")
        object.__setattr__(self, "params", list(params))

    def to_dict(self) -> list[dict[str, Any]]:
        return [param.to_dict() for param in self.params]

    def to_json(self) -> str:
        """The text in MLmodel."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> ParamSchema:
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
        raise InvalidParameter(f"A schema must be a JSON list of objects: {error}") from error
    if not isinstance(fields, list) or not all(isinstance(each, dict) for each in fields):
        raise InvalidParameter(f"A schema must be a JSON list of objects, not {text!r:.200}.")
    return fields
