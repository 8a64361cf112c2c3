"""The types of columns, properties and params, with MLflow's names and its JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from ..errors import InvalidParameter

if TYPE_CHECKING:
    import numpy as np


class DataType(Enum):
    """A scalar type of a column, a property or a param. The names are MLflow's.

    Attributes:
        boolean: True or False.
        integer: A 32-bit signed integer.
        long: A 64-bit signed integer.
        float: A 32-bit floating-point number.
        double: A 64-bit floating-point number.
        string: A string.
        binary: Bytes.
        datetime: A date and time with nanoseconds and without a time zone.
    """

    boolean = 1
    integer = 2
    long = 3
    float = 4
    double = 5
    string = 6
    binary = 7
    datetime = 8

    def __repr__(self) -> str:
        return self.name

    def to_numpy(self) -> np.dtype[Any]:
        """Return the dtype of a NumPy array with such values.

        Returns:
            The dtype, for example int32 for `integer`.
        """
        return _numpy_dtype(_NUMPY[self.name])

    def to_pandas(self) -> np.dtype[Any]:
        """Return the dtype of a DataFrame's column with such values.

        Returns:
            The dtype that `to_numpy` returns, but object for strings and bytes.
        """
        return _numpy_dtype("object" if self in (DataType.string, DataType.binary) else _NUMPY[self.name])

    def to_python(self) -> type:
        """Return the Python type of one value.

        Returns:
            bool, int, float, str, bytes or datetime.datetime.
        """
        import datetime

        kinds = {"boolean": bool, "integer": int, "long": int, "string": str, "binary": bytes}
        return datetime.datetime if self is DataType.datetime else kinds.get(self.name, float)

    def to_dict(self) -> dict[str, Any]:
        """Return the type as MLflow's JSON describes it.

        Returns:
            A dict with the key "type".
        """
        return {"type": self.name}


_NUMPY = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "string": "str",
    "binary": "bytes",
    "datetime": "datetime64[ns]",
}


@cache
def _numpy_dtype(name: str) -> np.dtype[Any]:
    import numpy

    return numpy.dtype(name)


@dataclass(frozen=True)
class AnyType:
    """A value of any type, which `predict` does not check."""

    def to_dict(self) -> dict[str, Any]:
        """Return the type as MLflow's JSON describes it.

        Returns:
            A dict with the key "type".
        """
        return {"type": "any"}

    def __repr__(self) -> str:
        return "any"


@dataclass(frozen=True)
class Array:
    """A list or an array of values of one type.

    Attributes:
        dtype: The type of the values: a DataType or its name, or an Array, an Object, a Map or an AnyType.
    """

    dtype: ColumnType

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", checked_type(self.dtype))

    def to_dict(self) -> dict[str, Any]:
        """Return the type as MLflow's JSON describes it.

        Returns:
            A dict with the keys "type" and "items".
        """
        return {"type": "array", "items": self.dtype.to_dict()}

    def __repr__(self) -> str:
        return f"Array({self.dtype!r})"


@dataclass(frozen=True, repr=False)
class SparkMLVector(Array):
    """An array of doubles that was a vector in Spark."""

    dtype: ColumnType = DataType.double

    def to_dict(self) -> dict[str, Any]:
        """Return the type as MLflow's JSON describes it."""
        return {"type": "sparkml_vector"}


@dataclass(frozen=True)
class Property:
    """A named value of an `Object`.

    Attributes:
        name: The key in the dict.
        dtype: The type of the value: a DataType or its name, or an Array, an Object, a Map or an AnyType.
        required: False if the key may be missing.
    """

    name: str
    dtype: ColumnType
    required: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise InvalidParameter(f"The name of a property must be a string, not {self.name!r:.80}.")
        object.__setattr__(self, "dtype", checked_type(self.dtype))

    def to_dict(self) -> dict[str, Any]:
        """Return the property as MLflow's JSON describes it.

        Returns:
            A dict with one key, the property's name.
        """
        return {self.name: {**self.dtype.to_dict(), "required": self.required}}

    def __repr__(self) -> str:
        return f"{self.name}: {self.dtype!r} ({'required' if self.required else 'optional'})"


@dataclass(frozen=True, init=False)
class Object:
    """A dict with known keys. Its properties are sorted by name.

    Args:
        properties: One or more properties with unique names.

    Raises:
        InvalidParameter: If there are no properties, if one is not a Property, or if two have the same name.
    """

    properties: tuple[Property, ...]

    def __init__(self, properties: Sequence[Property]) -> None:
        properties = listed(properties, Property, "The properties of an Object")
        names = [prop.name for prop in properties]
        if not names or len(set(names)) < len(names):
            raise InvalidParameter(f"An Object must have one or more properties with unique names, not {names!r:.200}.")
        object.__setattr__(self, "properties", tuple(sorted(properties, key=lambda prop: prop.name)))

    def to_dict(self) -> dict[str, Any]:
        """Return the type as MLflow's JSON describes it.

        Returns:
            A dict with the keys "type" and "properties".
        """
        return {"type": "object", "properties": {k: v for prop in self.properties for k, v in prop.to_dict().items()}}

    def __repr__(self) -> str:
        return "{" + ", ".join(map(repr, self.properties)) + "}"


