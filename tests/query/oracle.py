"""A second implementation of the query language in plain Python over dicts."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbtrack.query.tree import (
    And,
    Comparison,
    Key,
    Leaf,
    Member,
    Membership,
    Node,
    Not,
    Operand,
    Or,
    Ordering,
    Pattern,
    Presence,
    Range,
)
from nbtrack.query.vocabulary import Attribute
from tests.query.database import Point, in_order


@dataclass
class Run:
    """A run for the oracle: attributes by name, all points of each metric, params and tags by key, and datasets."""

    attributes: dict[str, Any]
    metrics: dict[str, list[Point]] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    datasets: list[dict[str, str | None]] = field(default_factory=list)
    parent: tuple[str, str | None] | None = None
    """The id of the parent, and its name if it is there."""

    def values(self, operand: Operand) -> list[Any]:
        """Return all values of an operand, or nothing if it is missing."""
        if isinstance(operand, Member):
            return [row[operand.column] for row in self.datasets if row[operand.column] is not None]
        if isinstance(operand, Attribute) and operand.name == "parent":
            return [name for name in self.parent or () if name is not None]
        found = self.value(operand)
        return [] if found is None else [found]

    def value(self, operand: Operand) -> Any:
        """Return the value that runs are sorted by."""
        if isinstance(operand, Member):
            return min(self.values(operand), key=str.encode, default=None)
        if isinstance(operand, Attribute):
            if operand.name == "parent":
                return next(iter(self.values(operand)[::-1]), None)
            return self.attributes[operand.name]
        if operand.table.entity == "metrics":
            return summary(self.metrics.get(operand.name, []), operand.function and operand.function.name)
        return getattr(self, operand.table.entity).get(operand.name)


def summary(points: list[Point], function: str | None) -> float | int | None:
    """Return the value of a function of a metric's points. It is NaN only if all values are NaN."""
    if function == "count":
        return len(points)
    if not points:
        return None
    points = sorted(points, key=in_order)
    if function in (None, "first"):
        return points[0 if function else -1][2]
    numbers = [value for _, _, value in points if not math.isnan(value)]
    if not numbers:
        return math.nan
    return {"min": min(numbers), "max": max(numbers), "mean": sum(numbers) / len(numbers)}[str(function)]


FOLDED = {"status", "lifecycle_stage"}


def holds(node: Node, run: Run) -> bool | None:
    """Return whether a run matches, or None if a value is missing."""
    match node:
        case And(parts):
            answers = {holds(part, run) for part in parts}
            return False if False in answers else None if None in answers else True
        case Or(parts):
            answers = {holds(part, run) for part in parts}
            return True if True in answers else None if None in answers else False
        case Not(part):
            return negation(holds(part, run))
        case Presence(operand, present):
            return bool(run.values(operand)) == present
    answers = {leaf(node, found) for found in run.values(node.operand)} - {None}
    if isinstance(node.operand, Attribute) and node.operand.name == "parent":
        # It is the parent's name and its id: `!=` says that it is neither.
        denied = node.comparator == "!=" if isinstance(node, Comparison) else node.negated
        answers = {all(answers) if denied else any(answers)} if answers else set()
    return None if not answers else True in answers


def leaf(node: Leaf, found: Any) -> bool | None:
    """Return the result for one value, or None if it should be a number and is not."""
    operand = node.operand
    match node:
        case Comparison(_, comparator, value):
            tests: dict[str, Callable[[Any, Any], bool]] = {
                "=": same,
                "!=": lambda a, b: not same(a, b),
                "<": lambda a, b: bool(a < b),
                "<=": lambda a, b: bool(a <= b),
                ">": lambda a, b: bool(a > b),
                ">=": lambda a, b: bool(a >= b),
            }
            return about(found, operand, value, lambda left: tests[comparator](left, folded(operand, value)))
        case Membership(_, values, negated):
            listed = [folded(operand, value) for value in values]
            answer = about(found, operand, values[0], lambda left: any(same(left, value) for value in listed))
        case Range(_, low, high, negated):
            answer = about(found, operand, low, lambda left: bool(low <= left <= high))
        case Pattern(_, pattern, ignores_case, negated):
            wanted = regex(folded(operand, pattern), ignores_case)
            answer = about(found, operand, pattern, lambda left: wanted.fullmatch(left) is not None)
    return negation(answer) if negated else answer


def about(found: Any, operand: Operand, like: Any, test: Callable[[Any], bool]) -> bool | None:
    """Return the result of a test on a value, taken as a string or a number like the other side."""
    if isinstance(like, str):
        found = folded(operand, str(found))
    elif isinstance(found, str):
        found = number_in(found)
    return None if found is None else test(found)


def negation(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def same(a: Any, b: Any) -> bool:
    return bool(a == b or (a != a and b != b))


def folded(operand: Operand, value: Any) -> Any:
    return value.lower() if isinstance(value, str) and str(operand) in FOLDED else value


def number_in(text: str) -> float | None:
    """Return the number in a param, as Python reads it, but without underscores, spaces, other digits and NaN."""
    if not text.isascii() or "_" in text or text.strip() != text or len(text) > 100:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    overflown = math.isinf(number) and "inf" not in text.lower()
    underflown = number == 0 and not set("123456789").isdisjoint(text.lower().partition("e")[0])
    return None if math.isnan(number) or overflown or underflown else number


def regex(pattern: str, ignores_case: bool) -> re.Pattern[str]:
    parts = {"%": ".*", "_": "."}
    found = re.findall(r"\\.|.", pattern, re.DOTALL)
    expression = "".join(parts.get(part, re.escape(part[-1])) for part in found)
    return re.compile(expression, re.DOTALL | (re.IGNORECASE if ignores_case else 0))


def ordered(runs: Sequence[Run], orderings: Sequence[Ordering]) -> list[str]:
    """Return the IDs of the runs in the order of the clauses."""
    result = sorted(runs, key=lambda run: run.attributes["run_id"])
    result.sort(key=lambda run: run.attributes["start_time"], reverse=True)
    for ordering in reversed(orderings):
        values = {run.attributes["run_id"]: run.value(ordering.operand) for run in runs}
        ranks = {run_id: rank(value, ordering.operand) for run_id, value in values.items()}
        for group in (0, 1, 2):
            members = [run for run in result if ranks[run.attributes["run_id"]][0] == group]
            members.sort(key=lambda run: ranks[run.attributes["run_id"]][1], reverse=ordering.descending)
            result = [run for run in result if ranks[run.attributes["run_id"]][0] != group] + members
    return [run.attributes["run_id"] for run in result]


def rank(value: Any, operand: Operand) -> tuple[int, Any]:
    """Return the group of a value (number, other value, missing) and its sort key in this group."""
    if value is None:
        return 2, 0
    if isinstance(value, float) and math.isnan(value):
        return 1, 0
    if isinstance(value, str) and isinstance(operand, Key):
        number = number_in(value)
        return (1, value.encode()) if number is None else (0, number)
    return 0, value.encode() if isinstance(value, str) else value
