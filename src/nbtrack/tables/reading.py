"""Read tables from CSV, JSON lines and Parquet.

- Every record is a row. A blank line is the row of an empty cell if the file has one column; otherwise it is no record.
- A row with more cells than the header is an error. pandas would take the first cells as an index.
- In a column of strings, only an empty cell is missing: "NA", "null" and "None" are strings. In a column of numbers or
  booleans, they are missing.
- Floats are read to the last digit, and integers with missing values do not pass through floats.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import orjson

from ..errors import InvalidParameter, NbtrackError

if TYPE_CHECKING:
    import pandas as pd

_MISSING = """
    #N/A #NA -1.#IND -1.#QNAN -NaN -nan 1.#IND 1.#QNAN <NA> N/A NA NULL NaN None n/a nan null
"""
MISSING = frozenset(["#N/A N/A", *_MISSING.split()])
"""What stands for a missing number in a CSV file, as in pandas."""

_TRUTHS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}


def read_csv(
    source: Path | IO[str],
    size: int | None = None,
    *,
    strings: Collection[Any] = (),
    nested: Collection[Any] = (),
    integers: Collection[Any] = (),
) -> Iterator[pd.DataFrame]:
    """Yield the rows of a CSV file with a header, `size` at a time.

    `strings` are the columns that are read as strings, and `nested` those that hold JSON. `integers` are those that
    may have missing values: they are read as strings too, because pandas would read them as floats. The types of all
    others are inferred.

    Raises:
        ValueError: If the file is not valid.
    """
    import pandas

    if isinstance(source, Path):
        with source.open(encoding="utf-8-sig", newline="") as file:
            width = _checked_width(file)
    else:
        width = _checked_width(source)
        source.seek(0)
    converters: dict[Any, Callable[[str], Any]] = dict.fromkeys(nested, _nested)
    converters |= dict.fromkeys(integers, _digits)
    converters |= dict.fromkeys(strings, _string)
    # Before version 3, pandas rounded the last digit by default.
    exact: dict[str, Any] = {"float_precision": "round_trip"} if int(pandas.__version__.partition(".")[0]) < 3 else {}
    reader = pandas.read_csv(
        source,
        converters=converters,
        chunksize=size or 1_000_000_000,
        keep_default_na=False,
        na_values=[""],
        skip_blank_lines=width > 1,
        low_memory=False,
        **exact,
    )
    with reader:
        for frame in reader:
            for name in frame.columns:
                frame[name] = frame[name].astype(object) if name in converters else _without_missing(frame[name])
            yield frame


def _checked_width(file: IO[str]) -> int:
    """Return the number of columns.

    Raises:
        ValueError: If the first row has more cells than the header. pandas would take the first ones as an index.
    """
    try:
        records = csv.reader(file)
        header = next(records, [])
        first = next((record for record in records if record), [])
    except csv.Error:
        # Such as a cell of more than 128 KB. pandas reads it, or says what is wrong.
        return 2
    if header and len(first) > len(header):
        raise ValueError(f"The first row has {len(first):,} cells, but the header has {len(header):,}.")
    return len(header)


def read_json_lines(source: Path, size: int, *, integers: Collection[Any] = ()) -> Iterator[pd.DataFrame]:
    """Yield the rows of a file with a JSON object per line, `size` at a time. See `frame_of_records`.

    Raises:
        InvalidParameter: If a line is not a JSON object. The message has its number.
    """
    records: list[Any] = []
    with source.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                records.append(parsed(line))
            except ValueError as error:
                raise InvalidParameter(f"Line {number:,} of {source.name!r:.200} is not valid JSON: {error}") from error
            if not isinstance(records[-1], dict):
                raise InvalidParameter(f"Line {number:,} of {source.name!r:.200} must be a JSON object.")
            if len(records) == size:
                yield frame_of_records(records, integers)
                records = []
    if records:
        yield frame_of_records(records, integers)


def parsed(content: bytes) -> Any:
    """Return the content of a JSON document. Raises ValueError if it is not valid."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        # This parser accepts NaN, Infinity and numbers of any length, as MLflow and pandas do.
        return json.loads(content)


def frame_of_records(records: list[dict[str, Any]], integers: Collection[Any] = ()) -> pd.DataFrame:
    """Return a table with a row for each object.

    The columns in `integers` keep their integers if some are missing, which pandas would turn into floats.
    """
    import pandas

    return _with_integers(
        pandas.DataFrame(records), integers, lambda name, place: [record.get(name) for record in records]
    )


