"""Datasets of NumPy arrays."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import InvalidParameter
from .dataset import Dataset, checked, source_of
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
    """A dataset of an array, or of several by name, with the targets in a second one if there are any.

    `source`, `name` and `digest` are those of from_pandas.
    """
    parts = {"features": features} if targets is None else {"features": features, "targets": targets}
    for what, part in parts.items():
        for member in part.values() if isinstance(part, Mapping) else [part]:
            if not hasattr(member, "dtype") or not hasattr(member, "shape"):
                raise InvalidParameter(f"{what} of from_numpy must be an array, not {type(member).__name__}.")
    source_type, source_text = source_of(source)
    name, digest = checked(name, digest, source_text)
    profile: dict[str, Any] = {"num_rows": _rows(features), "num_elements": sum(map(_elements, parts.values()))}
    for what, part in parts.items():
        profile[f"{what}_shape"] = _each(part, lambda member: list(member.shape))
        profile[f"{what}_size"] = _each(part, lambda member: int(member.size))
        profile[f"{what}_nbytes"] = _each(part, lambda member: int(member.nbytes))
    schema = {what: json.dumps(_spec(part)) for what, part in parts.items()}
    return Dataset(
        name,
        digest or _digest_of(parts),
        source_type,
        source_text,
        {"mlflow_tensorspec": {"targets": None, **schema}},
        profile,
    )


def _digest_of(parts: Mapping[str, Any]) -> str:
    digest = Digest("arrays")
    for what, part in parts.items():
        digest.text(what)
        members = sorted(part.items()) if isinstance(part, Mapping) else [("", part)]
        for name, member in members:
            digest.text(name)
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
            "tensor-spec": {"dtype": str(member.dtype), "shape": [-1, *member.shape[1:]]},
        }
        for name, member in named
    ]


def _rows(features: Any) -> int:
    first = next(iter(features.values()), None) if isinstance(features, Mapping) else features
    return int(first.shape[0]) if first is not None and first.shape else 1


def _elements(part: Any) -> int:
    return sum(int(member.size) for member in part.values()) if isinstance(part, Mapping) else int(part.size)
