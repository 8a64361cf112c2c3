"""Predict the rows of a file in chunks that fit into memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidParameter, NbtrackError, NotFound
from ..integrations.pyfunc import PyFuncModel, load_model
from ..models.enforcement import enforce
from ..models.example import columns_of
from ..models.schema import Schema
from ..models.values import plain
from ..progress import progress
from ..tables.reading import parquet_file, read_csv, read_json_lines, read_parquet
from ..tables.writing import TableWriter
from .bodies import JSON, read_body, typed

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
    `prediction_0`, `prediction_1` and so on. The guide to serving says how each format stores values.

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
            valid, if a row cannot be predicted, if the model returns another number of rows than it was given, or if
            the model requires `trust`. The message names the rows, counted from 1.
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
        with (
            progress("Predicting", _count(source), "rows") as bar,
            TableWriter(unfinished, target.suffix.lower()) as out,
        ):
            for data, given in _chunks(source, chunk, schema):
                predictions = _predicted(model, data, {**(given or {}), **(params or {})} or None, source, done, schema)
                found, rows = table(predictions), _row_count(data, schema)
                if rows not in (None, len(found)):
                    raise InvalidParameter(
                        f"The model returned {len(found):,} {'row' if len(found) == 1 else 'rows'} for rows "
                        f"{done + 1:,} to {done + rows:,} of {source.name!r:.200}, so it is not known which prediction "
                        "belongs to which row."
                    )
                out.write(found)
                done += len(found)
                bar.advance(len(found))
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
    return done


def _row_count(data: Any, schema: Schema | None) -> int | None:
    """Return how many rows the data has, or None if that depends on the model."""
    if hasattr(data, "iloc"):
        return len(data)
    if schema is not None and not schema.is_tensor_spec():
        data = enforce(data, schema)
        return len(data) if hasattr(data, "iloc") else None
    if isinstance(data, dict):
        lengths = {len(value) if getattr(value, "ndim", 0) else None for value in data.values()}
        return lengths.pop() if len(lengths) == 1 else None
    return len(data) if getattr(data, "ndim", 0) else None


def table(predictions: Any) -> pd.DataFrame:
    """Return predictions as a table.

    Columns are kept. Other predictions are in the column `prediction`, or in `prediction_0`, `prediction_1` and so on.
    """
    import numpy
    import pandas

    predictions = plain(predictions)
    if isinstance(predictions, pandas.DataFrame):
        return predictions.set_axis(_strings(predictions.columns), axis=1)
    if isinstance(predictions, dict):
        return pandas.DataFrame({str(name): _cells(values) for name, values in predictions.items()})
    if isinstance(predictions, list) and predictions and all(isinstance(each, dict) for each in predictions):
        return pandas.DataFrame(predictions).rename(columns=str)
    if isinstance(predictions, numpy.ndarray) and predictions.ndim == 2:
        return pandas.DataFrame({f"prediction_{k}": predictions[:, k] for k in range(predictions.shape[1])})
    return pandas.DataFrame({"prediction": _cells(predictions)})


def _strings(columns: Any) -> list[str]:
    return ["_".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in columns]


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
        return int(parquet_file(source).metadata.num_rows)
    if source.suffix.lower() == ".json":
        return None
    with source.open("rb") as file:
        lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    return lines - (source.suffix.lower() == ".csv")


def _chunks(source: Path, size: int, schema: Schema | None) -> Iterator[tuple[Any, dict[str, Any] | None]]:
    """Yield pieces of the file with their params. Tables do not have the schema's types yet."""
    kind, named = source.suffix.lower(), columns_of(schema)
    if kind == ".csv":
        try:
            frames = read_csv(source, size, strings=named.strings, nested=named.nested, integers=named.integers)
            yield from ((frame, None) for frame in frames)
        except ValueError as error:
            if isinstance(error, NbtrackError):
                raise
            raise InvalidParameter(
                f"{source.name!r:.200} is not a valid CSV file with a header line: {error}"
            ) from error
    elif kind == ".parquet":
        yield from ((frame, None) for frame in read_parquet(source, size, integers=named.integers))
    elif kind == ".jsonl":
        yield from ((frame, None) for frame in read_json_lines(source, size, integers=named.integers))
    else:
        content = source.read_bytes()
        if content.lstrip()[:1] == b"[":
            content = b'{"dataframe_records": ' + content + b"}"
        data, params = read_body(content, JSON, schema)
        if not hasattr(data, "iloc"):
            yield data, params
            return
        yield from ((data.iloc[start : start + size], params) for start in range(0, len(data), size))
