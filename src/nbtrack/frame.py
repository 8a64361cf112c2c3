"""Tables in the format that the caller wants: pandas, polars or Arrow.

A column is a NumPy array. Arrays of objects hold strings, and None for missing values. Masked floats and integers are
missing. Times are `datetime64[us]` in UTC, and NaT if missing.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from .errors import InvalidParameter, NotSupported

if TYPE_CHECKING:
    import duckdb
    import numpy as np

    Columns = Mapping[str, np.ndarray[Any, Any]]

OutputFormat = Literal["pandas", "polars", "arrow"]


def check_format(output_format: str, *more: str) -> None:
    """Check that a format exists and that its package is installed. `more` are formats that the caller adds.

    Raises InvalidParameter for an unknown format and NotSupported if its package is not installed.
    """
    if output_format not in (*_PACKAGES, *more):
        known = ", ".join(repr(name) for name in (*_PACKAGES, *more))
        raise InvalidParameter(f"output_format must be one of {known}, not {output_format!r:.80}.")
    if output_format in _PACKAGES:
        package = _PACKAGES[output_format]
        try:
            importlib.import_module(package)
        except ImportError:
            raise NotSupported(
                f"output_format={output_format!r} requires {package}. Install it with `pip install {package}`."
            ) from None


def from_columns(columns: Columns, output_format: str) -> Any:
    """Return columns of equal length as a table."""
    return _FROM_COLUMNS[output_format](columns)


def from_relation(relation: duckdb.DuckDBPyRelation, output_format: str) -> Any:
    """Return the rows of a DuckDB query as a table."""
    if output_format == "list":
        names = relation.columns
        return [dict(zip(names, row, strict=True)) for row in relation.fetchall()]
    if output_format == "polars":
        import polars

        # This works without pyarrow, which DuckDB's own `pl` needs.
        return polars.DataFrame(relation)
    return relation.df() if output_format == "pandas" else relation.to_arrow_table()


def _pandas(columns: Columns) -> Any:
    import numpy as np
    import pandas

    # Before pandas 3, strings are objects, and "str" would turn missing values into the string "None".
    text = "str" if int(pandas.__version__.partition(".")[0]) >= 3 else "object"
    series: dict[str, Any] = {}
    for name, values in columns.items():
        if values.dtype.kind == "O":
            series[name] = pandas.Series(values, dtype=text)
        elif values.dtype.kind == "M":
            series[name] = pandas.DatetimeIndex(values).tz_localize("UTC")
        elif isinstance(values, np.ma.MaskedArray):
            floats = values.dtype.kind == "f"
            series[name] = values.filled(np.nan) if floats else pandas.array(values.tolist(), dtype="Int64")
        else:
            series[name] = values
    return pandas.DataFrame(series)


def _polars(columns: Columns) -> Any:
    import numpy as np
    import polars

    series = []
    for name, values in columns.items():
        if values.dtype.kind == "O":
            column = polars.Series(name, values.tolist(), dtype=polars.String)
        elif values.dtype.kind == "M":
            column = polars.Series(name, values).dt.replace_time_zone("UTC")
        else:
            column = polars.Series(name, np.ma.getdata(values))
            if np.ma.is_masked(values):
                column = column.to_frame().select(
                    polars.when(polars.Series(~np.ma.getmaskarray(values))).then(polars.col(name)).alias(name)
                )[name]
        series.append(column)
    return polars.DataFrame(series)


def _arrow(columns: Columns) -> Any:
    import numpy as np
    import pyarrow

    arrays: dict[str, Any] = {}
    for name, values in columns.items():
        if values.dtype.kind == "O":
            arrays[name] = pyarrow.array(values, type=pyarrow.string())
        elif values.dtype.kind == "M":
            arrays[name] = pyarrow.array(values, type=pyarrow.timestamp("us")).cast(pyarrow.timestamp("us", "UTC"))
        else:
            # A logged NaN is a value, not a missing one.
            mask = np.ma.getmaskarray(values) if np.ma.is_masked(values) else None
            arrays[name] = pyarrow.array(np.ma.getdata(values), mask=mask, from_pandas=False)
    return pyarrow.table(arrays)


_PACKAGES = {"pandas": "pandas", "polars": "polars", "arrow": "pyarrow"}
"""The package that each format requires."""
_FROM_COLUMNS: dict[str, Callable[[Columns], Any]] = {"pandas": _pandas, "polars": _polars, "arrow": _arrow}
