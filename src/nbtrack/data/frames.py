"""Datasets of pandas and polars DataFrames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import InvalidParameter
from .dataset import Dataset, checked_names, source_of
from .digest import Digest

if TYPE_CHECKING:
    import pandas
    import polars


def from_pandas(
    df: pandas.DataFrame,
    source: Any = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> Dataset:
    """Create a dataset from a pandas DataFrame.

    The digest is computed from all cells, the names and the dtypes of the columns, and the index, unless it is the
    default 0, 1, 2 and so on. The profile has `num_rows` and `num_elements`.

    Args:
        df: The data.
        source: Where the data came from: a path, a URI or a dict. Defaults to the code that runs.
        targets: The name of the column with the targets.
        name: The name of the dataset. Defaults to the name of the source's file without its extension, or to "dataset".
        digest: A digest of your own, at most 36 characters long. Defaults to one of the content.
        predictions: The name of the column with the predictions.

    Returns:
        The dataset.

    Raises:
        InvalidParameter: If `df` is not a pandas DataFrame, if `targets` or `predictions` is not one of its columns, if
            the source, the name or the digest is not valid, or if a cell holds an object that cannot be hashed.

    Example:
        >>> import pandas
        >>> frame = pandas.DataFrame({"x": [1, 2, 3], "label": [0, 1, 0]})
        >>> dataset = nbtrack.data.from_pandas(frame, source="data/train.csv", targets="label")
        >>> dataset.name, dataset.profile
        ('train', {'num_rows': 3, 'num_elements': 6})
    """
    if not hasattr(df, "columns") or not hasattr(df, "iloc"):
        raise InvalidParameter(f"df must be a pandas DataFrame, not {type(df).__name__}.")
    return _dataset(df, _digest_of_pandas, _pandas_schema, source, targets, name, digest, predictions)


def from_polars(
    df: polars.DataFrame,
    source: Any = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> Dataset:
    """Create a dataset from a polars DataFrame.

    The digest is computed from all cells and the names and the dtypes of the columns. The profile has `num_rows` and
    `num_elements`.

    Args:
        df: The data. Call `collect()` on a LazyFrame first.
        source: Where the data came from: a path, a URI or a dict. Defaults to the code that runs.
        targets: The name of the column with the targets.
        name: The name of the dataset. Defaults to the name of the source's file without its extension, or to "dataset".
        digest: A digest of your own, at most 36 characters long. Defaults to one of the content.
        predictions: The name of the column with the predictions.

    Returns:
        The dataset.

    Raises:
        InvalidParameter: If `df` is not a polars DataFrame, if `targets` or `predictions` is not one of its columns, if
            the source, the name or the digest is not valid, or if a cell holds an object that cannot be hashed.
    """
    if not hasattr(df, "iter_columns"):
        hint = " Call collect() on the LazyFrame." if type(df).__name__ == "LazyFrame" else ""
        raise InvalidParameter(f"df must be a polars DataFrame, not {type(df).__name__}.{hint}")
    return _dataset(df, _digest_of_polars, _polars_schema, source, targets, name, digest, predictions)


def _dataset(
    df: Any,
    digest_of: Any,
    schema_of: Any,
    source: Any,
    targets: str | None,
    name: str | None,
    digest: str | None,
    predictions: str | None,
) -> Dataset:
    for parameter, column in (("targets", targets), ("predictions", predictions)):
        if column is not None and column not in df.columns:
            known = ", ".join(map(repr, list(df.columns)[:20]))
            raise InvalidParameter(
                f"{parameter} must be a column of the DataFrame, not {column!r:.80}. Its columns are {known:.400}."
            )
    source_type, source_json = source_of(source)
    name, digest = checked_names(name, digest, source_json)
    rows, columns = df.shape
    return Dataset(
        name,
        digest or digest_of(df),
        source_type,
        source_json,
        {"mlflow_colspec": schema_of(df)},
        {"num_rows": rows, "num_elements": rows * columns},
        targets,
        predictions,
    )


def _digest_of_pandas(df: pandas.DataFrame) -> str:
    digest = Digest("frame")
    digest.string(str(len(df)))
    if not _counts_rows(df.index):
        digest.string("index")
        for level in range(df.index.nlevels):
            _add_pandas(digest, df.index.get_level_values(level).to_series())
    for position in range(df.shape[1]):
        # By position, because two columns may have the same name.
        column = df.iloc[:, position]
        digest.cells([df.columns[position]])
        _add_pandas(digest, column)
    return digest.hexdigest()


def _counts_rows(index: Any) -> bool:
    return getattr(index, "start", None) == 0 and getattr(index, "step", None) == 1


def _add_pandas(digest: Digest, series: Any) -> None:
    import numpy as np

    dtype = series.dtype
    masked = getattr(dtype, "numpy_dtype", None)
    if isinstance(dtype, np.dtype):
        if dtype.kind == "O":
            digest.cells(series.tolist())
        else:
            digest.array(series.to_numpy())
    elif hasattr(dtype, "categories"):
        digest.string(f"category {dtype.ordered}")
        _add_pandas(digest, dtype.categories.to_series())
        digest.array(series.cat.codes.to_numpy().astype("i8"))
    elif getattr(dtype, "tz", None) is not None:
        digest.string(str(dtype))
        digest.array(series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy())
    elif masked is not None and np.dtype(masked).kind in "biuf":
        digest.string(str(dtype))
        digest.array(series.isna().to_numpy())
        digest.array(series.to_numpy(dtype=masked, na_value=0))
    else:
        digest.cells(series.tolist())


def _digest_of_polars(df: polars.DataFrame) -> str:
    digest = Digest("frame")
    digest.string(str(df.height))
    for column in df.iter_columns():
        digest.cells([column.name])
        dtype = column.dtype
        if dtype.is_integer() or dtype.is_float() or dtype.is_temporal() or str(dtype) == "Boolean":
            digest.string(str(dtype))
            physical = column.to_physical()
            if column.null_count():
                digest.array(column.is_null().to_numpy())
                physical = physical.fill_null(value=False if str(dtype) == "Boolean" else 0)
            digest.array(physical.to_numpy())
        else:
            if str(dtype) != "String":
                digest.string(str(dtype))
            digest.cells(column.to_list())
    return digest.hexdigest()


# MLflow's types. All other dtypes are `any`.
_TYPES = {
    "bool": "boolean",
    "int8": "integer",
    "int16": "integer",
    "int32": "integer",
    "int64": "long",
    "uint8": "integer",
    "uint16": "integer",
    "uint32": "long",
    "float16": "float",
    "float32": "float",
    "float64": "double",
    "date": "datetime",
    "datetime": "datetime",
    "datetime64": "datetime",
    "boolean": "boolean",
    "str": "string",
    "string": "string",
    "binary": "binary",
    "bytes": "binary",
}


def _pandas_schema(df: pandas.DataFrame) -> list[dict[str, Any]]:
    columns = []
    for position in range(df.shape[1]):
        series = df.iloc[:, position]
        kind = str(series.dtype)
        if kind == "object":
            found = {type(value).__name__ for value in series.dropna()}
            kind = found.pop() if len(found) == 1 else "mixed"
        columns.append(_column(df.columns[position], kind, not bool(series.isna().any())))
    return columns


def _polars_schema(df: polars.DataFrame) -> list[dict[str, Any]]:
    return [_column(column.name, str(column.dtype), not column.null_count()) for column in df.iter_columns()]


def _column(name: Any, kind: str, required: bool) -> dict[str, Any]:
    # `datetime64[us, UTC]` and `Datetime(time_unit='us', …)` are identified by their first word.
    word = kind.replace("(", "[").split("[")[0].lower()
    return {"type": _TYPES.get(word, "any"), "name": str(name), "required": required}