def frame_of_rows(rows: list[Any], columns: Any, index: Any, integers: Collection[Any] = ()) -> pd.DataFrame:
    """Return a table of lists of cells. `integers` has the meaning of `frame_of_records`."""
    import pandas

    return _with_integers(
        pandas.DataFrame(rows, columns=columns, index=index),
        integers,
        lambda name, place: [row[place] for row in rows],
    )


def _with_integers(
    frame: pd.DataFrame, integers: Collection[Any], cells: Callable[[Any, int], list[Any]]
) -> pd.DataFrame:
    import pandas

    for place, name in enumerate(frame.columns):
        if name in integers and frame.dtypes.iloc[place].kind == "f" and frame.iloc[:, place].hasnans:
            frame[name] = pandas.Series(cells(name, place), index=frame.index, dtype=object)
    return frame


def read_parquet(
    source: Path | IO[bytes], size: int | None = None, *, integers: Collection[Any] = ()
) -> Iterator[pd.DataFrame]:
    """Yield the rows of a Parquet file, `size` at a time, or all at once.

    Integers are kept if some are missing and `integers` is not empty. Raises InvalidParameter if the file is not valid.
    """
    import pandas

    file = parquet_file(source)
    batches: Iterable[Any] = [file.read()] if size is None else file.iter_batches(size)
    for batch in batches:
        try:
            frame = batch.to_pandas(integer_object_nulls=bool(integers))
        except (TypeError, ValueError, NotImplementedError):
            # pandas cannot read back all of the dtypes that it notes in a file.
            frame = batch.to_pandas(integer_object_nulls=bool(integers), ignore_metadata=True)
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name in frame.columns and _lacks_integers(column):
                frame[name] = pandas.Series(column.to_pylist(), index=frame.index, dtype=object)
        yield frame


def _lacks_integers(column: Any) -> bool:
    """Return whether integers are missing inside of lists or objects, where pyarrow would turn them into floats."""
    import pyarrow

    def inside(array: Any) -> bool:
        if pyarrow.types.is_struct(array.type):
            return any(inside(part) or leaf(part) for part in array.flatten())
        if pyarrow.types.is_list(array.type) or pyarrow.types.is_large_list(array.type):
            part = array.flatten()
            return inside(part) or leaf(part)
        return False

    def leaf(array: Any) -> bool:
        return bool(array.null_count) and (pyarrow.types.is_integer(array.type) or pyarrow.types.is_boolean(array.type))

    chunks = column.chunks if isinstance(column, pyarrow.ChunkedArray) else [column]
    return any(inside(chunk) for chunk in chunks)


def parquet_file(source: Path | IO[bytes]) -> Any:
    """Return an open Parquet file. Raises InvalidParameter if it is not one, or if pyarrow is not installed."""
    try:
        return pyarrow_parquet().ParquetFile(source)
    except (ValueError, OSError) as error:
        if isinstance(error, NbtrackError):
            raise
        what = repr(source.name)[:200] if isinstance(source, os.PathLike) else "The data"
        raise InvalidParameter(f"{what} is not a valid Parquet file: {error}") from error


def pyarrow_parquet() -> Any:
    """Return the module `pyarrow.parquet`. Raises InvalidParameter if pyarrow is not installed."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise InvalidParameter(
            "Parquet files require pyarrow, which is not installed. Install it with: pip install pyarrow"
        ) from error
    return pyarrow.parquet


def _string(cell: str) -> str | None:
    return cell or None


def _digits(cell: str) -> str | None:
    return None if cell in MISSING else cell or None


def _nested(cell: str) -> Any:
    """Return the list or object in a cell. A cell with anything else is returned as it is."""
    try:
        return orjson.loads(cell) if cell else None
    except orjson.JSONDecodeError:
        return cell


def _without_missing(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column of strings as numbers or booleans if it has only these and what stands for missing ones."""
    import pandas

    if column.dtype.kind in "biuf" or not len(column):
        return column
    missing = column.isin(MISSING)
    if not missing.any():
        return column
    present = column[~missing].dropna()
    if present.isin([*_TRUTHS, True, False]).all():
        values: Any = [_TRUTHS.get(value, value) for value in present]
    else:
        try:
            numbers = pandas.to_numeric(present)
            # `to_numeric` is not exact for floats.
            values = numbers if numbers.dtype.kind in "iu" else present.astype("float64")
        except (TypeError, ValueError):
            return column
    if not len(present):
        return pandas.Series(float("nan"), index=column.index)
    kept = pandas.Series(values, index=present.index)
    return kept.reindex(column.index)
