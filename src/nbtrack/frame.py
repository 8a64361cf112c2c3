"""Tables in the form that was asked for: pandas, polars or Arrow.

A column is a NumPy array: objects are texts, None where there is none; a masked float or integer is missing; a time is
`datetime64[us]` in UTC, NaT where there is none.
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
    """Raises InvalidParameter for a format that there is not, `more` being further ones; NotSupported where its
    package is not installed."""
    if output_format not in (*_PACKAGES, *more):
        known = ", ".join(repr(name) for name in (*_PACKAGES, *more))
        raise InvalidParameter(f"output_format={output_format!r:.80}: use one of {known}.")
    if output_format in _PACKAGES:
        package = _PACKAGES[output_format]
        try:
            importlib.import_module(package)
        except ImportError:
            raise NotSupported(
                f"output_format={output_format!r} needs the package {package}. Install it with: pip install {package}"
            ) from None


def from_columns(columns: Columns, output_format: str) -> Any:
    """Columns of one length as a table."""
    return _FROM_COLUMNS[output_format](columns)


def from_relation(relation: duckdb.DuckDBPyRelation, output_format: str) -> Any:
    """The rows of a DuckDB query as a table."""
    if output_format == "list":
        names = relation.columns
        return [dict(zip(names, row, strict=True)) for row in relation.fetchall()]
    if output_format == "polars":
        import polars

        # Without pyarrow, which DuckDB's own `pl` needs.
        return polars.DataFrame(relation)
    return relation.df() if output_format == "pandas" else relation.to_arrow_table()


def _pandas(columns: Columns) -> Any:
    import numpy as np
    import pandas

    # Before pandas 3 texts are objects, and "str" would make the text "None" of what is missing.
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
            # A NaN that was logged is a value, and stays one.
            mask = np.ma.getmaskarray(values) if np.ma.is_masked(values) else None
            arrays[name] = pyarrow.array(np.ma.getdata(values), mask=mask, from_pandas=False)
    return pyarrow.table(arrays)


_PACKAGES = {"pandas": "pandas", "polars": "polars", "arrow": "pyarrow"}
"""The package that each format needs."""
_FROM_COLUMNS: dict[str, Callable[[Columns], Any]] = {"pandas": _pandas, "polars": _polars, "arrow": _arrow}
