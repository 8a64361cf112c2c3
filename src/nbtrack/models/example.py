"""Write and read a model's input example in MLflow's format, and convert JSON to the data that a schema describes."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InvalidParameter
from .column_types import DataType
from .schema import Schema, TensorSpec
from .values import is_missing, is_sparse, plain

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
    import pandas

    try:
        frame = pandas.DataFrame(split["data"], columns=split.get("columns"), index=split.get("index"))
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
    names = schema.input_names() if schema.has_input_names() else list(frame.columns)
    here = dict(zip(frame.columns, frame.dtypes, strict=True))
    if all(_is_right(here.get(name), spec.type) for name, spec in zip(names, schema, strict=False)):
        # In the usual case no column needs a conversion.
        return frame
    frame = frame.copy()
    for name, spec in zip(names, schema, strict=False):
        if name in here and isinstance(spec.type, DataType):
            try:
                frame[name] = _typed_column(frame[name], spec.type)
            except (TypeError, ValueError, OverflowError) as error:
                raise InvalidParameter(f"Column {name!r:.80} cannot be converted to {spec.type!r}: {error}") from error
    return frame


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


def _typed_column(values: Any, dtype: DataType) -> Any:
    if dtype is DataType.binary:
        return values.map(lambda value: base64.b64decode(value) if isinstance(value, str) else value)
    if dtype is DataType.string:
        return values if values.dtype.kind == "O" else values.astype(object)
    if dtype is DataType.datetime:
        return values.astype("datetime64[ns]")
    if dtype in (DataType.integer, DataType.long) and values.dtype.kind == "O":
        import pandas

        values = pandas.to_numeric(values)
    wanted = dtype.to_numpy()
    if dtype in (DataType.boolean, DataType.integer, DataType.long) and (
        values.hasnans or values.dtype.kind not in "biuf" or (values.astype(wanted) != values).any()
    ):
        # A conversion would change the values. `enforce` raises the error that explains why.
        return values
    return values.astype(wanted)


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
