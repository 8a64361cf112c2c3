"""Write and read a model's input example in MLflow's format, and convert JSON to the data that a schema describes."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import InvalidParameter
from ..tables.cells import is_missing
from ..tables.reading import frame_of_rows
from .column_types import AnyType, DataType
from .schema import Schema, TensorSpec
from .values import NULLABLE, is_sparse, plain, times

INPUT_EXAMPLE = "input_example.json"
SERVING_EXAMPLE = "serving_input_example.json"


def split_example(example: Any) -> tuple[Any, dict[str, Any] | None]:
    """Return the data of an input example and the params of `predict`. The params are None if the example has none."""
    if isinstance(example, tuple) and len(example) == 2 and isinstance(example[1], dict):
        return plain(example[0]), example[1]
    return plain(example), None


def save_input_example(folder: Path, example: Any) -> dict[str, Any]:
    """Write the example, and a request that sends it to a server, and return the fields of `saved_input_example_info`.

    A DataFrame is written as columns and rows, an array as nested lists, and any other value in its JSON form.
    """
    import numpy

    data, params = split_example(example)
    info: dict[str, Any] = {"artifact_path": INPUT_EXAMPLE}
    if hasattr(data, "to_json") and hasattr(data, "columns"):
        content: Any = {"columns": list(data.columns), "data": data.astype(object).values.tolist()}
        if list(data.columns) == list(range(len(data.columns))):
            del content["columns"]
        serving = {"dataframe_split": content}
        info |= {"type": "dataframe", "pandas_orient": "split" if "columns" in content else "values"}
    elif is_sparse(data):
        content = {name: getattr(data, name).tolist() for name in ("data", "indices", "indptr")}
        content["shape"] = list(data.shape)
        serving = {"inputs": data.toarray()}
        info |= {"type": f"sparse_matrix_{data.format}"}
    else:
        arrays = isinstance(data, dict) and any(isinstance(value, numpy.ndarray) for value in data.values())
        content, serving = data, {"inputs": data}
        info |= {"type": "ndarray" if arrays or isinstance(data, numpy.ndarray) else "json_object"}
    if params is not None:
        content = {"inputs": content, "params": params}
        serving = {**serving, "params": params}
        info |= {"params": "true"}
    info |= {"serving_input_path": SERVING_EXAMPLE}
    (folder / INPUT_EXAMPLE).write_text(_json(content), encoding="utf-8")
    (folder / SERVING_EXAMPLE).write_text(_json(serving, indent=2), encoding="utf-8")
    return info


def read_input_example(
    folder: Path, info: Mapping[str, Any], schema: Schema | None
) -> tuple[Any, dict[str, Any] | None]:
    """Read the data and the params of the example in a model's folder, and give them the types of the schema."""
    content = json.loads((folder / INPUT_EXAMPLE).read_text(encoding="utf-8"))
    params = None
    if info.get("params"):
        content, params = content["inputs"], content["params"]
    kind = str(info.get("type"))
    if kind == "dataframe":
        split = content if isinstance(content, dict) else {"data": content}
        return frame_from_split(split, schema), params
    if kind.startswith("sparse_matrix_"):
        import scipy.sparse  # type: ignore[import-untyped]

        made = getattr(scipy.sparse, f"{kind[-3:]}_matrix")
        parts = tuple(content[name] for name in ("data", "indices", "indptr"))
        return made(parts, shape=tuple(content["shape"])), params
    if kind == "ndarray":
        return arrays_from_json(content, schema), params
    return content, params


def frame_from_split(split: Mapping[str, Any], schema: Schema | None) -> Any:
    """Return `{"columns": […], "data": [[…], …]}` as a DataFrame with the types of the schema."""
    try:
        integers = columns_of(schema).integers
        frame = frame_of_rows(split["data"], split.get("columns"), split.get("index"), integers)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidParameter(f"The data in 'split' form cannot be converted to a DataFrame: {error}") from error
    return typed_frame(frame, schema)


def typed_frame(frame: Any, schema: Schema | None) -> Any:
    """Return a DataFrame whose values were read from JSON or CSV, which have few types, with the types of the schema.

    1 becomes 1.0, a string becomes a time, and base64 becomes bytes. Raises InvalidParameter with the name of a column
    that cannot be converted. `enforce` checks everything else.
    """
    if schema is None or schema.is_tensor_spec():
        return frame
    frame = with_names_of(frame, schema)
    named = schema.has_input_names()
    # A schema without names describes the columns by their positions.
    wanted = list(zip(schema.input_names() if named else range(len(frame.columns)), schema, strict=False))
    here = dict(zip(frame.columns if named else range(len(frame.columns)), frame.dtypes, strict=True))
    wrong = [(name, spec.type) for name, spec in wanted if name in here and not _is_right(here[name], spec.type)]
    if not any(isinstance(dtype, DataType) for _, dtype in wrong):
        # In the usual case no column needs a conversion.
        return frame
    frame = frame.copy()
    for name, dtype in wrong:
        if isinstance(dtype, DataType):
            label = name if named else frame.columns[name]
            try:
                if named:
                    frame[name] = typed_column(frame[name], dtype)
                else:
                    frame.isetitem(name, typed_column(frame.iloc[:, name], dtype))
            except (TypeError, ValueError, OverflowError) as error:
                raise InvalidParameter(f"Column {label!r:.80} cannot be converted to {dtype!r}: {error}") from error
    return frame


