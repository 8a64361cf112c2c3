"""Check the data for `predict` against the signature, before the model gets it.

Missing columns and wrong types raise an error that names the column. Values that can be converted without loss are
converted by MLflow's rules: integers to wider integers, floats to wider floats, 32-bit integers to doubles, and times
to nanoseconds. Categories, times with a time zone and integers with missing values reach the model as they are, if
their values have the right type. Nothing is done to columns of the type "any".
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import InvalidParameter
from .column_types import AnyType, Array, ColumnType, DataType, Object
from .schema import ParamSchema, Schema, TensorSpec, param_value, tensor_dtype
from .values import convert_column, convert_value, described, is_array, is_sparse, plain, widens_by_dtype

if TYPE_CHECKING:
    import pandas as pd


def enforce(data: Any, schema: Schema) -> Any:
    """Return the data in the form that the schema requires: a DataFrame for columns, arrays for tensors.

    Columns are put in the schema's order, and columns that are not in the schema are dropped with a warning. Raises
    InvalidParameter with the name of the column or tensor that is missing or wrong.
    """
    import pandas

    data = plain(data)
    if isinstance(data, pandas.Series):
        data = pandas.DataFrame(data)
    if schema.is_tensor_spec():
        return _named_tensors(data, schema) if schema.has_input_names() else _tensor(data, schema)
    if not _describes_nothing(schema):
        return _columns(_frame(data, schema), schema)
    try:
        return _frame(data, schema)
    except InvalidParameter:
        return data


def enforce_params(params: Mapping[str, Any] | None, schema: ParamSchema | None) -> dict[str, Any] | None:
    """Return the params, with the defaults of those that were not given.

    Params that are not in the schema are dropped with a warning. Returns None if there is no schema and no params were
    given, as MLflow does.

    Raises:
        InvalidParameter: If the params are not a dict, or do not fit the schema.
    """
    if params and not isinstance(params, Mapping):
        raise InvalidParameter(f"params must be a dict, not {type(params).__name__}.")
    given = {str(name): value for name, value in (params or {}).items()}
    if schema is None:
        if given:
            warnings.warn(
                f"The model's signature has no params, so these params are ignored: {', '.join(given)}.", stacklevel=3
            )
        return None if params is None else {}
    known = {spec.name: spec for spec in schema}
    if unknown := [name for name in given if name not in known]:
        warnings.warn(
            f"These params are not in the model's signature and are ignored: {', '.join(unknown)}. "
            f"The signature has {', '.join(known)}.",
            stacklevel=3,
        )
    return {name: param_value(spec, given[name]) if name in given else spec.default for name, spec in known.items()}


def _describes_nothing(schema: Schema) -> bool:
    """Return whether this is the schema of data whose schema could not be inferred."""
    return len(schema) == 1 and schema.inputs[0].name is None and isinstance(schema.inputs[0].type, AnyType)


# ---------------------------------------------------------------- columns


def _frame(data: Any, schema: Schema) -> pd.DataFrame:
    import numpy
    import pandas

    if isinstance(data, pandas.DataFrame):
        return data
    if isinstance(data, dict):
        nested = any(isinstance(spec.type, Array | Object) for spec in schema)
        # With nested columns, a dict is one row, unless a column of single values holds several.
        nested = nested and not any(
            isinstance(spec.type, DataType) and isinstance(data.get(spec.name), list | numpy.ndarray | pandas.Series)
            for spec in schema
        )
        if nested or all(_is_one_value(value) for value in data.values()):
            return pandas.DataFrame([data])
        # A DataFrame does not accept an array of more than one dimension as a column. As lists, such columns are
        # refused below with their names.
        columns = {
            name: value.tolist() if isinstance(value, numpy.ndarray) and value.ndim > 1 else value
            for name, value in data.items()
        }
        return _table(columns)
    if isinstance(data, list) or (is_array(data) and data.ndim in (1, 2)):
        return _table(data)
    if numpy.isscalar(data):
        return pandas.DataFrame([data])
    raise InvalidParameter(
        f"The model's signature has columns, so the data must be a DataFrame, a dict or a list, not {described(data)}."
    )


def _table(data: Any) -> pd.DataFrame:
    """Return the data as a DataFrame. Raises InvalidParameter if its lengths or dimensions do not allow that."""
    import pandas

    try:
        return pandas.DataFrame(data)
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidParameter(
            f"The data ({described(data)}) cannot be converted to a DataFrame with the signature's columns: {error}"
        ) from error


def _is_one_value(value: Any) -> bool:
    """Return whether a value of a dict stands for one row."""
    import numpy

    if isinstance(value, numpy.ndarray):
        return bool(value.shape == () and value.dtype.kind == "U")
    strings = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return bool(value is None or numpy.isscalar(value) or strings)


def _columns(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    import pandas

    if not schema.has_input_names():
        return _columns_by_position(frame, schema)
    there = list(frame.columns)
    known, here = schema.input_dict(), set(there)
    missing = [name for name in schema.required_input_names() if name not in here]
    extra = [name for name in there if name not in known]
    if missing:
        unknown = f" The data has {_listed(extra)}, which the signature does not contain." if extra else ""
        raise InvalidParameter(
            f"The data does not have {_listed(missing)}, which the model's signature requires.{unknown}"
        )
    if extra:
        warnings.warn(f"Ignoring {_listed(extra)}, which the model's signature does not contain.", stacklevel=4)
    specs: list[tuple[Any, Any]] = [(spec.name, spec) for spec in schema if spec.name in here]
    # In the usual case all columns have the right dtype, and need no conversion one by one.
    dtypes = dict(zip(there, frame.dtypes, strict=True)) if len(here) == len(there) else {}
    right = {name for name, spec in specs if _is_right(dtypes.get(name), spec.type)}
    names = [name for name, _ in specs]
    if len(right) == len(specs):
        return frame[names]
    widened = _widened_at_once(frame, map(dtypes.get, names), [spec.type for _, spec in specs], names)
    if widened is not None:
        return widened
    columns = {name: frame[name] if name in right else _column(frame[name], spec, name) for name, spec in specs}
    return pandas.DataFrame(columns, index=frame.index)


def _columns_by_position(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return the first columns, which keep their names, of a table for a schema without names."""
    import pandas

    size, there = len(schema), list(frame.columns)
    if len(there) < size:
        raise InvalidParameter(
            f"The model's signature has {size} columns without names, but the data has only {len(there)}."
        )
    if len(there) > size:
        warnings.warn(
            f"Ignoring {_listed(there[size:])}, because the model's signature has only {size} columns.", stacklevel=5
        )
        frame = frame.iloc[:, :size]
    types: list[Any] = schema.input_types()
    if all(map(_is_right, frame.dtypes, types)):
        return frame
    if (widened := _widened_at_once(frame, frame.dtypes, types)) is not None:
        return widened
    columns = {place: _column(frame.iloc[:, place], spec, there[place]) for place, spec in enumerate(schema)}
    return pandas.DataFrame(columns, index=frame.index).set_axis(frame.columns, axis=1)


