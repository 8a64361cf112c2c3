"""Predict the rows of a file in chunks that fit into memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from ..errors import InvalidParameter, NbtrackError, NotFound
from ..integrations.pyfunc import PyFuncModel, load_model
from ..models.schema import Schema
from ..progress import progress
from .bodies import JSON, read_body, text_columns, typed

if TYPE_CHECKING:
    import pandas as pd

CHUNK = 10_000
"""The default number of rows that are predicted at once."""

READ = (".csv", ".parquet", ".jsonl", ".json")
WRITTEN = (".csv", ".parquet", ".jsonl")


def predict_file(
    model_uri: str,
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    chunk: int = CHUNK,
    params: Mapping[str, Any] | None = None,
    trust: bool = False,
) -> int:
    """Write a model's predictions for each row of a file to another file.

    The format of each file follows from its extension. CSV, Parquet and JSON Lines files are read in chunks, so they
    may be larger than memory. A JSON file is read as a whole: it is a list of objects, one per row, or the body of a
    request to a model server. Predictions without column names are written to the column `prediction`, or to
    `prediction_0`, `prediction_1` and so on.

    Args:
        model_uri: A `models:/` or `runs:/` URI, or the path of a model's folder.
        source: The file with the rows. Its name ends with .csv, .parquet, .jsonl or .json.
        target: The file to write. Its name ends with .csv, .parquet or .jsonl. It appears when all rows are predicted,
            and replaces an existing file, but never `source`.
        chunk: The number of rows that are predicted at once.
        params: Params of the model's `predict`. They take precedence over those in a JSON file.
        trust: True to load a model that can run code and that no run of this store logged.

    Returns:
        The number of rows.

    Raises:
        InvalidParameter: If a file has another extension, if `target` is the same file as `source`, if `source` is not
            valid, if a row cannot be predicted, or if the model requires `trust`. The message names the row, counted
            from 1.
        NotFound: If the model, the file `source` or the folder of `target` does not exist.

    Example:
        >>> predict_file("models:/digits/Production", "new.csv", "predicted.csv")  # doctest: +SKIP
        1250
    """
    source, target = Path(source), Path(target)
    if chunk < 1:
        raise InvalidParameter(f"chunk must be at least 1, not {chunk}.")
    for path, kinds in ((source, READ), (target, WRITTEN)):
        if path.suffix.lower() not in kinds:
            raise InvalidParameter(f"The file name {path.name!r:.200} must end with one of {', '.join(kinds)}.")
    if not source.is_file():
        raise NotFound(f"File {str(source)!r:.200} does not exist.")
    if not target.parent.is_dir():
        raise NotFound(
            f"Folder {str(target.parent)!r:.200}, where {target.name!r:.200} is to be written, does not exist."
        )
    if target.exists() and target.samefile(source):
        raise InvalidParameter(
            f"{str(target)!r:.200} is also the file that the rows are read from, and the predictions would overwrite "
            "it. Choose another output file."
        )
    model = load_model(model_uri, trust=trust)
    schema = model.metadata.get_input_schema()
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    done = 0
    try:
        with progress("Predicting", _count(source), "rows") as bar, _Writer(unfinished, target.suffix.lower()) as out:
            for data, given in _chunks(source, chunk, schema):
                rows = len(data) if hasattr(data, "__len__") else 1
                predictions = _predicted(model, data, {**(given or {}), **(params or {})} or None, source, done, schema)
                out.write(table(predictions))
                done += rows
                bar.advance(rows)
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
    return done


def table(predictions: Any) -> pd.DataFrame:
    """Return predictions as a table.

    Columns are kept. Other predictions are in the column `prediction`, or in `prediction_0`, `prediction_1` and so on.
    """
    import numpy
    import pandas

    if isinstance(predictions, pandas.DataFrame):
        return predictions.rename(columns=str)
    if isinstance(predictions, dict):
        return pandas.DataFrame({str(name): _cells(values) for name, values in predictions.items()})
    if isinstance(predictions, list) and predictions and all(isinstance(each, dict) for each in predictions):
        return pandas.DataFrame(predictions).rename(columns=str)
    if isinstance(predictions, numpy.ndarray) and predictions.ndim == 2:
        return pandas.DataFrame({f"prediction_{k}": predictions[:, k] for k in range(predictions.shape[1])})
    return pandas.DataFrame({"prediction": _cells(predictions)})


def _cells(values: Any) -> Any:
    """Return one value per row. Arrays of more dimensions become nested lists."""
    import numpy

    if isinstance(values, numpy.ndarray) and values.ndim > 1:
        return values.tolist()
    return [values] if numpy.isscalar(values) else values


def _predicted(model: PyFuncModel, data: Any, params: Any, source: Path, before: int, schema: Schema | None) -> Any:
    def attempt(part: Any) -> Any:
        frame = typed(part, schema) if hasattr(part, "columns") else part
        return model.predict(frame, params)

    try:
        return attempt(data)
    except Exception as error:  # whatever the model raises
        where, why = _first_failing_row(data, attempt, error) if hasattr(data, "iloc") else (None, error)
        reason = why.message if isinstance(why, NbtrackError) else f"{type(why).__name__}: {why}"
        rows = f"Rows {before + 1:,} to {before + len(data):,}" if where is None else f"Row {before + where + 1:,}"
        raise InvalidParameter(f"{rows} of {source.name!r:.200} cannot be predicted: {reason}"[:2000]) from error


def _first_failing_row(
    data: pd.DataFrame, attempt: Callable[[Any], Any], error: Exception
) -> tuple[int | None, Exception]:
    """Return the position of the first row that fails by itself, and its error.

    The position is None if only several rows together fail, or if every row fails.
    """
    start, end = 0, len(data)
    while end - start > 1:
        middle = (start + end) // 2
        for low, high in ((start, middle), (middle, end)):
            try:
                attempt(data.iloc[low:high].infer_objects())
            except Exception as found:
                start, end, error = low, high, found
                break
        else:
            return None, error
    # If the first row fails, the rows may not be the cause: a missing column makes each of them fail.
    others = {len(data) // 2, len(data) - 1} - {0}
    if start == 0 and others and all(_fails(data, attempt, row) for row in others):
        return None, error
    return start, error


def _fails(data: pd.DataFrame, attempt: Callable[[Any], Any], row: int) -> bool:
    try:
        attempt(data.iloc[row : row + 1].infer_objects())
    except Exception:  # whatever the model raises
        return True
    return False


# ---------------------------------------------------------------- reading


def _count(source: Path) -> int | None:
    """Return about how many rows the file has, for the progress bar."""
    if source.suffix.lower() == ".parquet":
        return int(_parquet_file(source).metadata.num_rows)
    if source.suffix.lower() == ".json":
        return None
    with source.open("rb") as file:
        lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    return lines - (source.suffix.lower() == ".csv")


def _chunks(source: Path, size: int, schema: Schema | None) -> Iterator[tuple[Any, dict[str, Any] | None]]:
    """Yield pieces of the file with their params. Tables do not have the schema's types yet."""
    kind = source.suffix.lower()
    if kind == ".csv":
        yield from ((frame, None) for frame in _csv(source, size, schema))
    elif kind == ".parquet":
        for batch in _parquet_file(source).iter_batches(size):
            yield batch.to_pandas(), None
    elif kind == ".jsonl":
        yield from ((frame, None) for frame in _json_lines(source, size))
    else:
        content = source.read_bytes()
        if content.lstrip()[:1] == b"[":
            content = b'{"dataframe_records": ' + content + b"}"
        data, params = read_body(content, JSON, schema)
        if not hasattr(data, "iloc"):
            yield data, params
            return
        yield from ((data.iloc[start : start + size], params) for start in range(0, len(data), size))


