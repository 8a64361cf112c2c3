"""Convert the body of a request to data for `predict`: MLflow's four forms of JSON, CSV and Parquet.

The forms have MLflow's meaning, with one exception: if MLflow would change a value to fit the signature, for example
1.5 to the integer 1 or a 64-bit integer to a 32-bit one, the body is refused.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InvalidParameter
from ..models.column_types import Array, DataType
from ..models.example import columns_of, frame_from_split, typed_column, typed_frame, with_names_of
from ..models.schema import ColSpec, Schema, TensorSpec
from ..tables import reading as tables
from .refusals import BadRequest, UnknownMediaType

JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"
PARAMS = "params"


def read_body(
    body: bytes, content_type: str | None, schema: Schema | None, *, raw_inputs: bool = False
) -> tuple[Any, dict[str, Any] | None]:
    """Return the data and the params of a request.

    `raw_inputs` is for models whose signature comes from a type hint, which check `inputs` themselves. Raises
    UnknownMediaType, BadRequest if the body cannot be read, and InvalidParameter if it does not match the schema.
    """
    media = media_type(content_type)
    if media == CSV:
        return read_csv(io.StringIO(_text(body)), schema), None
    if media == PARQUET:
        return _parquet(body, schema), None
    content = _json(body)
    params = content.get(PARAMS)
    if params is not None and not isinstance(params, dict):
        raise BadRequest(f"{PARAMS} must be an object with a value for each name, not {_kind(params)}.")
    named = [name for name in FORMS if name in content]
    if len(named) != 1:
        has = ", ".join(repr(name)[:80] for name in list(content)[:20]) or "nothing"
        raise BadRequest(f"The body must have exactly one of {', '.join(FORMS)}. This one has {has}.")
    if raw_inputs:
        if named != ["inputs"]:
            raise InvalidParameter(f"Data for this model must be sent as 'inputs', not as {named[0]!r}.")
        return content["inputs"], params
    return FORMS[named[0]](content[named[0]], schema), params


def media_type(content_type: str | None) -> str:
    """Return which of the three types a Content-Type header names. Raises UnknownMediaType."""
    media, *parameters = (part.strip() for part in (content_type or "").split(";"))
    for name, _, value in (parameter.partition("=") for parameter in parameters):
        if name.lower() != "charset" or value.strip('"').lower() != "utf-8":
            raise UnknownMediaType(
                f"Content-Type may have no parameter other than charset=utf-8, but it is {content_type!r:.200}."
            )
    if media.lower() not in (JSON, CSV, PARQUET):
        raise UnknownMediaType(f"Content-Type must be {JSON}, {CSV} or {PARQUET}, not {content_type!r:.200}.")
    return media.lower()


def read_csv(source: Any, schema: Schema | None) -> Any:
    """Read a CSV file with a header line as a table with the schema's types. Raises BadRequest."""
    named = columns_of(schema)
    try:
        (frame,) = tables.read_csv(source, strings=named.strings, nested=named.nested, integers=named.integers)
    except (ValueError, UnicodeDecodeError) as error:
        raise BadRequest(f"The body is not valid CSV with a header line: {error}") from error
    return typed(frame, schema)


def records_frame(records: Any, schema: Schema | None) -> Any:
    """Return a list of objects, one per row, as a table with the schema's types."""
    if not isinstance(records, list):
        raise BadRequest(f"dataframe_records must be a list of objects, one per row, not {_kind(records)}.")
    try:
        frame = tables.frame_of_records(records, columns_of(schema).integers)
    except (TypeError, ValueError, AttributeError) as error:
        raise BadRequest(f"dataframe_records cannot be converted to a DataFrame: {error}") from error
    return typed(frame, schema)


def typed(frame: Any, schema: Schema | None) -> Any:
    """Return a table with the schema's types, also for a schema of one tensor without a name."""
    if schema is None or not schema.is_tensor_spec():
        return typed_frame(frame, schema)
    dtype = schema.inputs[0].type
    if schema.has_input_names() or not len(frame) or any(isinstance(value, list) for value in frame.iloc[0]):
        return frame
    try:
        return _unchanged(frame, frame.astype(dtype))
    except (TypeError, ValueError) as error:
        raise InvalidParameter(f"The columns cannot be converted to {dtype}: {error}") from error


# ---------------------------------------------------------------- the forms


def _split(content: Any, schema: Schema | None) -> Any:
    known = {"columns", "data", "index"}
    if not isinstance(content, dict) or "data" not in content or set(content) - known:
        keys = ", ".join(map(str, content)) or "no keys" if isinstance(content, dict) else ""
        has = f"an object with {keys}" if keys else _kind(content)
        raise BadRequest(
            f"dataframe_split must be an object with data and, optionally, columns and index, not {has:.200}."
        )
    if schema is not None and schema.is_tensor_spec():
        return typed(frame_from_split(content, None), schema)
    if schema is not None and all(spec.type is DataType.double for spec in schema):
        found = _all_doubles(content)
        if found is not None:
            return found
    return frame_from_split(content, schema)


def _all_doubles(content: Mapping[str, Any]) -> Any:
    """Return the table as one array, many times faster than column by column, or None if it cannot be one."""
    import numpy
    import pandas

    try:
        values = numpy.array(content["data"], dtype=numpy.float64)
        if values.ndim == 2:
            return pandas.DataFrame(values, columns=content.get("columns"), index=content.get("index"))
    except (TypeError, ValueError):
        pass
    return None