def _widened_at_once(
    frame: pd.DataFrame, dtypes: Iterable[Any], types: list[Any], names: list[Any] | None = None
) -> pd.DataFrame | None:
    """Return the columns with these names, or all, in the type of the signature, if a single `astype` can do that.

    It takes a fraction of the time of one `astype` for each column. Returns None if the columns have several types, or
    if their values must be looked at.
    """
    import pandas

    dtype = types[0] if types else None
    if not isinstance(dtype, DataType) or any(each is not dtype for each in types):
        return None
    if not all(widens_by_dtype(here, dtype) for here in dtypes):
        return None
    try:
        return (frame if names is None else frame[names]).astype(dtype.to_numpy())
    except pandas.errors.OutOfBoundsDatetime:
        return None


def _is_right(here: Any, wanted: ColumnType) -> bool:
    """Return whether a column of this dtype needs no conversion."""
    import pandas

    if here is None or not isinstance(wanted, DataType):
        return False
    strings = wanted in (DataType.string, DataType.binary) and isinstance(here, pandas.StringDtype)
    return strings or here == wanted.to_pandas()


def _column(values: pd.Series[Any], spec: Any, name: Any) -> pd.Series[Any]:
    import pandas

    if isinstance(values, pandas.DataFrame):
        raise InvalidParameter(f"The data has more than one column named {name!r:.80}.")
    if isinstance(spec.type, AnyType):
        return values
    # A column without a name cannot be optional, but may contain missing values.
    required = spec.required and spec.name is not None
    if isinstance(spec.type, DataType):
        return convert_column(values, spec.type, name, required)
    try:
        converted = [convert_value(value, spec.type, required) for value in values]
    except InvalidParameter as error:
        raise InvalidParameter(f"Column {name!r:.80} is not a valid {spec.type!r}: {error}") from error
    return pandas.Series(converted, index=values.index, name=name, dtype=None if converted else object)


