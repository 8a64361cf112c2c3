"""Write tables to CSV, JSON lines and Parquet.

Floats have all their digits. In CSV, a missing value is an empty cell, and a list or an object is its JSON. What JSON
does not have is written as `cells` describes.
"""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from ..errors import InvalidParameter
from .cells import column_cells, json_cell
from .reading import pyarrow_parquet

if TYPE_CHECKING:
    import pandas as pd

_AS_THEY_ARE = (str, int, float, bool, type(None))


class TableWriter:
    """A file that tables are appended to, in the format of `kind`: .csv, .jsonl or .parquet.

    Later tables may have other columns, and other types that all of the rows have in common. While that is open, the
    rows are in several files beside the first one, which are joined when the writer is closed. Errors call the rows
    `what`, and `hint` says what to do if one Parquet column cannot store them.
    """

    def __init__(
        self, path: Path, kind: str, what: str = "The predictions", hint: str = "Write them to a .jsonl file."
    ) -> None:
        self._what = what
        self._hint = hint
        self._path = path
        self._kind = kind
        self._rows = 0
        self._columns: list[Any] = []
        self._parts: list[_Part] = []

    def __enter__(self) -> TableWriter:
        self._path.touch()
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        try:
            if self._parts and self._kind == ".parquet":
                self._parts[-1].writer.close()
            if kind is None and len(self._parts) > 1:
                self._join()
        finally:
            for part in self._parts[1:]:
                part.path.unlink(missing_ok=True)

    def write(self, frame: pd.DataFrame) -> None:
        """Append the rows. Raises InvalidParameter if the format cannot store them."""
        self._columns += [name for name in frame.columns if name not in self._columns]
        if self._kind == ".csv":
            self._write_csv(frame)
        elif self._kind == ".jsonl":
            self._write_json(frame)
        else:
            self._write_parquet(frame)
        self._rows += len(frame)

    def _new_part(self, columns: Any, writer: Any = None) -> _Part:
        place = len(self._parts)
        path = self._path.with_name(f"{self._path.name}.{place}") if place else self._path
        self._parts.append(_Part(path, columns, self._rows, writer))
        return self._parts[-1]

    def _write_csv(self, frame: pd.DataFrame) -> None:
        columns = list(frame.columns)
        is_new = not self._parts or self._parts[-1].columns != columns
        part = self._new_part(columns) if is_new else self._parts[-1]
        cells, has_returns = _csv_cells(frame)
        # Python's writer does not quote a carriage return, which readers take for the end of a row.
        quoting = csv.QUOTE_NONNUMERIC if has_returns else csv.QUOTE_MINIMAL
        cells.to_csv(part.path, mode="a", header=is_new, index=False, quoting=quoting)

    def _write_json(self, frame: pd.DataFrame) -> None:
        names = [str(name) for name in frame.columns]
        columns = [column_cells(frame.iloc[:, place]) for place in range(len(names))]
        with self._path.open("ab") as file:
            for row in zip(*columns, strict=True):
                file.write(_line(dict(zip(names, row, strict=True))))

    def _write_parquet(self, frame: pd.DataFrame) -> None:
        import pyarrow

        parquet = pyarrow_parquet()
        try:
            table = pyarrow.Table.from_pandas(frame, preserve_index=False)
        except (pyarrow.ArrowException, TypeError, ValueError) as error:
            raise InvalidParameter(f"{self._named(len(frame))} cannot be written as Parquet: {error}") from error
        part = self._parts[-1] if self._parts else None
        if part is None or not _fits(table.schema, part.columns):
            if part is not None:
                part.writer.close()
            part = self._new_part(table.schema)
            part.writer = parquet.ParquetWriter(part.path, table.schema)
        try:
            # `cast` breaks lists with missing values in some versions of pyarrow.
            part.writer.write_table(table if table.schema.equals(part.columns) else table.cast(part.columns))
        except pyarrow.ArrowInvalid:
            # An integer that a float cannot store: the rows are joined later, or refused.
            part.writer.close()
            part = self._new_part(table.schema)
            part.writer = parquet.ParquetWriter(part.path, table.schema)
            part.writer.write_table(table)

    def _named(self, rows: int) -> str:
        return f"{self._what} for rows {self._rows + 1:,} to {self._rows + rows:,}"

    def _join(self) -> None:
        """Write the rows of all parts to one file with the columns and the types that all have in common."""
        joined = self._path.with_name(f"{self._path.name}.joined")
        try:
            if self._kind == ".csv":
                self._join_csv(joined)
            else:
                self._join_parquet(joined)
            os.replace(joined, self._path)
        finally:
            joined.unlink(missing_ok=True)

    def _join_csv(self, joined: Path) -> None:
        import pandas

        for place, part in enumerate(self._parts):
            pieces = pandas.read_csv(
                part.path, dtype=str, keep_default_na=False, skip_blank_lines=False, chunksize=10_000
            )
            with pieces:
                for number, piece in enumerate(pieces):
                    frame: Any = piece.reindex(columns=self._columns)
                    quoting = csv.QUOTE_ALL if _has_returns(frame) else csv.QUOTE_MINIMAL
                    frame.to_csv(joined, mode="a", header=not place and not number, index=False, quoting=quoting)

    def _join_parquet(self, joined: Path) -> None:
        import pyarrow

        parquet = pyarrow_parquet()
        common = None
        for part in self._parts:
            schema = part.columns.remove_metadata()
            try:
                common = schema if common is None else _common(common, schema)
            except pyarrow.ArrowException as error:
                raise InvalidParameter(
                    f"{self._what} from row {part.first + 1:,} on have another type than those before, and a "
                    f"Parquet column can have only one: {error}. {self._hint}"
                ) from error
        assert common is not None
        with parquet.ParquetWriter(joined, common) as writer:
            for part in self._parts:
                file = parquet.ParquetFile(part.path)
                for group in range(file.num_row_groups):
                    table = file.read_row_group(group)
                    try:
                        columns = [_column_of(table, field) for field in common]
                    except pyarrow.ArrowInvalid as error:
                        raise InvalidParameter(
                            f"{self._what} from row {part.first + 1:,} on cannot be stored with those of other "
                            f"rows in one Parquet column without loss: {error}. {self._hint}"
                        ) from error
                    writer.write_table(pyarrow.Table.from_arrays(columns, schema=common))


