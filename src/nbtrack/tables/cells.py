"""Convert single values to what JSON has: the cells of JSON tables, of JSON lines, and of objects in a CSV file.

Times and periods become ISO 8601 strings with all their digits and their offset, lengths of time ISO 8601 durations,
and bytes base64. Missing values, NaN and infinities become null, because JSON has neither. Everything unknown becomes
its string.
"""

from __future__ import annotations

import base64
import datetime
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_AS_THEY_ARE = (type(None), bool, int, str)


def is_missing(value: Any) -> bool:
    """Return whether a value is missing: None, NaN, NaT or pandas' NA."""
    if value is None:
        return True
    if isinstance(value, float):
        return value != value
    return type(value).__name__ in ("NAType", "NaTType")


def json_cell(value: Any) -> Any:
    """Return a value as JSON has it."""
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Mapping):
        return {str(name): json_cell(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_cell(inner) for inner in value]
    if isinstance(value, set | frozenset):
        return [json_cell(inner) for inner in sorted(value, key=str)]
    if is_missing(value):
        return None
    if isinstance(value, datetime.timedelta):
        import pandas

        return pandas.Timedelta(value).isoformat()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return _array(value)
    return str(value)


def column_cells(column: pd.Series[Any]) -> list[Any]:
    """Return the values of a column as JSON has them."""
    import numpy

    values = column.tolist()
    if isinstance(column.dtype, numpy.dtype) and column.dtype.kind in "biu":
        return values
    return [json_cell(value) for value in values]


def _array(value: Any) -> Any:
    """Return a NumPy array, a NumPy scalar or a pandas array."""
    if value.dtype.kind in "mM":
        # NumPy would return integers if the unit is a nanosecond.
        import pandas

        single = getattr(value, "ndim", 1) == 0
        convert: Any = pandas.Timestamp if value.dtype.kind == "M" else pandas.Timedelta
        return json_cell(convert(value)) if single else [json_cell(inner) for inner in value]
    return json_cell(value.tolist())
