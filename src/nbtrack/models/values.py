"""Recognize single values and columns of data, and convert them to a column type without loss."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import InvalidParameter
from ..tables.cells import is_missing
from .column_types import AnyType, Array, ColumnType, DataType, Map, Object

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_HINT = (
    " The column has missing values, and pandas stores integers with missing values as floats. Infer the signature "
    "from data with missing values, or declare the column as double."
)


def is_sparse(data: Any) -> bool:
    """Return whether this is one of SciPy's matrices of compressed rows or columns."""
    return getattr(data, "format", None) in ("csr", "csc") and hasattr(data, "indptr")


def is_time(value: Any) -> bool:
    """Return whether this is a date or a time."""
    import numpy

    return isinstance(value, datetime.date | numpy.datetime64)


def plain(data: Any) -> Any:
    """Return a polars or Arrow table as a DataFrame, and all other data unchanged."""
    if type(data).__module__.split(".")[0] not in ("polars", "pyarrow") or not hasattr(data, "to_pandas"):
        return data
    if hasattr(data, "columns") and hasattr(data, "to_dict") and hasattr(data, "height"):
        import pandas

        # The `to_pandas` of polars would require pyarrow.
        frame = pandas.DataFrame({name: _of_polars(column) for name, column in zip(data.columns, data, strict=True)})
        return _with_exact_integers(frame, lambda name: data[name].to_list() if data[name].dtype.is_integer() else None)
    found = data.to_pandas()
    if not hasattr(found, "columns"):
        return found

    import pyarrow

    def integers(name: Any) -> list[Any] | None:
        column = data.column(name)
        return column.to_pylist() if pyarrow.types.is_integer(column.type) else None

    return _with_exact_integers(found, integers)


def _of_polars(column: Any) -> Any:
    zone = getattr(column.dtype, "time_zone", None)
    if zone is None:
        return column.to_numpy()
    import pandas

    # NumPy has no time zones.
    return pandas.Series(column.to_numpy()).dt.tz_localize("UTC").dt.tz_convert(zone)


def _with_exact_integers(frame: pd.DataFrame, integers: Callable[[Any], list[Any] | None]) -> pd.DataFrame:
    """Return a table with integers that floats have rounded, because others in their column are missing."""
    import pandas

    for name in frame.columns:
        column = frame[name]
        if getattr(getattr(column, "dtype", None), "kind", "") == "f" and len(column) and column.abs().max() >= 2**53:
            values = integers(name)
            if values is not None:
                frame[name] = pandas.Series(pandas.array(values, dtype="Int64"), index=frame.index)
    return frame


def is_array(value: Any) -> bool:
    """Return whether this is a NumPy array."""
    import numpy

    return isinstance(value, numpy.ndarray)


def described(data: Any) -> str:
    """Return how an error message describes data of a wrong type: by its type and, if it has one, its shape."""
    return f"{type(data).__name__}{getattr(data, 'shape', '')}"


def convert_column(values: pd.Series[Any], dtype: DataType, name: Any, required: bool = True) -> pd.Series[Any]:
    """Return the column as `dtype`.

    Categories and times with a time zone stay what they are, and so do missing values in a column that is not required.

    Raises:
        InvalidParameter: If the conversion would change a value.
    """  # noqa: DOC501 (the error is created by a function)
    import numpy
    import pandas

    if (wider := _widened(values, dtype)) is not None:
        return pandas.Series(wider, index=values.index, name=values.name, copy=False)
    if isinstance(values.dtype, pandas.CategoricalDtype):
        return _checked_category(values, dtype, name, required)
    if isinstance(values.dtype, pandas.SparseDtype):
        values = pandas.Series(numpy.asarray(values), index=values.index, name=name)
    if isinstance(values.dtype, pandas.ArrowDtype) and values.dtype.kind not in "biufM":
        if dtype is DataType.string and values.dtype.kind == "U":
            return values
        stored = values.dtype
        values = values.astype(object).where(values.notna(), None)
        # An object column may hold anything, but Arrow says what this one holds.
        if dtype in _PYTHON and not all(value is None or isinstance(value, _PYTHON[dtype]) for value in values):
            raise _conversion_error(name, stored, dtype, "")
    if values.dtype == numpy.dtype(object) and dtype not in (DataType.binary, DataType.string):
        if dtype in (DataType.integer, DataType.long) and not required and _are_integers(values):
            # pandas would turn them into floats if some are missing.
            values = values.astype("Int64")
        values = values.infer_objects()
    here, wanted = values.dtype, dtype.to_numpy()
    # `kind` is not enough, because pandas' string dtype has the same.
    objects = here == numpy.dtype(object)
    if dtype in (DataType.string, DataType.binary) and (objects or isinstance(here, pandas.StringDtype)):
        return values
    if here in (dtype.to_pandas(), wanted) or (dtype is DataType.binary and here.kind == "S"):
        return values
    if dtype is DataType.boolean and objects:
        return values
    try:
        if dtype is DataType.datetime and (here.kind == "M" or objects or isinstance(here, pandas.StringDtype)):
            return times(values)
        if dtype is DataType.double and objects:
            # Decimals, or numbers some of which are missing.
            numbers = pandas.to_numeric(values)
            return convert_column(numbers, dtype, name) if numbers.dtype.kind in "iuf" else values.astype(wanted)
    except (TypeError, ValueError, OverflowError) as error:
        raise _conversion_error(name, here, dtype, f" {error}") from error
    if _widens(here, wanted):
        # pandas' own dtypes can store missing values among integers and booleans, but NumPy's cannot.
        if wanted.kind in "biu" and not isinstance(here, numpy.dtype) and values.hasnans:
            if required:
                raise _conversion_error(name, here, dtype, " It has missing values.")
            if wanted.kind == "i" and isinstance(values.dtype, pandas.ArrowDtype):
                # `astype` would go through floats.
                whole = values.fillna(0).astype(wanted).to_numpy(copy=True)
                exact: Any = pandas.arrays.IntegerArray(whole, values.isna().to_numpy(copy=True))
                return pandas.Series(exact, index=values.index, name=values.name)
            return values.astype(NULLABLE[dtype])  # type: ignore[call-overload, no-any-return]
        return values.astype(wanted)
    if here == numpy.int64 and dtype in (DataType.float, DataType.double) and values.isin([0, 1]).all():
        return values.astype(wanted)
    holes = here == numpy.float64 and dtype in (DataType.integer, DataType.long) and values.hasnans
    are_whole = holes and bool((values.dropna() % 1 == 0).all())
    raise _conversion_error(name, here, dtype, _HINT if are_whole else "")


