"""Holding what `predict` is given against the signature, before the model sees it.

What is missing or of a wrong type is refused by its name. What can be converted without loss is converted, by MLflow's
rules: whole numbers to wider ones, floats to wider ones, 32-bit whole numbers to doubles, times to nanoseconds.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import InvalidParameter
from .column_types import AnyType, Array, ColumnType, DataType, Map, Object
from .inference import is_missing, is_sparse, is_time, plain
from .schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec, tensor_dtype

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_HINT = (
    " The column has missing values: whole numbers become floats with them. Infer the signature from data with missing "
    "values, or declare the column as double."
)


def enforce(data: Any, schema: Schema) -> Any:
    """The data as the schema wants it: a DataFrame for columns, arrays for tensors.

    Columns are brought into the schema's order; those that it does not know are dropped. Raises InvalidParameter that
    names the column or tensor which is missing or wrong.
    """
    import pandas

    data = plain(data)
    if isinstance(data, pandas.Series):
        data = pandas.DataFrame(data)
    if schema.is_tensor_spec():
        return _named_tensors(data, schema) if schema.has_input_names() else _tensor(data, schema)
    return _columns(_frame(data, schema), schema)


def enforce_params(params: Mapping[str, Any] | None, schema: ParamSchema | None) -> dict[str, Any] | None:
    """The params with the defaults of those that were not given. Those that the schema does not know are left out,
    with a warning. None where there is no schema and none were given, as MLflow has it."""
    given = {str(name): value for name, value in (params or {}).items()}
    if schema is None:
        if given:
            warnings.warn(
                f"The model's signature has no params, so these are left out: {', '.join(given)}.", stacklevel=3
            )
        return None if params is None else {}
    known = {spec.name: spec for spec in schema}
    if unknown := [name for name in given if name not in known]:
        warnings.warn(
            f"These params are not in the model's signature, and are left out: {', '.join(unknown)}. "
            f"It knows {', '.join(known)}.",
            stacklevel=3,
        )
    return {name: param_value(spec, given[name]) if name in given else spec.default for name, spec in known.items()}


def param_value(spec: ParamSpec, value: Any) -> Any:
    """One param as Python's own type; InvalidParameter, with its name, where it is of a wrong type."""
    try:
        if spec.shape is not None:
            if not (isinstance(value, list | tuple) or (_is_array(value) and value.ndim == 1)):
                raise InvalidParameter(f"it must be a flat list, not {_named(value)}.")
            return [_param_scalar(item, spec.dtype) for item in value]
        if isinstance(spec.dtype, Object):
            _value(value, spec.dtype)
            return value
        return _param_scalar(value, spec.dtype)
    except InvalidParameter as error:
        raise InvalidParameter(f"The param {spec.name!r:.80} ({spec.dtype!r}) is wrong: {error}") from error


# ---------------------------------------------------------------- columns


def _frame(data: Any, schema: Schema) -> pd.DataFrame:
    import numpy
    import pandas

    if isinstance(data, pandas.DataFrame):
        return data
    if isinstance(data, dict):
        nested = any(isinstance(spec.type, Array | Object) for spec in schema)
        if nested or all(_is_one_value(value) for value in data.values()):
            return pandas.DataFrame([data])
        # A DataFrame takes no array of more than one dimension as a column; as lists they are refused by name below.
        columns = {
            name: value.tolist() if isinstance(value, numpy.ndarray) and value.ndim > 1 else value
            for name, value in data.items()
        }
        return _table(columns)
    if isinstance(data, list) or (_is_array(data) and data.ndim in (1, 2)):
        return _table(data)
    if numpy.isscalar(data):
        return pandas.DataFrame([data])
    raise InvalidParameter(
        f"The model's signature has columns, so predict takes a DataFrame, a dict or a list, not {_named(data)}."
    )


def _table(data: Any) -> pd.DataFrame:
    """A DataFrame of data whose lengths or dimensions may be those of no table."""
    import pandas

    try:
        return pandas.DataFrame(data)
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidParameter(
            f"The {_named(data)} cannot become a table with the signature's columns: {error}"
        ) from error


def _is_one_value(value: Any) -> bool:
    """Whether a value of a dict stands for one row."""
    import numpy

    if isinstance(value, numpy.ndarray):
        return bool(value.shape == () and value.dtype.kind == "U")
    texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return bool(value is None or numpy.isscalar(value) or texts)


