"""What a tree means, said once more in plain Python over dicts, and the text that a person would write for it."""

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


@dataclass
class Run:
    """A run as the oracle sees it: attributes by name, and the three dicts by key."""

    attributes: dict[str, Any]
    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def value(self, operand: Operand) -> Any:
        if isinstance(operand, Key):
            return getattr(self, operand.table.entity).get(operand.name)
        return self.attributes[operand.name]


FOLDED = {"status", "lifecycle_stage"}


def holds(node: Node, run: Run) -> bool | None:
    """True, False, or None where a value is missing."""
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
            return (run.value(operand) is not None) == present
        case Comparison(operand, comparator, value):
            tests: dict[str, Callable[[Any, Any], bool]] = {
                "=": same,
                "!=": lambda a, b: not same(a, b),
                "<": lambda a, b: bool(a < b),
                "<=": lambda a, b: bool(a <= b),
                ">": lambda a, b: bool(a > b),
                ">=": lambda a, b: bool(a >= b),
            }
            return about(run, operand, value, lambda found: tests[comparator](found, folded(operand, value)))
        case Membership(operand, values, negated):
            listed = [folded(operand, value) for value in values]
            answer = about(run, operand, values[0], lambda found: any(same(found, value) for value in listed))
        case Range(operand, low, high, negated):
            answer = about(run, operand, low, lambda found: bool(low <= found <= high))
        case Pattern(operand, pattern, ignores_case, negated):
            wanted = regex(folded(operand, pattern), ignores_case)
            answer = about(run, operand, pattern, lambda found: wanted.fullmatch(found) is not None)
    return negation(answer) if negated else answer


def about(run: Run, operand: Operand, like: Any, test: Callable[[Any], bool]) -> bool | None:
    """The answer of a test on the operand's value, taken as a text or as a number like what it is compared with."""
    found = run.value(operand)
    if found is not None and isinstance(like, str):
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
    """The number that a param holds: as Python reads it, but no underscores, spaces, other digits, nor NaN."""
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
    """The ids of the runs in the order that the clauses ask for."""
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
    """The group that a value belongs to (values, what comes after them, missing), and its place there."""
    if value is None:
        return 2, 0
    if isinstance(value, float) and math.isnan(value):
        return 1, 0
    if isinstance(value, str) and isinstance(operand, Key):
        number = number_in(value)
        return (1, value.encode()) if number is None else (0, number)
    return 0, value.encode() if isinstance(value, str) else value
