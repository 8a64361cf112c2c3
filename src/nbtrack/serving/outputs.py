"""Check a model's answer against the outputs of its signature.

Names, shapes and kinds must be as declared. The width of a number may differ, and so may the difference between
integers and floats: signatures are inferred from the targets that a model was trained on, and models return float32
for float64 and 3.0 for 3, which are the same numbers in JSON. The container may differ too: a model returns an array
for a named Series, or a list for an array.
"""

from __future__ import annotations

from typing import Any

from ..errors import NbtrackError
from ..models.column_types import Array, ColumnType, DataType, Map, Object
from ..models.enforcement import enforce
from ..models.schema import Schema
from ..models.values import plain
from .refusals import WrongAnswer

_NUMBERS = (DataType.integer, DataType.long, DataType.float, DataType.double)
_KINDS = "iuf"


def check_answer(predictions: Any, schema: Schema | None) -> None:
    """Raise WrongAnswer if an answer does not match the outputs of the signature."""
    if schema is None or _is_one_number_a_row(predictions, schema):
        return
    try:
        enforce(_as_declared(plain(predictions), schema), schema)
    except (NbtrackError, TypeError, ValueError) as error:
        raise WrongAnswer(f"The model's answer does not match its signature: {error}") from error


def _is_one_number_a_row(answer: Any, schema: Schema) -> bool:
    """Return whether this is the usual case, which needs no DataFrame.

    Creating one takes a fifth of the time of a small request.
    """
    import numpy

    types = schema.input_types()
    if len(types) != 1 or types[0] not in _NUMBERS or not isinstance(answer, numpy.ndarray):
        return False
    return answer.ndim == 1 and answer.dtype.kind in _KINDS


def _as_declared(answer: Any, schema: Schema) -> Any:
    """Return the answer as the table or the arrays of the signature, with numbers of the declared types."""
    if not schema.is_tensor_spec():
        return _table(answer, schema)
    if schema.has_input_names() and isinstance(answer, dict):
        specs: dict[str, Any] = schema.input_dict()
        return {name: _tensor(value, specs[name].type) for name, value in answer.items() if name in specs}
    return _tensor(answer, schema.input_types()[0])


def _tensor(values: Any, wanted: Any) -> Any:
    import numpy

    if isinstance(values, list | tuple) or numpy.isscalar(values):
        values = numpy.asarray(values)
    if isinstance(values, numpy.ndarray) and values.dtype.kind in _KINDS and wanted.kind in _KINDS:
        return numpy.empty(values.shape, wanted)
    return values


def _table(answer: Any, schema: Schema) -> Any:
    import numpy
    import pandas

    names = schema.input_names()
    if isinstance(answer, pandas.Series):
        answer = answer.to_frame(names[0])
    elif isinstance(answer, list) and any(isinstance(row, dict) for row in answer):
        answer = pandas.DataFrame(answer)
    elif isinstance(answer, list | numpy.ndarray):
        answer = _table_of_rows(answer, schema)
    types = dict(zip(names, schema.input_types(), strict=True))
    if isinstance(answer, dict):
        return {name: _value(value, types[name]) if name in types else value for name, value in answer.items()}
    if not isinstance(answer, pandas.DataFrame):
        return answer
    if not schema.has_input_names() and len(names) == len(answer.columns):
        answer = answer.set_axis(names, axis=1)
    columns = {name: answer[name] for name in answer.columns if name in types}
    if any(isinstance(column, pandas.DataFrame) for column in columns.values()):
        return answer
    return pandas.DataFrame({name: _column(column, types[name]) for name, column in columns.items()}, answer.index)


def _table_of_rows(rows: Any, schema: Schema) -> Any:
    import numpy
    import pandas

    names = schema.input_names()
    if len(names) > 1:
        return pandas.DataFrame(rows, columns=names)
    if isinstance(schema.input_types()[0], DataType) and numpy.shape(rows)[1:] == (1,):
        rows = numpy.ravel(rows)
    values = pandas.Series(list(rows), dtype=None if len(rows) else object)
    return pandas.DataFrame({names[0]: values})


def _column(values: Any, wanted: ColumnType) -> Any:
    import numpy
    import pandas

    if not isinstance(wanted, DataType):
        return pandas.Series([_value(value, wanted) for value in values], index=values.index, dtype=object)
    if wanted in _NUMBERS and values.dtype.kind in _KINDS:
        return pandas.Series(numpy.zeros(len(values), wanted.to_numpy()), index=values.index)
    return values


def _value(value: Any, wanted: ColumnType) -> Any:
    """Return a value of an array, object or map column with numbers of the declared types."""
    import numpy

    if isinstance(wanted, DataType):
        is_number = isinstance(value, int | float | numpy.number) and not isinstance(value, bool)
        return wanted.to_numpy().type(0) if is_number and wanted in _NUMBERS else value
    if isinstance(wanted, Array) and isinstance(value, list | numpy.ndarray):
        return [_value(item, wanted.dtype) for item in value]
    if isinstance(wanted, Object) and isinstance(value, dict):
        types = {prop.name: prop.dtype for prop in wanted.properties}
        return {name: _value(inner, types[name]) if name in types else inner for name, inner in value.items()}
    if isinstance(wanted, Map) and isinstance(value, dict):
        return {name: _value(inner, wanted.value_type) for name, inner in value.items()}
    return value