def _instances(rows: Any, schema: Schema | None) -> Any:
    """Return data that is given row by row: objects with a value for each column or tensor, or values."""
    if not (isinstance(rows, list) and rows and isinstance(rows[0], dict)):
        found = _inputs(rows, schema)
        return _of_one_length(found, schema) if isinstance(found, dict) else found
    columns: dict[Any, list[Any]] = {}
    for row in rows:
        if not isinstance(row, dict):
            raise BadRequest(f"The instances must be all objects or all values, but {_kind(row)} follows an object.")
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    columns = with_names_of(columns, schema)
    specs = schema.input_dict() if schema is not None else {}
    if any(isinstance(spec, ColSpec) and not isinstance(spec.type, DataType) for spec in specs.values()):
        # Lists and objects cannot be told from columns any more once they are in one.
        return records_frame(rows, schema)
    return _of_one_length({name: _array(values, specs.get(name)) for name, values in columns.items()}, schema)


def _inputs(content: Any, schema: Schema | None) -> Any:
    """Return data that is given column by column, as a list of objects, or as values."""
    specs = schema.input_dict() if schema is not None and schema.has_input_names() else {}
    objects = isinstance(content, list) and any(isinstance(item, dict) for item in content)
    if schema is not None:
        if len(specs) == 1 and isinstance(content, list) and not objects:
            content = {next(iter(specs)): content}
        elif not specs and isinstance(content, dict):
            raise BadRequest(
                "The model's signature has no names, so the data must be a list or a single value, not an object."
            )
    if isinstance(content, dict):
        content = with_names_of(content, schema)
        return {name: _array(values, specs.get(name)) for name, values in content.items()}
    if objects:
        if not all(isinstance(item, dict) for item in content):
            raise BadRequest("The items of a list must be all objects or all values.")
        return [{name: _array(value, specs.get(name)) for name, value in item.items()} for item in content]
    if content == []:
        return content
    return _array(content, schema.inputs[0] if schema is not None else None)


FORMS: dict[str, Callable[[Any, Schema | None], Any]] = {
    "dataframe_split": _split,
    "dataframe_records": records_frame,
    "instances": _instances,
    "inputs": _inputs,
}


def _array(values: Any, spec: Any) -> Any:
    """Return a value or a list of values as an array with the dtype of a column or tensor."""
    import numpy

    if isinstance(spec, ColSpec) and not isinstance(spec.type, DataType):
        # `enforce` checks the content of arrays, objects and maps.
        return values
    if isinstance(spec, ColSpec) and spec.type is DataType.binary:
        return _decoded(values)
    if isinstance(spec, ColSpec) and isinstance(values, list) and (None in values or spec.type is DataType.datetime):
        found = _column(values, spec)
        if found is not None:
            return found
    dtype = None if spec is None else spec.type if isinstance(spec, TensorSpec) else spec.type.to_numpy()
    if dtype is not None and dtype.kind == "U" and isinstance(values, list) and any(map(_is_changed_by_numpy, values)):
        dtype = numpy.dtype(object)
    try:
        read = numpy.array(values)
        made = read if dtype is None else _unchanged(read, numpy.array(values, dtype=dtype))
    except (TypeError, ValueError, OverflowError) as error:
        what = "" if spec is None or spec.name is None else f" for {spec.name!r:.80}"
        array = "an array" if dtype is None else f"an array of {dtype}"
        raise BadRequest(f"The values{what} cannot be converted to {array}: {error}") from error
    return made if isinstance(values, list) or spec is None else made[()]


def _is_changed_by_numpy(value: Any) -> bool:
    """Return whether an array of strings changes this value: None to "None", and a string that ends with NUL."""
    return value is None or (isinstance(value, str) and value.endswith("\0"))


def _column(values: list[Any], spec: ColSpec) -> Any:
    """Return times, and integers and booleans with missing values, as a column. NumPy has no such arrays."""
    import pandas

    if spec.type is DataType.boolean:
        return pandas.Series(values, dtype=object)
    if spec.type not in (DataType.integer, DataType.long, DataType.datetime):
        return None
    try:
        return typed_column(pandas.Series(values, dtype=object), spec.type)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadRequest(f"The values for {spec.name!r:.80} cannot be converted to {spec.type!r}: {error}") from error


def _unchanged(read: Any, made: Any) -> Any:
    """Return the converted values. Raises ValueError if fractions or bits were cut off."""
    import numpy

    whole = numpy.asarray(made).dtype.kind in "iub"
    if whole and numpy.asarray(read).dtype.kind in "biuf" and not (numpy.asarray(read) == numpy.asarray(made)).all():
        raise ValueError("Some values would change.")
    return made


def _decoded(values: Any) -> Any:
    if isinstance(values, list):
        return [_decoded(value) for value in values]
    return base64.b64decode(values) if isinstance(values, str) else values


def _of_one_length(columns: Mapping[str, Any], schema: Schema | None) -> dict[str, Any]:
    names = set(columns)
    if schema is not None and schema.has_input_names():
        names &= {spec.name for spec in schema if spec.required and not isinstance(spec.type, Array)}
    lengths = {name: len(values) for name, values in columns.items() if name in names and hasattr(values, "__len__")}
    if len(set(lengths.values())) > 1:
        has = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise BadRequest(
            f"Each instance must have a value for each name, but the numbers of values differ ({has:.200})."
        )
    return dict(columns)


def _parquet(body: bytes, schema: Schema | None) -> Any:
    try:
        (frame,) = tables.read_parquet(io.BytesIO(body), integers=columns_of(schema).integers)
    except (ImportError, ValueError, OSError) as error:
        raise BadRequest(f"The body cannot be read as Parquet: {error}") from error
    return with_names_of(frame, schema)


def _json(body: bytes) -> dict[str, Any]:
    try:
        content = tables.parsed(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise BadRequest(f"The body must be an object with one of {', '.join(FORMS)}, not {_kind(content)}.")
    return content


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not valid UTF-8: {error}") from error


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", type(None): "null", bool: "a boolean"}
    return names.get(type(value), "a number")
