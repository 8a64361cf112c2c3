"""Dicts in dicts, flattened: `{"train": {"loss": 1}}` is `train/loss`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import InvalidParameter

SEPARATOR = "/"
_DEEPEST = 50
_LEAVES = frozenset({float, int, str, bool})


def flat(values: Mapping[Any, Any], what: str, *, keep_empty: bool = False) -> dict[str, Any]:
    """`values` with the keys of nested dicts joined by `/`; keys that are no texts become texts.

    An empty dict in it is left out, or a value with `keep_empty`. Raises InvalidParameter, which calls the keys
    `what`, where two of them come to the same.
    """
    if all(type(key) is str and type(value) in _LEAVES for key, value in values.items()):
        return dict(values)
    found: dict[str, Any] = {}
    for key, value in _leaves(values, "", what, 0):
        if not keep_empty and isinstance(value, Mapping) and not value:
            continue
        if key in found:
            raise InvalidParameter(
                f"{what} {key!r:.120} is there twice: dicts in dicts are flattened by {SEPARATOR!r}, and keys that are "
                "no texts become texts. Rename one of the two. Nothing was logged."
            )
        found[key] = value
    return found


def _leaves(values: Mapping[Any, Any], above: str, what: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > _DEEPEST:
        raise InvalidParameter(
            f"{what} {above!r:.120} goes on for more than {_DEEPEST} dicts in dicts; does one contain itself? Nothing "
            "was logged."
        )
    for key, value in values.items():
        name = key if type(key) is str else str(key)
        if above:
            name = f"{above}{SEPARATOR}{name}"
        if type(value) not in _LEAVES and isinstance(value, Mapping) and value:
            yield from _leaves(value, name, what, depth + 1)
        else:
            yield name, value