class _Part:
    """A file with rows that have the same columns: names in CSV, an Arrow schema in Parquet."""

    def __init__(self, path: Path, columns: Any, first: int, writer: Any) -> None:
        self.path = path
        self.columns = columns
        self.first = first
        self.writer = writer


def _common(one: Any, other: Any) -> Any:
    import pyarrow

    return pyarrow.unify_schemas([one, other], promote_options="permissive")


def _fits(schema: Any, wanted: Any) -> bool:
    """Return whether every value of the one Arrow schema is also one of the other."""
    import pyarrow

    if schema.names != wanted.names:
        return False
    try:
        return bool(_common(wanted.remove_metadata(), schema.remove_metadata()).equals(wanted.remove_metadata()))
    except pyarrow.ArrowException:
        return False


def _column_of(table: Any, field: Any) -> Any:
    import pyarrow

    if field.name not in table.column_names:
        return pyarrow.nulls(table.num_rows, field.type)
    column = table[field.name]
    return column if column.type.equals(field.type) else column.cast(field.type)


def _line(record: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(record) + b"\n"
    except TypeError:
        # Integers of more than 64 bits, and strings that are not valid Unicode.
        return json.dumps(record).encode() + b"\n"


def _csv_cells(frame: pd.DataFrame) -> tuple[Any, bool]:
    """Return the table with cells that CSV can store, and whether one of them has a carriage return."""
    import pandas

    changed = {}
    for place, dtype in enumerate(frame.dtypes):
        if dtype.kind not in "biufM":
            changed[place] = [_csv_cell(value) for value in frame.iloc[:, place]]
        elif dtype.kind == "f" and getattr(dtype, "itemsize", 0) == 2:
            # The shortest digits of a float16 are those of another float32, which it is read as.
            changed[place] = frame.iloc[:, place].astype("float32").astype(object).tolist()
    if not changed:
        return frame, False
    columns = {
        place: pandas.Series(changed[place], index=frame.index, dtype=object)
        if place in changed
        else frame.iloc[:, place]
        for place in range(len(frame.columns))
    }
    has_returns = any("\r" in cell for cells in changed.values() for cell in cells if isinstance(cell, str))
    return pandas.DataFrame(columns, index=frame.index).set_axis(frame.columns, axis=1), has_returns


def _csv_cell(value: Any) -> Any:
    if type(value) in _AS_THEY_ARE:
        return value
    plain = json_cell(value)
    return json.dumps(plain, ensure_ascii=False) if isinstance(plain, list | dict) else plain


def _has_returns(frame: Any) -> bool:
    return any("\r" in cell for name in frame.columns for cell in frame[name] if isinstance(cell, str))