def _columns(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    import pandas

    there = list(frame.columns)
    if schema.has_input_names():
        known, here = schema.input_dict(), set(there)
        missing = [name for name in schema.required_input_names() if name not in here]
        extra = [name for name in there if name not in known]
        if missing:
            unknown = f" It has {_listed(extra)}, which the signature does not know." if extra else ""
            raise InvalidParameter(f"The data lacks {_listed(missing)}, which the model's signature requires.{unknown}")
        if extra:
            warnings.warn(f"The model's signature does not know {_listed(extra)}: left out.", stacklevel=4)
        specs: list[tuple[Any, Any]] = [(spec.name, spec) for spec in schema if spec.name in here]
    else:
        if len(there) < len(schema):
            raise InvalidParameter(
                f"The model's signature has {len(schema)} columns without names, and the data has {len(there)}."
            )
        specs, here = list(zip(there, schema, strict=False)), set(there)
    # Columns that are right already, which is the usual case, are not touched one by one.
    dtypes = dict(zip(there, frame.dtypes, strict=True)) if len(here) == len(there) else {}
    if all(_is_right(dtypes.get(name), spec.type) for name, spec in specs):
        return frame[[name for name, _ in specs]]
    return pandas.DataFrame({name: _column(frame[name], spec, name) for name, spec in specs}, index=frame.index)


def _is_right(here: Any, wanted: ColumnType) -> bool:
    """Whether a column of this dtype needs no conversion."""
    import pandas

    if here is None or not isinstance(wanted, DataType):
        return False
    texts = wanted in (DataType.string, DataType.binary) and isinstance(here, pandas.StringDtype)
    return texts or here == wanted.to_pandas()


def _column(values: pd.Series[Any], spec: ColSpec, name: Any) -> pd.Series[Any]:
    import pandas

    if isinstance(values, pandas.DataFrame):
        raise InvalidParameter(f"The data has the column {name!r:.80} twice.")
    if isinstance(spec.type, DataType):
        return _scalars(values, spec.type, name)
    try:
        converted = [_value(value, spec.type, spec.required) for value in values]
    except InvalidParameter as error:
        raise InvalidParameter(f"The column {name!r:.80} is not {spec.type!r}: {error}") from error
    return pandas.Series(converted, index=values.index, name=name, dtype=None if converted else object)


def _scalars(values: pd.Series[Any], dtype: DataType, name: Any) -> pd.Series[Any]:
    """A column as its type, where no value is changed by that."""
    import numpy
    import pandas

    if isinstance(values.dtype, pandas.SparseDtype):
        values = pandas.Series(numpy.asarray(values), index=values.index, name=name)
    if values.dtype == numpy.dtype(object) and dtype not in (DataType.binary, DataType.string):
        values = values.infer_objects()
    here, wanted = values.dtype, dtype.to_numpy()
    # Not by `kind`, which pandas' own type of texts shares.
    objects = here == numpy.dtype(object)
    if dtype in (DataType.string, DataType.binary) and (objects or isinstance(here, pandas.StringDtype)):
        return values
    if here in (dtype.to_pandas(), wanted) or (dtype is DataType.binary and here.kind == "S"):
        return values
    if dtype is DataType.boolean and objects:
        return values
    try:
        if dtype is DataType.datetime and (here.kind == "M" or objects):
            return values.astype("datetime64[ns]")
        if dtype is DataType.double and objects:
            # Decimals, or numbers among which some are missing.
            numbers = pandas.to_numeric(values)
            return _scalars(numbers, dtype, name) if numbers.dtype.kind in "iuf" else values.astype(wanted)
    except (TypeError, ValueError, OverflowError) as error:
        hint = " Times must be without a time zone." if dtype is DataType.datetime else ""
        raise _wrong(name, here, dtype, f" {error}{hint}") from error
    if _widens(here, wanted):
        # pandas' own types keep missing values among whole numbers and truths; numpy's cannot.
        if wanted.kind in "biu" and not isinstance(here, numpy.dtype) and values.hasnans:
            raise _wrong(name, here, dtype, " It has missing values.")
        return values.astype(wanted)
    if here == numpy.int64 and dtype in (DataType.float, DataType.double) and values.isin([0, 1]).all():
        return values.astype(wanted)
    holes = here == numpy.float64 and dtype in (DataType.integer, DataType.long) and values.hasnans
    whole = holes and bool((values.dropna() % 1 == 0).all())
    raise _wrong(name, here, dtype, _HINT if whole else "")


def _widens(here: Any, wanted: np.dtype[Any]) -> bool:
    """Whether each value of the one dtype is one of the other."""
    if here.kind == wanted.kind:
        return bool(here.itemsize <= wanted.itemsize)
    if here.kind == "u" and wanted.kind == "i":
        return bool(here.itemsize < wanted.itemsize)
    return here.kind in "iu" and wanted.name == "float64" and here.itemsize <= 4


def _wrong(name: Any, here: Any, dtype: DataType, hint: str) -> InvalidParameter:
    column = f"The column {name!r:.80}" if name != "" else "A value"
    return InvalidParameter(f"{column} is {here}, which cannot become {dtype!r} without loss.{hint}")


def _value(value: Any, dtype: ColumnType, required: bool = True) -> Any:
    """One value of a column that has arrays, objects or maps."""
    import numpy
    import pandas

    if isinstance(dtype, AnyType):
        return value
    if isinstance(dtype, DataType):
        if not required and is_missing(value):
            return None
        if is_missing(value) or not (numpy.isscalar(value) or is_time(value)):
            raise InvalidParameter(f"{value!r:.80} is not {dtype!r}.")
        return _scalars(pandas.Series([value]), dtype, "")[0]
    if isinstance(dtype, Array):
        return _array(value, dtype, required)
    anything = not required or (isinstance(dtype, Map) and isinstance(dtype.value_type, AnyType))
    if anything and (value is None or (isinstance(value, dict) and not value)):
        return value
    if not isinstance(value, dict):
        raise InvalidParameter(f"{value!r:.80} is not a dict.")
    if isinstance(dtype, Map):
        if not all(isinstance(key, str) for key in value):
            raise InvalidParameter("the keys of a map are texts.")
        return {key: _value(inner, dtype.value_type, required) for key, inner in value.items()}
    return _object(value, dtype)


def _array(value: Any, dtype: Array, required: bool) -> Any:
    import numpy

    may_lack = not required or isinstance(dtype.dtype, AnyType)
    if may_lack and value is None:
        return value
    if not (isinstance(value, list) or (_is_array(value) and value.ndim)):
        raise InvalidParameter(f"{value!r:.80} is not a list.")
    if may_lack and len(value) == 0:
        return value
    if isinstance(dtype.dtype, DataType) and len(value):
        converted: Any = _flat(value, dtype.dtype)
    else:
        converted = [_value(item, dtype.dtype, required) for item in value]
    if isinstance(value, list):
        return converted.tolist() if isinstance(converted, numpy.ndarray) else converted
    try:
        return numpy.asarray(converted)
    except ValueError:  # inner arrays of different lengths
        kept = numpy.empty(len(converted), dtype=object)
        for place, item in enumerate(converted):
            kept[place] = item
        return kept


def _flat(value: Any, dtype: DataType) -> Any:
    """The values of a list or an array, which are no lists themselves, as an array of their type."""
    import numpy
    import pandas

    if _is_array(value) and (value.ndim > 1 or value.dtype.kind == "V"):
        raise InvalidParameter(f"{value[0]!r:.80} is not {dtype!r}.")
    values = pandas.Series(value)
    # Numbers, of which there can be many, are not looked at one by one.
    nested = values.dtype == numpy.dtype(object) and [x for x in values if isinstance(x, list | tuple | numpy.ndarray)]
    if nested:
        raise InvalidParameter(f"{nested[0]!r:.80} is not {dtype!r}.")
    values = _scalars(values, dtype, "")
    try:
        return values.to_numpy(dtype=dtype.to_numpy())
    except (TypeError, ValueError, OverflowError) as error:
        raise _wrong("", values.dtype, dtype, f" {error}") from error


def _object(value: dict[str, Any], dtype: Object) -> dict[str, Any]:
    properties = {prop.name: prop for prop in dtype.properties}
    if missing := [name for name, prop in properties.items() if prop.required and name not in value]:
        raise InvalidParameter(f"the key {missing[0]!r:.80} is missing.")
    if unknown := [name for name in value if name not in properties]:
        raise InvalidParameter(f"the key {unknown[0]!r:.80} is not in the signature.")
    converted = {}
    for name, inner in value.items():
        try:
            converted[name] = _value(inner, properties[name].dtype, properties[name].required)
        except InvalidParameter as error:
            raise InvalidParameter(f"under the key {name!r:.80}: {error}") from error
    return converted


def _param_scalar(value: Any, dtype: ColumnType) -> Any:
    import numpy

    if value is None:
        return None
    if dtype is DataType.datetime:
        try:
            moment = numpy.datetime64(value).item()
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidParameter(f"{value!r:.80} is no date or time.") from error
        if not is_time(moment):
            raise InvalidParameter(f"{value!r:.80} is no date or time.")
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
    # By the exact type: True is an int to Python, and no number to a model.
    if type(value) not in taken.get(dtype, ()) or not isinstance(dtype, DataType):
        raise InvalidParameter(f"{value!r:.80} ({type(value).__name__}) cannot become {dtype!r} without loss.")
    try:
        return dtype.to_python()(value)
    except OverflowError as error:
        raise InvalidParameter(f"{value!r:.80} is too large for {dtype!r}.") from error


# ---------------------------------------------------------------- tensors


def _named_tensors(data: Any, schema: Schema) -> dict[str, Any]:
    import numpy
    import pandas

    if isinstance(data, numpy.ndarray) and len(schema) == 1:
        data = {schema.inputs[0].name: data}
    if not isinstance(data, dict | pandas.DataFrame):
        raise InvalidParameter(
            "The model's signature has tensors with names, so predict takes a dict of arrays, or a DataFrame with a "
            f"column for each, not {type(data).__name__}."
        )
    if missing := [name for name in schema.input_dict() if name not in data]:
        raise InvalidParameter(f"The data lacks {_listed(missing, 'tensor')}, which the model's signature requires.")
    found = {}
    for name, spec in schema.input_dict().items():
        assert isinstance(spec, TensorSpec)
        if isinstance(data, pandas.DataFrame):
            found[name] = _tensor_of_column(data[name], spec)
        elif not isinstance(data[name], numpy.ndarray):
            raise InvalidParameter(f"The tensor {name!r:.80} must be an array, not {type(data[name]).__name__}.")
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
            raise InvalidParameter("The DataFrame is empty.")
        if len(data.columns) == 1:
            return _tensor_of_column(data[data.columns[0]], spec)
        return _checked_tensor(data.to_numpy(), spec)
    if isinstance(data, numpy.ndarray) or is_sparse(data):
        return _checked_tensor(data, spec)
    raise InvalidParameter(
        f"The model's signature has a tensor, so predict takes an array or a DataFrame, not {type(data).__name__}."
    )


def _checked_tensor(values: Any, spec: TensorSpec) -> Any:
    what = "The tensor" if spec.name is None else f"The tensor {spec.name!r:.80}"
    dtype = (values if hasattr(values, "dtype") else values.data).dtype
    # Rows of different lengths are an array of objects.
    ragged = dtype.kind == "O" and len(values.shape) == 1
    if (spec.shape == (-1,) and spec.dtype == "object") or (ragged and -1 in spec.shape[1:]):
        return values
    fits = len(values.shape) == len(spec.shape) and all(
        wanted in (-1, here) for wanted, here in zip(spec.shape, values.shape, strict=True)
    )
    if not fits:
        raise InvalidParameter(f"{what} has the shape {values.shape}, and the model's signature wants {spec.shape}.")
    if tensor_dtype(dtype) != spec.type:
        raise InvalidParameter(f"{what} is {dtype}, and the model's signature wants {spec.dtype}.")
    return values


def _tensor_of_column(column: pd.Series[Any], spec: TensorSpec) -> Any:
    """A tensor from a column that has a number, a list or an array in each row."""
    import numpy
    import pandas

    if isinstance(column, pandas.DataFrame):
        raise InvalidParameter(f"The data has the column {spec.name!r:.80} twice.")
    if not len(column) or spec.shape[:1] != (-1,) or -1 in spec.shape[1:]:
        raise InvalidParameter(
            f"The column {column.name!r:.80} of a DataFrame cannot become {spec!r}: it needs rows, and only the first "
            "length may be free."
        )
    first = column.iloc[0]
    try:
        if numpy.isscalar(first):
            if spec.shape not in ((-1,), (-1, 1)):
                raise ValueError("it has one value in each row")
            return numpy.array(column, dtype=spec.type).reshape(spec.shape)
        rows = numpy.vstack(column.tolist()).reshape(spec.shape)
        if len(rows) != len(column):
            raise ValueError(f"its rows are of shape {numpy.shape(first)}")
        # A list says nothing of its dtype, an array does.
        return rows.astype(spec.type) if isinstance(first, list) else _checked_tensor(rows, spec)
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, InvalidParameter):
            raise
        raise InvalidParameter(f"The column {column.name!r:.80} cannot become {spec!r}: {error}") from error


def _is_array(value: Any) -> bool:
    import numpy

    return isinstance(value, numpy.ndarray)


def _named(data: Any) -> str:
    """What data of a wrong kind is called in an error."""
    return f"{type(data).__name__}{getattr(data, 'shape', '')}"


def _listed(names: list[Any], noun: str = "column") -> str:
    listed = ", ".join(repr(name) for name in names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    return f"the {noun}{'s' if len(names) > 1 else ''} {listed}"
