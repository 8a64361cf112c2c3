"""Evaluates a filter in Python, on the metrics, params and tags of a single run, with the meaning of its SQL.

SQL's logic has three values: a comparison with a missing value is neither true nor false, and NOT does not change that.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, TypeAlias

from .sql import NUMBER
from .tree import And, Comparison, Key, Leaf, Membership, Node, Not, Operand, Or, Pattern, Presence, Range, Value

Lookup: TypeAlias = Callable[[Key], Value | None]
"""Returns the value of a metric, param or tag, or None if the run does not have it."""

_COMPARATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NUMBER = re.compile(NUMBER)


def operands(node: Node) -> Iterator[Operand]:
    """Yield the names that a filter compares."""
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                yield from operands(part)
        case Not(part):
            yield from operands(part)
        case _:
            yield node.operand


def holds(node: Node, lookup: Lookup) -> bool | None:
    """Return whether a filter whose operands are all keys holds, or None if a missing value leaves this open."""
    match node:
        case And(parts):
            return _all([holds(part, lookup) for part in parts])
        case Or(parts):
            return _negation(_all([_negation(holds(part, lookup)) for part in parts]))
        case Not(part):
            return _negation(holds(part, lookup))
        case Presence(operand, present):
            return (_value(operand, lookup) is not None) == present
    return _leaf(node, _value(node.operand, lookup))


def _all(answers: list[bool | None]) -> bool | None:
    return False if False in answers else None if None in answers else True


def _negation(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def _value(operand: Operand, lookup: Lookup) -> Value | None:
    if not isinstance(operand, Key):
        raise TypeError(f"{operand} is not the name of a metric, param or tag.")
    return lookup(operand)


def _leaf(node: Leaf, found: Value | None) -> bool | None:
    match node:
        case Comparison(_, comparator, value):
            left = _as(found, value)
            if left is None:
                return None
            if comparator in _COMPARATORS:
                return _COMPARATORS[comparator](left, value)
            return _same(left, value) == (comparator == "=")
        case Membership(_, values, negated):
            left = _as(found, values[0])
            return None if left is None else any(_same(left, value) for value in values) != negated
        case Range(_, low, high, negated):
            left = _as(found, low)
            return None if left is None else bool(low <= left <= high) != negated  # type: ignore[operator]
        case Pattern(_, pattern, ignores_case, negated):
            return None if found is None else bool(_regex(pattern, ignores_case).fullmatch(str(found))) != negated


def _as(found: Value | None, other: Value) -> Value | None:
    """Return a value as it is compared with `other`: for a number, the number that a param holds, or None."""
    if isinstance(found, str) and not isinstance(other, str):
        return float(found) if len(found) <= 100 and _NUMBER.fullmatch(found) else None
    return found


def _same(a: Value, b: Value) -> bool:
    return a == b or (a != a and b != b)


@cache
def _regex(pattern: str, ignores_case: bool) -> re.Pattern[str]:
    """Return the regular expression of a LIKE pattern."""
    wildcards = {"%": ".*", "_": "."}
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    expression = "".join(wildcards.get(part, re.escape(part[-1])) for part in parts)
    return re.compile(expression, re.DOTALL | (re.IGNORECASE if ignores_case else 0))
