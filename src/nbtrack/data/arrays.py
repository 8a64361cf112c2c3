"""Datasets of NumPy arrays."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import InvalidParameter
from .dataset import Dataset, checked_names, source_of
from .digest import Digest

if TYPE_CHECKING:
    import numpy as np

    Arrays = np.ndarray[Any, Any] | Mapping[str, np.ndarray[Any, Any]]


def from_numpy(
    features: Arrays,
    source: Any = None,
    targets: Arrays | None = None,
    name: str | None = None,
    digest: str | None = None,
) -> Dataset:
    """Create a dataset from NumPy arrays or SciPy's sparse matrices.

    The digest is computed from the dtypes, the shapes and all elements. The profile has `num_rows`, `num_elements`, and
    the shape, size and number of bytes of the features and the targets. A sparse matrix has the shape and the size of
    the array that it stands for, and its number of bytes is what it takes in memory. It is never converted to a dense
    array.

    Args:
        features: An array or a sparse matrix of any shape, whose first dimension is the rows, or a dict of them.
        source: Where the data came from: a path, a URI or a dict. Defaults to the code that runs.
        targets: The targets, in the same form as the features. None if there are none.
        name: The name of the dataset. Defaults to the name of the source's file without its extension, or to "dataset".
        digest: A digest of your own, at most 36 characters long. Defaults to one of the content.

    Returns:
        The dataset.

    Raises:
        InvalidParameter: If the features or the targets are not arrays, if the source, the name or the digest is not
            valid, or if an element is an object that cannot be hashed.

    Example:
        >>> import numpy
        >>> dataset = nbtrack.data.from_numpy(numpy.zeros((60, 28, 28)), targets=numpy.zeros(60), name="digits")
        >>> dataset.profile["num_rows"], dataset.profile["features_shape"]
        (60, [60, 28, 28])
    """
    given: dict[str, Any] = {"features": features} if targets is None else {"features": features, "targets": targets}
    parts = {what: _by_rows(part) for what, part in given.items()}
    for what, part in parts.items():
        for member in part.values() if isinstance(part, Mapping) else [part]:
            if not hasattr(member, "dtype") or not hasattr(member, "shape"):
                raise InvalidParameter(f"{what} must be an array, or a dict of arrays, not {type(member).__name__}.")
    source_type, source_json = source_of(source)
    name, digest = checked_names(name, digest, source_json)
    profile: dict[str, Any] = {
        "num_rows": _rows(parts["features"]),
        "num_elements": sum(map(_elements, parts.values())),
    }
    for what, part in parts.items():
        profile[f"{what}_shape"] = _each(part, _shape)
        profile[f"{what}_size"] = _each(part, _size)
        profile[f"{what}_nbytes"] = _each(part, _nbytes)
    schema = {what: json.dumps(_spec(part)) for what, part in parts.items()}
    return Dataset(
        name,
        digest or _digest_of(parts),
        source_type,
        source_json,
        {"mlflow_tensorspec": {"targets": None, **schema}},
        profile,
    )


def _digest_of(parts: Mapping[str, Any]) -> str:
    digest = Digest("arrays")
    for what, part in parts.items():
        digest.string(what)
        members = sorted(part.items()) if isinstance(part, Mapping) else [("", part)]
        for name, member in members:
            digest.string(name)
            if is_sparse(member):
                digest.sparse(member)
            else:
                digest.array(member)
    return digest.hexdigest()


def _each(part: Any, fact: Callable[[Any], Any]) -> Any:
    return {name: fact(member) for name, member in part.items()} if isinstance(part, Mapping) else fact(part)


def _spec(part: Any) -> list[dict[str, Any]]:
    named = part.items() if isinstance(part, Mapping) else [(None, part)]
    return [
        {
            **({"name": name} if name is not None else {}),
            "type": "tensor",
            "tensor-spec": {"dtype": str(member.dtype), "shape": [-1, *_shape(member)[1:]]},
        }
        for name, member in named
    ]


def _rows(features: Any) -> int:
    first = next(iter(features.values()), None) if isinstance(features, Mapping) else features
    return int(first.shape[0]) if first is not None and first.shape else 1


def _elements(part: Any) -> int:
    return sum(map(_size, part.values())) if isinstance(part, Mapping) else _size(part)


def is_sparse(member: Any) -> bool:
    """Return whether this is a sparse matrix or array of SciPy's, in any of its formats."""
    # If the module was not imported, no such matrix exists.
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and bool(sparse.issparse(member))


def _by_rows(part: Any) -> Any:
    """Convert sparse matrices to compressed rows, so that nothing else depends on their format."""
    # Checked first, because a dictionary-of-keys matrix is a dict too.
    if is_sparse(part):
        return part.tocsr()
    return {name: _by_rows(member) for name, member in part.items()} if isinstance(part, Mapping) else part


def _shape(member: Any) -> list[int]:
    # A slice of a sparse matrix may have NumPy's integers in its shape.
    return [int(length) for length in member.shape]


def _size(member: Any) -> int:
    # The `size` of a sparse matrix is the number of values that it stores.
    return math.prod(_shape(member))


def _nbytes(member: Any) -> int:
    if is_sparse(member):
        return int(member.data.nbytes + member.indices.nbytes + member.indptr.nbytes)
    return int(member.nbytes)
