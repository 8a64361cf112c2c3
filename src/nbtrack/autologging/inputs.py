"""Convert training data of any kind to a dataset to log, and to an example of a model's input."""

from __future__ import annotations

from typing import Any

from .. import data
from ..data.arrays import is_sparse

EXAMPLE_ROWS = 5


def as_dataset(features: Any, targets: Any = None, name: str | None = None) -> Any:
    """Return a dataset of a DataFrame, an array, a sparse matrix or lists of numbers, or None for anything else."""
    if hasattr(features, "iloc") and hasattr(features, "columns"):
        return data.from_pandas(features, name=name)
    if hasattr(features, "iter_columns"):
        return data.from_polars(features, name=name)
    array = _as_values(features)
    if array is None:
        return None
    return data.from_numpy(array, targets=None if targets is None else _as_values(targets), name=name)


def _as_values(values: Any) -> Any:
    # As an array, a sparse matrix such as the word counts of documents would need hundreds of times the memory.
    return values if is_sparse(values) else as_array(to_dense(values))


def to_dense(values: Any) -> Any:
    """Return a sparse matrix as an array, and anything else as it is."""
    return values.toarray() if hasattr(values, "toarray") and hasattr(values, "nnz") else values


def as_array(values: Any) -> Any:
    """Return an array, a Series or lists as an array, or None if the value is not a table of values."""
    import numpy as np

    if hasattr(values, "detach"):
        values = values.detach().cpu()
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):
        return None
    return array if array.ndim else None


def first_rows(values: Any, rows: int = EXAMPLE_ROWS) -> Any:
    """Return a copy of the first rows, for the input example and the signature of a model."""
    import numpy as np

    if hasattr(values, "nnz"):
        # Some of the other formats cannot be sliced by rows, and signatures know none of them.
        return values[:rows].copy() if values.format in ("csr", "csc") else values.tocsr()[:rows]
    if hasattr(values, "iloc"):
        return values.iloc[:rows].copy()
    if hasattr(values, "iter_columns"):
        return values.head(rows)
    return np.array(values[:rows])