def _are_integers(values: pd.Series[Any]) -> bool:
    import numpy

    return all(type(value) is int or isinstance(value, numpy.integer) or is_missing(value) for value in values)


_PYTHON = {DataType.boolean: bool, DataType.string: str, DataType.binary: bytes}
NULLABLE = {DataType.boolean: "boolean", DataType.integer: "Int32", DataType.long: "Int64"}
"""The pandas dtypes for values some of which are missing."""


def _checked_category(values: pd.Series[Any], dtype: DataType, name: Any, required: bool) -> pd.Series[Any]:
    """Return the column as it is, because a model that was trained on categories needs them."""
    import pandas

    categories = pandas.Series(values.cat.categories)
    if len(categories):
        convert_column(categories, dtype, name)
    if required and dtype in NULLABLE and values.hasnans:
        raise _conversion_error(name, values.dtype, dtype, " It has missing values.")
    return values


def times(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return times as nanoseconds, as MLflow does, unless they have a time zone or nanoseconds cannot store them.

    Strings with an offset become times in UTC, because a signature has no time zones, and a column has only one.

    Raises:
        ValueError: If a value is not a time, or if only some of the strings have an offset.
        TypeError: If the dtype cannot hold times.
    """
    import pandas

    dtype: Any = values.dtype
    if getattr(getattr(dtype, "pyarrow_dtype", dtype), "tz", None) is not None:
        return values
    try:
        return values.astype("datetime64[ns]")
    except pandas.errors.OutOfBoundsDatetime:
        return values if dtype.kind == "M" else pandas.to_datetime(values, format="ISO8601")
    except (TypeError, ValueError):
        if dtype.kind not in "OUT":
            raise
        zoned = pandas.to_datetime(values, format="ISO8601", utc=True)
        bare = [value for value in values if _has_no_offset(value)]
        if bare:
            raise ValueError(f"Some times have an offset, but {bare[0]!s:.40} has none.") from None
        return zoned


def _has_no_offset(value: Any) -> bool:
    """Return whether this is a time without an offset, or its ISO 8601 string."""
    import pandas

    if isinstance(value, str):
        try:
            value = pandas.Timestamp(value)
        except ValueError:
            return False
    return isinstance(value, datetime.date) and getattr(value, "tzinfo", None) is None and not is_missing(value)


def convert_value(value: Any, dtype: ColumnType, required: bool = True) -> Any:
    """Return one value as `dtype`, for columns of arrays, objects and maps, which pandas cannot convert."""
    import numpy
    import pandas

    if isinstance(dtype, AnyType):
        return value
    if isinstance(dtype, DataType):
        if not required and is_missing(value):
            return None
        if is_missing(value) or not (numpy.isscalar(value) or is_time(value)):
            raise InvalidParameter(f"{value!r:.80} is not a valid {dtype!r}.")
        return convert_column(pandas.Series([value]), dtype, "")[0]
    if isinstance(dtype, Array):
        return _array(value, dtype, required)
    anything = not required or (isinstance(dtype, Map) and isinstance(dtype.value_type, AnyType))
    if anything and (is_missing(value) or (isinstance(value, dict) and not value)):
        return None if is_missing(value) else value
    if not isinstance(value, dict):
        raise InvalidParameter(f"{value!r:.80} is not a dict.")
    if isinstance(dtype, Map):
        if not all(isinstance(key, str) for key in value):
            raise InvalidParameter("The keys of a map must be strings.")
        return {key: convert_value(inner, dtype.value_type, required) for key, inner in value.items()}
    return _object(value, dtype)


def _array(value: Any, dtype: Array, required: bool) -> Any:
    import numpy

    may_lack = not required or isinstance(dtype.dtype, AnyType)
    if may_lack and is_missing(value):
        return None
    if not (isinstance(value, list) or (is_array(value) and value.ndim)):
        raise InvalidParameter(f"{value!r:.80} is not a list.")
    if may_lack and len(value) == 0:
        return value
    if _is_exact(value, dtype.dtype):
        return value.copy()
    if isinstance(dtype.dtype, DataType) and len(value):
        converted: Any = _flat(value, dtype.dtype)
    else:
        converted = [convert_value(item, dtype.dtype, required) for item in value]
    if isinstance(value, list):
        return converted.tolist() if isinstance(converted, numpy.ndarray) else converted
    try:
        return numpy.asarray(converted)
    except ValueError:  # inner arrays of different lengths
        kept = numpy.empty(len(converted), dtype=object)
        for place, item in enumerate(converted):
            kept[place] = item
        return kept


def _is_exact(value: Any, dtype: ColumnType) -> bool:
    """Return whether all values of a list or an array already have the type, so that none needs a conversion."""
    if not isinstance(dtype, DataType):
        return False
    if not isinstance(value, list):
        return bool(value.ndim == 1 and value.dtype.kind in "bif" and value.dtype == dtype.to_numpy())
    if set(map(type, value)) != {_EXACT.get(dtype)}:
        return False
    return dtype is not DataType.long or (min(value) >= -(2**63) and max(value) < 2**63)


_EXACT: dict[DataType, type] = {**_PYTHON, DataType.long: int, DataType.double: float}
"""The Python types whose values are those of a column type. Longs must also fit into 64 bits."""


def _flat(value: Any, dtype: DataType) -> Any:
    """Return the values of a list or an array, none of which may be a list, as an array of their type."""
    import numpy
    import pandas

    if is_array(value) and (value.ndim > 1 or value.dtype.kind == "V"):
        raise InvalidParameter(f"{value[0]!r:.80} is not a valid {dtype!r}.")
    values = pandas.Series(value)
    # Numbers are not checked one by one, because there can be many.
    nested = values.dtype == numpy.dtype(object) and [x for x in values if isinstance(x, list | tuple | numpy.ndarray)]
    if nested:
        raise InvalidParameter(f"{nested[0]!r:.80} is not a valid {dtype!r}.")
    objects = values.dtype == numpy.dtype(object)
    if dtype is DataType.boolean and objects:
        # NumPy would convert any object.
        wrong = [item for item in values if not (is_missing(item) or isinstance(item, bool | numpy.bool_))]
        if wrong:
            raise InvalidParameter(f"{wrong[0]!r:.80} is not a valid {dtype!r}.")
    if dtype not in (DataType.float, DataType.double, DataType.datetime) and values.hasnans:
        # NumPy has no integers, booleans or strings that are missing.
        there = [item for item in value if not is_missing(item)]
        found: Any = _flat(there, dtype) if there else []
        present = iter(found.tolist() if is_array(found) else found)
        return [None if is_missing(item) else next(present) for item in value]
    values = convert_column(values, dtype, "")
    if dtype in (DataType.string, DataType.binary) and all(isinstance(item, _PYTHON[dtype]) for item in value):
        # NumPy drops the NULs at the end of strings and bytes.
        if not is_array(value):
            return values.tolist()
        if any(item[-1:] in ("\0", b"\0") for item in value):
            return values.to_numpy(dtype=object)
    if dtype is DataType.datetime and not is_array(value):
        # Lists of NumPy's nanoseconds would become lists of integers.
        return values.tolist()
    try:
        return values.to_numpy(dtype=dtype.to_numpy())
    except (TypeError, ValueError, OverflowError) as error:
        raise _conversion_error("", values.dtype, dtype, f" {error}") from error


def _object(value: dict[str, Any], dtype: Object) -> dict[str, Any]:
    properties = {prop.name: prop for prop in dtype.properties}
    if missing := [name for name, prop in properties.items() if prop.required and name not in value]:
        raise InvalidParameter(f"Key {missing[0]!r:.80} is missing.")
    if unknown := [name for name in value if name not in properties]:
        raise InvalidParameter(f"Key {unknown[0]!r:.80} is not in the signature.")
    converted = {}
    for name, inner in value.items():
        try:
            converted[name] = convert_value(inner, properties[name].dtype, properties[name].required)
        except InvalidParameter as error:
            raise InvalidParameter(f"Key {name!r:.80}: {error}") from error
    return converted


def widens_by_dtype(here: Any, dtype: ColumnType) -> bool:
    """Return whether `astype` converts a column of this NumPy dtype to a wider one, whatever numbers it holds.

    Times can still be too far away for nanoseconds, for which `astype` raises OutOfBoundsDatetime.
    """
    import numpy

    if not isinstance(here, numpy.dtype) or not isinstance(dtype, DataType):
        return False
    if here.kind == "M":
        return dtype is DataType.datetime
    return here.kind in "iuf" and dtype.to_numpy().kind in "if" and _widens(here, dtype.to_numpy())


def _widened(values: pd.Series[Any], dtype: DataType) -> Any:
    """Return the values of a column in the wider dtype that MLflow converts them to, if its dtype alone decides that.

    Returns None if the column has the right dtype already, or needs a closer look. `Series.astype` takes several times
    as long as the conversion of a batch of rows.
    """
    import pandas

    here: Any = values.dtype
    wanted = dtype.to_numpy()
    if here == wanted or here.kind not in "biufM":
        return None
    if widens_by_dtype(here, dtype):
        if here.kind != "M":
            return values.to_numpy().astype(wanted)
        try:
            return values.array.as_unit("ns")
        except pandas.errors.OutOfBoundsDatetime:
            return None
    if not isinstance(here, pandas.api.extensions.ExtensionDtype) or here.kind == "M":
        return None
    # pandas' own dtypes and Arrow's can have missing values.
    if isinstance(here, pandas.SparseDtype) or wanted.kind not in "bif" or not _widens(here, wanted):
        return None
    stored: Any = values.array
    return None if stored.isna().any() else stored.to_numpy(dtype=wanted, copy=True)


def _widens(here: Any, wanted: np.dtype[Any]) -> bool:
    """Return whether every value of the one dtype is also a value of the other."""
    if here.kind == wanted.kind:
        return bool(here.itemsize <= wanted.itemsize)
    if here.kind == "u" and wanted.kind == "i":
        return bool(here.itemsize < wanted.itemsize)
    return here.kind in "iu" and wanted.name == "float64" and here.itemsize <= 4


def _conversion_error(name: Any, here: Any, dtype: DataType, hint: str) -> InvalidParameter:
    column = f"Column {name!r:.80}" if name != "" else "The value"
    return InvalidParameter(f"{column} has dtype {here}, which cannot be converted to {dtype!r} without loss.{hint}")


def convert_param(value: Any, name: str, dtype: DataType | Object, *, is_list: bool) -> Any:
    """Return a param of `predict` as Python's own type. Raises InvalidParameter with the name of the param."""
    try:
        if is_list:
            if not (isinstance(value, list | tuple) or (is_array(value) and value.ndim == 1)):
                raise InvalidParameter(f"It must be a one-dimensional list, not {described(value)}.")
            return [_param_scalar(item, dtype) for item in value]
        if isinstance(dtype, Object):
            convert_value(value, dtype)
            return value
        return _param_scalar(value, dtype)
    except InvalidParameter as error:
        raise InvalidParameter(f"Param {name!r:.80} of type {dtype!r} is not valid: {error}") from error


def _param_scalar(value: Any, dtype: ColumnType) -> Any:
    import numpy

    if value is None:
        return None
    if dtype is DataType.datetime:
        try:
            moment = numpy.datetime64(value).item()
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidParameter(f"{value!r:.80} is not a valid date or time.") from error
        if not is_time(moment):
            raise InvalidParameter(f"{value!r:.80} is not a valid date or time.")
        return moment
    whole = (int, numpy.int32)
    taken: dict[ColumnType, tuple[type, ...]] = {
        DataType.boolean: (bool, numpy.bool_),
        DataType.integer: whole,
        DataType.long: (*whole, numpy.int64),
        DataType.float: (*whole, numpy.int64, float, numpy.float32),
        DataType.double: (*whole, numpy.int64, float, numpy.float32, numpy.float64),
        DataType.string: (str, numpy.str_),
    }
    # Only the exact types count: True is an int in Python, but not a number for a model.
    if type(value) not in taken.get(dtype, ()) or not isinstance(dtype, DataType):
        raise InvalidParameter(f"{value!r:.80} ({type(value).__name__}) cannot be converted to {dtype!r} without loss.")
    try:
        return dtype.to_python()(value)
    except OverflowError as error:
        raise InvalidParameter(f"{value!r:.80} is too large for {dtype!r}.") from error