# ---------------------------------------------------------------- tensors


def _named_tensors(data: Any, schema: Schema) -> dict[str, Any]:
    import numpy
    import pandas

    if isinstance(data, numpy.ndarray) and len(schema) == 1:
        data = {schema.inputs[0].name: data}
    if not isinstance(data, dict | pandas.DataFrame):
        raise InvalidParameter(
            "The model's signature has named tensors, so the data must be a dict of arrays, or a DataFrame with one "
            f"column per tensor, not {type(data).__name__}."
        )
    if missing := [name for name in schema.input_dict() if name not in data]:
        raise InvalidParameter(
            f"The data does not have {_listed(missing, 'tensor')}, which the model's signature requires."
        )
    found = {}
    for name, spec in schema.input_dict().items():
        assert isinstance(spec, TensorSpec)
        if isinstance(data, pandas.DataFrame):
            found[name] = _tensor_of_column(data[name], spec)
        elif not isinstance(data[name], numpy.ndarray):
            raise InvalidParameter(f"Tensor {name!r:.80} must be a NumPy array, not {type(data[name]).__name__}.")
        else:
            found[name] = _checked_tensor(data[name], spec)
    return found


def _tensor(data: Any, schema: Schema) -> Any:
    import numpy
    import pandas

    spec = schema.inputs[0]
    assert isinstance(spec, TensorSpec)
    if isinstance(data, pandas.DataFrame):
        if data.empty:
            raise InvalidParameter("The DataFrame must not be empty.")
        if len(data.columns) == 1:
            return _tensor_of_column(data[data.columns[0]], spec)
        return _checked_tensor(data.to_numpy(), spec)
    if isinstance(data, numpy.ndarray) or is_sparse(data):
        return _checked_tensor(data, spec)
    raise InvalidParameter(
        "The model's signature has one tensor without a name, so the data must be an array or a DataFrame, not "
        f"{type(data).__name__}."
    )


def _checked_tensor(values: Any, spec: TensorSpec) -> Any:
    what = "The tensor" if spec.name is None else f"Tensor {spec.name!r:.80}"
    dtype = (values if hasattr(values, "dtype") else values.data).dtype
    # Rows of different lengths are stored in an array of objects.
    ragged = dtype.kind == "O" and len(values.shape) == 1
    if (spec.shape == (-1,) and spec.dtype == "object") or (ragged and -1 in spec.shape[1:]):
        return values
    fits = len(values.shape) == len(spec.shape) and all(
        wanted in (-1, here) for wanted, here in zip(spec.shape, values.shape, strict=True)
    )
    if not fits:
        raise InvalidParameter(f"{what} has shape {values.shape}, but the model's signature requires {spec.shape}.")
    if tensor_dtype(dtype) != spec.type:
        raise InvalidParameter(f"{what} has dtype {dtype}, but the model's signature requires {spec.dtype}.")
    return values


def _tensor_of_column(column: pd.Series[Any], spec: TensorSpec) -> Any:
    """Return a tensor from a column that holds a number, a list or an array in each row."""
    import numpy
    import pandas

    if isinstance(column, pandas.DataFrame):
        raise InvalidParameter(f"The data has more than one column named {spec.name!r:.80}.")
    if not len(column) or spec.shape[:1] != (-1,) or -1 in spec.shape[1:]:
        raise InvalidParameter(
            f"Column {column.name!r:.80} cannot be converted to {spec!r}. The DataFrame must have rows, and the "
            "first dimension of the tensor, but no other, must be -1."
        )
    first = column.iloc[0]
    try:
        if numpy.isscalar(first):
            if spec.shape not in ((-1,), (-1, 1)):
                raise ValueError("Each row holds a single value.")
            return numpy.array(column, dtype=spec.type).reshape(spec.shape)
        rows = numpy.vstack(column.tolist()).reshape(spec.shape)
        if len(rows) != len(column):
            raise ValueError(f"Each row has shape {numpy.shape(first)}.")
        # An array has a dtype that must match. A list has none.
        return rows.astype(spec.type) if isinstance(first, list) else _checked_tensor(rows, spec)
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, InvalidParameter):
            raise
        raise InvalidParameter(f"Column {column.name!r:.80} cannot be converted to {spec!r}: {error}") from error


def _listed(names: list[Any], noun: str = "column") -> str:
    listed = ", ".join(repr(name) for name in names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    return f"the {noun}{'s' if len(names) > 1 else ''} {listed}"
