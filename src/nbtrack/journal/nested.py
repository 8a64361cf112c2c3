"""Flattens nested dicts: `{"train": {"loss": 1}}` becomes `train/loss`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import InvalidParameter
from ..names import check_dict

SEPARATOR = "/"
_DEEPEST = 50
_LEAVES = frozenset({float, int, str, bool})


def flat(values: Mapping[Any, Any], what: str, *, keep_empty: bool = False) -> dict[str, Any]:
    """Return `values` with the keys of nested dicts joined by `/`. Keys that are not strings are converted to strings.

    Empty nested dicts are left out, or kept as values with `keep_empty`. Raises InvalidParameter if two keys become
    equal, or if `values` is not a dict. Its message calls a value `what`.
    """
    check_dict(values, f"{what.lower()}s")
    if all(type(key) is str and type(value) in _LEAVES for key, value in values.items()):
        return dict(values)
    found: dict[str, Any] = {}
    for key, value in _leaves(values, "", what, 0):
        if not keep_empty and isinstance(value, Mapping) and not value:
            continue
        if key in found:
            raise InvalidParameter(
                f"{what} {key!r:.120} occurs twice, because the keys of nested dicts are joined by {SEPARATOR!r} and "
                "other keys are converted to strings. Rename one of the two. Nothing was logged."
            )
        found[key] = value
    return found


def _leaves(values: Mapping[Any, Any], above: str, what: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > _DEEPEST:
        raise InvalidParameter(
            f"{what} {above!r:.120} has more than {_DEEPEST} levels of nested dicts. Does a dict contain itself? "
            "Nothing was logged."
        )
    for key, value in values.items():
        name = key if type(key) is str else str(key)
        if above:
            name = f"{above}{SEPARATOR}{name}"
        if type(value) not in _LEAVES and isinstance(value, Mapping) and value:
            yield from _leaves(value, name, what, depth + 1)
        else:
            yield name, value