@dataclass(frozen=True)
class Map:
    """A dict with any strings as keys, and values of one type.

    Attributes:
        value_type: The type of the values: a DataType or its name, or an Array, an Object, a Map or an AnyType.
    """

    value_type: ColumnType

    def __post_init__(self) -> None:
        object.__setattr__(self, "value_type", checked_type(self.value_type))

    def to_dict(self) -> dict[str, Any]:
        """Return the type as MLflow's JSON describes it.

        Returns:
            A dict with the keys "type" and "values".
        """
        return {"type": "map", "values": self.value_type.to_dict()}

    def __repr__(self) -> str:
        return f"Map(str -> {self.value_type!r})"


ColumnType: TypeAlias = DataType | Array | Object | Map | AnyType


_Item = TypeVar("_Item")


def listed(items: object, kinds: type[_Item] | tuple[type[_Item], ...], what: str) -> list[_Item]:
    """Return the items of a list. Raises InvalidParameter if it is not one, or if an item is of another class."""
    classes = kinds if isinstance(kinds, tuple) else (kinds,)
    wanted = " or ".join(kind.__name__ for kind in classes)
    if not isinstance(items, Iterable) or isinstance(items, str | bytes | Mapping):
        raise InvalidParameter(f"{what} must be a list of {wanted}, not {type(items).__name__}.")
    found = list(items)
    if wrong := [item for item in found if not isinstance(item, classes)]:
        raise InvalidParameter(f"{what} must be a list of {wanted}, but it contains {wrong[0]!r:.80}.")
    return found


def checked_type(dtype: object) -> ColumnType:
    """Return a data type, which may be given by the name of a scalar one. Raises InvalidParameter for anything else."""
    if isinstance(dtype, str):
        try:
            return DataType[dtype]
        except KeyError:
            names = ", ".join(DataType.__members__)
            raise InvalidParameter(f"{dtype!r:.80} is not a valid data type. The scalar types are {names}.") from None
    if not isinstance(dtype, DataType | Array | Object | Map | AnyType):
        raise InvalidParameter(
            "A data type must be a DataType or its name, an Array, an Object, a Map or an AnyType, not "
            f"{type(dtype).__name__}."
        )
    return dtype


def type_from_dict(fields: Mapping[str, Any]) -> ColumnType:
    """Return the type that `to_dict` described. Raises InvalidParameter if the fields do not describe one."""
    try:
        kind = fields["type"]
        if kind == "array":
            return Array(type_from_dict(fields["items"]))
        if kind == "object":
            return Object(
                [
                    Property(name, type_from_dict(value), bool(value.get("required", True)))
                    for name, value in fields["properties"].items()
                ]
            )
        if kind == "map":
            return Map(type_from_dict(fields["values"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidParameter(f"These fields do not describe a data type: {fields!r:.200}.") from error
    if kind == "any":
        return AnyType()
    return SparkMLVector() if kind == "sparkml_vector" else checked_type(kind)


def merged(one: ColumnType, other: ColumnType) -> ColumnType:
    """Return the type of values of which some have the one type and some have the other.

    A property that not all of the values have becomes optional. Raises InvalidParameter if no such type exists.
    """
    if isinstance(one, AnyType):
        return other if isinstance(other, DataType | AnyType) else merged(other, one)
    if isinstance(other, AnyType):
        if isinstance(one, Object):
            return Object([Property(prop.name, prop.dtype, False) for prop in one.properties])
        return one
    if isinstance(one, Object) and isinstance(other, Object):
        return _merged_objects(one, other)
    if one == other:
        return one
    if isinstance(one, Array) and isinstance(other, Array):
        return Array(merged(one.dtype, other.dtype))
    if isinstance(one, Map) and isinstance(other, Map):
        return Map(merged(one.value_type, other.value_type))
    raise InvalidParameter(f"All values of a column must have one type, not {one!r} and {other!r}.")


def _merged_objects(one: Object, other: Object) -> Object:
    left, right = ({prop.name: prop for prop in each.properties} for each in (one, other))
    properties = []
    for name in left | right:
        if name in left and name in right:
            both = merged(left[name].dtype, right[name].dtype)
            properties.append(Property(name, both, left[name].required and right[name].required))
        else:
            properties.append(Property(name, (left.get(name) or right[name]).dtype, False))
    return Object(properties)
