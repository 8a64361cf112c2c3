"""Training data of any kind, as a dataset to log and as an example of a model's input."""

from __future__ import annotations

from typing import Any

from .. import data
from ..data.arrays import is_sparse

EXAMPLE_ROWS = 5


def as_dataset(features: Any, targets: Any = None, name: str | None = None) -> Any:
    """A dataset of a DataFrame, an array, a sparse matrix or lists of numbers; None for other things."""
    if hasattr(features, "iloc") and hasattr(features, "columns"):
        return data.from_pandas(features, name=name)
    if hasattr(features, "iter_columns"):
        return data.from_polars(features, name=name)
    array = _as_part(features)
    if array is None:
        return None
    return data.from_numpy(array, targets=None if targets is None else _as_part(targets), name=name)


def _as_part(values: Any) -> Any:
    # A sparse matrix of texts' words would need hundreds of times its memory as an array.
    return values if is_sparse(values) else as_array(as_plain(values))


def as_plain(values: Any) -> Any:
    """A sparse matrix as an array, everything else as it is."""
    return values.toarray() if hasattr(values, "toarray") and hasattr(values, "nnz") else values


def as_array(values: Any) -> Any:
    """An array, or lists and Series as one; None for what is no table of values, such as texts."""
    import numpy as np

    if hasattr(values, "detach"):
        values = values.detach().cpu()
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):
        return None
    return array if array.ndim else None


def first_rows(values: Any, rows: int = EXAMPLE_ROWS) -> Any:
    """A copy of the first rows, to be a model's input example and what its signature is inferred from."""
    import numpy as np

    if hasattr(values, "nnz"):
        # Of the other formats, some have no rows to take, and none is known to a signature.
        return values[:rows].copy() if values.format in ("csr", "csc") else values.tocsr()[:rows]
    if hasattr(values, "iloc"):
        return values.iloc[:rows].copy()
    if hasattr(values, "iter_columns"):
        return values.head(rows)
    return np.array(values[:rows])