def _parquet_file(source: Path) -> Any:
    try:
        return _parquet().ParquetFile(source)
    except (ValueError, OSError) as error:
        if isinstance(error, NbtrackError):
            raise
        raise InvalidParameter(f"{source.name!r:.200} is not a valid Parquet file: {error}") from error


def _csv(source: Path, size: int, schema: Schema | None) -> Iterator[pd.DataFrame]:
    import pandas

    try:
        with pandas.read_csv(source, dtype=text_columns(schema), chunksize=size) as reader:
            yield from reader
    except (pandas.errors.ParserError, pandas.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InvalidParameter(f"{source.name!r:.200} is not a valid CSV file with a header line: {error}") from error


def _json_lines(source: Path, size: int) -> Iterator[pd.DataFrame]:
    import pandas

    records: list[Any] = []
    with source.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                records.append(orjson.loads(line))
            except orjson.JSONDecodeError as error:
                raise InvalidParameter(f"Line {number:,} of {source.name!r:.200} is not valid JSON: {error}") from error
            if not isinstance(records[-1], dict):
                raise InvalidParameter(f"Line {number:,} of {source.name!r:.200} must be a JSON object.")
            if len(records) == size:
                yield pandas.DataFrame(records)
                records = []
    if records:
        yield pandas.DataFrame(records)


# ---------------------------------------------------------------- writing


class _Writer:
    """A file that tables are appended to. They get the columns of the first one."""

    def __init__(self, path: Path, kind: str) -> None:
        self._path = path
        self._kind = kind
        self._parquet: Any = None
        self._columns: list[str] | None = None
        self._rows = 0

    def __enter__(self) -> _Writer:
        self._path.touch()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._parquet is not None:
            self._parquet.close()

    def write(self, frame: pd.DataFrame) -> None:
        if self._columns is None:
            self._columns = list(frame.columns)
        elif list(frame.columns) != self._columns:
            frame = frame.reindex(columns=self._columns)
        if self._kind == ".csv":
            frame.to_csv(self._path, mode="a", header=self._rows == 0, index=False)
        elif self._kind == ".jsonl":
            frame.to_json(self._path, orient="records", lines=True, mode="a", date_format="iso", double_precision=15)
        else:
            import pyarrow

            made = pyarrow.Table.from_pandas(frame, preserve_index=False)
            if self._parquet is None:
                self._parquet = _parquet().ParquetWriter(self._path, made.schema)
            self._parquet.write_table(made.cast(self._parquet.schema))
        self._rows += len(frame)


def _parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise InvalidParameter(
            "Parquet files require pyarrow, which is not installed. Install it with `pip install pyarrow`."
        ) from error
    return pyarrow.parquet
