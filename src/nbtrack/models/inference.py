"""Infer a schema from data by MLflow's rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import InvalidParameter
from ..tables.cells import is_missing
from .column_types import AnyType, Array, ColumnType, DataType, Object, Property, merged
from .schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec
from .values import is_sparse, is_time, plain

if TYPE_CHECKING:
    import pandas as pd


def infer_schema(data: Any, notes: list[str] | None = None) -> Schema:
    """Return the schema of a batch of data.

    If `notes` is given, a column of a table that cannot be described is "any", names that JSON cannot store are left
    out, and both are added to the notes.

    Raises:
        InvalidParameter: If the schema cannot be inferred.
    """
    import numpy
    import pandas

    data = plain(data)
    if isinstance(data, pandas.Series):
        data = data.to_frame(data.name)
    if isinstance(data, pandas.DataFrame):
        return _table(data, notes)
    if isinstance(data, numpy.ndarray) or is_sparse(data):
        return Schema([_tensor(data)])
    if isinstance(data, dict) and data and all(isinstance(value, numpy.ndarray) for value in data.values()):
        return Schema([_tensor(value, name) for name, value in data.items()])
    if isinstance(data, dict):
        if not all(isinstance(name, str) for name in data):
            raise InvalidParameter("The keys of a dict must be strings, because they are the names of its columns.")
        return Schema([ColSpec(_known_type(value), name, _has_all_values(value)) for name, value in data.items()])
    if isinstance(data, list) and not data:
        # MLflow infers strings from an empty list.
        return Schema([ColSpec(DataType.string)])
    if isinstance(data, list) and all(isinstance(row, dict) for row in data):
        names = dict.fromkeys(name for row in data for name in row)
        return Schema(
            [
                ColSpec(
                    _common_type([row[name] for row in data if name in row]),
                    name,
                    all(row.get(name) is not None for row in data),
                )
                for name in names
            ]
        )
    if isinstance(data, list):
        return Schema([ColSpec(_common_type(data))])
    return Schema([ColSpec(_known_type(data))])


def infer_params(params: Mapping[str, Any]) -> ParamSchema:
    """Return the schema of the params of `predict`, with their values as the defaults."""
    if not isinstance(params, Mapping):
        raise InvalidParameter(f"params must be a dict of names and values, not {type(params).__name__}.")
    return ParamSchema([_param(str(name), value) for name, value in params.items()])


def numpy_type(dtype: Any) -> DataType:
    """Return the data type for a NumPy or pandas dtype. Raises InvalidParameter if MLflow has none."""
    dtype = getattr(dtype, "subtype", dtype) if type(dtype).__name__ == "SparseDtype" else dtype
    kind, size = dtype.kind, getattr(dtype, "itemsize", 0)
    if kind in "iu":
        if size < 4 or (kind == "i" and size == 4):
            return DataType.integer
        if size < 8 or kind == "i":
            return DataType.long
    if kind == "f" and size <= 8:
        return DataType.float if size <= 4 else DataType.double
    named = {"b": DataType.boolean, "U": DataType.string, "S": DataType.binary, "M": DataType.datetime}
    if kind not in named:
        raise InvalidParameter(f"Values of dtype {dtype} are not supported in a signature.")
    return named[kind]


def _table(frame: pd.DataFrame, notes: list[str] | None) -> Schema:
    """Return the schema of a table. Names are stored as JSON, so only strings and integers can be."""
    names: list[Any] = [int(name) if _is_integer(name) else name for name in frame.columns]
    if not all(isinstance(name, str | int) for name in names) or len(set(names)) < len(names):
        if notes is None and names != [None]:
            raise InvalidParameter(f"The names of columns must be unique strings or integers, not {names!r:.200}.")
        if notes is not None and names != [None]:
            notes.append(
                "its columns are described by their positions, because a signature can only store names that are "
                "unique strings or integers"
            )
        names = [None] * len(names)
    columns, unknown = [], []
    for place, name in enumerate(names):
        column = frame.iloc[:, place]
        try:
            columns.append(_column(column, name))
        except InvalidParameter as error:
            if notes is None:
                raise
            shown = frame.columns[place]
            unknown.append(f"{shown!r:.80} ({error.message.rstrip('.')})")
            columns.append(ColSpec(AnyType(), name, name is None or not column.hasnans))
    if unknown and notes is not None:
        more = f" and {len(unknown) - 10} more" if len(unknown) > 10 else ""
        notes.append(f"predict does not check these columns: {', '.join(unknown[:10])}{more}")
    return Schema(columns)


def _is_integer(name: Any) -> bool:
    import numpy

    return isinstance(name, int | numpy.integer) and not isinstance(name, bool)


def _column(column: pd.Series[Any], name: Any) -> ColSpec:
    import pandas

    if column.dtype.kind == "O":
        column = column.infer_objects()
    # A column without a name cannot be optional, but may contain missing values.
    required = name is None or not any(is_missing(value) for value in column)
    if column.dtype.kind != "O":
        return ColSpec(numpy_type(column.dtype), name, required)
    try:
        return ColSpec(_common_type(column.to_list()), name, required)
    except InvalidParameter:
        if pandas.api.types.is_string_dtype(column):
            return ColSpec(DataType.string, name, required)
        raise


def _tensor(data: Any, name: str | None = None) -> TensorSpec:
    if not data.shape:
        raise InvalidParameter("The array must have at least one dimension, which counts the rows of the batch.")
    return TensorSpec(data.dtype, (-1, *data.shape[1:]), name)


def _has_all_values(value: Any) -> bool:
    return not (any(is_missing(item) for item in value) if isinstance(value, list) else is_missing(value))


def _common_type(values: Iterable[Any]) -> ColumnType:
    """Return the type that the values have in common."""
    found = _array(values)
    if found is None:
        raise InvalidParameter("The type of a column that holds only empty arrays cannot be inferred.")
    return _accepting(found.dtype, values)


def _known_type(value: Any) -> ColumnType:
    found = _type(value)
    if found is None:
        raise InvalidParameter("The type of an empty array cannot be inferred.")
    return _accepting(found, [value])


def _accepting(dtype: ColumnType, values: Iterable[Any]) -> ColumnType:
    """Return the type, with "any" in the places where a value is an empty list or dict that it would not accept.

    MLflow's rules give empty lists and dicts the type of the other values, and its `predict` turns them into NaN or
    refuses the batch.
    """
    import numpy

    if isinstance(values, numpy.ndarray) and values.dtype.kind != "O":
        return dtype
    is_empty = {kind: any(type(value) is kind and not value for value in values) for kind in (list, dict)}
    if isinstance(dtype, Array):
        inner = [value for value in values if isinstance(value, list | numpy.ndarray)]
        items = dtype.dtype
        for value in inner:
            items = _accepting(items, value)
        return AnyType() if is_empty[dict] else dtype if items is dtype.dtype else Array(items)
    if isinstance(dtype, Object):
        dicts = [value for value in values if isinstance(value, dict)]
        properties = []
        for each in dtype.properties:
            inner_type = _accepting(each.dtype, [value[each.name] for value in dicts if each.name in value])
            properties.append(each if inner_type is each.dtype else Property(each.name, inner_type, each.required))
        return AnyType() if is_empty[list] else Object(properties)
    return AnyType() if any(is_empty.values()) and not isinstance(dtype, AnyType) else dtype


def _type(value: Any) -> ColumnType | None:
    """Return the type of one value, or None for an empty array, whose type cannot be inferred."""
    import numpy

    if is_missing(value) or (isinstance(value, list | dict) and not value):
        return AnyType()
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise InvalidParameter("The keys of a dict must be strings.")
        types = {name: _known_type(inner) for name, inner in value.items()}
        return Object([Property(name, dtype, not isinstance(dtype, AnyType)) for name, dtype in types.items()])
    if isinstance(value, list | numpy.ndarray):
        return _array(value)
    return _scalar(value)


def _array(values: Iterable[Any]) -> Array | None:
    found: ColumnType | None = None
    for value in values:
        dtype = _type(value)
        if dtype is not None:
            found = dtype if found is None else merged(found, dtype)
    return None if found is None else Array(found)


def _scalar(value: Any) -> DataType:
    import numpy

    # Only the exact types count, as in MLflow, because a subclass may behave differently.
    known: dict[type, DataType] = {
        bool: DataType.boolean,
        numpy.bool_: DataType.boolean,
        int: DataType.long,
        numpy.int64: DataType.long,
        numpy.int32: DataType.integer,
        float: DataType.double,
        numpy.float64: DataType.double,
        numpy.float32: DataType.float,
        str: DataType.string,
        numpy.str_: DataType.string,
        bytes: DataType.binary,
        numpy.bytes_: DataType.binary,
        bytearray: DataType.binary,
    }
    if type(value) in known:
        return known[type(value)]
    if is_time(value):
        return DataType.datetime
    raise InvalidParameter(f"Values of type {type(value).__name__} are not supported in a signature.")


def _param(name: str, value: Any) -> ParamSpec:
    import numpy

    if isinstance(value, dict):
        dtype = _type(value)
        if not isinstance(dtype, Object):
            raise InvalidParameter(
                f"Param {name!r:.80} must not be an empty dict, because its type cannot be inferred."
            )
        return ParamSpec(name, dtype, value)
    if isinstance(value, list | tuple | numpy.ndarray):
        try:
            array = numpy.asarray(value)
        except ValueError:  # inner lists of different lengths
            array = numpy.empty((0, 0))
        if array.ndim != 1:
            raise InvalidParameter(f"Param {name!r:.80} must be a scalar, a dict or a one-dimensional list.")
        times = len(value) > 0 and all(is_time(item) for item in value)
        return ParamSpec(name, DataType.datetime if times else numpy_type(array.dtype), list(value), (-1,))
    if is_time(value):
        return ParamSpec(name, DataType.datetime, value)
    if not numpy.isscalar(value):
        raise InvalidParameter(f"Param {name!r:.80} must be a scalar, a dict or a one-dimensional list.")
    return ParamSpec(name, numpy_type(numpy.asarray(value).dtype), value)