def with_names_of(columns: Any, schema: Schema | None) -> Any:
    """Return a table, or a dict of columns, with the integers by which the schema names columns.

    Files and JSON have only strings as names.
    """
    integers = [name for name in schema.input_dict() if not isinstance(name, str)] if schema is not None else []
    renamed = {str(name): name for name in integers if name not in columns and str(name) in columns}
    if not renamed:
        return columns
    if isinstance(columns, dict):
        return {renamed.get(name, name): value for name, value in columns.items()}
    return columns.rename(columns=renamed)


class NamedColumns(NamedTuple):
    """The names of the columns of a schema that text files and JSON do not store as they are."""

    strings: frozenset[Any]
    integers: frozenset[Any]
    nested: frozenset[Any]


def columns_of(schema: Schema | None) -> NamedColumns:
    """Return which columns must be read as strings, as exact integers, and as JSON, if they are in a file."""
    specs = schema.input_dict() if schema is not None and not schema.is_tensor_spec() else {}
    strings, integers, nested = set(), set(), set()
    for name, spec in specs.items():
        if spec.type in (DataType.integer, DataType.long) and not spec.required:
            integers |= {name, str(name)}
        if spec.type in (DataType.string, DataType.binary, DataType.datetime):
            strings |= {name, str(name)}
        elif not isinstance(spec.type, DataType | AnyType):
            nested |= {name, str(name)}
    return NamedColumns(frozenset(strings), frozenset(integers), frozenset(nested))


def arrays_from_json(content: Any, schema: Schema | None) -> Any:
    """Return nested lists, or a dict of them, as arrays with the dtypes of the schema."""
    import numpy

    def array(values: Any, spec: Any) -> Any:
        dtype = spec.type if isinstance(spec, TensorSpec) else None
        try:
            return numpy.asarray(values, dtype=dtype)
        except (TypeError, ValueError) as error:
            raise InvalidParameter(
                f"The values cannot be converted to an array of {dtype or 'one dtype'}: {error}"
            ) from error

    specs = schema.input_dict() if schema is not None else {}
    if isinstance(content, dict):
        return {name: array(values, specs.get(name)) for name, values in content.items()}
    return array(content, schema.inputs[0] if schema is not None else None)


def _is_right(here: Any, wanted: Any) -> bool:
    """Return whether a column is numeric and has the wanted type, or does not exist."""
    if not isinstance(wanted, DataType) or wanted.to_numpy().kind not in "biuf":
        return False
    return here is None or bool(here == wanted.to_numpy())


def typed_column(values: Any, dtype: DataType) -> Any:
    """Return a column that was read from JSON or CSV with a type of the schema."""
    import pandas

    if isinstance(values.dtype, pandas.CategoricalDtype):
        return values
    if dtype is DataType.binary:
        decoded = [base64.b64decode(value) if isinstance(value, str) else value for value in values]
        # As objects, because missing values alone would become a column of floats.
        return pandas.Series(decoded, index=values.index, name=values.name, dtype=object)
    if dtype is DataType.string:
        return values if values.dtype.kind == "O" else values.astype(object)
    if dtype is DataType.datetime:
        return times(values)
    if dtype in (DataType.integer, DataType.long):
        return _integers(values, dtype)
    if dtype is DataType.boolean and len(values) and values.isna().all():
        # Without a value, the column was read as one of floats.
        return pandas.Series(pandas.NA, index=values.index, name=values.name, dtype=NULLABLE[dtype])
    if dtype is DataType.boolean and (
        values.hasnans or values.dtype.kind not in "biuf" or (values.astype(bool) != values).any()
    ):
        # A conversion would change the values. `enforce` raises the error that explains why.
        return values
    return values.astype(dtype.to_numpy())


def _integers(values: Any, dtype: DataType) -> Any:
    """Return integers, some of which may be missing. If a conversion would change a value, return them as they are.

    `enforce` then raises the error that explains why.
    """
    import pandas

    missing = values.isna()
    present = values[~missing]
    numbers = present if present.dtype.kind in "biuf" else pandas.to_numeric(present)
    if numbers.dtype.kind not in "biuf":
        return values
    whole = numbers.astype(dtype.to_numpy())
    if (whole != numbers).any():
        return values
    if not missing.any():
        return whole
    kept: Any = pandas.Series(pandas.NA, index=range(len(values)), dtype=NULLABLE[dtype], name=values.name)
    kept[(~missing).to_numpy()] = whole.to_numpy()
    return kept.set_axis(values.index)


def _json(content: Any, indent: int | None = None) -> str:
    try:
        return json.dumps(_plain_values(content), indent=indent)
    except (TypeError, ValueError) as error:
        raise InvalidParameter(
            f"The input example must be a DataFrame, an array or a value that JSON can represent: {error}"
        ) from error


def _plain_values(value: Any) -> Any:
    """Return a value with everything that JSON does not know in MLflow's form.

    Times become strings, bytes become base64, and missing values become null.
    """
    if isinstance(value, dict):
        return {_plain_values(name): _plain_values(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_values(inner) for inner in value]
    if isinstance(value, bytes | bytearray):
        return base64.encodebytes(value).decode("ascii")
    if is_missing(value):
        return None
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        if value.dtype.kind == "M":
            import numpy

            return numpy.datetime_as_string(value).tolist()
        return _plain_values(value.tolist())
    return value
